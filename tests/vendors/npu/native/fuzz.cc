// A coverage-guided fuzzer of programs: `fuzz COUNT SEED CRASH SEEDS...`.
//
// The simulator's sources are compiled under the address and undefined-behaviour sanitizers: a
// program that is not refused is run, on memory of no more than its own. What must hold: no crash,
// no exception but Failure, no run of more than 20 seconds; figures add up and are within what the
// program declares; and the same program gives the same bytes again. A program that breaks this is
// left in the file CRASH.
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "coverage.h"
#include "mutate.h"
#include "session.h"

using npu_test::Bytes;

namespace {

constexpr uint64_t kMaxTensor = 1 << 16;  // bytes of inputs and outputs that are run on

Bytes current;
const char* crash_file = nullptr;
std::map<std::string, size_t> refused;
size_t ran = 0;

void SaveCurrent() {
  std::ofstream(crash_file, std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()),
             static_cast<std::streamsize>(current.size()));
}

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "%s; the program is in %s\n", what, crash_file);
  SaveCurrent();
  std::_Exit(1);
}

void CheckReport(const npu::Session& session) {
  const npu::Report& report = session.report();
  uint64_t cycles = 0;
  for (const npu::Figures& figures : report.figures) cycles += figures.cycles;
  if (cycles != report.cycles) Broken("the cycles of composites do not add up");
  if (report.cycles > session.program().cycles || report.steps > session.program().steps)
    Broken("a program took more than it declared");
  if (report.high_water > session.program().hardware.scratchpad)
    Broken("the high-water mark is beyond the scratchpad");
  npu::ReportJson(session.program(), report);
}

// Tensors of exactly the I/O table's bytes.
std::vector<Bytes> Tensors(const std::vector<npu::Port>& ports) {
  std::vector<Bytes> tensors;
  for (const npu::Port& port : ports) {
    Bytes bytes(port.bytes);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31 + 5);
    tensors.push_back(std::move(bytes));
  }
  return tensors;
}

std::vector<Bytes> Run(npu::Session& session) {
  std::vector<Bytes> inputs = Tensors(session.program().inputs);
  std::vector<Bytes> outputs = Tensors(session.program().outputs);
  std::vector<const uint8_t*> from;
  std::vector<uint8_t*> to;
  for (const Bytes& each : inputs) from.push_back(each.data());
  for (Bytes& each : outputs) to.push_back(each.data());
  session.Run(from.data(), to.data());
  return outputs;
}

bool Large(const std::vector<npu::Port>& ports) {
  uint64_t bytes = 0;
  for (const npu::Port& port : ports) bytes += std::min(port.bytes, kMaxTensor);
  return bytes >= kMaxTensor;
}

void Simulate(const Bytes& program) {
  const Bytes& constants = npu_test::Constants();
  npu::Session session(program.data(), program.size(), constants.data(), constants.size());
  CheckReport(session);
  if (Large(session.program().inputs) || Large(session.program().outputs)) return;
  const std::vector<Bytes> made = Run(session);
  if (++ran % 8 == 0 && made != Run(session)) Broken("a program gave other bytes the second time");
}

bool Execute() {
  // As large as the program, so that the sanitizer sees what is read behind it.
  const Bytes program(current);
  alarm(20);
  byoc_test::StartCounting();
  try {
    Simulate(program);
  } catch (const npu::Failure& failure) {
    ++refused[npu::KindName(failure.kind())];
  } catch (const std::exception& error) {
    Broken(error.what());
  }
  byoc_test::StopCounting();
  return byoc_test::TakesNewEdge();
}

Bytes ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return Bytes(text.begin(), text.end());
}

void Print(long count, size_t seeds_ran, size_t corpus, size_t edges_of_seeds) {
  std::printf("{\"programs\": %ld, \"seeds_ran\": %zu, \"corpus\": %zu, \"ran\": %zu, ", count,
              seeds_ran, corpus, ran);
  std::printf("\"edges_of_seeds\": %zu, \"edges\": %zu", edges_of_seeds, byoc_test::EdgesTaken());
  for (const auto& [kind, times] : refused) std::printf(", \"%s\": %zu", kind.c_str(), times);
  std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const long count = std::atol(argv[1]);
  npu_test::Mutator mutator(static_cast<unsigned>(std::atol(argv[2])));
  crash_file = argv[3];
  __sanitizer_set_death_callback(SaveCurrent);
  std::signal(SIGALRM, [](int) { Broken("a program took more than 20 seconds"); });
  std::vector<Bytes> corpus;
  for (int i = 4; i < argc; ++i) {
    current = ReadFile(argv[i]);
    Execute();
    corpus.push_back(current);
  }
  const size_t seeds_ran = ran, edges = byoc_test::EdgesTaken();
  for (long i = 0; i < count; ++i) {
    current = mutator.Next(corpus);
    const size_t before = ran;
    // What runs leads on; of what is refused, only what no seed was refused for.
    const bool found = Execute();
    if (found && ran > before) corpus.push_back(current);
  }
  Print(count, seeds_ran, corpus.size(), edges);
  return 0;
}
