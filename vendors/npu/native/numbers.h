// Whole numbers that do not overflow: sums of products in 128 bits, products that stop at a bound.
#ifndef NPU_NUMBERS_H_
#define NPU_NUMBERS_H_

#include <cstdint>

namespace npu {

__extension__ typedef __int128 Wide;

// More than any count that a program may reach.
constexpr uint64_t kHuge = uint64_t{1} << 62;

inline uint64_t Times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) || product > kHuge ? kHuge : product;
}

template <class... More>
uint64_t Times(uint64_t a, uint64_t b, More... more) {
  return Times(Times(a, b), static_cast<uint64_t>(more)...);
}

inline uint64_t Plus(uint64_t a, uint64_t b) { return a + b > kHuge ? kHuge : a + b; }

// a / b, rounded up.
inline uint64_t Parts(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

}  // namespace npu

#endif  // NPU_NUMBERS_H_
