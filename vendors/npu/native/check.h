// Everything about a program but data: found once, when it is opened.
#ifndef NPU_CHECK_H_
#define NPU_CHECK_H_

#include <string>
#include <vector>

#include "program.h"
#include "timing.h"

namespace npu {

struct Report {
  uint64_t cycles = 0, steps = 0;
  uint64_t high_water = 0;       // bytes of the scratchpad up to the last that is touched
  std::vector<Figures> figures;  // of each composite
};

// Walks a program once: that every access of every dynamic instruction is within its space, that
// tokens order what queues share, how long it takes. What passes may be run in program order.
// Throws Failure, naming the record.
Report Check(const Program& program);

// Text about a failure: its words after the record that they are of.
std::string Explain(const Program& program, const Failure& failure);

// The report with names, as a JSON object; simulate.Report says what is in it.
std::string ReportJson(const Program& program, const Report& report);

// A JSON string, with its quotes.
std::string Quoted(const std::string& text);

}  // namespace npu

#endif  // NPU_CHECK_H_
