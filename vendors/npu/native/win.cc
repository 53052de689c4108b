// The vector unit's windows: pooling and depthwise convolution.
#include <algorithm>
#include <vector>

#include "activation.h"
#include "execute.h"
#include "values.h"

namespace npu {
namespace {

inline void Join(Window op, float* t, const float* a, const float* b, int64_t count) {
  switch (op) {
    case Window::kMax:
      for (int64_t i = 0; i < count; ++i) t[i] = Larger(t[i], a[i]);
      break;
    case Window::kSum:
      for (int64_t i = 0; i < count; ++i) t[i] += a[i];
      break;
    default:
      for (int64_t i = 0; i < count; ++i) t[i] += a[i] * b[i];
      break;
  }
}

// As unsigned, which wraps; factors are small enough for their product not to.
inline void Join(Window op, int32_t* t, const float* a, const float* b, int64_t count) {
  switch (op) {
    case Window::kMax:
      for (int64_t i = 0; i < count; ++i) t[i] = std::max(t[i], static_cast<int32_t>(a[i]));
      break;
    case Window::kSum:
      for (int64_t i = 0; i < count; ++i)
        t[i] = static_cast<int32_t>(static_cast<uint32_t>(t[i]) +
                                    static_cast<uint32_t>(static_cast<int32_t>(a[i])));
      break;
    default:
      for (int64_t i = 0; i < count; ++i)
        t[i] = static_cast<int32_t>(static_cast<uint32_t>(t[i]) +
                                    static_cast<uint32_t>(static_cast<int32_t>(a[i] * b[i])));
      break;
  }
}

// T is what accumulators hold: float or int32_t. All adjacent channels of a pixel at a time.
template <class T>
class Pixels {
 public:
  Pixels(const Context& context, const Win& win)
      : context_(context),
        win_(win),
        columns_(context.program.hardware.columns),
        a_(context.Bytes(win.a)),
        b_(win.op == Window::kMac ? context.Bytes(win.b) : nullptr),
        acc_(context.Row(win.acc)) {}

  void Run() {
    for (int64_t channel = 0, block = 0; channel < win_.channels; channel += columns_, ++block) {
      const int64_t count = std::min<int64_t>(columns_, win_.channels - channel);
      if (b_ != nullptr) ReadWeights(channel, count);
      const uint64_t row = acc_ + static_cast<uint64_t>(block * win_.accn);
      for (int64_t i = 0; i < int64_t{win_.m1} * win_.m0; ++i)
        Pixel(i, row + static_cast<uint64_t>(i), channel, count);
    }
  }

 private:
  void ReadWeights(int64_t channel, int64_t count) {
    const int64_t taps = int64_t{win_.k2} * win_.k1;
    weights_.resize(static_cast<size_t>(taps * columns_));
    const int64_t offset = channel * static_cast<int64_t>(BytesOf(win_.dtype_b));
    for (int64_t tap = 0; tap < taps; ++tap)
      ToFloats(win_.dtype_b, b_ + tap * win_.bk + offset, count, win_.zero_b,
               weights_.data() + tap * columns_);
  }

  void Pixel(int64_t pixel, uint64_t row, int64_t channel, int64_t count) {
    uint32_t* acc = context_.memory.acc.get() + row * static_cast<uint64_t>(columns_);
    const uint8_t* from = a_ + (pixel / win_.m0) * win_.am1 + (pixel % win_.m0) * win_.am0 +
                          channel * static_cast<int64_t>(BytesOf(win_.dtype_a));
    T t[kMaxColumns];
    float a[kMaxColumns];
    bool first = win_.keep == 0;
    if (first) {
      std::fill_n(t, count, T{0});
    } else {
      std::memcpy(t, acc, static_cast<size_t>(4 * count));
    }
    const float* weights = weights_.data();
    for (int64_t i2 = 0; i2 < win_.k2; ++i2) {
      for (int64_t i1 = 0; i1 < win_.k1; ++i1, weights += columns_) {
        ToFloats(win_.dtype_a, from + i2 * win_.ak2 + i1 * win_.ak1, count, win_.zero_a, a);
        if (first && win_.op == Window::kMax) std::transform(a, a + count, t, ToValue);
        Join(win_.op, t, a, weights, count);
        first = false;
      }
    }
    std::memcpy(acc, t, static_cast<size_t>(4 * count));
  }

  static T ToValue(float value) { return static_cast<T>(value); }

  static constexpr size_t kMaxColumns = 1024;  // as ReadProgram lets a chip have

  const Context& context_;
  const Win& win_;
  const int64_t columns_;
  const uint8_t *a_, *b_;
  const uint64_t acc_;
  std::vector<float> weights_;
};

}  // namespace

void ExecuteWin(const Context& context, const Win& win) {
  if (Small(win.dtype_a)) {
    Pixels<int32_t>(context, win).Run();
  } else {
    Pixels<float>(context, win).Run();
  }
}

}  // namespace npu
