#include "json_text.h"

#include <cstdio>

#include "failure.h"

namespace byoc {
namespace {

constexpr size_t kDeepest = 64;

[[noreturn]] void Malformed(const char* words) {
  throw Failure(Fault::kArtefact,
                std::string("the manifest of the artefact is malformed: ") + words);
}

// The place after the string that begins at `at` (its opening quote).
size_t AfterString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  Malformed("a string has no end");
}

// Reads through the text once, keeping only how deep it is, and what stands at depth 1 and 2.
class Skimmer {
 public:
  Skimmer(std::string_view text, std::string_view key) : text_(text), key_(key) {}

  std::vector<std::string_view> Run() {
    for (size_t at = 0; at < text_.size();) at = Step(at);
    if (!open_.empty()) Malformed("a bracket is not closed");
    return elements_;
  }

 private:
  size_t Step(size_t at) {
    switch (text_[at]) {
      case '"': {
        const size_t end = AfterString(text_, at);
        if (open_.size() == 1) last_ = text_.substr(at + 1, end - at - 2);
        return end;
      }
      case '[':
      case '{':
        Open(at);
        break;
      case ']':
      case '}':
        Close(at);
        break;
      case ',':
        if (inside_ && open_.size() == 2) Element(at);
        break;
      default:
        break;
    }
    return at + 1;
  }

  void Open(size_t at) {
    if (open_.size() == kDeepest) Malformed("it nests deeper than 64 brackets");
    if (open_ == "{" && text_[at] == '[' && last_ == key_) {
      elements_.clear();  // of two equal keys, a parser keeps the last
      inside_ = true;
      begin_ = at + 1;
    }
    open_.push_back(text_[at]);
  }

  void Close(size_t at) {
    if (open_.empty() || (open_.back() == '[') != (text_[at] == ']')) {
      Malformed("a closing bracket fits no opening one");
    }
    if (inside_ && open_.size() == 2) {
      if (at != begin_) Element(at);
      inside_ = false;
    }
    open_.pop_back();
  }

  void Element(size_t end) {
    elements_.push_back(text_.substr(begin_, end - begin_));
    begin_ = end + 1;
  }

  const std::string_view text_, key_;
  std::string open_;
  std::string_view last_;  // the last string at depth 1
  bool inside_ = false;
  size_t begin_ = 0;
  std::vector<std::string_view> elements_;
};

}  // namespace

std::vector<std::string_view> ElementsOf(std::string_view text, std::string_view key) {
  return Skimmer(text, key).Run();
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace byoc
