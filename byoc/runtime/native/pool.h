// Pool: the open executors of one segment, in one process.
#ifndef BYOC_RUNTIME_POOL_H_
#define BYOC_RUNTIME_POOL_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor.h"

namespace byoc {

// Executors are opened when a call finds none free, up to what the driver allows; other callers
// wait. A first executor that cannot be opened fails every call with the same words until Close, so
// that a missing driver costs its time once.
class Pool {
  struct Slot {
    std::unique_ptr<Executor> executor;
    int running = 0;
    bool closing = false;
    std::string stats = "null";  // what the driver told last
  };

 public:
  explicit Pool(Opener open) : open_(std::move(open)) {}

  // The right to run once. Destroy it when the run is over.
  class Lease {
   public:
    Lease(Pool* pool, Slot* slot) : pool_(pool), slot_(slot) {}
    ~Lease() { pool_->Release(slot_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Executor* operator->() const { return slot_->executor.get(); }

    // The executor is of no use any more.
    void Discard();

   private:
    Pool* pool_;
    Slot* slot_;
  };

  // Waits while all are busy. Throws Failure(kDriver) when none can be opened.
  Lease Acquire();

  // Close what is idle now and what is busy once it is not, and forget a failure to open.
  void Close();

  // What each open executor tells, or told when last idle: JSON texts.
  std::vector<std::string> Stats();

 private:
  Slot* FindFree();
  Slot* OpenAnother(std::unique_lock<std::mutex>& lock);
  void Release(Slot* slot);
  void Retire(std::unique_lock<std::mutex>& lock, Slot* slot);

  const Opener open_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t opening_ = 0;
  size_t limit_ = 1;
  std::string failure_;  // why the first executor could not be opened
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_POOL_H_
