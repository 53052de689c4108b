// Executor: a blob that a driver has open.
#ifndef BYOC_RUNTIME_EXECUTOR_H_
#define BYOC_RUNTIME_EXECUTOR_H_

#include <dlpack/dlpack.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "failure.h"

namespace byoc {

struct ReleaseTensor {
  void operator()(DLManagedTensorVersioned* tensor) const {
    if (tensor->deleter != nullptr) tensor->deleter(tensor);
  }
};
using OwnedTensor = std::unique_ptr<DLManagedTensorVersioned, ReleaseTensor>;

// Tensors of one call as the driver takes them. `owners[i]` is the tvm-ffi tensor that `tensors[i]`
// is the whole of, or null where byoc made another view or a copy.
struct Tensors {
  std::vector<DLTensor> tensors;
  std::vector<void*> owners;
};

// A failure after which the executor is of no use.
class Lost : public Failure {
 public:
  explicit Lost(std::string words) : Failure(Fault::kDriver, std::move(words)) {}
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Fill the outputs. Throws Failure(kDriver) with the driver's words.
  virtual void Run(const Tensors& inputs, const Tensors& outputs) = 0;

  // Return the outputs, for a segment of convention "returns". Throws as Run.
  virtual std::vector<OwnedTensor> RunReturning(const Tensors& inputs) = 0;

  // JSON; "null" when the driver tells nothing. Never during a run.
  virtual std::string Stats() = 0;

  virtual int max_instances() const { return 1; }
  virtual int max_concurrency() const { return 1; }
};

// Opens the blob of one segment. Throws Failure(kDriver).
using Opener = std::function<std::unique_ptr<Executor>()>;

}  // namespace byoc

#endif  // BYOC_RUNTIME_EXECUTOR_H_
