// Staging: a call's tensors as the driver takes them, copied where it cannot take them as they are.
#ifndef BYOC_RUNTIME_STAGE_H_
#define BYOC_RUNTIME_STAGE_H_

#include <cstdint>
#include <vector>

#include "check.h"
#include "container.h"
#include "executor.h"

namespace byoc {

// The inputs or the outputs of one call: compact, row-major in the driver's order of axes, aligned.
class Stage {
 public:
  // Views of tensors that fit as they are, memory for those that do not. `ports` outlive it.
  Stage(const std::vector<Port>& ports, const Argument* arguments);

  // Fill that memory from the arguments (before a run, for inputs), or the arguments from it
  // (after, for outputs).
  void CopyIn();
  void CopyOut();

  const Tensors& tensors() const { return tensors_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t copies() const { return copies_.size(); }
  uint64_t copied_bytes() const { return copied_bytes_; }

 private:
  struct Copy {
    size_t index;
    Buffer buffer;
    uint8_t* outside;              // the argument's first element
    std::vector<int64_t> strides;  // the argument's, in the driver's order of axes
  };

  void Add(const Port& port, const Argument& argument, int64_t* extents);
  void AddCopy(DLTensor& view, uint64_t bytes, size_t alignment, std::vector<int64_t> outside);
  void Move(const Copy& copy, bool in);

  const std::vector<Port>& ports_;
  Tensors tensors_;
  std::vector<int64_t> extents_;  // shape and strides of each view
  std::vector<Copy> copies_;
  uint64_t bytes_ = 0, copied_bytes_ = 0;
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_STAGE_H_
