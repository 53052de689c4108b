#include "manifest.h"

#include <tvm/ffi/extra/base64.h>
#include <tvm/ffi/extra/json.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <set>

#include "failure.h"
#include "json_text.h"

namespace byoc {
namespace {

namespace json = tvm::ffi::json;
using tvm::ffi::Any;
using tvm::ffi::String;

constexpr int64_t kFormat = 1;
constexpr int64_t kHighestRank = 32;
constexpr int64_t kWidestAlignment = 1 << 20;

[[noreturn]] void Malformed(const std::string& words) {
  throw Failure(Fault::kArtefact, "the manifest of the artefact is malformed: " + words);
}

// Reads the fields of one JSON object; `what` names it in errors.
class Fields {
 public:
  Fields(const Any& value, std::string what) : what_(std::move(what)) {
    auto object = value.as<json::Object>();
    if (!object.has_value()) Malformed(what_ + " is no object");
    object_ = *object;
  }

  template <typename T>
  T Get(const char* key) const {
    auto value = Find(key).as<T>();
    if (!value.has_value()) Malformed(what_ + " has a `" + key + "` of the wrong kind, or none");
    return *value;
  }

  Any Find(const char* key) const { return object_.Get(String(key)).value_or(Any(nullptr)); }

  std::string Text(const char* key) const { return Get<String>(key); }

  uint64_t Natural(const char* key) const {
    const int64_t value = Get<int64_t>(key);
    if (value < 0) Malformed(what_ + " has a negative `" + key + "`");
    return static_cast<uint64_t>(value);
  }

  const std::string& what() const { return what_; }
  const json::Object& object() const { return object_; }

 private:
  std::string what_;
  json::Object object_;
};

struct Type {
  const char* name;
  DLDataType dtype;
};

constexpr Type kTypes[] = {
    {"float32", {kDLFloat, 32, 1}},
    {"float64", {kDLFloat, 64, 1}},
    {"float16", {kDLFloat, 16, 1}},
    {"bfloat16", {kDLBfloat, 16, 1}},
    {"int8", {kDLInt, 8, 1}},
    {"int16", {kDLInt, 16, 1}},
    {"int32", {kDLInt, 32, 1}},
    {"int64", {kDLInt, 64, 1}},
    {"uint8", {kDLUInt, 8, 1}},
    {"uint16", {kDLUInt, 16, 1}},
    {"uint32", {kDLUInt, 32, 1}},
    {"uint64", {kDLUInt, 64, 1}},
    {"bool", {kDLBool, 8, 1}},
    {"complex64", {kDLComplex, 64, 1}},
    {"complex128", {kDLComplex, 128, 1}},
    {"float8_e3m4", {kDLFloat8_e3m4, 8, 1}},
    {"float8_e4m3", {kDLFloat8_e4m3, 8, 1}},
    {"float8_e4m3b11fnuz", {kDLFloat8_e4m3b11fnuz, 8, 1}},
    {"float8_e4m3fn", {kDLFloat8_e4m3fn, 8, 1}},
    {"float8_e4m3fnuz", {kDLFloat8_e4m3fnuz, 8, 1}},
    {"float8_e5m2", {kDLFloat8_e5m2, 8, 1}},
    {"float8_e5m2fnuz", {kDLFloat8_e5m2fnuz, 8, 1}},
    {"float8_e8m0fnu", {kDLFloat8_e8m0fnu, 8, 1}},
};

DLDataType TypeNamed(const std::string& name, const std::string& what) {
  for (const Type& type : kTypes) {
    if (name == type.name) return type.dtype;
  }
  throw Failure(Fault::kArtefact,
                what + " has dtype " + name +
                    ": the tensors of a segment have elements of whole bytes, of a "
                    "dtype of numpy's or ml_dtypes'");
}

bool IsIdentifier(const std::string& text) {
  const auto part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), part);
}

Extent ReadExtent(const Any& value, const std::string& what, std::vector<std::string>& symbols) {
  if (auto fixed = value.as<int64_t>()) {
    if (*fixed < 0) Malformed(what + " has a negative extent");
    return {Extent::kFixed, *fixed};
  }
  if (value == nullptr) return {};
  auto expression = value.as<String>();
  if (!expression.has_value()) Malformed(what + " has an extent that is no number, text or null");
  const std::string text = *expression;
  if (!IsIdentifier(text)) return {};
  auto found = std::find(symbols.begin(), symbols.end(), text);
  const int64_t index = found - symbols.begin();
  if (found == symbols.end()) symbols.push_back(text);
  return {Extent::kSymbol, index};
}

std::vector<int> ReadOrder(const Fields& fields, size_t rank) {
  std::vector<int> order;
  std::set<int64_t> seen;
  for (const Any& value : fields.Get<json::Array>("order")) {
    auto axis = value.as<int64_t>();
    if (!axis.has_value() || *axis < 0 || *axis >= static_cast<int64_t>(rank) ||
        !seen.insert(*axis).second) {
      Malformed(fields.what() + " has an `order` that is no permutation of its axes");
    }
    order.push_back(static_cast<int>(*axis));
  }
  if (!order.empty() && order.size() != rank) {
    Malformed(fields.what() + " has an `order` that leaves out axes");
  }
  if (std::is_sorted(order.begin(), order.end())) order.clear();
  return order;
}

Port ReadPort(const Any& value, const std::string& what, std::vector<std::string>& symbols) {
  const Fields fields(value, what);
  Port port;
  port.name = fields.Text("name");
  port.dtype_name = fields.Text("dtype");
  port.dtype = TypeNamed(port.dtype_name, what);
  port.item = port.dtype.bits / 8;
  const Any shape = fields.Find("shape");
  port.ranked = shape != nullptr;
  if (port.ranked) {
    const auto extents = fields.Get<json::Array>("shape");
    if (static_cast<int64_t>(extents.size()) > kHighestRank)
      Malformed(what + " has more than 32 axes");
    for (const Any& extent : extents) port.shape.push_back(ReadExtent(extent, what, symbols));
  }
  port.alignment = fields.Natural("alignment");
  const bool power = port.alignment != 0 && (port.alignment & (port.alignment - 1)) == 0;
  if (!power || port.alignment > kWidestAlignment) {
    Malformed(what + " has an alignment that is no power of two up to 1 MiB");
  }
  port.order = ReadOrder(fields, port.shape.size());
  return port;
}

std::vector<Port> ReadPorts(const Fields& entry, const char* key,
                            std::vector<std::string>& symbols) {
  std::vector<Port> ports;
  for (const Any& value : entry.Get<json::Array>(key)) {
    const std::string what = entry.what() + ", " + key + "[" + std::to_string(ports.size()) + "]";
    ports.push_back(ReadPort(value, what, symbols));
  }
  return ports;
}

std::vector<std::pair<std::string, size_t>> ReadPartNames(const Fields& entry, size_t parts) {
  std::vector<std::pair<std::string, size_t>> named;
  for (const auto& [key, value] : entry.Get<json::Object>("parts")) {
    auto name = key.as<String>();
    auto index = value.as<int64_t>();
    if (!name.has_value() || !index.has_value() || *index < 0 ||
        static_cast<uint64_t>(*index) >= parts) {
      Malformed(entry.what() + " names a part that is not there");
    }
    named.emplace_back(*name, static_cast<size_t>(*index));
  }
  std::sort(named.begin(), named.end());
  return named;
}

std::string ReadCompat(const Fields& entry) {
  const std::string text = entry.Text("compat");
  const auto letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '/'; };
  const size_t letters = text.find_last_not_of('=') + 1;
  const bool good = text.size() % 4 == 0 && text.size() - letters <= 2 &&
                    std::all_of(text.begin(), text.begin() + static_cast<long>(letters), letter);
  if (!good) Malformed(entry.what() + " has a `compat` that is not base64");
  return tvm::ffi::Base64Decode(String(text));
}

// A vendor's name becomes part of a file name.
void CheckVendor(const Entry& entry, const std::string& what) {
  const auto part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  if (entry.vendor.empty() || !std::all_of(entry.vendor.begin(), entry.vendor.end(), part)) {
    Malformed(what + " has a vendor that is no name");
  }
}

Entry ReadEntry(std::string_view text, const std::string& what, size_t parts) {
  String error;
  const Any value = json::Parse(String(text.data(), text.size()), &error);
  if (!error.empty()) Malformed(what + ": " + std::string(error));
  const Fields fields(value, what);
  Entry entry;
  entry.json = text;
  entry.name = fields.Text("name");
  entry.vendor = fields.Text("vendor");
  CheckVendor(entry, what);
  entry.inputs = ReadPorts(fields, "inputs", entry.symbols);
  entry.outputs = ReadPorts(fields, "outputs", entry.symbols);
  entry.parts = ReadPartNames(fields, parts);
  entry.compat = ReadCompat(fields);
  const std::string convention = fields.Text("convention");
  if (convention != "dps" && convention != "returns") {
    Malformed(what + " has the convention " + convention + "; dps and returns are known");
  }
  entry.returns = convention == "returns";
  for (const Port& port : entry.outputs) {
    if (entry.returns && !port.order.empty())
      Malformed(what + " returns outputs, but in another order of axes");
  }
  entry.fallback = fields.Get<bool>("fallback");
  return entry;
}

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void CheckNames(const std::vector<Entry>& segments) {
  std::set<std::string> names;
  for (const Entry& entry : segments) {
    const bool taken =
        entry.name.empty() || entry.name.rfind("byoc.", 0) == 0 || EndsWith(entry.name, ".try");
    if (taken || !names.insert(entry.name).second) {
      Malformed("a segment cannot be named `" + entry.name + "`, or two are");
    }
  }
}

PartEntry ReadPart(const Any& value, const std::string& what) {
  const Fields fields(value, what);
  PartEntry part{fields.Text("sha256"), fields.Natural("offset"), fields.Natural("bytes")};
  return part;
}

}  // namespace

Manifest ReadManifest(std::string_view text) {
  const std::vector<std::string_view> entries = ElementsOf(text, "segments");
  String error;
  const Any value = json::Parse(String(text.data(), text.size()), &error);
  if (!error.empty()) Malformed(error);
  const Fields fields(value, "it");
  const int64_t format = fields.Get<int64_t>("format");
  if (format != kFormat) {
    throw Failure(Fault::kArtefact, "the manifest of the artefact is of format " +
                                        std::to_string(format) +
                                        ", this byoc reads format 1: compile the model again");
  }
  Manifest manifest;
  for (const Any& part : fields.Get<json::Array>("parts")) {
    manifest.parts.push_back(ReadPart(part, "part " + std::to_string(manifest.parts.size())));
  }
  if (entries.size() != fields.Get<json::Array>("segments").size()) {
    Malformed("its segments cannot be told apart");
  }
  for (std::string_view entry : entries) {
    const std::string what = "segment " + std::to_string(manifest.segments.size());
    manifest.segments.push_back(ReadEntry(entry, what, manifest.parts.size()));
  }
  CheckNames(manifest.segments);
  return manifest;
}

}  // namespace byoc
