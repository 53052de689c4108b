// What a run reads and writes.
#ifndef NPU_MEMORY_H_
#define NPU_MEMORY_H_

#include <memory>
#include <vector>

#include "program.h"

namespace npu {

// A handle's own memory, the constants, and the tensors of the call that is under way.
class Memory {
 public:
  explicit Memory(const Program& program);

  // Every byte of memory and outputs becomes 255: a run depends on nothing but its inputs, and what
  // it reads without having written is no number.
  void Forget();

  // Of bytes. An address that Check has let pass, in any space but kAcc.
  uint8_t* At(const npu::At& at, int64_t address) const {
    switch (at.space) {
      case kSp:
        return sp.get() + address;
      case kTmp:
        return tmp.get() + address;
      case kConst:
        return const_cast<uint8_t*>(program_.constants) + address;
      case kIn:
        return const_cast<uint8_t*>(inputs[at.index]) + address;
      default:
        return outputs[at.index] + address;
    }
  }

  std::unique_ptr<uint8_t[]> sp, tmp;
  std::unique_ptr<uint32_t[]> acc;  // rows of `columns` lanes
  std::vector<const uint8_t*> inputs;
  std::vector<uint8_t*> outputs;

 private:
  const Program& program_;
};

}  // namespace npu

#endif  // NPU_MEMORY_H_
