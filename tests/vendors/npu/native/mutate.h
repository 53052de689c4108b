// Mutations of programs: of fields, records and the header, with lengths and hashes put right
// again; now and then of bytes.
#ifndef NPU_TESTS_MUTATE_H_
#define NPU_TESTS_MUTATE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace npu_test {

using Bytes = std::vector<uint8_t>;

// What all programs of the fuzzer are given as constants.
const Bytes& Constants();

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  // A few mutations of one of the corpus.
  Bytes Next(const std::vector<Bytes>& corpus);

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool OneIn(size_t count) { return random_() % count == 0; }
  int64_t Number();
  void MutateHeader(Bytes& program);
  void MutatePort(Bytes& program);
  void MutateRecord(Bytes& program);
  void MutateAddress(uint8_t* at);
  void MutateRecords(Bytes& program, const Bytes& other);
  void MutateTokens(Bytes& program);
  void MutateBytes(Bytes& program);

  std::mt19937 random_;
};

}  // namespace npu_test

#endif  // NPU_TESTS_MUTATE_H_
