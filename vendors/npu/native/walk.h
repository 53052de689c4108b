// The front end's view of a program: records in the order in which they are taken, loops and
// registers followed. Registers do not depend on data, so every walk is the same.
#ifndef NPU_WALK_H_
#define NPU_WALK_H_

#include <array>

#include "program.h"

namespace npu {

class Walker {
 public:
  explicit Walker(const Program& program) : program_(program) {}

  // Goes to the next record and does what it says to registers and loops; false at Halt.
  bool Next() {
    const Record& record = program_.records[next_];
    current_ = next_++;
    opcode_ = record.head().opcode;
    switch (opcode_) {
      case Opcode::kHalt:
        return false;
      case Opcode::kSet: {
        const Set set = record.As<Set>();
        registers_[static_cast<size_t>(set.reg)] = static_cast<uint64_t>(set.value);
        break;
      }
      case Opcode::kAdd: {
        const Add add = record.As<Add>();
        registers_[static_cast<size_t>(add.reg)] += static_cast<uint64_t>(add.value);
        break;
      }
      case Opcode::kLoop:
        loops_[depth_++] = {next_, record.As<Loop>().count};
        break;
      case Opcode::kEnd:
        if (--loops_[depth_ - 1].left > 0) {
          next_ = loops_[depth_ - 1].body;
        } else {
          --depth_;
        }
        break;
      default:
        break;
    }
    return true;
  }

  size_t record() const { return current_; }
  bool queued() const { return opcode_ >= Opcode::kLoad; }

  // `base` plus its register; both wrap at 64 bits.
  int64_t Address(const At& at) const {
    return static_cast<int64_t>(static_cast<uint64_t>(at.base) + registers_[at.reg]);
  }

 private:
  struct Turns {
    size_t body;
    int32_t left;
  };

  const Program& program_;
  size_t next_ = 0, current_ = 0;
  Opcode opcode_ = Opcode::kHalt;
  std::array<uint64_t, kRegisters> registers_{};
  std::array<Turns, kDepth> loops_{};
  size_t depth_ = 0;
};

}  // namespace npu

#endif  // NPU_WALK_H_
