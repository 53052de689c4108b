// Tests of the C++ runtime: TEST(name) { EXPECT(...); }, run by name from main.cc.
#ifndef BYOC_TESTS_EXPECT_H_
#define BYOC_TESTS_EXPECT_H_

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "failure.h"

namespace byoc_test {

using Tests = std::map<std::string, std::function<void()>>;

inline Tests& AllTests() {
  static Tests tests;
  return tests;
}

struct Registered {
  Registered(const char* name, std::function<void()> body) { AllTests()[name] = std::move(body); }
};

#define TEST(name)                                                   \
  static void name();                                                \
  static const byoc_test::Registered registered_##name(#name, name); \
  static void name()

inline void Expect(bool held, const char* what, const char* file, int line) {
  if (!held) throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

#define EXPECT(condition) byoc_test::Expect(condition, #condition, __FILE__, __LINE__)

// The words of the failure that `call` must end in.
template <typename F>
std::string WordsOf(byoc::Fault fault, F call) {
  try {
    call();
  } catch (const byoc::Failure& failure) {
    Expect(failure.fault() == fault, failure.what(), __FILE__, __LINE__);
    return failure.words();
  }
  throw std::runtime_error("a failure was expected");
}

inline bool Holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  throw std::runtime_error("'" + text + "' does not hold '" + part + "'");
}

}  // namespace byoc_test

#endif  // BYOC_TESTS_EXPECT_H_
