#include "races.h"

#include <algorithm>
#include <iterator>

namespace npu {
namespace {

// Runs of lines that are looked at in all: some seconds.
constexpr uint64_t kMaxVisits = uint64_t{1} << 27;

// Makes a run begin at `line`.
template <class Lines>
typename Lines::iterator Split(Lines& lines, uint64_t line) {
  auto after = lines.lower_bound(line);
  if (after != lines.end() && after->first == line) return after;
  return lines.emplace_hint(after, line, std::prev(after)->second);
}

}  // namespace

Races::Races(const Program& program) : program_(program), outputs_(program.outputs.size()) {
  sp_[0] = tmp_[0] = {};
  for (Lines& lines : outputs_) lines[0] = {};
}

Races::Lines& Races::LinesOf(const Span& span) {
  return span.space == kSp ? sp_ : span.space == kTmp ? tmp_ : outputs_[span.index];
}

std::string Races::Describe(size_t record, Queue queue) const {
  const Head head = program_.records[record].head();
  return "record " + std::to_string(record) + " (" + OpcodeName(head.opcode) +
         ", composite '" + program_.composites[head.composite].name + "') in queue " +
         QueueName(queue);
}

void Races::Take(size_t record, const Footprint& footprint, const Span* spans) {
  const Queue queue = footprint.queue;
  Clock& clock = clocks_[queue];
  for (int other = 0; other < kQueues; ++other) {
    if ((footprint.tokens & (1u << other)) == 0) continue;
    auto& tokens = tokens_[other][queue];
    if (tokens.empty())
      throw Failure(Kind::kDeadlock,
                    std::string("waits for a token of queue ") +
                        QueueName(static_cast<Queue>(other)) +
                        ", and all that were sent before are taken",
                    record);
    for (size_t i = 0; i < kQueues; ++i)
      clock[i] = std::max(clock[i], tokens.front().first[i]);
    tokens.pop_front();
  }
  ++clock[queue];
  for (size_t i = 0; i < footprint.count; ++i) {
    const Space space = spans[i].space;
    if (space == kSp || space == kTmp || space == kOut) Claim(record, queue, spans[i]);
  }
  for (size_t other = 0; other < kQueues; ++other) {
    if ((footprint.tokens & (1u << (other + kSignal))) != 0)
      tokens_[queue][other].emplace_back(clock, record);
  }
}

void Races::Claim(size_t record, Queue queue, const Span& span) {
  Lines& lines = LinesOf(span);
  const uint64_t first = span.first / kLine, end = (span.end - 1) / kLine + 1;
  const auto begin = Split(lines, first);
  const auto stop = Split(lines, end);
  const Mark mark{clocks_[queue][queue], static_cast<uint32_t>(record)};
  for (auto run = begin; run != stop; ++run) {
    if (++visits_ > kMaxVisits)
      throw Failure(Kind::kLimit, "touches lines in too many pieces to look for races", record);
    State& state = run->second;
    CheckOrder(record, queue, span, run->first, state.writer_queue, state.writer, true);
    for (int other = 0; span.write && other < kQueues; ++other)
      CheckOrder(record, queue, span, run->first, static_cast<Queue>(other),
                 state.readers[static_cast<size_t>(other)], false);
    if (!span.write) state.readers[queue] = mark;
  }
  if (span.write) {
    lines.erase(std::next(begin), stop);
    begin->second = {queue, mark, {}};
    return;
  }
  for (auto run = begin; run != stop;) {
    const auto next = std::next(run);
    if (run != lines.begin() && std::prev(run)->second == run->second) lines.erase(run);
    run = next;
  }
}

void Races::CheckOrder(size_t record, Queue queue, const Span& span, uint64_t line, Queue other,
                       const Mark& mark, bool wrote) const {
  if (other == queue || mark.clock <= clocks_[queue][other]) return;
  std::string where = SpaceName(span.space);
  if (span.space == kOut) where += std::to_string(span.index);
  throw Failure(Kind::kRace,
                std::string("in queue ") + QueueName(queue) +
                    (span.write ? " writes" : " reads") + " line " + std::to_string(line) + " of " +
                    where + ", which " + Describe(mark.record, other) +
                    (wrote ? " writes" : " reads") + "; no tokens order them",
                record);
}

void Races::Finish() const {
  for (int from = 0; from < kQueues; ++from) {
    for (int to = 0; to < kQueues; ++to) {
      const auto& left = tokens_[static_cast<size_t>(from)][static_cast<size_t>(to)];
      if (left.empty()) continue;
      const size_t record = left.front().second;
      throw Failure(Kind::kTokens,
                    std::string("sends a token to queue ") + QueueName(static_cast<Queue>(to)) +
                        " that nothing takes; " + std::to_string(left.size()) + " from queue " +
                        QueueName(static_cast<Queue>(from)) + " are left",
                    record);
    }
  }
}

}  // namespace npu
