// A program that has been read, checked and can be run: what both the driver and simulate.h open.
#ifndef NPU_SESSION_H_
#define NPU_SESSION_H_

#include <memory>
#include <string>

#include "check.h"
#include "execute.h"

namespace npu {

class Session {
 public:
  // Throws Failure, whose words then name the record.
  Session(const uint8_t* program, size_t program_bytes, const uint8_t* constants,
          size_t constant_bytes);

  const Program& program() const { return program_; }
  const Report& report() const { return report_; }

  // Runs on tensors whose sizes are the I/O table's, in its order.
  void Run(const uint8_t* const* inputs, uint8_t* const* outputs);

 private:
  const Program program_;
  const Report report_;
  std::unique_ptr<Executor> executor_;  // from the first run on
};

}  // namespace npu

#endif  // NPU_SESSION_H_
