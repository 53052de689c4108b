#include "copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace byoc {
namespace {

struct Axis {
  int64_t extent, from, to;
};

// The axes from the one that `to` steps over most widely to the one it steps over least; neighbours
// that both sides walk as one are one. Empty when a single element is to be copied.
std::vector<Axis> Simplify(const std::vector<int64_t>& shape, const Strided& from,
                           const Strided& to) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1) axes.push_back({shape[i], from.strides[i], to.strides[i]});
  }
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return std::abs(a.to) > std::abs(b.to); });
  std::vector<Axis> merged;
  for (const Axis& axis : axes) {
    Axis* outer = merged.empty() ? nullptr : &merged.back();
    if (outer != nullptr && outer->from == axis.from * axis.extent &&
        outer->to == axis.to * axis.extent) {
      *outer = {outer->extent * axis.extent, axis.from, axis.to};
    } else {
      merged.push_back(axis);
    }
  }
  return merged;
}

// Two axes at a time, in tiles that stay in the nearest cache whichever side walks across it.
template <typename T>
void CopyPlane(const Axis& outer, const Axis& inner, const T* from, T* to) {
  constexpr int64_t kTile = 32;
  for (int64_t i0 = 0; i0 < outer.extent; i0 += kTile) {
    const int64_t i1 = std::min(i0 + kTile, outer.extent);
    for (int64_t j0 = 0; j0 < inner.extent; j0 += kTile) {
      const int64_t j1 = std::min(j0 + kTile, inner.extent);
      for (int64_t i = i0; i < i1; ++i) {
        const T* source = from + i * outer.from;
        T* target = to + i * outer.to;
        for (int64_t j = j0; j < j1; ++j) target[j * inner.to] = source[j * inner.from];
      }
    }
  }
}

template <typename T>
void CopyRow(const Axis& row, const T* from, T* to) {
  if (row.from == 1 && row.to == 1) {
    std::memcpy(to, from, static_cast<size_t>(row.extent) * sizeof(T));
    return;
  }
  for (int64_t i = 0; i < row.extent; ++i) to[i * row.to] = from[i * row.from];
}

// All axes but the last one or two are counted through; `inner` copies the rest.
template <typename T>
void CopyAxes(std::vector<Axis> axes, const T* from, T* to) {
  if (axes.empty()) {
    *to = *from;
    return;
  }
  const Axis row = axes.back();
  axes.pop_back();
  Axis plane{1, 0, 0};
  if (!axes.empty() && row.from != 1) {
    auto nearest = std::min_element(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) {
      return std::abs(a.from) < std::abs(b.from);
    });
    plane = *nearest;
    axes.erase(nearest);
  }
  std::vector<int64_t> at(axes.size(), 0);
  for (;;) {
    plane.extent == 1 ? CopyRow(row, from, to) : CopyPlane(plane, row, from, to);
    size_t i = axes.size();
    for (; i != 0; --i) {
      const Axis& axis = axes[i - 1];
      from += axis.from, to += axis.to;
      if (++at[i - 1] < axis.extent) break;
      from -= axis.from * axis.extent, to -= axis.to * axis.extent;
      at[i - 1] = 0;
    }
    if (i == 0) return;
  }
}

struct alignas(8) Wide {
  uint64_t halves[2];
};

template <typename T>
void CopyTyped(const std::vector<Axis>& axes, const Strided& from, const Strided& to) {
  CopyAxes(axes, reinterpret_cast<const T*>(from.data), reinterpret_cast<T*>(to.data));
}

}  // namespace

void CopyStrided(size_t item, const std::vector<int64_t>& shape, const Strided& from,
                 const Strided& to) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  const std::vector<Axis> axes = Simplify(shape, from, to);
  switch (item) {
    case 1:
      return CopyTyped<uint8_t>(axes, from, to);
    case 2:
      return CopyTyped<uint16_t>(axes, from, to);
    case 4:
      return CopyTyped<uint32_t>(axes, from, to);
    case 8:
      return CopyTyped<uint64_t>(axes, from, to);
    default:
      return CopyTyped<Wide>(axes, from, to);
  }
}

}  // namespace byoc
