#include "coverage.h"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <iterator>

extern "C" const char __executable_start;

namespace byoc_test {
namespace {

constexpr size_t kEdges = 1 << 16;
uint8_t counts[kEdges];
size_t last_block = 0;
bool counting = false;

// Edges taken so far, each with the order of magnitude of how often.
std::bitset<kEdges * 8> seen;

void Count(size_t block) {
  uint8_t& count = counts[(block ^ (last_block << 1)) % kEdges];
  if (count != 255) ++count;
  last_block = block;
}

}  // namespace

void StartCounting() {
  std::fill(std::begin(counts), std::end(counts), uint8_t{0});
  last_block = 0;
  counting = true;
}

void StopCounting() { counting = false; }
void GoOnCounting() { counting = true; }

bool TakesNewEdge() {
  bool found = false;
  for (size_t i = 0; i < kEdges; ++i) {
    if (i % 8 == 0) {
      uint64_t eight;
      std::memcpy(&eight, counts + i, 8);
      if (eight == 0) {
        i += 7;
        continue;
      }
    }
    if (counts[i] == 0) continue;
    size_t magnitude = 0;
    while (magnitude < 7 && (counts[i] >> (magnitude + 1)) != 0) ++magnitude;
    found |= !seen[i * 8 + magnitude];
    seen[i * 8 + magnitude] = true;
  }
  return found;
}

size_t EdgesTaken() { return seen.count(); }

// Called at every edge of the instrumented sources.
extern "C" void __sanitizer_cov_trace_pc() {
  if (counting)
    Count(reinterpret_cast<size_t>(__builtin_return_address(0)) -
          reinterpret_cast<size_t>(&__executable_start));
}

}  // namespace byoc_test
