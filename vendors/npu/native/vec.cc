// The vector unit's element-wise instruction.
#include "activation.h"
#include "operand.h"

namespace npu {
namespace {

template <class T, class Each>
void Map(T* t, int64_t count, Each each) {
  for (int64_t i = 0; i < count; ++i) t[i] = each(t[i], i);
}

// t = t OP b. The larger or smaller of a number and what is none is none.
template <class T>
void Join(Binary op, T* t, const T* b, int64_t count) {
  switch (op) {
    case Binary::kAdd:
      return Map(t, count, [=](T x, int64_t i) { return x + b[i]; });
    case Binary::kSub:
      return Map(t, count, [=](T x, int64_t i) { return x - b[i]; });
    case Binary::kRsub:
      return Map(t, count, [=](T x, int64_t i) { return b[i] - x; });
    case Binary::kMul:
      return Map(t, count, [=](T x, int64_t i) { return x * b[i]; });
    case Binary::kDiv:
      return Map(t, count, [=](T x, int64_t i) { return x / b[i]; });
    case Binary::kRdiv:
      return Map(t, count, [=](T x, int64_t i) { return b[i] / x; });
    case Binary::kMax:
      return Map(t, count, [=](T x, int64_t i) { return Larger(x, b[i]); });
    case Binary::kMin:
      return Map(t, count, [=](T x, int64_t i) { return Smaller(x, b[i]); });
    default:
      return;
  }
}

// T is what is computed in: double for sums of 8-bit products, float for all else.
template <class T>
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
    a_.Read(from, count, t_);
    if (mult != nullptr) PerElement(mult, count, [](T x, T factor) { return x * factor; });
    if (bias != nullptr) PerElement(bias, count, [](T x, T term) { return x + term; });
    if (vec_.op != Binary::kNone) {
      b_.Read(from, count, other_);
      Join(vec_.op, t_, other_, count);
    }
    Activate(vec_.act, vec_.p, vec_.q, t_, count);
    dst_.Write(from, count, t_);
  }

  template <class Each>
  void PerElement(const uint8_t* vector, int64_t count, Each each) {
    const auto value = [=](int64_t i) { return static_cast<T>(ReadValue<float>(vector + 4 * i)); };
    if (step_ == 0) {
      const T one = value(0);
      return Map(t_, count, [=](T x, int64_t) { return each(x, one); });
    }
    Map(t_, count, [=](T x, int64_t i) { return each(x, value(i)); });
  }

  const Vec& vec_;
  Cursor dst_, a_, b_;
  const uint8_t *mult_, *bias_;
  const int64_t step_;
  T t_[kChunk], other_[kChunk];
};

}  // namespace

void ExecuteVec(const Context& context, const Vec& vec) {
  if (vec.a.dtype == kS32) return Elements<double>(context, vec).Run();
  Elements<float>(context, vec).Run();
}

}  // namespace npu
