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

// The strides of a tensor, which may leave those of a compact one out.
std::vector<int64_t> StridesOf(const DLTensor& tensor) {
  if (tensor.strides != nullptr) return {tensor.strides, tensor.strides + tensor.ndim};
  std::vector<int64_t> strides(static_cast<size_t>(tensor.ndim));
  FillStrides(tensor.shape, tensor.ndim, strides.data());
  return strides;
}

std::vector<int64_t> Ordered(const Port& port, std::vector<int64_t> values) {
  if (port.order.empty()) return values;
  std::vector<int64_t> ordered;
  for (int axis : port.order) ordered.push_back(values[static_cast<size_t>(axis)]);
  return ordered;
}

bool IsAligned(const DLTensor& view, const Port& port) {
  return reinterpret_cast<uintptr_t>(view.data) % port.alignment == 0;
}

// Whether the tensor, its axes in the driver's order, lies in memory as the view says. An axis of
// one element may have any stride.
bool LiesAs(const DLTensor& view, const DLTensor& given, const Port& port) {
  if (port.order.empty() && given.strides == nullptr) return true;
  std::vector<int64_t> ordered;
  if (!port.order.empty()) ordered = Ordered(port, StridesOf(given));
  const int64_t* strides = port.order.empty() ? given.strides : ordered.data();
  for (int32_t i = 0; i < view.ndim; ++i) {
    if (view.shape[i] != 1 && view.strides[i] != strides[i]) return false;
  }
  return true;
}

}  // namespace

Stage::Stage(const std::vector<Port>& ports, const Argument* arguments) : ports_(ports) {
  size_t extents = 0;
  for (size_t i = 0; i < ports.size(); ++i) {
    extents += 2 * static_cast<size_t>(arguments[i].tensor->ndim);
  }
  extents_.resize(extents);
  tensors_.tensors.reserve(ports.size());
  tensors_.owners.reserve(ports.size());
  int64_t* at = extents_.data();
  for (size_t i = 0; i < ports.size(); ++i) {
    Add(ports[i], arguments[i], at);
    at += 2 * arguments[i].tensor->ndim;
  }
}

// `extents` has room for the view's shape and strides.
void Stage::Add(const Port& port, const Argument& argument, int64_t* extents) {
  const DLTensor& given = *argument.tensor;
  const bool ordered = !port.order.empty();
  DLTensor view = given;
  view.data = static_cast<uint8_t*>(given.data) + given.byte_offset;
  view.byte_offset = 0;
  view.dtype = port.dtype;
  view.shape = extents;
  view.strides = extents + given.ndim;
  for (int32_t i = 0; i < given.ndim; ++i) {
    view.shape[i] = given.shape[ordered ? port.order[static_cast<size_t>(i)] : i];
  }
  FillStrides(view.shape, view.ndim, view.strides);
  const uint64_t bytes = static_cast<uint64_t>(Elements(view)) * port.item;
  bytes_ += bytes;
  const bool fits = bytes == 0 || (IsAligned(view, port) && LiesAs(view, given, port));
  if (!fits) AddCopy(view, bytes, port.alignment, Ordered(port, StridesOf(given)));
  tensors_.tensors.push_back(view);
  tensors_.owners.push_back(fits && !ordered ? argument.owner : nullptr);
}

// Lets the view lie in memory of byoc's own.
void Stage::AddCopy(DLTensor& view, uint64_t bytes, size_t alignment,
                    std::vector<int64_t> outside) {
  copies_.push_back({tensors_.tensors.size(), Allocate(bytes, alignment),
                     static_cast<uint8_t*>(view.data), std::move(outside)});
  view.data = copies_.back().buffer.get();
  copied_bytes_ += bytes;
}

void Stage::Move(const Copy& copy, bool in) {
  const DLTensor& view = tensors_.tensors[copy.index];
  const std::vector<int64_t> shape(view.shape, view.shape + view.ndim);
  const Strided outside{copy.outside, copy.strides};
  const Strided inside{copy.buffer.get(),
                       std::vector<int64_t>(view.strides, view.strides + view.ndim)};
  CopyStrided(ports_[copy.index].item, shape, in ? outside : inside, in ? inside : outside);
}

void Stage::CopyIn() {
  for (const Copy& copy : copies_) Move(copy, true);
}

void Stage::CopyOut() {
  for (const Copy& copy : copies_) Move(copy, false);
}

}  // namespace byoc
