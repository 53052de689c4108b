// What a record touches and costs, wherever its registers point.
#ifndef NPU_FOOTPRINT_H_
#define NPU_FOOTPRINT_H_

#include "program.h"

namespace npu {

// An operand: from its address, bytes (kAcc: rows) `low` up to, without it, `high` are touched,
// holes included.
struct Reach {
  At at;
  int64_t low, high;
  bool write;
};

constexpr size_t kMaxReaches = 5;

struct Footprint {
  Queue queue;
  bool matrix;  // of the compute queue: whether the matrix unit does it
  uint16_t composite;
  uint8_t tokens;
  size_t count = 0;  // of reaches, in the order of the record's fields
  Reach reaches[kMaxReaches];
  uint64_t busy;        // compute: cycles of its unit; load and store: cycles of the scratchpad
  uint64_t bytes = 0;   // load and store: of DRAM, whole bursts
  uint64_t macs = 0;    // multiply-accumulates that the program asked for
};

// Of a queued record. Throws Failure(kBounds) where an operand would reach over more than 2^62.
Footprint FootprintOf(const Program& program, size_t record);

}  // namespace npu

#endif  // NPU_FOOTPRINT_H_
