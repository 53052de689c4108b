// Load, Store and Fill: strided copies.
#include <cstring>

#include "execute.h"

namespace npu {
namespace {

// A dimension of a copy: elements, and bytes from one to the next on either side.
struct Axis {
  uint64_t count;
  int64_t to, from;
};

template <size_t kSize>
void CopyElements(uint8_t* to, const uint8_t* from, const Axis& axis) {
  for (uint64_t i = 0; i < axis.count; ++i, to += axis.to, from += axis.from)
    std::memcpy(to, from, kSize);
}

// The innermost dimension; memmove, because an instruction of the fuzzer's may copy onto itself.
void CopyRow(uint8_t* to, const uint8_t* from, const Axis& axis, size_t size) {
  switch (size) {
    case 1:
      return CopyElements<1>(to, from, axis);
    case 2:
      return CopyElements<2>(to, from, axis);
    case 4:
      return CopyElements<4>(to, from, axis);
    default:
      for (uint64_t i = 0; i < axis.count; ++i, to += axis.to, from += axis.from)
        std::memcpy(to, from, size);
  }
}

// Joins inner dimensions that are contiguous on both sides into elements, then copies.
void Copy(uint8_t* to, const uint8_t* from, const Axis (&axes)[4], size_t size) {
  int inner = 3;
  while (inner >= 0 && (axes[inner].count == 1 || (axes[inner].to == static_cast<int64_t>(size) &&
                                                   axes[inner].from == axes[inner].to))) {
    size *= axes[inner].count;
    --inner;
  }
  Axis outer[4] = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}};
  for (int i = inner, place = 3; i >= 0; --i, --place) outer[place] = axes[i];
  for (uint64_t i = 0; i < outer[0].count; ++i) {
    for (uint64_t j = 0; j < outer[1].count; ++j) {
      for (uint64_t k = 0; k < outer[2].count; ++k) {
        const auto place = [&](int64_t Axis::*side) {
          return static_cast<int64_t>(i) * (outer[0].*side) +
                 static_cast<int64_t>(j) * (outer[1].*side) +
                 static_cast<int64_t>(k) * (outer[2].*side);
        };
        CopyRow(to + place(&Axis::to), from + place(&Axis::from), outer[3], size);
      }
    }
  }
}

// The bytes of `value`, over all of `axes`.
void FillAll(uint8_t* to, const Axis (&axes)[4], size_t size, uint32_t value) {
  uint8_t bits[4];
  std::memcpy(bits, &value, 4);
  Axis still[4];
  for (size_t i = 0; i < 4; ++i) still[i] = {axes[i].count, axes[i].to, 0};
  const Axis& row = still[3];
  if (row.to != static_cast<int64_t>(size) || value != 0) return Copy(to, bits, still, size);
  for (uint64_t i = 0; i < still[0].count; ++i) {
    for (uint64_t j = 0; j < still[1].count; ++j) {
      for (uint64_t k = 0; k < still[2].count; ++k) {
        std::memset(to + static_cast<int64_t>(i) * still[0].to +
                        static_cast<int64_t>(j) * still[1].to +
                        static_cast<int64_t>(k) * still[2].to,
                    0, size * row.count);
      }
    }
  }
}

}  // namespace

void ExecuteLoad(const Context& context, const Load& load) {
  Axis whole[4], inner[4];
  uint8_t* to = context.Bytes(load.target);
  int64_t skip = 0;
  bool padded = false;
  for (size_t i = 0; i < 4; ++i) {
    const Dim dim = load.dims[i];
    whole[i] = {uint64_t{dim.before} + dim.count + dim.after, dim.sp, 0};
    inner[i] = {dim.count, dim.sp, dim.dram};
    skip += int64_t{dim.before} * dim.sp;
    padded |= dim.before != 0 || dim.after != 0;
  }
  const size_t size = static_cast<size_t>(load.size);
  if (padded) FillAll(to, whole, size, load.fill);
  Copy(to + skip, context.Bytes(load.source), inner, size);
}

void ExecuteStore(const Context& context, const Store& store) {
  Axis axes[4];
  for (size_t i = 0; i < 4; ++i) {
    const Dim dim = store.dims[i];
    axes[i] = {dim.count, dim.dram, dim.sp};
  }
  Copy(context.Bytes(store.target), context.Bytes(store.source), axes,
       static_cast<size_t>(store.size));
}

void ExecuteFill(const Context& context, const Fill& fill) {
  Axis axes[4] = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}};
  for (size_t i = 0; i < 3; ++i)
    axes[i + 1] = {static_cast<uint64_t>(fill.shape[i]), fill.strides[i], 0};
  FillAll(context.Bytes(fill.target), axes, static_cast<size_t>(fill.size), fill.value);
}

}  // namespace npu
