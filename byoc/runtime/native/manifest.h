// What the runtime reads of an artefact's manifest (byoc/manifest.py says what each field means).
#ifndef BYOC_RUNTIME_MANIFEST_H_
#define BYOC_RUNTIME_MANIFEST_H_

#include <dlpack/dlpack.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byoc {

// An extent of a port's shape.
struct Extent {
  enum Kind { kFixed, kSymbol, kAny };  // kAny: unknown, or an expression
  Kind kind = kAny;
  int64_t value = 0;  // kFixed: the extent; kSymbol: its index in Entry::symbols
};

struct Port {
  std::string name;
  std::string dtype_name;
  DLDataType dtype{};
  size_t item = 0;  // bytes of an element
  bool ranked = false;
  std::vector<Extent> shape;
  size_t alignment = 1;
  std::vector<int> order;  // empty: the driver's axes are the segment's
};

struct Entry {
  std::string name;
  std::string vendor;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<std::string> symbols;
  std::vector<std::pair<std::string, size_t>>
      parts;  // by name; the index of each in Manifest::parts
  std::string compat;
  bool returns = false;   // the convention is "returns"
  bool fallback = false;  // host code calls `name.try`
  std::string json;       // the entry as it stands in the manifest
};

struct PartEntry {
  std::string sha256;
  uint64_t offset = 0;  // from where the first part may begin
  uint64_t bytes = 0;
};

struct Manifest {
  std::vector<Entry> segments;
  std::vector<PartEntry> parts;
};

// Parse the JSON. Throws Failure(kArtefact) for anything but a manifest of a format this runtime
// reads.
Manifest ReadManifest(std::string_view text);

}  // namespace byoc

#endif  // BYOC_RUNTIME_MANIFEST_H_
