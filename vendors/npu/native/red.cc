// The vector unit's reductions.
#include "activation.h"
#include "operand.h"

namespace npu {
namespace {

double Reduced(const Cursor& source, Reduce op, int64_t count) {
  double t[kChunk];
  double sum = 0, most = 0;
  for (int64_t from = 0; from < count; from += kChunk) {
    const int64_t length = std::min(kChunk, count - from);
    source.Read(from, length, t);
    if (from == 0) most = t[0];
    for (int64_t i = 0; i < length; ++i) {
      sum += op == Reduce::kSquares ? t[i] * t[i] : t[i];
      most = Larger(most, t[i]);
    }
  }
  return op == Reduce::kMax ? most : sum;
}

}  // namespace

void ExecuteRed(const Context& context, const Red& red) {
  Cursor to(context, red.dst), from(context, red.src);
  const double factor = static_cast<double>(red.factor);
  for (int64_t i2 = 0; i2 < red.shape[0]; ++i2) {
    for (int64_t i1 = 0; i1 < red.shape[1]; ++i1) {
      to.Seek(i2, i1);
      from.Seek(i2, i1);
      const float value = static_cast<float>(factor * Reduced(from, red.op, red.shape[2]));
      to.Write(0, 1, &value);
    }
  }
}

}  // namespace npu
