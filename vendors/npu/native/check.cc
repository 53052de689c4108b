#include "check.h"

#include <algorithm>

#include "numbers.h"
#include "walk.h"

namespace npu {
namespace {

// The span of one operand. Throws Failure(kBounds) unless it is within its space.
Span Resolve(const Program& program, const Walker& walker, const Reach& reach) {
  const Wide address = walker.Address(reach.at);
  const Wide first = address + reach.low, end = address + reach.high;
  const uint64_t size = program.SizeOf(reach.at, walker.record());
  if (first < 0 || end > static_cast<Wide>(size)) {
    const char* unit = reach.at.space == kAcc ? "rows" : "bytes";
    std::string where = SpaceName(reach.at.space);
    if (reach.at.space == kIn || reach.at.space == kOut) where += std::to_string(reach.at.index);
    const std::string address_text = std::to_string(walker.Address(reach.at));
    throw Failure(Kind::kBounds,
                  std::string(reach.write ? "writes " : "reads ") + unit + " " +
                      std::to_string(reach.low) + " to " + std::to_string(reach.high - 1) +
                      " from address " + address_text + " of " + where + ", which has " +
                      std::to_string(size),
                  walker.record());
  }
  return {reach.at.space, reach.at.index, reach.write, static_cast<uint64_t>(first),
          static_cast<uint64_t>(end)};
}

std::vector<Footprint> Footprints(const Program& program) {
  std::vector<Footprint> footprints(program.records.size());
  for (size_t i = 0; i < footprints.size(); ++i) {
    if (program.records[i].head().opcode >= Opcode::kLoad) footprints[i] = FootprintOf(program, i);
  }
  return footprints;
}

class Checker {
 public:
  explicit Checker(const Program& program)
      : program_(program),
        footprints_(Footprints(program)),
        walker_(program),
        races_(program),
        timing_(program) {}

  Report Run() {
    while (walker_.Next()) {
      if (++report_.steps > program_.steps)
        throw Failure(Kind::kSteps,
                      "is reached after the " + std::to_string(program_.steps) +
                          " steps that the program declares",
                      walker_.record());
      if (walker_.queued()) {
        Queued();
      } else {
        timing_.Control();
      }
    }
    races_.Finish();
    report_.cycles = timing_.Finish();
    report_.figures = timing_.figures();
    return std::move(report_);
  }

 private:
  void Queued() {
    const Footprint& footprint = footprints_[walker_.record()];
    Span spans[kMaxReaches];
    for (size_t i = 0; i < footprint.count; ++i) {
      spans[i] = Resolve(program_, walker_, footprint.reaches[i]);
      if (spans[i].space == kSp) report_.high_water = std::max(report_.high_water, spans[i].end);
    }
    races_.Take(walker_.record(), footprint, spans);
    timing_.Put(walker_.record(), footprint, spans);
  }

  const Program& program_;
  const std::vector<Footprint> footprints_;
  Walker walker_;
  Races races_;
  Timing timing_;
  Report report_;
};

}  // namespace

Report Check(const Program& program) { return Checker(program).Run(); }

std::string Explain(const Program& program, const Failure& failure) {
  std::string text = KindName(failure.kind()) + std::string(": ");
  if (failure.record() >= program.records.size()) return text + failure.words();
  const Head head = program.records[failure.record()].head();
  text += "record " + std::to_string(failure.record());
  if (const char* name = OpcodeName(head.opcode)) {
    text += std::string(" (") + name;
    if (head.opcode >= Opcode::kLoad && head.composite < program.composites.size())
      text += ", composite '" + program.composites[head.composite].name + "'";
    text += ")";
  }
  return text + " " + failure.words();
}

}  // namespace npu
