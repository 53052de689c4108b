// Records as they stand in a program: byoc.vendors.npu.isa's dataclasses in encoding.py's layout.
#ifndef NPU_INSTRUCTIONS_H_
#define NPU_INSTRUCTIONS_H_

#include <cstddef>
#include <cstdint>

namespace npu {

constexpr size_t kRecord = 192;  // bytes of every record
constexpr uint64_t kLine = 64;   // bytes of a line
constexpr int kRegisters = 32;
constexpr size_t kDepth = 6;  // how deep loops may stand in each other

enum class Opcode : uint8_t {
  kHalt = 0,
  kSet = 1,
  kAdd = 2,
  kLoop = 3,
  kEnd = 4,
  kLoad = 16,
  kStore = 17,
  kMm = 32,
  kVec = 48,
  kRed = 49,
  kWin = 50,
  kFill = 51,
};

enum Dtype : uint32_t { kF32, kBf16, kS8, kU8, kS32, kDtypes };
enum Space : uint8_t { kNone, kSp, kAcc, kConst, kTmp, kIn, kOut, kSpaces };
enum Queue : int { kLoadQueue, kComputeQueue, kStoreQueue, kQueues };

enum class Binary : uint32_t { kNone, kAdd, kSub, kRsub, kMul, kDiv, kRdiv, kMax, kMin, kCount };

enum class Act : uint32_t {
  kNone,
  kRelu,
  kClip,
  kLeaky,
  kSigmoid,
  kTanh,
  kHardSigmoid,
  kHardSwish,
  kGelu,
  kGeluTanh,
  kSilu,
  kExp,
  kSqrt,
  kRsqrt,
  kSquare,
  kErf,
  kRecip,
  kAbs,
  kNeg,
  kPow,
  kLog,
  kCount
};

enum class Reduce : uint32_t { kSum, kMax, kSquares, kCount };
enum class Window : uint32_t { kMax, kSum, kMac, kCount };

// Bits of Head::tokens: a queue's wait bit is 1 << queue, its signal bit 8 << queue.
constexpr uint32_t kSignal = 3;

constexpr uint64_t BytesOf(uint32_t dtype) {
  return dtype == kBf16 ? 2 : dtype == kS8 || dtype == kU8 ? 1 : 4;
}
constexpr bool Small(uint32_t dtype) { return dtype == kS8 || dtype == kU8; }

#pragma pack(push, 1)

struct Head {
  Opcode opcode;
  uint8_t tokens;
  uint16_t composite;
  uint32_t zero;
};

struct At {
  Space space;
  uint8_t reg;
  uint16_t index;
  uint32_t zero;
  int64_t base;
};

struct Operand {
  At at;
  uint32_t dtype;
  int32_t strides[3];
  float scale;
  int32_t zero;
};

struct Dim {
  uint32_t count;
  int32_t dram, sp;
  uint16_t before, after;
};

struct Halt {
  Head head;
};

struct Set {
  Head head;
  int32_t reg;
  uint32_t zero;
  int64_t value;
};

struct Add {
  Head head;
  int32_t reg;
  uint32_t zero;
  int64_t value;
};

struct Loop {
  Head head;
  int32_t count;
};

struct End {
  Head head;
};

struct Load {
  Head head;
  At target, source;
  int32_t size;
  Dim dims[4];
  uint32_t fill;
};

struct Store {
  Head head;
  At target, source;
  int32_t size;
  Dim dims[4];
};

struct Mm {
  Head head;
  At acc;
  int32_t accn;
  At a, b;
  int32_t bn;
  uint32_t dtype_a, dtype_b;
  int32_t zero_a, zero_b;
  int32_t m1, m0, n, k2, k1, k0;
  int32_t am1, am0, ak2, ak1;
  uint32_t keep;
};

struct Vec {
  Head head;
  Operand dst, a, b;
  At mult, bias;
  uint32_t each;
  Binary op;
  Act act;
  float p, q;
  int32_t shape[3];
};

struct Red {
  Head head;
  Operand dst, src;
  Reduce op;
  float factor;
  int32_t shape[3];
};

struct Win {
  Head head;
  At acc;
  int32_t accn;
  At a, b;
  int32_t bk;
  uint32_t dtype_a, dtype_b;
  int32_t zero_a, zero_b;
  int32_t m1, m0, k2, k1, channels;
  int32_t am1, am0, ak2, ak1;
  Window op;
  uint32_t keep;
};

struct Fill {
  Head head;
  At target;
  int32_t size;
  uint32_t value;
  int32_t shape[3], strides[3];
};

#pragma pack(pop)

static_assert(sizeof(Head) == 8 && sizeof(At) == 16 && sizeof(Operand) == 40 && sizeof(Dim) == 16);
static_assert(sizeof(Set) == 24 && sizeof(Add) == 24 && sizeof(Loop) == 12);
static_assert(sizeof(Load) == 112 && sizeof(Store) == 108 && sizeof(Mm) == 124);
static_assert(sizeof(Vec) == kRecord && sizeof(Red) == 108 && sizeof(Win) == 124);
static_assert(sizeof(Fill) == 56);

}  // namespace npu

#endif  // NPU_INSTRUCTIONS_H_
