#include "stage.h"

#include "copy.h"

namespace byoc {
namespace {

void FillStrides(const int64_t* shape, int32_t ndim, int64_t* strides) {
  int64_t step = 1;
  for (int32_t i = ndim; i-- != 0;) {
    strides[i] = step;
    step *= shape[i];
  }
}

// An axis of one element may have any stride.
bool SameStrides(const int64_t* shape, int32_t ndim, const int64_t* one, const int64_t* other) {
  for (int32_t i = 0; i < ndim; ++i) {
    if (shape[i] != 1 && one[i] != other[i]) return false;
  }
  return true;
}

}  // namespace

Stage::Stage(const std::vector<Port>& ports, const Argument* arguments) {
  size_t extents = 0;
  for (size_t i = 0; i < ports.size(); ++i) extents += 3 * static_cast<size_t>(arguments[i].tensor->ndim);
  extents_.resize(extents);
  tensors_.tensors.reserve(ports.size());
  tensors_.owners.reserve(ports.size());
  items_.reserve(ports.size());
  int64_t* at = extents_.data();
  for (size_t i = 0; i < ports.size(); ++i) {
    Add(ports[i], arguments[i], at);
    at += 3 * arguments[i].tensor->ndim;
  }
}

// `extents` has room for the view's shape, its strides, and the strides of the argument.
void Stage::Add(const Port& port, const Argument& argument, int64_t* extents) {
  const DLTensor& given = *argument.tensor;
  const int32_t ndim = given.ndim;
  int64_t *shape = extents, *strides = extents + ndim, *outside = extents + 2 * ndim;
  int64_t compact[32];
  const int64_t* own = given.strides;
  std::vector<int64_t> many;
  if (own == nullptr) {
    int64_t* filled = compact;
    if (ndim > 32) {
      many.resize(static_cast<size_t>(ndim));
      filled = many.data();
    }
    FillStrides(given.shape, ndim, filled);
    own = filled;
  }
  for (int32_t i = 0; i < ndim; ++i) {
    const int32_t axis = port.order.empty() ? i : port.order[static_cast<size_t>(i)];
    shape[i] = given.shape[axis];
    outside[i] = own[axis];
  }
  FillStrides(shape, ndim, strides);
  DLTensor view = given;
  view.data = static_cast<uint8_t*>(given.data) + given.byte_offset;
  view.byte_offset = 0;
  view.dtype = port.dtype;
  view.shape = shape;
  view.strides = strides;
  const int64_t elements = Elements(view);
  const uint64_t bytes = static_cast<uint64_t>(elements) * port.item;
  bytes_ += bytes;
  const bool aligned = reinterpret_cast<uintptr_t>(view.data) % port.alignment == 0;
  const bool fits = elements == 0 || (aligned && SameStrides(shape, ndim, strides, outside));
  if (!fits) {
    copies_.push_back({tensors_.tensors.size(), Allocate(bytes, port.alignment),
                       static_cast<uint8_t*>(view.data), std::vector<int64_t>(outside, outside + ndim)});
    view.data = copies_.back().buffer.get();
    copied_bytes_ += bytes;
  }
  tensors_.tensors.push_back(view);
  tensors_.owners.push_back(fits && port.order.empty() ? argument.owner : nullptr);
  items_.push_back(port.item);
}

void Stage::Move(const Copy& copy, bool in) {
  const DLTensor& view = tensors_.tensors[copy.index];
  const std::vector<int64_t> shape(view.shape, view.shape + view.ndim);
  const Strided outside{copy.outside, copy.strides};
  const Strided inside{copy.buffer.get(), std::vector<int64_t>(view.strides, view.strides + view.ndim)};
  CopyStrided(items_[copy.index], shape, in ? outside : inside, in ? inside : outside);
}

void Stage::CopyIn() {
  for (const Copy& copy : copies_) Move(copy, true);
}

void Stage::CopyOut() {
  for (const Copy& copy : copies_) Move(copy, false);
}

}  // namespace byoc
