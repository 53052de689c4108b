// Runs the tests named on the command line, or all; `--hash` prints digests for Python to compare.
#include <cstdio>
#include <cstring>
#include <vector>

#include "expect.h"
#include "sha256.h"

namespace {

// The digests, by both ways, of the bytes 0 1 2 ... of each length up to 300 and of one long text.
int PrintDigests() {
  std::vector<uint8_t> bytes(1'000'003);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  for (size_t length = 0; length <= bytes.size();
       length = length == 300 ? bytes.size() : length + 1) {
    const std::string fast = byoc::Hex(byoc::Sha256(bytes.data(), length));
    const std::string portable = byoc::Hex(byoc::Sha256Portable(bytes.data(), length));
    std::printf("%zu %s %s\n", length, fast.c_str(), portable.c_str());
    if (length == bytes.size()) break;
  }
  return 0;
}

bool Passes(const std::string& name, const std::function<void()>& body) {
  try {
    body();
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--hash") == 0) return PrintDigests();
  bool passed = true;
  for (const auto& [name, body] : byoc_test::AllTests()) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted |= name == argv[i];
    if (wanted) passed &= Passes(name, body);
  }
  return passed ? 0 : 1;
}
