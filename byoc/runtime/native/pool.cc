#include "pool.h"

#include <algorithm>

namespace byoc {

Pool::Lease Pool::Acquire() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (!failure_.empty()) throw Failure(Fault::kDriver, failure_);
    Slot* slot = FindFree();
    if (slot == nullptr && slots_.size() + opening_ < limit_) slot = OpenAnother(lock);
    if (slot != nullptr) {
      ++slot->running;
      return Lease(this, slot);
    }
    changed_.wait(lock);
  }
}

Pool::Slot* Pool::FindFree() {
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (!slot->closing && slot->running < slot->executor->max_concurrency()) return slot.get();
  }
  return nullptr;
}

// Null when there is one open already and no more can be had: the caller waits for it.
Pool::Slot* Pool::OpenAnother(std::unique_lock<std::mutex>& lock) {
  ++opening_;
  lock.unlock();
  std::unique_ptr<Executor> executor;
  std::string words;
  std::exception_ptr other;
  try {
    executor = open_();
  } catch (const Failure& failure) {
    words = failure.words();
  } catch (...) {
    other = std::current_exception();
  }
  lock.lock();
  --opening_;
  changed_.notify_all();
  if (other) std::rethrow_exception(other);
  if (executor == nullptr) {
    if (slots_.empty() && opening_ == 0) {
      failure_ = words;
      throw Failure(Fault::kDriver, words);
    }
    limit_ = std::max<size_t>(1, slots_.size() + opening_);
    return nullptr;
  }
  limit_ = static_cast<size_t>(std::max(1, executor->max_instances()));
  slots_.push_back(std::make_unique<Slot>());
  slots_.back()->executor = std::move(executor);
  return slots_.back().get();
}

void Pool::Release(Slot* slot) {
  std::unique_lock<std::mutex> lock(mutex_);
  --slot->running;
  if (slot->closing && slot->running == 0) {
    Retire(lock, slot);
  }
  changed_.notify_one();
}

// The slot counts until its executor is closed: a driver of one instance is never asked for two.
void Pool::Retire(std::unique_lock<std::mutex>& lock, Slot* slot) {
  std::unique_ptr<Executor> executor = std::move(slot->executor);
  lock.unlock();
  executor.reset();
  lock.lock();
  slots_.erase(std::find_if(slots_.begin(), slots_.end(),
                            [slot](const auto& each) { return each.get() == slot; }));
  changed_.notify_all();
}

void Pool::Lease::Discard() {
  std::lock_guard<std::mutex> lock(pool_->mutex_);
  slot_->closing = true;
}

void Pool::Close() {
  std::unique_lock<std::mutex> lock(mutex_);
  failure_.clear();
  for (;;) {
    auto idle = std::find_if(slots_.begin(), slots_.end(),
                             [](const auto& slot) { return slot->running == 0 && !slot->closing; });
    if (idle == slots_.end()) break;
    (*idle)->closing = true;
    Retire(lock, idle->get());
  }
  for (const std::unique_ptr<Slot>& slot : slots_) slot->closing = true;
}

std::vector<std::string> Pool::Stats() {
  std::unique_lock<std::mutex> lock(mutex_);
  std::vector<std::string> all;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    // The lock is held meanwhile, so that no run begins.
    if (slot->running == 0 && !slot->closing) slot->stats = slot->executor->Stats();
    all.push_back(slot->stats);
  }
  return all;
}

}  // namespace byoc
