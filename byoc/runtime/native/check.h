// Whether the tensors of a call fit a segment's signature.
#ifndef BYOC_RUNTIME_CHECK_H_
#define BYOC_RUNTIME_CHECK_H_

#include <dlpack/dlpack.h>

#include <string>
#include <vector>

#include "manifest.h"

namespace byoc {

// One argument: a tensor and, where there is one, the tvm-ffi tensor that it is the whole of.
struct Argument {
  const DLTensor* tensor;
  void* owner;
};

// The extents that symbols have in one call: as Entry::symbols, -1 while unknown.
using Symbols = std::vector<int64_t>;

// Check tensors against ports: count, device, dtype, rank, extents; a symbol has one extent in a
// call. Throws Failure(kInput) that names segment, vendor and port, what was given and what was
// expected.
void CheckTensors(const Entry& entry, const std::vector<Port>& ports, const char* role,
                  const Argument* arguments, size_t count, Symbols& symbols);

// As CheckTensors, for what a driver returned: words instead of an exception, "" when all is well.
std::string JudgeReturned(const Entry& entry, const std::vector<Argument>& outputs,
                          Symbols& symbols);

// `float32[1, 3, n]`, for messages.
std::string Describe(const DLTensor& tensor);

int64_t Elements(const DLTensor& tensor);

}  // namespace byoc

#endif  // BYOC_RUNTIME_CHECK_H_
