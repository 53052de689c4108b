#include "operand.h"

namespace npu {
namespace {

// Makes a loop over elements of `kSize` bytes whose stride the compiler knows when they are
// adjacent.
template <size_t kSize, class Each>
inline void ForEach(uint8_t* at, int64_t stride, int64_t count, Each each) {
  if (stride == static_cast<int64_t>(kSize)) {
    for (int64_t i = 0; i < count; ++i) each(at + i * static_cast<int64_t>(kSize), i);
  } else {
    for (int64_t i = 0; i < count; ++i) each(at + i * stride, i);
  }
}

template <class T>
void ReadRun(uint8_t* at, int64_t stride, int64_t count, const Operand& operand, T* to) {
  const int32_t zero = operand.zero;
  const float scale = operand.scale;
  const double wide_zero = zero, wide_scale = static_cast<double>(scale);
  switch (operand.dtype) {
    case kF32:
      return ForEach<4>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<T>(ReadValue<float>(from));
      });
    case kBf16:
      return ForEach<2>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<T>(FromBf16(ReadValue<uint16_t>(from)));
      });
    case kS8:
      return ForEach<1>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<T>(static_cast<float>(static_cast<int8_t>(*from) - zero) * scale);
      });
    case kU8:
      return ForEach<1>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<T>(static_cast<float>(*from - zero) * scale);
      });
    default:
      return ForEach<4>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<T>((ReadValue<int32_t>(from) - wide_zero) * wide_scale);
      });
  }
}

inline int32_t Rounded(float value) { return static_cast<int32_t>(__builtin_lrintf(value)); }
inline int32_t Rounded(double value) { return static_cast<int32_t>(__builtin_lrint(value)); }

// round-half-even(value / scale) + zero, saturated; what is not a number becomes the least.
template <int32_t kLeast, int32_t kMost, class T>
inline uint8_t Quantise(T value, T scale, int32_t zero) {
  const T scaled = value / scale;
  const T above = scaled > T{-1024} ? scaled : T{-1024};
  const T within = above < T{1024} ? above : T{1024};
  const int32_t whole = Rounded(within) + zero;
  return static_cast<uint8_t>(whole < kLeast ? kLeast : whole > kMost ? kMost : whole);
}

template <class T>
void WriteRun(uint8_t* at, int64_t stride, int64_t count, const Operand& operand,
              const T* values) {
  const int32_t zero = operand.zero;
  const T scale = static_cast<T>(operand.scale);
  switch (operand.dtype) {
    case kBf16:
      return ForEach<2>(at, stride, count, [=](uint8_t* to, int64_t i) {
        const uint16_t bits = ToBf16(static_cast<float>(values[i]));
        std::memcpy(to, &bits, 2);
      });
    case kS8:
      return ForEach<1>(at, stride, count, [=](uint8_t* to, int64_t i) {
        *to = Quantise<-128, 127>(values[i], scale, zero);
      });
    case kU8:
      return ForEach<1>(at, stride, count, [=](uint8_t* to, int64_t i) {
        *to = Quantise<0, 255>(values[i], scale, zero);
      });
    default:
      return ForEach<4>(at, stride, count, [=](uint8_t* to, int64_t i) {
        const float value = static_cast<float>(values[i]);
        std::memcpy(to, &value, 4);
      });
  }
}

}  // namespace

template <class T>
void Cursor::Read(int64_t from, int64_t count, T* to) const {
  Runs(from, count, [&](uint8_t* at, int64_t stride, int64_t length, int64_t done) {
    ReadRun(at, stride, length, operand_, to + done);
  });
}

template <class T>
void Cursor::Write(int64_t from, int64_t count, const T* values) const {
  Runs(from, count, [&](uint8_t* at, int64_t stride, int64_t length, int64_t done) {
    WriteRun(at, stride, length, operand_, values + done);
  });
}

template void Cursor::Read(int64_t, int64_t, float*) const;
template void Cursor::Read(int64_t, int64_t, double*) const;
template void Cursor::Write(int64_t, int64_t, const float*) const;
template void Cursor::Write(int64_t, int64_t, const double*) const;

}  // namespace npu
