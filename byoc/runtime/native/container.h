// The container of an artefact's blobs: what a module of kind `byoc.segments` is saved as.
//
//    0   8 bytes magic "BYOCSEG\x01"
//    8   u32 format version = 1, u32 zero
//   16   u64 length of the manifest, then 32 bytes: its SHA-256
//   56   u64 length of the whole container
//   64   the manifest (JSON), then the parts at their offsets from the next multiple of 64; zeros
//   between
//
// All numbers are little endian.
#ifndef BYOC_RUNTIME_CONTAINER_H_
#define BYOC_RUNTIME_CONTAINER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "manifest.h"

namespace byoc {

struct Free {
  void operator()(uint8_t* bytes) const { std::free(bytes); }
};
using Buffer = std::unique_ptr<uint8_t[], Free>;

// Memory aligned to 64 bytes (or more). Throws std::bad_alloc.
Buffer Allocate(size_t bytes, size_t alignment = 64);

struct Part {
  const uint8_t* data;
  size_t bytes;
};

struct Container {
  Buffer bytes;
  size_t size = 0;
  std::string_view manifest_text;
  Manifest manifest;
  std::vector<Part> parts;  // as Manifest::parts; each aligned to 64 bytes
};

// Copy and verify: each byte of the container is checked before this returns. Throws
// Failure(kArtefact).
Container ReadContainer(const uint8_t* data, size_t size);

}  // namespace byoc

#endif  // BYOC_RUNTIME_CONTAINER_H_
