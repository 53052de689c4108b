// Segment: one vendor segment of a loaded artefact, called by host code.
#ifndef BYOC_RUNTIME_SEGMENT_H_
#define BYOC_RUNTIME_SEGMENT_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "check.h"
#include "pool.h"

namespace byoc {

// Always on, and cheap: no order between them is promised while calls run.
struct Counters {
  std::atomic<uint64_t> calls{0}, ns{0}, bytes_in{0}, bytes_out{0}, copies{0}, copied_bytes{0},
      fallbacks{0}, failures{0};
};

class Segment {
 public:
  // `entry` and whatever `open` uses must live as long as the segment.
  Segment(const Entry& entry, Opener open) : entry_(entry), open_(std::move(open)) {}
  ~Segment();

  const Entry& entry() const { return entry_; }

  // Convention "dps": inputs, then outputs. Throws Failure: kInput, or kDriver naming segment,
  // vendor and the driver's words.
  void Run(const std::vector<Argument>& arguments);

  // As Run, for host code that has a fallback: false when the driver failed, which is counted and,
  // once, said.
  bool Try(const std::vector<Argument>& arguments);

  // Convention "returns": inputs alone. Throws as Run.
  std::vector<OwnedTensor> RunReturning(const std::vector<Argument>& arguments);

  // JSON object: byoc.stats of this segment.
  std::string Stats();

  // Counters at zero, failures forgotten.
  void Reset();

  // Close the executors; the next call opens anew.
  void Close();

 private:
  // What a process has of a segment. After a fork the child makes its own and never touches the
  // parent's, whose locks may be held by threads that are no more.
  struct State {
    State(uint64_t generation_, const Opener& open) : generation(generation_), pool(open) {}
    const uint64_t generation;
    Pool pool;
    Counters counters;
    std::mutex mutex;
    std::string last_error;
    bool said = false;
  };

  State& Here();
  void Remember(State& state, const std::string& words);
  void RunChecked(State& state, const std::vector<Argument>& arguments);

  const Entry& entry_;
  const Opener open_;
  std::atomic<State*> state_{nullptr};
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_SEGMENT_H_
