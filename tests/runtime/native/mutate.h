// Mutations of containers: of their bytes, and of the JSON within with the hashes put right again.
#ifndef BYOC_TESTS_MUTATE_H_
#define BYOC_TESTS_MUTATE_H_

#include <random>
#include <vector>

#include "build.h"

namespace byoc_test {

struct Corpus {
  std::vector<Bytes> all;
  std::vector<size_t> loading;  // which of them are containers that load
};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  // A few mutations of one of the corpus, every other time of one that loads; three times in four
  // with all lengths and hashes put right.
  Bytes Next(const Corpus& corpus);

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  void MutateBytes(Bytes& bytes);
  void MutateJson(std::string& text, const Corpus& corpus);
  const Bytes& Choose(const Corpus& corpus);

  std::mt19937 random_;
};

// The manifest of a container as far as its header can be believed.
std::string ManifestOf(const Bytes& bytes);

}  // namespace byoc_test

#endif  // BYOC_TESTS_MUTATE_H_
