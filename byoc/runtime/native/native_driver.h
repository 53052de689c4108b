// Native drivers: shared libraries behind byoc_driver.h.
#ifndef BYOC_RUNTIME_NATIVE_DRIVER_H_
#define BYOC_RUNTIME_NATIVE_DRIVER_H_

#include <memory>
#include <string>

#include "../include/byoc_driver.h"
#include "container.h"
#include "executor.h"

namespace byoc {

// The function of the same name hides the struct.
using Functions = struct ::byoc_driver;

// One segment's blob, as drivers are given it. The container outlives every executor.
struct Blob {
  const Entry* entry;
  const Container* container;
  std::string options;  // JSON object
  std::string device;   // JSON object
};

struct Judgement {
  byoc_verdict verdict;
  std::string words;
};

// A driver library: loaded once, never unloaded.
class NativeDriver {
 public:
  // Throws Failure(kDriver): not there, not a library, no driver, of another version, or without a
  // required function.
  static std::shared_ptr<const NativeDriver> Load(const std::string& vendor,
                                                  const std::string& path);

  // Throws Failure(kDriver) with the driver's words.
  std::unique_ptr<Executor> Open(const Blob& blob) const;

  // False when the driver does not judge.
  bool Validate(const Blob& blob, Judgement& judgement) const;

  const std::string& path() const { return path_; }
  const Functions& functions() const { return functions_; }

 private:
  std::string path_;
  Functions functions_{};  // members that the driver does not have are null
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_NATIVE_DRIVER_H_
