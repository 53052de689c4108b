// Rows of a vector operand as floats, wherever and however they are stored.
#ifndef NPU_OPERAND_H_
#define NPU_OPERAND_H_

#include <algorithm>

#include "execute.h"
#include "values.h"

namespace npu {

constexpr int64_t kChunk = 512;  // elements that are worked on at a time

// An operand with its address resolved.
class Cursor {
 public:
  Cursor(const Context& context, const Operand& operand)
      : operand_(operand),
        acc_(operand.at.space == kAcc),
        columns_(context.program.hardware.columns),
        // An operand in ACC is counted in rows.
        unit_(acc_ ? 4 * columns_ : 1),
        base_(acc_ ? reinterpret_cast<uint8_t*>(context.memory.acc.get()) +
                         static_cast<int64_t>(context.Row(operand.at)) * unit_
                   : context.Bytes(operand.at)) {}

  void Seek(int64_t i2, int64_t i1) {
    row_ = base_ + (i2 * operand_.strides[0] + i1 * operand_.strides[1]) * unit_;
  }

  // Elements `from` to `from + count` of the row. T is float or double; S32 is scaled in float64.
  template <class T>
  void Read(int64_t from, int64_t count, T* to) const;

  // `values` as the row stores them. T is float or double; of float64, each is rounded once.
  template <class T>
  void Write(int64_t from, int64_t count, const T* values) const;

 private:
  // Calls `each(pointer, stride in bytes, count, elements before)` for runs of even stride.
  template <class Each>
  void Runs(int64_t from, int64_t count, Each each) const {
    if (!acc_) return each(row_ + from * operand_.strides[2], operand_.strides[2], count, 0);
    for (int64_t done = 0; done < count;) {
      const int64_t lane = (from + done) % columns_;
      const int64_t block = (from + done) / columns_;
      const int64_t length = std::min(columns_ - lane, count - done);
      each(row_ + block * operand_.strides[2] * unit_ + 4 * lane, int64_t{4}, length, done);
      done += length;
    }
  }

  const Operand operand_;
  const bool acc_;
  const int64_t columns_, unit_;
  uint8_t* const base_;
  uint8_t* row_ = nullptr;
};

}  // namespace npu

#endif  // NPU_OPERAND_H_
