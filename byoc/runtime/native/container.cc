#include "container.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <string>

#include "failure.h"
#include "sha256.h"

namespace byoc {
namespace {

constexpr char kMagic[8] = {'B', 'Y', 'O', 'C', 'S', 'E', 'G', 1};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 64;
constexpr size_t kAlign = 64;
constexpr uint64_t kLongestManifest = uint64_t{64} << 20;

[[noreturn]] void Corrupt(const std::string& words) {
  throw Failure(Fault::kArtefact, "the blobs of the artefact are corrupt: " + words);
}

uint64_t LittleEndian(const uint8_t* data, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= uint64_t{data[i]} << (8 * i);
  return value;
}

struct Header {
  uint64_t manifest_bytes;
  const uint8_t* manifest_sha256;
};

Header ReadHeader(const uint8_t* data, size_t size) {
  if (size < kHeader) {
    Corrupt(std::to_string(size) + " bytes, where the header alone has 64");
  }
  if (std::memcmp(data, kMagic, sizeof(kMagic)) != 0) Corrupt("they do not begin with BYOCSEG");
  const uint64_t version = LittleEndian(data + 8, 4);
  if (version != kVersion) {
    throw Failure(Fault::kArtefact, "the blobs of the artefact are of format " +
                                        std::to_string(version) +
                                        ", this byoc reads format 1: compile the model again");
  }
  if (LittleEndian(data + 12, 4) != 0) Corrupt("reserved bytes of the header are set");
  const uint64_t length = LittleEndian(data + 56, 8);
  if (length != size) {
    Corrupt("there are " + std::to_string(size) + " bytes, the header says " +
            std::to_string(length));
  }
  const uint64_t manifest = LittleEndian(data + 16, 8);
  if (manifest > size - kHeader || manifest > kLongestManifest) {
    Corrupt("the manifest cannot have " + std::to_string(manifest) + " bytes");
  }
  return {manifest, data + 24};
}

void CheckZeros(const uint8_t* data, uint64_t begin, uint64_t end) {
  const uint8_t* set = std::find_if(data + begin, data + end, [](uint8_t b) { return b != 0; });
  if (set != data + end) Corrupt("byte " + std::to_string(set - data) + ", of no part, is set");
}

Part Locate(const Container& container, uint64_t base, size_t index) {
  const PartEntry& entry = container.manifest.parts[index];
  const uint64_t room = container.size - base;
  const std::string which = "part " + std::to_string(index);
  if (entry.offset % kAlign != 0) Corrupt(which + " does not begin at a multiple of 64");
  if (entry.offset > room || entry.bytes > room - entry.offset) {
    Corrupt(which + " reaches beyond the end");
  }
  return {container.bytes.get() + base + entry.offset, entry.bytes};
}

// Parts must not overlap, and what lies between them must be zero: so that every byte is held by
// some check.
void CheckGaps(const Container& container) {
  const std::vector<Part>& parts = container.parts;
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parts[a].data < parts[b].data; });
  uint64_t end = kHeader + container.manifest_text.size();
  for (size_t index : order) {
    const uint64_t begin = static_cast<uint64_t>(parts[index].data - container.bytes.get());
    if (begin < end && parts[index].bytes != 0) {
      Corrupt("part " + std::to_string(index) + " overlaps another");
    }
    if (begin > end) CheckZeros(container.bytes.get(), end, begin);
    end = std::max(end, begin + parts[index].bytes);
  }
  CheckZeros(container.bytes.get(), end, container.size);
}

void CheckDigests(const Container& container) {
  for (size_t i = 0; i < container.parts.size(); ++i) {
    const std::string found = Hex(Sha256(container.parts[i].data, container.parts[i].bytes));
    if (found != container.manifest.parts[i].sha256) {
      Corrupt("part " + std::to_string(i) + " has SHA-256 " + found + ", the manifest says " +
              container.manifest.parts[i].sha256);
    }
  }
}

}  // namespace

Buffer Allocate(size_t bytes, size_t alignment) {
  const size_t unit = std::max(alignment, kAlign);
  const size_t rounded = (std::max<size_t>(bytes, 1) + unit - 1) / unit * unit;
  void* memory = rounded < bytes ? nullptr : std::aligned_alloc(unit, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return Buffer(static_cast<uint8_t*>(memory));
}

Container ReadContainer(const uint8_t* data, size_t size) {
  ReadHeader(data, size);
  Container container;
  container.bytes = Allocate(size);
  container.size = size;
  std::memcpy(container.bytes.get(), data, size);
  const Header header = ReadHeader(container.bytes.get(), size);
  const uint8_t* manifest = container.bytes.get() + kHeader;
  const Digest found = Sha256(manifest, header.manifest_bytes);
  if (!std::equal(found.begin(), found.end(), header.manifest_sha256)) {
    Corrupt("the manifest's SHA-256 is not the header's");
  }
  container.manifest_text = {reinterpret_cast<const char*>(manifest), header.manifest_bytes};
  container.manifest = ReadManifest(container.manifest_text);
  const uint64_t base = (kHeader + header.manifest_bytes + kAlign - 1) / kAlign * kAlign;
  if (base > size && !container.manifest.parts.empty()) Corrupt("there is no room for the parts");
  for (size_t i = 0; i < container.manifest.parts.size(); ++i) {
    container.parts.push_back(Locate(container, base, i));
  }
  CheckGaps(container);
  CheckDigests(container);
  return container;
}

}  // namespace byoc
