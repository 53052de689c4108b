// The names at a program's end: counts and lengths as u32, each before what it counts.
#include <string_view>

#include "program.h"

namespace npu {
namespace {

// Whether `text` is UTF-8, every code in its one and shortest form (RFC 3629).
bool IsUtf8(std::string_view text) {
  static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  for (size_t at = 0; at < text.size();) {
    const uint32_t first = static_cast<unsigned char>(text[at++]);
    if (first < 0x80) continue;
    const int more = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 0;
    if (more == 0) return false;
    uint32_t code = first & (0x3Fu >> more);
    for (int i = 0; i < more; ++i, ++at) {
      const uint32_t bits = at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
      if (bits >> 6 != 2) return false;
      code = code << 6 | (bits & 0x3F);
    }
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  }
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<Composite> Run() {
    std::vector<Composite> composites;
    // Not reserved: a count may be any number, and what it counts must follow.
    for (uint32_t left = Count(); left != 0; --left) {
      Composite& composite = composites.emplace_back();
      composite.name = String();
      for (uint32_t nodes = Count(); nodes != 0; --nodes) composite.nodes.push_back(String());
    }
    if (at_ != text_.size()) Malformed("nothing is counted there");
    return composites;
  }

 private:
  [[noreturn]] void Malformed(const char* words) const {
    throw Failure(Kind::kMalformed,
                  "the names cannot be read at byte " + std::to_string(at_) + ": " + words);
  }

  std::string_view Take(size_t bytes) {
    if (bytes > text_.size() - at_) Malformed("they end before what is counted");
    at_ += bytes;
    return text_.substr(at_ - bytes, bytes);
  }

  uint32_t Count() {
    uint32_t count;
    std::memcpy(&count, Take(sizeof count).data(), sizeof count);
    return count;
  }

  std::string String() {
    const std::string_view text = Take(Count());
    if (!IsUtf8(text)) Malformed("what ends there is no UTF-8");
    return std::string(text);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Composite> ReadNames(const uint8_t* data, size_t bytes) {
  return Reader({reinterpret_cast<const char*>(data), bytes}).Run();
}

}  // namespace npu
