// Containers and tensors for tests.
#ifndef BYOC_TESTS_BUILD_H_
#define BYOC_TESTS_BUILD_H_

#include <dlpack/dlpack.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "container.h"
#include "segment.h"

namespace byoc_test {

using Bytes = std::vector<uint8_t>;

// A container of this manifest text and these parts, with right hashes in its header.
Bytes Pack(const std::string& manifest, const std::vector<std::string>& parts);

// The manifest of one segment `s` of vendor `test` with a part `payload`; the JSON of ports, and
// further fields to replace the defaults (`"fallback":true`).
std::string OneSegment(const std::string& payload, const std::string& inputs,
                       const std::string& outputs, const std::string& fields = "");

// `{"name":"x", ...}`; `shape` and `order` are JSON.
std::string PortJson(const std::string& name, const std::string& shape,
                     const std::string& order = "[]", const std::string& dtype = "float32",
                     int alignment = 64);

// A loaded container with its one segment, opened by the test driver.
struct Loaded {
  std::shared_ptr<const byoc::Container> container;
  std::unique_ptr<byoc::Segment> segment;
};
Loaded Load(const Bytes& bytes, const std::string& options = "{}");

// A float32 tensor of its own memory, numbered from 0 in row-major order; `offset` bytes from
// alignment, and with the axes lying in memory in the order `lying` ({} for row-major).
class Floats {
 public:
  explicit Floats(std::vector<int64_t> shape, size_t offset = 0, std::vector<int> lying = {});
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;

  float& At(const std::vector<int64_t>& index);
  DLTensor& tensor() { return tensor_; }
  byoc::Argument argument() const { return {&tensor_, nullptr}; }

  // Calls `f(index)` for each element, in row-major order.
  template <typename F>
  void ForEach(F f) const {
    std::vector<int64_t> index(shape_.size(), 0);
    for (int64_t n = byoc::Elements(tensor_); n > 0; --n) {
      f(index);
      for (size_t i = index.size(); i-- != 0;) {
        if (++index[i] < shape_[i]) break;
        index[i] = 0;
      }
    }
  }

 private:
  std::vector<int64_t> shape_, strides_;
  byoc::Buffer memory_;
  DLTensor tensor_{};
};

}  // namespace byoc_test

#endif  // BYOC_TESTS_BUILD_H_
