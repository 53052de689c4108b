#include "mutate.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "sha256.h"

namespace byoc_test {
namespace {

// Values that a reader of manifests may stumble over.
constexpr size_t kNumbers = 15;  // the first ones
const char* const kValues[] = {"-1",
                               "0",
                               "1",
                               "2",
                               "63",
                               "64",
                               "65",
                               "4096",
                               "9223372036854775807",
                               "-9223372036854775808",
                               "18446744073709551615",
                               "18446744073709551552",
                               "1e308",
                               "-0.0",
                               "0.5",
                               "NaN",
                               "null",
                               "true",
                               "false",
                               "\"\"",
                               "\"n\"",
                               "\"m\"",
                               "\"n * 2\"",
                               "\"dps\"",
                               "\"returns\"",
                               "\"int4\"",
                               "\"bool\"",
                               "\"float64\"",
                               "\"complex128\"",
                               "\"fuzz\"",
                               "\"../fuzz\"",
                               "\"byoc.stats\"",
                               "\"a.try\"",
                               "\"\\u0000\"",
                               "\"\\ud800\"",
                               "\"YWJj\"",
                               "\"YQ==\"",
                               "\"====\"",
                               "[]",
                               "{}",
                               "[[]]",
                               "[0]",
                               "[1,0]",
                               "[2,0,1]",
                               "[0,0]",
                               "[3]",
                               "[\"n\",3]",
                               "[null,1]",
                               "[0,7]",
                               "[1,1,1,1]",
                               "{\"payload\":0}",
                               "{\"a\":0,\"b\":1}"};

uint64_t Number(const Bytes& bytes, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

void Put(Bytes& bytes, size_t at, uint64_t value) {
  for (size_t i = 0; i < 8; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

// Where the JSON values of a text begin and end, found by brackets, quotes and numbers alone. Keys
// are none.
std::vector<std::pair<size_t, size_t>> Values(const std::string& text) {
  std::vector<std::pair<size_t, size_t>> values;
  std::vector<size_t> open;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == '{') open.push_back(i);
    if ((c == ']' || c == '}') && !open.empty()) {
      values.emplace_back(open.back(), i + 1);
      open.pop_back();
    }
    if (c == '"') {
      const size_t end = text.find('"', i + 1);
      if (end == std::string::npos) break;
      if (end + 1 == text.size() || text[end + 1] != ':') values.emplace_back(i, end + 1);
      i = end;
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-') {
      size_t end = i;
      while (end < text.size() && std::strchr(",]}:", text[end]) == nullptr) ++end;
      values.emplace_back(i, end);
      i = end - 1;
    }
  }
  return values;
}

// Makes lengths and hashes true, in the header and, where `"sha256":"` stands in the manifest, of
// the parts in turn, as long as `bytes` and `offset` before it lead to bytes that are there.
Bytes Repair(std::string manifest, const Bytes& parts) {
  const std::string key = "\"sha256\":\"";
  for (size_t at = manifest.find(key); at != std::string::npos; at = manifest.find(key, at + 1)) {
    const size_t object = manifest.rfind('{', at);
    const size_t bytes = manifest.find("\"bytes\":", object),
                 offset = manifest.find("\"offset\":", object);
    if (object == std::string::npos || bytes >= at || offset >= at) continue;
    const uint64_t length = std::strtoull(manifest.c_str() + bytes + 8, nullptr, 10);
    const uint64_t begin = std::strtoull(manifest.c_str() + offset + 9, nullptr, 10);
    if (begin > parts.size() || length > parts.size() - begin ||
        at + key.size() + 64 > manifest.size())
      continue;
    manifest.replace(at + key.size(), 64, byoc::Hex(byoc::Sha256(parts.data() + begin, length)));
  }
  Bytes packed = Pack(manifest, {std::string(parts.begin(), parts.end())});
  return packed;
}

}  // namespace

std::string ManifestOf(const Bytes& bytes) {
  if (bytes.size() < 64) return "";
  const uint64_t length = std::min<uint64_t>(Number(bytes, 16), bytes.size() - 64);
  return std::string(bytes.begin() + 64, bytes.begin() + 64 + static_cast<long>(length));
}

void Mutator::MutateBytes(Bytes& bytes) {
  if (bytes.empty()) bytes.push_back(0);
  const size_t at = Below(bytes.size());
  switch (random_() % 6) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1u << (random_() % 8));
      break;
    case 1:
      bytes[at] = static_cast<uint8_t>(random_());
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.insert(bytes.begin() + static_cast<long>(at), 1 + Below(8),
                   static_cast<uint8_t>(random_()));
      break;
    case 4:
      bytes.erase(
          bytes.begin() + static_cast<long>(at),
          bytes.begin() + static_cast<long>(at + Below(std::min<size_t>(8, bytes.size() - at))));
      break;
    default: {
      const size_t fields[] = {8, 16, 56};
      const uint64_t extremes[] = {
          0, 1, 64, bytes.size(), ~uint64_t{0}, ~uint64_t{63}, uint64_t{1} << 63};
      if (bytes.size() >= 64) Put(bytes, fields[random_() % 3], extremes[random_() % 7]);
    }
  }
}

void Mutator::MutateJson(std::string& text, const Corpus& corpus) {
  const auto values = Values(text);
  if (values.empty()) {
    text = "{}";
    return;
  }
  const auto [begin, end] = values[Below(values.size())];
  const size_t length = end - begin;
  switch (random_() % 7) {
    case 0:
    case 1: {
      const bool number = std::isdigit(static_cast<unsigned char>(text[begin])) != 0;
      text.replace(begin, length,
                   kValues[Below(number && random_() % 4 != 0 ? kNumbers : std::size(kValues))]);
      break;
    }
    case 2: {  // a value of another manifest
      const std::string other = ManifestOf(Choose(corpus));
      const auto others = Values(other);
      if (!others.empty()) {
        const auto [from, to] = others[Below(others.size())];
        text.replace(begin, length, other.substr(from, to - from));
      }
      break;
    }
    case 3:  // twice
      text.insert(end, "," + text.substr(begin, length));
      break;
    case 4:  // gone, with the comma behind it
      text.erase(begin, length + (end < text.size() && text[end] == ',' ? 1 : 0));
      break;
    case 5: {  // a number a little different
      const size_t digit = text.find_first_of("0123456789", begin);
      if (digit != std::string::npos) text[digit] = static_cast<char>('0' + Below(10));
      break;
    }
    default:
      if (random_() % 4 == 0) text[Below(text.size())] = static_cast<char>(random_());
  }
}

const Bytes& Mutator::Choose(const Corpus& corpus) {
  if (random_() % 2 == 0) return corpus.all[corpus.loading[Below(corpus.loading.size())]];
  return corpus.all[Below(corpus.all.size())];
}

Bytes Mutator::Next(const Corpus& corpus) {
  Bytes bytes = Choose(corpus);
  const bool repair = random_() % 4 != 0;
  std::string manifest = ManifestOf(bytes);
  const size_t place = std::min(bytes.size(), (64 + manifest.size() + 63) / 64 * 64);
  Bytes parts(bytes.begin() + static_cast<long>(place), bytes.end());
  for (size_t count = 1 + Below(4); count != 0; --count) {
    if (repair && random_() % 5 != 0) {
      MutateJson(manifest, corpus);
    } else {
      MutateBytes(repair ? parts : bytes);
    }
  }
  if (parts.size() > 1 << 16) parts.resize(1 << 16);
  if (manifest.size() > 1 << 16) manifest.resize(1 << 16);
  return repair ? Repair(manifest, parts) : bytes;
}

}  // namespace byoc_test
