// A program as its file says it: header, I/O table, records, names. What is read here is in range
// and in order; where instructions reach is for check.h to find.
#ifndef NPU_PROGRAM_H_
#define NPU_PROGRAM_H_

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"
#include "instructions.h"

namespace npu {

// hardware.Hardware, in the order of its block.
struct Hardware {
  uint32_t rows, columns;
  uint32_t rate_float32, rate_bfloat16, rate_int8;
  uint32_t lanes, special;
  uint32_t scratchpad, banks, accumulators;
  uint32_t queue;
  uint32_t load_bandwidth, store_bandwidth, bandwidth;
  uint32_t load_latency, store_latency, burst;
  uint32_t matrix_latency, vector_latency, clock;

  uint32_t Rate(uint32_t dtype) const {
    return dtype == kF32 ? rate_float32 : dtype == kBf16 ? rate_bfloat16 : rate_int8;
  }
  // Values of k that the matrix unit takes in one step.
  uint64_t Depth(uint32_t dtype) const { return uint64_t{rows} * Rate(dtype); }
};

// A tensor of the caller's: plain, row-major.
struct Port {
  Dtype dtype;
  std::vector<uint32_t> shape;
  uint64_t bytes;
};

// A composite: its name, and the nodes of the model that it stands for.
struct Composite {
  std::string name;
  std::vector<std::string> nodes;
};

class Record {
 public:
  explicit Record(const uint8_t* bytes) { std::memcpy(bytes_.data(), bytes, kRecord); }

  // The record as what its opcode says that it is.
  template <class T>
  T As() const {
    static_assert(sizeof(T) <= kRecord);
    T value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }
  Head head() const { return As<Head>(); }
  const std::array<uint8_t, kRecord>& bytes() const { return bytes_; }

 private:
  std::array<uint8_t, kRecord> bytes_;
};

struct Program {
  Hardware hardware;
  std::vector<Port> inputs, outputs;
  std::vector<Record> records;
  std::vector<Composite> composites;
  const uint8_t* constants;  // the caller's
  uint64_t constant_bytes, tmp_bytes;
  uint64_t cycles, steps;  // as declared

  // Bytes (kAcc: rows) of a space; throws when there is no such input or output.
  uint64_t SizeOf(const At& at, size_t record) const;
};

// Most that a program may declare.
constexpr uint64_t kMaxTmp = uint64_t{4} << 30;
constexpr uint64_t kMaxCycles = uint64_t{1} << 36;
constexpr uint64_t kMaxSteps = uint64_t{1} << 24;

// Reads a program; `constants` are used in place. Throws Failure.
Program ReadProgram(const uint8_t* data, size_t bytes, const uint8_t* constants,
                    size_t constant_bytes);

// Reads the names at a program's end. Throws Failure(kMalformed) unless they fill `bytes`.
std::vector<Composite> ReadNames(const uint8_t* data, size_t bytes);

// Throws Failure(kMalformed) where a record is none of the instruction set.
void ValidateRecord(const Program& program, size_t index);

// Throws Failure(kMalformed) unless loops match and Halt is the last record and no other.
void ValidateFlow(const Program& program);

const char* QueueName(Queue queue);
const char* SpaceName(Space space);
const char* OpcodeName(Opcode opcode);

}  // namespace npu

#endif  // NPU_PROGRAM_H_
