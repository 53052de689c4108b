#include "owned.h"

#include <memory>
#include <vector>

#include "container.h"
#include "copy.h"

namespace byoc {
namespace {

struct Made {
  DLManagedTensorVersioned managed{};
  std::vector<int64_t> shape, strides;
  Buffer buffer;
};

}  // namespace

OwnedTensor MakeTensor(const Port& port, const int64_t* shape, int32_t ndim) {
  auto made = std::make_unique<Made>();
  made->shape.assign(shape, shape + ndim);
  made->strides.resize(made->shape.size());
  int64_t elements = 1;
  for (size_t i = made->shape.size(); i-- != 0;) {
    made->strides[i] = elements;
    if (made->shape[i] < 0 || __builtin_mul_overflow(elements, made->shape[i], &elements))
      return nullptr;
  }
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(elements), port.item, &bytes)) return nullptr;
  made->buffer = Allocate(bytes, port.alignment);
  made->managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  made->managed.manager_ctx = made.get();
  made->managed.deleter = [](DLManagedTensorVersioned* self) {
    delete static_cast<Made*>(self->manager_ctx);
  };
  made->managed.dl_tensor = {made->buffer.get(), {kDLCPU, 0},          ndim, port.dtype,
                             made->shape.data(), made->strides.data(), 0};
  return OwnedTensor(&made.release()->managed);
}

bool IsPlain(const DLTensor& tensor) {
  int64_t step = 1;
  for (int32_t i = tensor.ndim; i-- != 0 && step != 0;) {
    if (tensor.strides != nullptr && tensor.shape[i] != 1 && tensor.strides[i] != step)
      return false;
    step *= tensor.shape[i];
  }
  return step == 0 ||
         (tensor.byte_offset == 0 && reinterpret_cast<uintptr_t>(tensor.data) % 64 == 0);
}

OwnedTensor PlainCopy(const Port& port, const DLTensor& tensor) {
  OwnedTensor copy = MakeTensor(port, tensor.shape, tensor.ndim);
  if (copy == nullptr) throw std::bad_alloc();
  const DLTensor& made = copy->dl_tensor;
  const std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.ndim);
  const int64_t* own = tensor.strides == nullptr ? made.strides : tensor.strides;
  const Strided from{static_cast<uint8_t*>(tensor.data) + tensor.byte_offset,
                     {own, own + tensor.ndim}};
  const Strided to{static_cast<uint8_t*>(made.data), {made.strides, made.strides + made.ndim}};
  CopyStrided(port.item, shape, from, to);
  return copy;
}

}  // namespace byoc
