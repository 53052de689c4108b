// Whether tokens order what different queues touch: vector clocks, and for each run of lines who
// touched it last.
#ifndef NPU_RACES_H_
#define NPU_RACES_H_

#include <array>
#include <deque>
#include <map>
#include <vector>

#include "footprint.h"

namespace npu {

// An operand of an instruction whose registers are known: bytes (kAcc: rows) `first` up to, without
// it, `end`.
struct Span {
  Space space;
  uint16_t index;
  bool write;
  uint64_t first, end;
};

class Races {
 public:
  explicit Races(const Program& program);

  // The next instruction in program order: takes its tokens, claims its lines, sends its tokens.
  // Throws Failure (kDeadlock, kRace; kLimit where lines are in too many pieces to look at all).
  void Take(size_t record, const Footprint& footprint, const Span* spans);

  // Throws Failure(kTokens) when tokens were sent that nothing took.
  void Finish() const;

 private:
  using Clock = std::array<uint32_t, kQueues>;  // of each queue, how many instructions are done

  struct Mark {
    uint32_t clock = 0;  // which of its queue's; 0: none
    uint32_t record = 0;
    bool operator==(const Mark& other) const {
      return clock == other.clock && record == other.record;
    }
  };

  // The last that wrote, and of each queue the last that read since.
  struct State {
    Queue writer_queue = kLoadQueue;
    Mark writer;
    std::array<Mark, kQueues> readers;
    bool operator==(const State& other) const {
      return writer_queue == other.writer_queue && writer == other.writer &&
             readers == other.readers;
    }
  };

  // First line of a run of equal state -> that state; a run goes up to the next key.
  using Lines = std::map<uint64_t, State>;

  Lines& LinesOf(const Span& span);
  void Claim(size_t record, Queue queue, const Span& span);
  void CheckOrder(size_t record, Queue queue, const Span& span, uint64_t line, Queue other,
                  const Mark& mark, bool wrote) const;
  std::string Describe(size_t record, Queue queue) const;

  const Program& program_;
  Lines sp_, tmp_;
  std::vector<Lines> outputs_;
  std::array<Clock, kQueues> clocks_{};
  std::array<std::array<std::deque<std::pair<Clock, size_t>>, kQueues>, kQueues> tokens_;
  uint64_t visits_ = 0;
};

}  // namespace npu

#endif  // NPU_RACES_H_
