#include "activation.h"

#include <cmath>

namespace npu {
namespace {

template <class T, class Function>
void Each(T* t, int64_t count, Function function) {
  for (int64_t i = 0; i < count; ++i) t[i] = function(t[i]);
}

// In float64, rounded once.
template <class T, class Function>
void Precise(T* t, int64_t count, Function function) {
  for (int64_t i = 0; i < count; ++i)
    t[i] = static_cast<T>(function(static_cast<double>(t[i])));
}

constexpr double kRootOfHalf = 0.70710678118654752440;       // sqrt(1 / 2)
constexpr double kRootOfTwoByPi = 0.79788456080286535588;    // sqrt(2 / pi)

template <class T>
inline T Clip(T t, T least, T most) {
  return Smaller(Larger(t, least), most);
}

double Sigmoid(double t) { return 1 / (1 + std::exp(-t)); }
double Gelu(double t) { return t * (1 + std::erf(t * kRootOfHalf)) / 2; }
double GeluTanh(double t) {
  return t * (1 + std::tanh(kRootOfTwoByPi * (t + 0.044715 * t * t * t))) / 2;
}

}  // namespace

template <class T>
void Activate(Act act, float p, float q, T* t, int64_t count) {
  const double p64 = static_cast<double>(p);
  const T first = static_cast<T>(p), second = static_cast<T>(q);
  switch (act) {
    case Act::kRelu:
      return Each(t, count, [](T x) { return x < 0 ? T{0} : x; });
    case Act::kClip:
      return Each(t, count, [=](T x) { return Clip(x, first, second); });
    case Act::kLeaky:
      return Each(t, count, [=](T x) { return x >= 0 ? x : first * x; });
    case Act::kSigmoid:
      return Precise(t, count, Sigmoid);
    case Act::kTanh:
      return Precise(t, count, [](double x) { return std::tanh(x); });
    case Act::kHardSigmoid:
      return Each(t, count, [=](T x) { return Clip(first * x + second, T{0}, T{1}); });
    case Act::kHardSwish:
      return Each(t, count, [](T x) { return x * Clip(x / 6 + T{0.5}, T{0}, T{1}); });
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
      return Each(t, count, [](T x) { return x * x; });
    case Act::kErf:
      return Precise(t, count, [](double x) { return std::erf(x); });
    case Act::kRecip:
      return Each(t, count, [](T x) { return 1 / x; });
    case Act::kAbs:
      return Each(t, count, [](T x) { return std::fabs(x); });
    case Act::kNeg:
      return Each(t, count, [](T x) { return -x; });
    case Act::kPow:
      return Precise(t, count, [=](double x) { return std::pow(x, p64); });
    case Act::kLog:
      return Precise(t, count, [](double x) { return std::log(x); });
    case Act::kNone:
    case Act::kCount:
      return;
  }
}

template void Activate(Act, float, float, float*, int64_t);
template void Activate(Act, float, float, double*, int64_t);

}  // namespace npu
