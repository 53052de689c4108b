#include "process.h"

#include <pthread.h>
#include <sys/utsname.h>

#include <cstdio>

#include "json_text.h"

namespace byoc {
namespace {

std::atomic<uint64_t> generation{0};

[[maybe_unused]] const int watching =
    pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });

// Never destroyed: drivers may log while the process ends.
Shared<Sink>& Sinks() {
  static auto* sinks = new Shared<Sink>();
  return *sinks;
}

}  // namespace

uint64_t ForkGeneration() { return generation.load(std::memory_order_relaxed); }

std::string ThisMachine() {
  utsname names{};
  uname(&names);
  return "{\"machine\":" + Quoted(names.machine) + ",\"system\":" + Quoted(names.sysname) + "}";
}

void Log(Level level, const std::string& line) {
  const Sink* sink = Sinks().Get();
  if (sink != nullptr && *sink) {
    (*sink)(level, line);
  } else if (level >= Level::kWarning) {
    std::fprintf(stderr, "byoc: %s\n", line.c_str());
  }
}

void SetLog(Sink sink) {
  Sinks().Update([&](Sink& current) { current = sink; });
}

}  // namespace byoc
