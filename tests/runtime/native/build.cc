#include "build.h"

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "drivers.h"
#include "sha256.h"

namespace byoc_test {
namespace {

void Put(Bytes& bytes, size_t at, uint64_t value, int size) {
  for (int i = 0; i < size; ++i)
    bytes[at + static_cast<size_t>(i)] = static_cast<uint8_t>(value >> (8 * i));
}

std::string Digest(const std::string& text) {
  return byoc::Hex(byoc::Sha256(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace

Bytes Pack(const std::string& manifest, const std::vector<std::string>& parts) {
  size_t size = (64 + manifest.size() + 63) / 64 * 64;
  std::vector<size_t> places;
  for (const std::string& part : parts) {
    size = (size + 63) / 64 * 64;
    places.push_back(size);
    size += part.size();
  }
  Bytes bytes(size);
  std::memcpy(bytes.data(), "BYOCSEG\x01", 8);
  Put(bytes, 8, 1, 4);
  Put(bytes, 16, manifest.size(), 8);
  const byoc::Digest digest =
      byoc::Sha256(reinterpret_cast<const uint8_t*>(manifest.data()), manifest.size());
  std::copy(digest.begin(), digest.end(), bytes.begin() + 24);
  Put(bytes, 56, size, 8);
  std::copy(manifest.begin(), manifest.end(), bytes.begin() + 64);
  for (size_t i = 0; i < parts.size(); ++i) {
    std::copy(parts[i].begin(), parts[i].end(), bytes.begin() + static_cast<long>(places[i]));
  }
  return bytes;
}

std::string PortJson(const std::string& name, const std::string& shape, const std::string& order,
                     const std::string& dtype, int alignment) {
  return "{\"alignment\":" + std::to_string(alignment) + ",\"dtype\":\"" + dtype +
         "\",\"name\":\"" + name + "\",\"order\":" + order + ",\"shape\":" + shape + "}";
}

std::string OneSegment(const std::string& payload, const std::string& inputs,
                       const std::string& outputs, const std::string& fields) {
  std::string more = fields;
  const auto otherwise = [&](const char* key, const char* value) {
    const std::string quoted = std::string("\"") + key + "\":";
    if (fields.find(quoted) == std::string::npos)
      more += (more.empty() ? "" : ",") + quoted + value;
  };
  otherwise("compat", "\"\"");
  otherwise("convention", "\"dps\"");
  otherwise("fallback", "false");
  return "{\"byoc\":\"0\",\"format\":1,\"parts\":[{\"bytes\":" + std::to_string(payload.size()) +
         ",\"offset\":0,\"sha256\":\"" + Digest(payload) + "\"}],\"segments\":[{\"inputs\":[" +
         inputs + "],\"name\":\"s\",\"outputs\":[" + outputs +
         "],\"parts\":{\"payload\":0},\"vendor\":\"test\"," + more + "}]}";
}

Loaded Load(const Bytes& bytes, const std::string& options) {
  static const bool registered = [] {
    byoc::RegisterDriver("test", std::getenv("BYOC_TEST_DRIVER"));
    return true;
  }();
  static_cast<void>(registered);
  auto container =
      std::make_shared<const byoc::Container>(byoc::ReadContainer(bytes.data(), bytes.size()));
  const byoc::Entry& entry = container->manifest.segments.at(0);
  auto open = [container, &entry, options] {
    return byoc::OpenBlob({&entry, container.get(), options, "{}"}, container);
  };
  return {container, std::make_unique<byoc::Segment>(entry, open)};
}

Floats::Floats(std::vector<int64_t> shape, size_t offset, std::vector<int> lying)
    : shape_(std::move(shape)), strides_(shape_.size()) {
  if (lying.empty()) {
    lying.resize(shape_.size());
    std::iota(lying.begin(), lying.end(), 0);
  }
  int64_t elements = 1;
  for (size_t i = lying.size(); i-- != 0;) {
    const size_t axis = static_cast<size_t>(lying[i]);
    strides_[axis] = elements;
    elements *= shape_[axis];
  }
  memory_ = byoc::Allocate(static_cast<size_t>(elements) * 4 + offset);
  tensor_ = {memory_.get(),
             {kDLCPU, 0},
             static_cast<int32_t>(shape_.size()),
             {kDLFloat, 32, 1},
             shape_.data(),
             strides_.data(),
             offset};
  float next = 0;
  ForEach([&](const std::vector<int64_t>& index) { At(index) = next++; });
}

float& Floats::At(const std::vector<int64_t>& index) {
  int64_t at = 0;
  for (size_t i = 0; i < index.size(); ++i) at += index[i] * strides_[i];
  return *reinterpret_cast<float*>(memory_.get() + tensor_.byte_offset + at * 4);
}

}  // namespace byoc_test
