#include <algorithm>
#include <numeric>
#include <random>

#include "copy.h"
#include "expect.h"

namespace {

struct Case {
  std::vector<int64_t> shape;
  byoc::Strided from, to;
  std::vector<uint8_t> source, target, expected;
};

// Strides of a tensor whose axes lie in memory in random order, some with room between, some
// reversed.
std::vector<int64_t> Strides(const std::vector<int64_t>& shape, std::mt19937& random,
                             int64_t& first, int64_t& size) {
  std::vector<size_t> lying(shape.size());
  std::iota(lying.begin(), lying.end(), size_t{0});
  std::shuffle(lying.begin(), lying.end(), random);
  std::vector<int64_t> strides(shape.size());
  int64_t step = 1;
  first = 0;
  for (size_t axis : lying) {
    strides[axis] = step;
    const int64_t span = step * (shape[axis] - 1);
    step = step * shape[axis] + static_cast<int64_t>(random() % 3);
    if (random() % 4 == 0) {
      strides[axis] = -strides[axis];
      first += span;
    }
  }
  size = step;
  return strides;
}

void CopyOneByOne(Case& each, size_t item) {
  std::vector<int64_t> index(each.shape.size(), 0);
  for (;;) {
    int64_t from = 0, to = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      from += index[i] * each.from.strides[i];
      to += index[i] * each.to.strides[i];
    }
    const long size = static_cast<long>(item);
    uint8_t* target = each.expected.data() + (each.to.data - each.target.data()) + to * size;
    std::copy_n(each.from.data + from * size, item, target);
    size_t i = index.size();
    for (; i != 0 && ++index[i - 1] == each.shape[i - 1]; --i) index[i - 1] = 0;
    if (i == 0) return;
  }
}

}  // namespace

TEST(strided_copies_are_those_made_one_by_one) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const size_t item = size_t{1} << (random() % 5);
    Case each;
    for (size_t axes = random() % 5; axes != 0; --axes) {
      each.shape.push_back(random() % 10 == 0 ? 40 : 1 + static_cast<int64_t>(random() % 5));
    }
    int64_t from = 0, to = 0, source = 0, target = 0;
    each.from.strides = Strides(each.shape, random, from, source);
    each.to.strides = Strides(each.shape, random, to, target);
    each.source.resize(static_cast<size_t>(source) * item);
    for (uint8_t& byte : each.source) byte = static_cast<uint8_t>(random());
    each.target.assign(static_cast<size_t>(target) * item, 0);
    each.expected = each.target;
    each.from.data = each.source.data() + static_cast<size_t>(from) * item;
    each.to.data = each.target.data() + static_cast<size_t>(to) * item;
    CopyOneByOne(each, item);
    byoc::CopyStrided(item, each.shape, each.from, each.to);
    EXPECT(each.target == each.expected);
  }
}

TEST(nothing_is_copied_of_no_elements) {
  byoc::CopyStrided(4, {3, 0}, {nullptr, {0, 1}}, {nullptr, {0, 1}});
}
