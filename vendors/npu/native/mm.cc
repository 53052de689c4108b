// The matrix unit. All factors are made floats: exactly so, for products of 8-bit values are at
// most 255 * 255 and 256 of them sum up to less than 2^24.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "execute.h"
#include "values.h"

namespace npu {
namespace {

constexpr int kRows = 4;         // that are summed side by side
constexpr int64_t kPanel = 64;   // rows that are made floats at a time
constexpr int64_t kExact = 256;  // products of 8-bit values whose sum a float holds exactly

// How k is walked: `a` by these strides in bytes (k0: 4), `b` row by row.
struct Steps {
  int64_t k2, k1, k0, depth, ak2, ak1, row_bytes;
};

template <class T>
inline void AddOne(uint32_t* acc, float sum) {
  T value;
  std::memcpy(&value, acc, 4);
  if constexpr (std::is_same_v<T, float>) {
    value += sum;
  } else {
    value += static_cast<T>(static_cast<int32_t>(sum));
  }
  std::memcpy(acc, &value, 4);
}

namespace plain {
#define NPU_TARGET
#include "mm_kernel.h"
#undef NPU_TARGET
}  // namespace plain

#if defined(__x86_64__) && !defined(NPU_PORTABLE)
namespace avx2 {
#define NPU_TARGET __attribute__((target("avx2")))
#include "mm_kernel.h"
#undef NPU_TARGET
}  // namespace avx2
#endif

struct Kernels {
  void (*group)(const Steps&, int, const uint8_t* const*, const uint8_t*, uint32_t* const*,
                int64_t);
  void (*convert)(uint32_t, const uint8_t*, int64_t, int32_t, float*);
};

template <class T>
Kernels BestKernels() {
#if defined(__x86_64__) && !defined(NPU_PORTABLE)
  if (__builtin_cpu_supports("avx2")) return {avx2::Group<T>, avx2::Convert};
#endif
  return {plain::Group<T>, plain::Convert};
}

class Product {
 public:
  Product(const Context& context, const Mm& mm)
      : context_(context),
        mm_(mm),
        columns_(context.program.hardware.columns),
        taps_(int64_t{mm.k2} * mm.k1),
        a_(context.Bytes(mm.a)),
        direct_(mm.dtype_a == kF32),
        kernels_(Small(mm.dtype_a) ? BestKernels<uint32_t>() : BestKernels<float>()) {
    const int64_t depth = static_cast<int64_t>(context.program.hardware.Depth(mm.dtype_a));
    steps_ = {mm.k2, mm.k1, mm.k0, Small(mm.dtype_a) ? std::min(depth, kExact) : depth,
              direct_ ? int64_t{mm.ak2} : int64_t{4} * mm.k0 * mm.k1,
              direct_ ? int64_t{mm.ak1} : int64_t{4} * mm.k0, 4 * columns_};
    if (direct_) return;
    const int64_t row = taps_ * mm.k0;
    const size_t floats = static_cast<size_t>(row * (columns_ + std::min(kPanel, Count())));
    context.scratch.resize(std::max(context.scratch.size(), floats));
    block_ = context.scratch.data();
    packed_ = block_ + row * columns_;
  }

  // Blocks of columns again and again for some rows, whose conversion then counts for little.
  void Run() {
    const int64_t panel = direct_ ? Count() : kPanel;
    for (int64_t from = 0; from < Count(); from += panel)
      Panel(from, std::min(from + panel, Count()));
  }

 private:
  int64_t Count() const { return int64_t{mm_.m1} * mm_.m0; }

  void Panel(int64_t from, int64_t to) {
    if (!direct_) {
      for (int64_t m = from; m < to; ++m) Pack(m, packed_ + (m - from) * taps_ * mm_.k0);
    }
    const uint8_t* b = context_.Bytes(mm_.b);
    const uint64_t acc = context_.Row(mm_.acc);
    for (int64_t n = 0, block = 0; n < mm_.n; n += columns_, ++block) {
      const uint8_t* weights = WeightsOf(b + block * mm_.bn);
      const uint64_t row = acc + static_cast<uint64_t>(block * mm_.accn);
      const int64_t used = std::min<int64_t>(columns_, mm_.n - n);
      for (int64_t m = from; m < to; m += kRows)
        Group(m, std::min<int64_t>(kRows, to - m), from, weights, row, used);
    }
  }

  // The block of `b` as floats: where it stands, or a copy.
  const uint8_t* WeightsOf(const uint8_t* b) {
    if (direct_) return b;
    kernels_.convert(mm_.dtype_b, b, taps_ * mm_.k0 * columns_, mm_.zero_b, block_);
    return reinterpret_cast<const uint8_t*>(block_);
  }

  const uint8_t* RowOf(int64_t m) const {
    return a_ + (m / mm_.m0) * mm_.am1 + (m % mm_.m0) * mm_.am0;
  }

  // All of k of one row, adjacent.
  void Pack(int64_t m, float* to) const {
    for (int64_t i2 = 0; i2 < mm_.k2; ++i2) {
      for (int64_t i1 = 0; i1 < mm_.k1; ++i1, to += mm_.k0)
        kernels_.convert(mm_.dtype_a, RowOf(m) + i2 * mm_.ak2 + i1 * mm_.ak1, mm_.k0, mm_.zero_a,
                         to);
    }
  }

  void Group(int64_t m, int64_t count, int64_t panel, const uint8_t* weights, uint64_t row,
             int64_t used) {
    const uint8_t* from[kRows];
    uint32_t* acc[kRows];
    for (int64_t r = 0; r < count; ++r) {
      from[r] = direct_ ? RowOf(m + r)
                        : reinterpret_cast<const uint8_t*>(packed_ + (m + r - panel) * taps_ *
                                                                         mm_.k0);
      acc[r] = context_.memory.acc.get() +
               (row + static_cast<uint64_t>(m + r)) * static_cast<uint64_t>(columns_);
      if (mm_.keep == 0) std::fill_n(acc[r], used, 0u);
    }
    kernels_.group(steps_, static_cast<int>(count), from, weights, acc, used);
  }

  const Context& context_;
  const Mm& mm_;
  const int64_t columns_, taps_;
  const uint8_t* a_;
  const bool direct_;  // floats already
  const Kernels kernels_;
  Steps steps_;
  float* block_ = nullptr;
  float* packed_ = nullptr;
};

}  // namespace

void ExecuteMm(const Context& context, const Mm& mm) { Product(context, mm).Run(); }

}  // namespace npu
