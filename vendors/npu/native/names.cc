// The names at a program's end: JSON, of one form only.
#include <string_view>

#include "program.h"

namespace npu {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<Composite> Run() {
    std::vector<Composite> composites;
    List([&] { composites.push_back(ReadComposite()); });
    Blank();
    if (at_ != text_.size()) Malformed();
    return composites;
  }

 private:
  [[noreturn]] void Malformed() const {
    throw Failure(Kind::kMalformed,
                  "the names cannot be read at byte " + std::to_string(at_) +
                      ": they must be a JSON list of {\"name\": \"...\", \"nodes\": [\"...\"]}");
  }

  void Blank() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }

  bool Takes(char wanted) {
    Blank();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void Take(char wanted) {
    if (!Takes(wanted)) Malformed();
  }

  template <class Item>
  void List(Item item) {
    Take('[');
    if (Takes(']')) return;
    do {
      item();
    } while (Takes(','));
    Take(']');
  }

  Composite ReadComposite() {
    Composite composite;
    bool named = false, listed = false;
    Take('{');
    do {
      const std::string key = String();
      Take(':');
      if (key == "name" && !named) {
        composite.name = String();
        named = true;
      } else if (key == "nodes" && !listed) {
        List([&] { composite.nodes.push_back(String()); });
        listed = true;
      } else {
        Malformed();
      }
    } while (Takes(','));
    Take('}');
    if (!named || !listed) Malformed();
    return composite;
  }

  char Next() {
    if (at_ == text_.size()) Malformed();
    return text_[at_++];
  }

  std::string String() {
    std::string value;
    Take('"');
    for (char c = Next(); c != '"'; c = Next()) {
      if (static_cast<unsigned char>(c) < 0x20) Malformed();
      if (c == '\\') {
        Escaped(value);
      } else {
        value += c;
        if (static_cast<unsigned char>(c) >= 0x80) Sequence(value);
      }
    }
    return value;
  }

  // The rest of a UTF-8 sequence, in its one and shortest form (RFC 3629).
  void Sequence(std::string& value) {
    const uint32_t first = static_cast<unsigned char>(value.back());
    const int more = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 0;
    if (more == 0) Malformed();
    uint32_t code = first & (0x3Fu >> more);
    for (int i = 0; i < more; ++i) {
      const char c = Next();
      const uint32_t bits = static_cast<unsigned char>(c);
      if (bits >> 6 != 2) Malformed();
      code = code << 6 | (bits & 0x3F);
      value += c;
    }
    static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) Malformed();
  }

  void Escaped(std::string& value) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const char c = Next();
    if (c == 'u') return Unicode(value);
    const size_t which = kFrom.find(c);
    if (which == kFrom.npos) Malformed();
    value += kTo[which];
  }

  uint32_t Unit() {
    uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const size_t digit = std::string_view("0123456789abcdefABCDEF").find(Next());
      if (digit == std::string_view::npos) Malformed();
      unit = 16 * unit + static_cast<uint32_t>(digit < 16 ? digit : digit - 6);
    }
    return unit;
  }

  void Unicode(std::string& value) {
    uint32_t code = Unit();
    if (code >= 0xDC00 && code < 0xE000) Malformed();
    if (code >= 0xD800 && code < 0xDC00) {
      if (Next() != '\\' || Next() != 'u') Malformed();
      const uint32_t low = Unit();
      if (low < 0xDC00 || low >= 0xE000) Malformed();
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    Utf8(value, code);
  }

  static void Utf8(std::string& value, uint32_t code) {
    static constexpr uint32_t kFirst[] = {0, 0xC0, 0xE0, 0xF0};
    const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    value += static_cast<char>(kFirst[more] | (code >> (6 * more)));
    for (int i = more - 1; i >= 0; --i)
      value += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Composite> ReadNames(const uint8_t* data, size_t bytes) {
  return Reader({reinterpret_cast<const char*>(data), bytes}).Run();
}

}  // namespace npu
