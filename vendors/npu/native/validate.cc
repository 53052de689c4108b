// What every record must be, whatever registers hold.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "program.h"

namespace npu {
namespace {

class Validator {
 public:
  Validator(const Program& program, size_t index)
      : program_(program), index_(index), record_(program.records[index]) {}

  void Run() {
    const Head head = record_.head();
    if (OpcodeName(head.opcode) == nullptr)
      Malformed("has opcode " + std::to_string(static_cast<int>(head.opcode)) +
                ", which there is not");
    if (head.zero != 0) Malformed("has reserved bytes that are not 0");
    switch (head.opcode) {
      case Opcode::kHalt:
        return Control<Halt>();
      case Opcode::kSet:
        Control<Set>();
        return Register(record_.As<Set>().reg, record_.As<Set>().zero);
      case Opcode::kAdd:
        Control<Add>();
        return Register(record_.As<Add>().reg, record_.As<Add>().zero);
      case Opcode::kLoop:
        Control<Loop>();
        return Positive({record_.As<Loop>().count});
      case Opcode::kEnd:
        return Control<End>();
      case Opcode::kLoad:
        return CheckLoad(Queued<Load>(kLoadQueue));
      case Opcode::kStore:
        return CheckStore(Queued<Store>(kStoreQueue));
      case Opcode::kMm:
        return CheckMm(Queued<Mm>(kComputeQueue));
      case Opcode::kVec:
        return CheckVec(Queued<Vec>(kComputeQueue));
      case Opcode::kRed:
        return CheckRed(Queued<Red>(kComputeQueue));
      case Opcode::kWin:
        return CheckWin(Queued<Win>(kComputeQueue));
      case Opcode::kFill:
        return CheckFill(Queued<Fill>(kComputeQueue));
    }
  }

 private:
  [[noreturn]] void Malformed(const std::string& words) const {
    throw Failure(Kind::kMalformed, words, index_);
  }

  // Nothing stands behind the last field.
  template <class T>
  T Whole() const {
    const auto& bytes = record_.bytes();
    if (std::any_of(bytes.begin() + sizeof(T), bytes.end(), [](uint8_t b) { return b != 0; }))
      Malformed("has bytes behind its last field that are not 0");
    return record_.As<T>();
  }

  template <class T>
  void Control() const {
    const Head head = Whole<T>().head;
    if (head.tokens != 0 || head.composite != 0)
      Malformed("has tokens or a composite, which only queued instructions have");
  }

  template <class T>
  T Queued(Queue queue) const {
    const Head head = record_.head();
    if (head.tokens >= 64) Malformed("has token bits that there are not");
    if ((head.tokens & (1u << queue)) != 0 || (head.tokens & (1u << (queue + kSignal))) != 0)
      Malformed(std::string("waits for or signals its own queue, ") + QueueName(queue));
    if (head.composite >= program_.composites.size())
      Malformed("is of composite " + std::to_string(head.composite) + "; the program has " +
                std::to_string(program_.composites.size()));
    return Whole<T>();
  }

  void Register(int32_t reg, uint32_t zero) const {
    if (zero != 0) Malformed("has reserved bytes that are not 0");
    if (reg < 1 || reg >= kRegisters)
      Malformed("sets register " + std::to_string(reg) + "; those that can be set are 1 to " +
                std::to_string(kRegisters - 1));
  }

  void Positive(std::initializer_list<int64_t> counts) const {
    for (int64_t count : counts) {
      if (count < 1) Malformed("has a count of " + std::to_string(count) + "; the least is 1");
    }
  }

  void Address(const At& at, std::initializer_list<Space> spaces, const char* what) const {
    if (at.zero != 0) Malformed("has reserved bytes that are not 0");
    if (at.reg >= kRegisters)
      Malformed(std::string("has its ") + what + " at register " + std::to_string(at.reg) +
                "; the last is " + std::to_string(kRegisters - 1));
    if (std::find(spaces.begin(), spaces.end(), at.space) == spaces.end())
      Malformed(std::string("has its ") + what + " in " +
                (at.space < kSpaces ? SpaceName(at.space) : "an unknown space") +
                ", where it cannot be");
    if (at.space == kNone) {
      if (at.reg != 0 || at.index != 0 || at.base != 0)
        Malformed(std::string("has an address for its ") + what + ", which it has not");
    } else if (at.space == kIn || at.space == kOut) {
      program_.SizeOf(at, index_);
    } else if (at.index != 0) {
      Malformed(std::string("has an index for its ") + what + ", which is no input or output");
    }
  }

  void Flag(uint32_t value) const {
    if (value > 1) Malformed("has a flag of " + std::to_string(value) + "; it must be 0 or 1");
  }

  template <class E>
  void Choice(E value, const char* what) const {
    if (value >= E::kCount)
      Malformed(std::string("has ") + what + " " + std::to_string(static_cast<uint32_t>(value)) +
                ", which there is not");
  }

  void Size(int32_t size) const {
    if (size != 1 && size != 2 && size != 4)
      Malformed("has elements of " + std::to_string(size) + " bytes; they must be 1, 2 or 4");
  }

  void Bits(uint32_t value, int32_t size) const {
    if (size < 4 && (value >> (8 * size)) != 0)
      Malformed("fills with more bits than an element has");
  }

  void Zero(uint32_t dtype, int32_t zero) const {
    const bool fits = dtype == kS8   ? zero >= -128 && zero <= 127
                      : dtype == kU8 ? zero >= 0 && zero <= 255
                                     : zero == 0 || dtype == kS32;
    if (!fits)
      Malformed("has zero point " + std::to_string(zero) + ", which its dtype cannot hold");
  }

  void CheckLoad(const Load& load) const {
    Address(load.target, {kSp}, "target");
    Address(load.source, {kConst, kTmp, kIn, kOut}, "source");
    Size(load.size);
    Bits(load.fill, load.size);
    for (const Dim& dim : load.dims) Positive({dim.count});
  }

  void CheckStore(const Store& store) const {
    Address(store.target, {kTmp, kOut}, "target");
    Address(store.source, {kSp}, "source");
    Size(store.size);
    for (const Dim& dim : store.dims) {
      Positive({dim.count});
      if (dim.before != 0 || dim.after != 0) Malformed("stores padding");
    }
  }

  // The dtypes of products: both F32, both BF16, or both of 8 bits.
  void Factors(uint32_t a, uint32_t b, int32_t zero_a, int32_t zero_b) const {
    const bool floats = a == b && (a == kF32 || a == kBf16);
    if (!floats && !(Small(a) && Small(b)))
      Malformed("multiplies dtypes that cannot be multiplied");
    Zero(a, zero_a);
    Zero(b, zero_b);
  }

  // Blocks of columns have rows of their own, so that their order does not matter.
  template <class T>
  void Blocks(const T& each, int32_t columns) const {
    const int64_t rows = int64_t{each.m1} * each.m0, apart = std::abs(int64_t{each.accn});
    if (columns > static_cast<int64_t>(program_.hardware.columns) && apart < rows)
      Malformed("has blocks of columns " + std::to_string(apart) +
                " accumulator rows apart, each of " + std::to_string(rows));
  }

  void CheckMm(const Mm& mm) const {
    Address(mm.acc, {kAcc}, "accumulators");
    Address(mm.a, {kSp}, "a");
    Address(mm.b, {kSp}, "b");
    Factors(mm.dtype_a, mm.dtype_b, mm.zero_a, mm.zero_b);
    Positive({mm.m1, mm.m0, mm.n, mm.k2, mm.k1, mm.k0});
    Blocks(mm, mm.n);
    Flag(mm.keep);
  }

  void Tensor(const Operand& operand, const char* what, bool written) const {
    Address(operand.at, {kSp, kAcc}, what);
    if (operand.dtype >= kDtypes) Malformed(std::string("has an unknown dtype for its ") + what);
    if (written && operand.dtype == kS32) Malformed("writes S32, which the vector unit only reads");
    if (operand.at.space == kAcc && BytesOf(operand.dtype) != 4)
      Malformed(std::string("has its ") + what + " in acc with a dtype that is not of 32 bits");
    Zero(operand.dtype, operand.zero);
    if (Small(operand.dtype) && !(std::isfinite(operand.scale) && operand.scale > 0))
      Malformed(std::string("has a scale for its ") + what + " that is not a positive number");
  }

  void CheckVec(const Vec& vec) const {
    Tensor(vec.dst, "target", true);
    Tensor(vec.a, "a", false);
    Choice(vec.op, "operation");
    Choice(vec.act, "activation");
    if (vec.op == Binary::kNone) {
      Address(vec.b.at, {kNone}, "b");
    } else {
      Tensor(vec.b, "b", false);
    }
    Address(vec.mult, {kNone, kSp}, "mult");
    Address(vec.bias, {kNone, kSp}, "bias");
    Flag(vec.each);
    Positive({vec.shape[0], vec.shape[1], vec.shape[2]});
  }

  void CheckRed(const Red& red) const {
    Tensor(red.dst, "target", true);
    if (red.dst.dtype != kF32) Malformed("reduces to a dtype other than F32");
    Tensor(red.src, "source", false);
    Choice(red.op, "reduction");
    Positive({red.shape[0], red.shape[1], red.shape[2]});
  }

  void CheckWin(const Win& win) const {
    Address(win.acc, {kAcc}, "accumulators");
    Address(win.a, {kSp}, "a");
    Choice(win.op, "operation");
    if (win.op == Window::kMac) {
      Address(win.b, {kSp}, "b");
      Factors(win.dtype_a, win.dtype_b, win.zero_a, win.zero_b);
    } else {
      Address(win.b, {kNone}, "b");
      Factors(win.dtype_a, win.dtype_a, win.zero_a, win.zero_a);
    }
    Positive({win.m1, win.m0, win.k2, win.k1, win.channels});
    Blocks(win, win.channels);
    Flag(win.keep);
  }

  void CheckFill(const Fill& fill) const {
    Address(fill.target, {kSp}, "target");
    Size(fill.size);
    Bits(fill.value, fill.size);
    Positive({fill.shape[0], fill.shape[1], fill.shape[2]});
  }

  const Program& program_;
  size_t index_;
  const Record& record_;
};

}  // namespace

void ValidateRecord(const Program& program, size_t index) { Validator(program, index).Run(); }

void ValidateFlow(const Program& program) {
  const size_t count = program.records.size();
  if (count == 0 || program.records.back().head().opcode != Opcode::kHalt)
    throw Failure(Kind::kMalformed, "the last record is no halt");
  std::vector<size_t> open;
  for (size_t i = 0; i < count; ++i) {
    const Opcode opcode = program.records[i].head().opcode;
    if (opcode == Opcode::kHalt && i + 1 != count)
      throw Failure(Kind::kMalformed, "is a halt before the last record", i);
    if (opcode == Opcode::kLoop) open.push_back(i);
    if (open.size() > kDepth)
      throw Failure(Kind::kMalformed,
                    "is a loop deeper than " + std::to_string(kDepth) + " in others", i);
    if (opcode != Opcode::kEnd) continue;
    if (open.empty()) throw Failure(Kind::kMalformed, "ends a loop that there is not", i);
    open.pop_back();
  }
  if (!open.empty()) throw Failure(Kind::kMalformed, "is a loop without an end", open.back());
}

}  // namespace npu
