// Tensors that byoc allocates for what drivers return.
#ifndef BYOC_RUNTIME_OWNED_H_
#define BYOC_RUNTIME_OWNED_H_

#include <cstdint>

#include "executor.h"
#include "manifest.h"

namespace byoc {

// A compact tensor of the port's dtype; null for extents that no memory could hold. Throws
// std::bad_alloc.
OwnedTensor MakeTensor(const Port& port, const int64_t* shape, int32_t ndim);

// Whether compiled host code can read it as it is: compact, at its first byte, aligned to 64 bytes.
bool IsPlain(const DLTensor& tensor);

// A plain copy of a tensor that fits the port.
OwnedTensor PlainCopy(const Port& port, const DLTensor& tensor);

}  // namespace byoc

#endif  // BYOC_RUNTIME_OWNED_H_
