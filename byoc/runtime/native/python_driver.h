// Python drivers: what the opener that byoc.runtime sets gives for a blob. Any callable of tvm-ffi
// will do.
#ifndef BYOC_RUNTIME_PYTHON_DRIVER_H_
#define BYOC_RUNTIME_PYTHON_DRIVER_H_

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/function.h>

#include <memory>

#include "executor.h"
#include "native_driver.h"

namespace byoc {

// A part of a container as a tensor, without a copy; `keep` holds the container.
tvm::ffi::Tensor PartTensor(std::shared_ptr<const Container> keep, const Part& part);

// A tensor without a copy; the owner hands it over.
tvm::ffi::Tensor FromOwned(OwnedTensor tensor);

// Throws Failure(kDriver) with the exception's words.
std::unique_ptr<Executor> OpenPython(const tvm::ffi::Function& opener, const Blob& blob,
                                     std::shared_ptr<const Container> keep);

}  // namespace byoc

#endif  // BYOC_RUNTIME_PYTHON_DRIVER_H_
