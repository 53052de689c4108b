// Copying a strided tensor into another.
#ifndef BYOC_RUNTIME_COPY_H_
#define BYOC_RUNTIME_COPY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace byoc {

// Bytes and strides (in elements) of one side of a copy.
struct Strided {
  uint8_t* data;
  std::vector<int64_t> strides;
};

// Copy all elements of `item` bytes (1, 2, 4, 8 or 16) from one tensor of the shape into another.
// Strides may be negative; those of `to` name each element once.
void CopyStrided(size_t item, const std::vector<int64_t>& shape, const Strided& from,
                 const Strided& to);

}  // namespace byoc

#endif  // BYOC_RUNTIME_COPY_H_
