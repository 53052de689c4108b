// Edges of sources that are compiled with -fsanitize-coverage=trace-pc, for fuzzers.
#ifndef BYOC_TESTS_COVERAGE_H_
#define BYOC_TESTS_COVERAGE_H_

#include <cstddef>

namespace byoc_test {

// Forgets the edges of the input before, and counts from now on.
void StartCounting();

void StopCounting();
void GoOnCounting();

// Whether the input took an edge that none before it took, or took one more often by an order of
// magnitude.
bool TakesNewEdge();

// All edges so far, each as often as it came with another order of magnitude.
size_t EdgesTaken();

}  // namespace byoc_test

#endif  // BYOC_TESTS_COVERAGE_H_
