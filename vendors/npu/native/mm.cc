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
constexpr int64_t kExact = 256;  // products of 8-bit values whose sum a float holds exactly

// How k is walked: `a` by these strides in bytes (k0: 4), `b` row by row.
struct Steps {
  int64_t k2, k1, k0, depth, ak2, ak1, row_bytes;
};

template <class T>
inline void AddOne(uint32_t* acc, float sum) {
  T value;
  std::memcpy(&value, acc, 4);
  value += static_cast<T>(static_cast<std::conditional_t<std::is_same_v<T, float>, float, int32_t>>(sum));
  std::memcpy(acc, &value, 4);
}

namespace plain {
#define NPU_TARGET
#include "mm_kernel.h"
#undef NPU_TARGET
}  // namespace plain

#if defined(__x86_64__)
namespace avx2 {
#define NPU_TARGET __attribute__((target("avx2")))
#include "mm_kernel.h"
#undef NPU_TARGET
}  // namespace avx2
#endif

using Kernel = void (*)(const Steps&, int, const uint8_t* const*, const uint8_t*, uint32_t* const*,
                        int64_t);

template <class T>
Kernel BestKernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return avx2::Group<T>;
#endif
  return plain::Group<T>;
}

class Product {
 public:
  Product(const Context& context, const Mm& mm)
      : context_(context),
        mm_(mm),
        columns_(context.program.hardware.columns),
        taps_(int64_t{mm.k2} * mm.k1),
        a_(context.Bytes(mm.a)),
        kernel_(Small(mm.dtype_a) ? BestKernel<uint32_t>() : BestKernel<float>()) {
    const int64_t depth = static_cast<int64_t>(context.program.hardware.Depth(mm.dtype_a));
    const bool direct = mm.dtype_a == kF32;
    steps_ = {mm.k2, mm.k1, mm.k0, Small(mm.dtype_a) ? std::min(depth, kExact) : depth,
              direct ? int64_t{mm.ak2} : int64_t{4} * mm.k0 * mm.k1,
              direct ? int64_t{mm.ak1} : int64_t{4} * mm.k0, 4 * columns_};
    if (!direct) {
      const size_t row = static_cast<size_t>(taps_ * mm.k0);
      context.scratch.resize(std::max(context.scratch.size(),
                                      row * (static_cast<size_t>(columns_) + kRows)));
      block_ = context.scratch.data();
      packed_ = block_ + row * static_cast<size_t>(columns_);
    }
  }

  void Run() {
    const uint8_t* b = context_.Bytes(mm_.b);
    const uint64_t acc = context_.Row(mm_.acc);
    for (int64_t n = 0, block = 0; n < mm_.n; n += columns_, ++block) {
      const uint64_t row = acc + static_cast<uint64_t>(block * mm_.accn);
      Block(WeightsOf(b + block * mm_.bn), row, std::min<int64_t>(columns_, mm_.n - n));
    }
  }

 private:
  // The block of `b` as floats: where it stands, or a copy.
  const uint8_t* WeightsOf(const uint8_t* b) {
    if (mm_.dtype_b == kF32) return b;
    ToFloats(mm_.dtype_b, b, taps_ * mm_.k0 * columns_, mm_.zero_b, block_);
    return reinterpret_cast<const uint8_t*>(block_);
  }

  const uint8_t* Row(int64_t m, int which) {
    const uint8_t* row = a_ + (m / mm_.m0) * mm_.am1 + (m % mm_.m0) * mm_.am0;
    if (mm_.dtype_a == kF32) return row;
    float* to = packed_ + which * taps_ * mm_.k0;
    const float* packed = to;
    for (int64_t i2 = 0; i2 < mm_.k2; ++i2) {
      for (int64_t i1 = 0; i1 < mm_.k1; ++i1, to += mm_.k0)
        ToFloats(mm_.dtype_a, row + i2 * mm_.ak2 + i1 * mm_.ak1, mm_.k0, mm_.zero_a, to);
    }
    return reinterpret_cast<const uint8_t*>(packed);
  }

  void Block(const uint8_t* b, uint64_t row, int64_t used) {
    const int64_t count = int64_t{mm_.m1} * mm_.m0;
    for (int64_t m = 0; m < count; m += kRows) {
      const int rows = static_cast<int>(std::min<int64_t>(kRows, count - m));
      const uint8_t* from[kRows];
      uint32_t* acc[kRows];
      for (int r = 0; r < rows; ++r) {
        from[r] = Row(m + r, r);
        acc[r] = context_.memory.acc.get() + (row + static_cast<uint64_t>(m + r)) *
                                                 static_cast<uint64_t>(columns_);
        if (mm_.keep == 0) std::fill_n(acc[r], used, 0u);
      }
      kernel_(steps_, rows, from, b, acc, used);
    }
  }

  const Context& context_;
  const Mm& mm_;
  const int64_t columns_, taps_;
  const uint8_t* a_;
  const Kernel kernel_;
  Steps steps_;
  float* block_ = nullptr;
  float* packed_ = nullptr;
};

}  // namespace

void ExecuteMm(const Context& context, const Mm& mm) { Product(context, mm).Run(); }

}  // namespace npu
