// What is wrong with a program, its constants or a call, in words and as a kind.
#ifndef NPU_FAILURE_H_
#define NPU_FAILURE_H_

#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace npu {

// The name of a kind is KindName's; simulate.SimulationError.kind has it.
enum class Kind {
  kMalformed,  // not a program, or a record that none may have
  kBounds,     // an access beyond its space
  kDeadlock,   // a wait for a token that nothing before it sends
  kTokens,     // tokens that nothing takes
  kRace,       // two queues at one line, without tokens that order them
  kSteps,      // more steps than declared
  kCycles,     // more cycles than declared
  kLimit,      // more than this simulator gives any program
  kCall,       // tensors that do not fit the I/O table
};

const char* KindName(Kind kind);

constexpr size_t kNoRecord = static_cast<size_t>(-1);

class Failure : public std::exception {
 public:
  Failure(Kind kind, std::string words, size_t record = kNoRecord)
      : kind_(kind), words_(std::move(words)), record_(record) {}

  Kind kind() const { return kind_; }
  const std::string& words() const { return words_; }
  size_t record() const { return record_; }
  const char* what() const noexcept override { return words_.c_str(); }

 private:
  Kind kind_;
  std::string words_;
  size_t record_;
};

}  // namespace npu

#endif  // NPU_FAILURE_H_
