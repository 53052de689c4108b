// The vector unit's element-wise instruction.
#include "activation.h"
#include "operand.h"

namespace npu {
namespace {

template <class Each>
void Map(float* t, int64_t count, Each each) {
  for (int64_t i = 0; i < count; ++i) t[i] = each(t[i], i);
}

// t = t OP b. The larger or smaller of a number and what is none is none.
void Join(Binary op, float* t, const float* b, int64_t count) {
  switch (op) {
    case Binary::kAdd:
      return Map(t, count, [=](float x, int64_t i) { return x + b[i]; });
    case Binary::kSub:
      return Map(t, count, [=](float x, int64_t i) { return x - b[i]; });
    case Binary::kRsub:
      return Map(t, count, [=](float x, int64_t i) { return b[i] - x; });
    case Binary::kMul:
      return Map(t, count, [=](float x, int64_t i) { return x * b[i]; });
    case Binary::kDiv:
      return Map(t, count, [=](float x, int64_t i) { return x / b[i]; });
    case Binary::kRdiv:
      return Map(t, count, [=](float x, int64_t i) { return b[i] / x; });
    case Binary::kMax:
      return Map(t, count, [=](float x, int64_t i) { return Larger(x, b[i]); });
    case Binary::kMin:
      return Map(t, count, [=](float x, int64_t i) { return Smaller(x, b[i]); });
    default:
      return;
  }
}

class Elements {
 public:
  Elements(const Context& context, const Vec& vec)
      : vec_(vec),
        dst_(context, vec.dst),
        a_(context, vec.a),
        b_(context, vec.op == Binary::kNone ? vec.a : vec.b),
        mult_(VectorAt(context, vec.mult)),
        bias_(VectorAt(context, vec.bias)),
        step_(vec.each != 0 ? 1 : 0) {}

  void Run() {
    for (int64_t i2 = 0; i2 < vec_.shape[0]; ++i2) {
      for (int64_t i1 = 0; i1 < vec_.shape[1]; ++i1) {
        dst_.Seek(i2, i1);
        a_.Seek(i2, i1);
        b_.Seek(i2, i1);
        for (int64_t from = 0; from < vec_.shape[2]; from += kChunk)
          Chunk(from, std::min<int64_t>(kChunk, vec_.shape[2] - from));
      }
    }
  }

 private:
  static const uint8_t* VectorAt(const Context& context, const At& at) {
    return at.space == kNone ? nullptr : context.Bytes(at);
  }

  void Chunk(int64_t from, int64_t count) {
    const uint8_t* mult = mult_ == nullptr ? nullptr : mult_ + 4 * step_ * from;
    const uint8_t* bias = bias_ == nullptr ? nullptr : bias_ + 4 * step_ * from;
    a_.Read(from, count, t_, mult, step_);
    // With S32 the factor is in already.
    if (mult != nullptr && a_.dtype() != kS32)
      PerElement(mult, count, [](float x, float factor) { return x * factor; });
    if (bias != nullptr) PerElement(bias, count, [](float x, float term) { return x + term; });
    if (vec_.op != Binary::kNone) {
      b_.Read(from, count, other_, nullptr, 0);
      Join(vec_.op, t_, other_, count);
    }
    Activate(vec_.act, vec_.p, vec_.q, t_, count);
    dst_.Write(from, count, t_);
  }

  template <class Each>
  void PerElement(const uint8_t* vector, int64_t count, Each each) {
    if (step_ == 0) {
      const float value = ReadValue<float>(vector);
      return Map(t_, count, [=](float x, int64_t) { return each(x, value); });
    }
    Map(t_, count, [=](float x, int64_t i) { return each(x, ReadValue<float>(vector + 4 * i)); });
  }

  const Vec& vec_;
  Cursor dst_, a_, b_;
  const uint8_t *mult_, *bias_;
  const int64_t step_;
  float t_[kChunk], other_[kChunk];
};

}  // namespace

void ExecuteVec(const Context& context, const Vec& vec) { Elements(context, vec).Run(); }

}  // namespace npu
