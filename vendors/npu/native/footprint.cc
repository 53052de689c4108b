#include "footprint.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "numbers.h"

namespace npu {
namespace {

struct Step {
  uint64_t count;
  int64_t stride;
};

class Builder {
 public:
  Builder(const Program& program, size_t record)
      : hardware_(program.hardware), record_(record), source_(program.records[record]) {
    const Head head = source_.head();
    made_.composite = head.composite;
    made_.tokens = head.tokens;
  }

  Footprint Run() {
    switch (source_.head().opcode) {
      case Opcode::kLoad:
        MakeLoad(source_.As<Load>());
        break;
      case Opcode::kStore:
        MakeStore(source_.As<Store>());
        break;
      case Opcode::kMm:
        MakeMm(source_.As<Mm>());
        break;
      case Opcode::kVec:
        MakeVec(source_.As<Vec>());
        break;
      case Opcode::kRed:
        MakeRed(source_.As<Red>());
        break;
      case Opcode::kWin:
        MakeWin(source_.As<Win>());
        break;
      default:
        MakeFill(source_.As<Fill>());
        break;
    }
    return made_;
  }

 private:
  template <size_t N>
  void Touch(const At& at, const std::array<Step, N>& steps, uint64_t size, bool write) {
    Wide low = 0, high = size;
    for (const Step& step : steps) {
      const Wide far = static_cast<Wide>(step.count - 1) * step.stride;
      (far < 0 ? low : high) += far;
    }
    if (low < -static_cast<Wide>(kHuge) || high > static_cast<Wide>(kHuge))
      throw Failure(Kind::kBounds, "has an operand that reaches over more than 2^62 bytes",
                    record_);
    made_.reaches[made_.count++] = {at, static_cast<int64_t>(low), static_cast<int64_t>(high),
                                    write};
  }

  void Compute(bool matrix, uint64_t busy) {
    made_.queue = kComputeQueue;
    made_.matrix = matrix;
    made_.busy = busy;
  }

  // How many contiguous runs there are, and the bytes of one.
  static std::pair<uint64_t, uint64_t> Runs(std::array<Step, 4> steps, uint64_t size) {
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
      return std::abs(a.stride) < std::abs(b.stride);
    });
    uint64_t runs = 1, run = size;
    for (const Step& step : steps) {
      if (step.count == 1) continue;
      const bool joined = static_cast<uint64_t>(std::abs(step.stride)) == run;
      (joined ? run : runs) = Times(joined ? run : runs, step.count);
    }
    return {runs, run};
  }

  void Transfer(const std::array<Step, 4>& dram, const std::array<Step, 4>& sp, uint64_t size) {
    const auto [runs, run] = Runs(dram, size);
    made_.bytes = Times(runs, Times(Parts(run, hardware_.burst), hardware_.burst));
    uint64_t elements = 1;
    for (const Step& step : sp) elements = Times(elements, step.count);
    const auto [pieces, piece] = Runs(sp, size);
    made_.busy = std::min(Parts(elements, hardware_.banks),
                          Times(pieces, Parts(piece, uint64_t{4} * hardware_.banks)));
  }

  template <class T>
  static std::array<Step, 4> Dram(const T& transfer) {
    std::array<Step, 4> steps;
    for (size_t i = 0; i < 4; ++i) steps[i] = {transfer.dims[i].count, transfer.dims[i].dram};
    return steps;
  }

  template <class T>
  static std::array<Step, 4> Sp(const T& transfer) {
    std::array<Step, 4> steps;
    for (size_t i = 0; i < 4; ++i) {
      const Dim dim = transfer.dims[i];
      steps[i] = {uint64_t{dim.before} + dim.count + dim.after, dim.sp};
    }
    return steps;
  }

  void MakeLoad(const Load& load) {
    made_.queue = kLoadQueue;
    const uint64_t size = static_cast<uint64_t>(load.size);
    Touch(load.target, Sp(load), size, true);
    Touch(load.source, Dram(load), size, false);
    Transfer(Dram(load), Sp(load), size);
  }

  void MakeStore(const Store& store) {
    made_.queue = kStoreQueue;
    const uint64_t size = static_cast<uint64_t>(store.size);
    Touch(store.target, Dram(store), size, true);
    Touch(store.source, Sp(store), size, false);
    Transfer(Dram(store), Sp(store), size);
  }

  static uint64_t Count(int32_t value) { return static_cast<uint64_t>(value); }

  // The pixels and taps of `a`, each with so many adjacent elements.
  template <class T>
  void TouchPixels(const T& each, int32_t adjacent) {
    Touch<4>(each.a,
             {{{Count(each.m1), each.am1},
               {Count(each.m0), each.am0},
               {Count(each.k2), each.ak2},
               {Count(each.k1), each.ak1}}},
             Count(adjacent) * BytesOf(each.dtype_a), false);
  }

  void MakeMm(const Mm& mm) {
    const uint64_t blocks = Parts(Count(mm.n), hardware_.columns);
    const uint64_t rows = Count(mm.m1) * Count(mm.m0);
    const uint64_t taps = Count(mm.k2) * Count(mm.k1);
    Touch<1>(mm.acc, {{{blocks, mm.accn}}}, rows, true);
    TouchPixels(mm, mm.k0);
    const uint64_t block =
        Times(taps, Count(mm.k0), uint64_t{hardware_.columns} * BytesOf(mm.dtype_b));
    Touch<1>(mm.b, {{{blocks, mm.bn}}}, block, false);
    const uint64_t steps =
        Times(blocks, taps, Parts(Count(mm.k0), hardware_.Depth(mm.dtype_a)));
    Compute(true, Times(steps, std::max<uint64_t>(rows, hardware_.rows)));
    made_.macs = Times(rows, Times(taps, Count(mm.k0), Count(mm.n)));
  }

  void TouchOperand(const Operand& operand, const int32_t (&shape)[3], bool write) {
    const bool acc = operand.at.space == kAcc;
    const uint64_t inner = acc ? Parts(Count(shape[2]), hardware_.columns) : Count(shape[2]);
    Touch<3>(operand.at,
             {{{Count(shape[0]), operand.strides[0]},
               {Count(shape[1]), operand.strides[1]},
               {inner, operand.strides[2]}}},
             acc ? 1 : BytesOf(operand.dtype), write);
  }

  static bool Special(const Vec& vec) {
    if (vec.op == Binary::kDiv || vec.op == Binary::kRdiv) return true;
    switch (vec.act) {
      case Act::kNone:
      case Act::kRelu:
      case Act::kClip:
      case Act::kLeaky:
      case Act::kSquare:
      case Act::kAbs:
      case Act::kNeg:
      case Act::kHardSigmoid:
      case Act::kHardSwish:
        return false;
      default:
        return true;
    }
  }

  uint64_t VectorCycles(const int32_t (&shape)[3]) const {
    return Times(Count(shape[0]), Count(shape[1]), Parts(Count(shape[2]), hardware_.lanes));
  }

  void MakeVec(const Vec& vec) {
    const int32_t shape[] = {vec.shape[0], vec.shape[1], vec.shape[2]};
    TouchOperand(vec.dst, shape, true);
    TouchOperand(vec.a, shape, false);
    if (vec.op != Binary::kNone) TouchOperand(vec.b, shape, false);
    const uint64_t vector = vec.each != 0 ? 4 * Count(shape[2]) : 4;
    if (vec.mult.space != kNone) Touch<0>(vec.mult, {}, vector, false);
    if (vec.bias.space != kNone) Touch<0>(vec.bias, {}, vector, false);
    Compute(false, Times(VectorCycles(shape), Special(vec) ? hardware_.special : 1));
  }

  void MakeRed(const Red& red) {
    const int32_t shape[] = {red.shape[0], red.shape[1], red.shape[2]};
    TouchOperand(red.dst, {shape[0], shape[1], 1}, true);
    TouchOperand(red.src, shape, false);
    Compute(false, VectorCycles(shape));
  }

  void MakeWin(const Win& win) {
    const uint64_t blocks = Parts(Count(win.channels), hardware_.columns);
    const uint64_t rows = Count(win.m1) * Count(win.m0);
    const uint64_t taps = Count(win.k2) * Count(win.k1);
    Touch<1>(win.acc, {{{blocks, win.accn}}}, rows, true);
    TouchPixels(win, win.channels);
    if (win.op == Window::kMac) {
      Touch<1>(win.b, {{{taps, win.bk}}}, Count(win.channels) * BytesOf(win.dtype_b), false);
      made_.macs = Times(rows, taps, Count(win.channels));
    }
    Compute(false, Times(rows, taps, Parts(Count(win.channels), hardware_.lanes)));
  }

  void MakeFill(const Fill& fill) {
    const uint64_t size = Count(fill.size);
    Touch<3>(fill.target,
             {{{Count(fill.shape[0]), fill.strides[0]},
               {Count(fill.shape[1]), fill.strides[1]},
               {Count(fill.shape[2]), fill.strides[2]}}},
             size, true);
    Compute(false, Times(Count(fill.shape[0]), Count(fill.shape[1]),
                         Parts(Count(fill.shape[2]) * size, uint64_t{4} * hardware_.lanes)));
  }

  const Hardware& hardware_;
  size_t record_;
  const Record& source_;
  Footprint made_{};
};

}  // namespace

Footprint FootprintOf(const Program& program, size_t record) {
  return Builder(program, record).Run();
}

}  // namespace npu
