#include "timing.h"

#include <algorithm>

#include "numbers.h"

namespace npu {
namespace {

bool Meet(const Span& a, const Span& b) {
  return (a.write || b.write) && a.space == b.space && a.first < b.end && b.first < a.end;
}

}  // namespace

Timing::Timing(const Program& program)
    : program_(program),
      hardware_(program.hardware),
      last_(program.composites.size()),
      figures_(program.composites.size()) {}

void Timing::Put(size_t record, const Footprint& footprint, const Span* spans) {
  auto& queue = waiting_[footprint.queue];
  Advance(front_);
  while (queue.size() >= hardware_.queue) {
    front_ = std::max(front_, NextEvent());
    Advance(front_);
  }
  Entry entry{record, front_ + 1, &footprint, {}};
  std::copy_n(spans, footprint.count, entry.spans.begin());
  queue.push_back(entry);
  ++front_;
}

uint64_t Timing::Finish() {
  for (uint64_t next = NextEvent(); next != kNever; next = NextEvent()) Advance(next);
  uint64_t before = 0;
  for (size_t i = 0; i < figures_.size(); ++i) {
    figures_[i].cycles = std::max(last_[i], before) - before;
    before = std::max(last_[i], before);
  }
  return before;
}

// Everything that happens at `until` or before.
void Timing::Advance(uint64_t until) {
  for (uint64_t next = NextEvent(); next <= until; next = NextEvent()) {
    Drain(next);
    EndTransfers();
    StartHeads();
  }
  Drain(until);
}

uint64_t Timing::NextEvent() const {
  uint64_t next = ComputeReady();
  for (Queue queue : {kLoadQueue, kStoreQueue}) {
    if (transfers_[queue].active) {
      next = std::min(next, TransferEnd(queue));
    } else if (!waiting_[queue].empty()) {
      next = std::min(next, std::max(waiting_[queue].front().arrival, TokensReady(queue)));
    }
  }
  return next == kNever ? next : std::max(next, now_);
}

// Half bytes a cycle that a direction moves: all it can, and at most half of the bandwidth or what
// the other leaves while that moves as well.
uint64_t Timing::Rate(Queue queue) const {
  const bool load = queue == kLoadQueue;
  const uint64_t own = 2 * uint64_t{load ? hardware_.load_bandwidth : hardware_.store_bandwidth};
  const uint64_t other = 2 * uint64_t{load ? hardware_.store_bandwidth : hardware_.load_bandwidth};
  const uint64_t all = 2 * uint64_t{hardware_.bandwidth}, half = hardware_.bandwidth;
  const Transfer& beside = transfers_[load ? kStoreQueue : kLoadQueue];
  if (!beside.active || beside.left == 0) return std::min(own, all);
  return std::min(own, other < half ? all - other : half);
}

// When the bytes are through, or the other direction's are and rates change; the scratchpad may
// need longer.
uint64_t Timing::TransferEnd(Queue queue) const {
  const Transfer& transfer = transfers_[queue];
  if (transfer.left == 0) return transfer.least_end;
  return now_ + Parts(transfer.left, Rate(queue));
}

void Timing::Drain(uint64_t to) {
  if (to <= now_) return;
  const uint64_t rates[] = {Rate(kLoadQueue), 0, Rate(kStoreQueue)};
  for (Queue queue : {kLoadQueue, kStoreQueue}) {
    Transfer& transfer = transfers_[queue];
    transfer.left -= std::min(transfer.left, Times(rates[queue], to - now_));
  }
  now_ = to;
}

void Timing::EndTransfers() {
  for (Queue queue : {kLoadQueue, kStoreQueue}) {
    Transfer& transfer = transfers_[queue];
    if (!transfer.active || transfer.left != 0 || transfer.least_end > now_) continue;
    transfer.active = false;
    const bool load = queue == kLoadQueue;
    const Footprint& footprint = *transfer.entry.footprint;
    Figures& figures = figures_[footprint.composite];
    (load ? figures.load : figures.store) += now_ - transfer.start;
    (load ? figures.bytes_in : figures.bytes_out) += footprint.bytes;
    Complete(transfer.entry, now_ + (load ? hardware_.load_latency : hardware_.store_latency));
  }
}

void Timing::StartHeads() {
  for (Queue queue : {kLoadQueue, kStoreQueue}) {
    if (transfers_[queue].active || waiting_[queue].empty()) continue;
    if (std::max(waiting_[queue].front().arrival, TokensReady(queue)) <= now_)
      StartTransfer(queue);
  }
  if (!waiting_[kComputeQueue].empty() && !head_known_) {
    const Entry& entry = waiting_[kComputeQueue].front();
    head_ready_ = std::max({entry.arrival, next_issue_,
                            unit_free_[entry.footprint->matrix ? 1 : 0], Conflict(entry)});
    head_known_ = true;
  }
  if (ComputeReady() <= now_) Issue();
}

uint64_t Timing::TokensReady(Queue queue) const {
  uint64_t ready = 0;
  for (int other = 0; other < kQueues; ++other) {
    if ((waiting_[queue].front().footprint->tokens & (1u << other)) == 0) continue;
    const auto& tokens = tokens_[static_cast<size_t>(other)][queue];
    ready = std::max(ready, tokens.empty() ? kNever : tokens.front());
  }
  return ready;
}

// When the head of the compute queue may issue, as far as is known: its tokens may not be sent yet.
uint64_t Timing::ComputeReady() const {
  if (waiting_[kComputeQueue].empty()) return kNever;
  const uint64_t known = head_known_ ? head_ready_ : waiting_[kComputeQueue].front().arrival;
  return std::max(known, TokensReady(kComputeQueue));
}

// When the last of what is in flight and meets `entry` is done.
uint64_t Timing::Conflict(const Entry& entry) const {
  uint64_t ready = 0;
  for (const Flying& flying : flying_) {
    for (size_t i = 0; i < flying.count; ++i) {
      for (size_t j = 0; j < entry.footprint->count; ++j) {
        if (Meet(flying.spans[i], entry.spans[j])) ready = std::max(ready, flying.done);
      }
    }
  }
  return ready;
}

void Timing::TakeTokens(const Footprint& footprint) {
  for (size_t other = 0; other < kQueues; ++other) {
    if ((footprint.tokens & (1u << other)) != 0) tokens_[other][footprint.queue].pop_front();
  }
}

void Timing::StartTransfer(Queue queue) {
  Transfer& transfer = transfers_[queue];
  transfer.active = true;
  transfer.entry = waiting_[queue].front();
  waiting_[queue].pop_front();
  const Footprint& footprint = *transfer.entry.footprint;
  TakeTokens(footprint);
  transfer.start = now_;
  transfer.left = Times(2, footprint.bytes);
  transfer.least_end = Plus(now_, footprint.busy);
}

void Timing::Issue() {
  const Entry entry = waiting_[kComputeQueue].front();
  waiting_[kComputeQueue].pop_front();
  head_known_ = false;
  const Footprint& footprint = *entry.footprint;
  TakeTokens(footprint);
  Figures& figures = figures_[footprint.composite];
  const uint64_t idle = std::max({entry.arrival, unit_free_[0], unit_free_[1]});
  if (now_ > idle) figures.stall += now_ - idle;
  (footprint.matrix ? figures.matrix : figures.vector) += footprint.busy;
  figures.macs += footprint.macs;
  next_issue_ = now_ + 1;
  unit_free_[footprint.matrix ? 1 : 0] = Plus(now_, footprint.busy);
  const uint64_t done =
      Plus(now_ + (footprint.matrix ? hardware_.matrix_latency : hardware_.vector_latency),
           footprint.busy);
  flying_.erase(std::remove_if(flying_.begin(), flying_.end(),
                               [&](const Flying& each) { return each.done <= now_; }),
                flying_.end());
  flying_.push_back({done, footprint.count, entry.spans});
  Complete(entry, done);
}

// A queue's tokens are sent in its order: when an instruction and all before it are done.
void Timing::Complete(const Entry& entry, uint64_t done) {
  const Footprint& footprint = *entry.footprint;
  if (done > program_.cycles)
    throw Failure(Kind::kCycles,
                  "would be done in cycle " + std::to_string(done) + "; the program declares " +
                      std::to_string(program_.cycles),
                  entry.record);
  last_[footprint.composite] = std::max(last_[footprint.composite], done);
  uint64_t& all_done = all_done_[footprint.queue];
  all_done = std::max(all_done, done);
  for (size_t other = 0; other < kQueues; ++other) {
    if ((footprint.tokens & (1u << (other + kSignal))) != 0)
      tokens_[footprint.queue][other].push_back(all_done);
  }
}

}  // namespace npu
