// A program in time: the front end, three queues, the DMA engine's two directions, two units.
//
// Instructions are put in program order. What happens up to a cycle depends only on instructions
// that the front end has taken by then, so the machine is run as far as the front end is.
#ifndef NPU_TIMING_H_
#define NPU_TIMING_H_

#include <array>
#include <deque>
#include <vector>

#include "races.h"

namespace npu {

// Figures of one composite; cycles of all composites add up to the program's.
struct Figures {
  uint64_t cycles = 0;
  uint64_t matrix = 0, vector = 0, load = 0, store = 0;  // busy cycles
  uint64_t stall = 0;  // cycles in which the compute queue waited and both its units stood still
  uint64_t macs = 0, bytes_in = 0, bytes_out = 0;
};

class Timing {
 public:
  explicit Timing(const Program& program);

  // The front end takes a record that is not queued.
  void Control() { ++front_; }

  // The front end puts an instruction into its queue, waiting where that is full. Tokens must have
  // been found right before. Throws Failure(kCycles) when time exceeds what the program declares.
  void Put(size_t record, const Footprint& footprint, const Span* spans);

  // Runs to the end. The cycles of the whole program.
  uint64_t Finish();

  const std::vector<Figures>& figures() const { return figures_; }

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};

  struct Entry {
    size_t record;
    uint64_t arrival;
    const Footprint* footprint;
    std::array<Span, kMaxReaches> spans;
  };

  // One direction of the DMA engine. Bytes are counted in halves, for bandwidth that is shared.
  struct Transfer {
    bool active = false;
    Entry entry{};
    uint64_t start = 0, left = 0, least_end = 0;
  };

  struct Flying {
    uint64_t done;
    size_t count;
    std::array<Span, kMaxReaches> spans;
  };

  void Advance(uint64_t until);
  uint64_t NextEvent() const;
  void Drain(uint64_t to);
  void EndTransfers();
  void StartHeads();
  void StartTransfer(Queue queue);
  void Issue();
  void TakeTokens(const Footprint& footprint);
  void Complete(const Entry& entry, uint64_t done);
  uint64_t TokensReady(Queue queue) const;
  uint64_t ComputeReady() const;
  uint64_t Conflict(const Entry& entry) const;
  uint64_t Rate(Queue queue) const;
  uint64_t TransferEnd(Queue queue) const;

  const Program& program_;
  const Hardware& hardware_;
  uint64_t now_ = 0, front_ = 0;
  std::array<std::deque<Entry>, kQueues> waiting_;
  std::array<Transfer, kQueues> transfers_;  // kComputeQueue's is never active
  std::array<std::array<std::deque<uint64_t>, kQueues>, kQueues> tokens_;
  std::array<uint64_t, 2> unit_free_{};  // vector, matrix
  uint64_t next_issue_ = 0, head_ready_ = 0;
  bool head_known_ = false;
  std::array<uint64_t, kQueues> all_done_{};  // of each queue: when all that began are done
  std::vector<Flying> flying_;
  std::vector<uint64_t> last_;  // of each composite: its last completion
  std::vector<Figures> figures_;
};

}  // namespace npu

#endif  // NPU_TIMING_H_
