// Elements as floats, and floats as elements.
#ifndef NPU_VALUES_H_
#define NPU_VALUES_H_

#include <cmath>
#include <cstring>

#include "instructions.h"

namespace npu {

inline float FromBf16(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

// Rounded to nearest, ties to even; what is not a number stays none.
inline uint16_t ToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

template <class T>
inline T ReadValue(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// `count` adjacent elements of BF16 or 8 bits as floats: of 8 bits, `stored - zero`.
// Inlined, to be compiled for the processor that its caller is compiled for.
__attribute__((always_inline)) inline void ToFloats(uint32_t dtype, const uint8_t* from,
                                                    int64_t count, int32_t zero, float* to) {
  switch (dtype) {
    case kBf16:
      for (int64_t i = 0; i < count; ++i) to[i] = FromBf16(ReadValue<uint16_t>(from + 2 * i));
      break;
    case kS8:
      for (int64_t i = 0; i < count; ++i)
        to[i] = static_cast<float>(static_cast<int8_t>(from[i]) - zero);
      break;
    case kU8:
      for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i] - zero);
      break;
    default:
      std::memcpy(to, from, static_cast<size_t>(4 * count));
      break;
  }
}

}  // namespace npu

#endif  // NPU_VALUES_H_
