#include "activation.h"

#include <cmath>

namespace npu {
namespace {

template <class Function>
void Each(float* t, int64_t count, Function function) {
  for (int64_t i = 0; i < count; ++i) t[i] = function(t[i]);
}

// In float64, rounded once.
template <class Function>
void Precise(float* t, int64_t count, Function function) {
  for (int64_t i = 0; i < count; ++i)
    t[i] = static_cast<float>(function(static_cast<double>(t[i])));
}

constexpr double kRootOfHalf = 0.70710678118654752440;       // sqrt(1 / 2)
constexpr double kRootOfTwoByPi = 0.79788456080286535588;    // sqrt(2 / pi)

inline float Clip(float t, float least, float most) {
  return Smaller(Larger(t, least), most);
}

double Sigmoid(double t) { return 1 / (1 + std::exp(-t)); }
double Gelu(double t) { return t * (1 + std::erf(t * kRootOfHalf)) / 2; }
double GeluTanh(double t) {
  return t * (1 + std::tanh(kRootOfTwoByPi * (t + 0.044715 * t * t * t))) / 2;
}

}  // namespace

void Activate(Act act, float p, float q, float* t, int64_t count) {
  const double p64 = static_cast<double>(p);
  switch (act) {
    case Act::kRelu:
      return Each(t, count, [](float x) { return x < 0 ? 0.0f : x; });
    case Act::kClip:
      return Each(t, count, [=](float x) { return Clip(x, p, q); });
    case Act::kLeaky:
      return Each(t, count, [=](float x) { return x >= 0 ? x : p * x; });
    case Act::kSigmoid:
      return Precise(t, count, Sigmoid);
    case Act::kTanh:
      return Precise(t, count, [](double x) { return std::tanh(x); });
    case Act::kHardSigmoid:
      return Each(t, count, [=](float x) { return Clip(p * x + q, 0, 1); });
    case Act::kHardSwish:
      return Each(t, count, [](float x) { return x * Clip(x / 6 + 0.5f, 0, 1); });
    case Act::kGelu:
      return Precise(t, count, Gelu);
    case Act::kGeluTanh:
      return Precise(t, count, GeluTanh);
    case Act::kSilu:
      return Precise(t, count, [](double x) { return x * Sigmoid(x); });
    case Act::kExp:
      return Precise(t, count, [](double x) { return std::exp(x); });
    case Act::kSqrt:
      return Precise(t, count, [=](double x) { return std::sqrt(x + p64); });
    case Act::kRsqrt:
      return Precise(t, count, [=](double x) { return 1 / std::sqrt(x + p64); });
    case Act::kSquare:
      return Each(t, count, [](float x) { return x * x; });
    case Act::kErf:
      return Precise(t, count, [](double x) { return std::erf(x); });
    case Act::kRecip:
      return Each(t, count, [](float x) { return 1 / x; });
    case Act::kAbs:
      return Each(t, count, [](float x) { return std::fabs(x); });
    case Act::kNeg:
      return Each(t, count, [](float x) { return -x; });
    case Act::kPow:
      return Precise(t, count, [=](double x) { return std::pow(x, p64); });
    case Act::kLog:
      return Precise(t, count, [](double x) { return std::log(x); });
    case Act::kNone:
    case Act::kCount:
      return;
  }
}

}  // namespace npu
