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

void ReadS32(uint8_t* at, int64_t stride, int64_t count, const Operand& operand, float* to,
             const uint8_t* mult, int64_t step) {
  const double zero = operand.zero, scale = static_cast<double>(operand.scale);
  if (mult == nullptr) {
    return ForEach<4>(at, stride, count, [=](const uint8_t* from, int64_t i) {
      to[i] = static_cast<float>((ReadValue<int32_t>(from) - zero) * scale);
    });
  }
  ForEach<4>(at, stride, count, [=](const uint8_t* from, int64_t i) {
    const double factor = static_cast<double>(ReadValue<float>(mult + 4 * step * i));
    to[i] = static_cast<float>((ReadValue<int32_t>(from) - zero) * scale * factor);
  });
}

void ReadRun(uint8_t* at, int64_t stride, int64_t count, const Operand& operand, float* to) {
  const int32_t zero = operand.zero;
  const float scale = operand.scale;
  switch (operand.dtype) {
    case kF32:
      return ForEach<4>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = ReadValue<float>(from);
      });
    case kBf16:
      return ForEach<2>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = FromBf16(ReadValue<uint16_t>(from));
      });
    case kS8:
      return ForEach<1>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<float>(static_cast<int8_t>(*from) - zero) * scale;
      });
    default:
      return ForEach<1>(at, stride, count, [=](const uint8_t* from, int64_t i) {
        to[i] = static_cast<float>(*from - zero) * scale;
      });
  }
}

// round-half-even(value / scale) + zero, saturated; what is not a number becomes the least.
template <int32_t kLeast, int32_t kMost>
inline uint8_t Quantise(float value, float scale, int32_t zero) {
  const float scaled = value / scale;
  const float above = scaled > -1024.0f ? scaled : -1024.0f;
  const float within = above < 1024.0f ? above : 1024.0f;
  const int32_t whole = static_cast<int32_t>(__builtin_lrintf(within)) + zero;
  return static_cast<uint8_t>(whole < kLeast ? kLeast : whole > kMost ? kMost : whole);
}

void WriteRun(uint8_t* at, int64_t stride, int64_t count, const Operand& operand,
              const float* values) {
  const int32_t zero = operand.zero;
  const float scale = operand.scale;
  switch (operand.dtype) {
    case kBf16:
      return ForEach<2>(at, stride, count, [=](uint8_t* to, int64_t i) {
        const uint16_t bits = ToBf16(values[i]);
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
      return ForEach<4>(at, stride, count,
                        [=](uint8_t* to, int64_t i) { std::memcpy(to, values + i, 4); });
  }
}

}  // namespace

void Cursor::Read(int64_t from, int64_t count, float* to, const uint8_t* mult,
                  int64_t step) const {
  Runs(from, count, [&](uint8_t* at, int64_t stride, int64_t length, int64_t done) {
    if (operand_.dtype == kS32) {
      ReadS32(at, stride, length, operand_, to + done,
              mult == nullptr ? mult : mult + 4 * step * done, step);
    } else {
      ReadRun(at, stride, length, operand_, to + done);
    }
  });
}

void Cursor::Write(int64_t from, int64_t count, const float* values) const {
  Runs(from, count, [&](uint8_t* at, int64_t stride, int64_t length, int64_t done) {
    WriteRun(at, stride, length, operand_, values + done);
  });
}

}  // namespace npu
