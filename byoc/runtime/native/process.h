// What is true of the process as a whole: forks, and where lines for the user go.
#ifndef BYOC_RUNTIME_PROCESS_H_
#define BYOC_RUNTIME_PROCESS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace byoc {

// How many forks lie between the process that loaded this library and this one.
uint64_t ForkGeneration();

// The machine as far as the system tells it: JSON with the keys of byoc.device.this_device.
std::string ThisMachine();

enum class Level { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };
using Sink = std::function<void(Level, const std::string&)>;

// Say one line: to the sink, or from kWarning on to standard error.
void Log(Level level, const std::string& line);

// An empty sink brings standard error back.
void SetLog(Sink sink);

// A value that any thread may read while another replaces it, with no lock that a fork could leave
// held. The values replaced are kept: they are few, and may still be read.
template <typename T>
class Shared {
 public:
  Shared() = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  ~Shared() {
    for (const Node* node = head_.load(); node != nullptr;) {
      const Node* before = node->before;
      delete node;
      node = before;
    }
  }

  // Null before the first Update.
  const T* Get() const {
    const Node* node = head_.load(std::memory_order_acquire);
    return node == nullptr ? nullptr : &node->value;
  }

  // Replace the value by what `change` makes of a copy; it may be called again when another thread
  // was faster.
  template <typename F>
  void Update(F change) {
    const Node* before = head_.load(std::memory_order_acquire);
    for (;;) {
      Node* node = new Node{before == nullptr ? T() : before->value, before};
      change(node->value);
      if (head_.compare_exchange_strong(before, node, std::memory_order_acq_rel)) return;
      delete node;
    }
  }

 private:
  struct Node {
    T value;
    const Node* before;
  };
  std::atomic<const Node*> head_{nullptr};
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_PROCESS_H_
