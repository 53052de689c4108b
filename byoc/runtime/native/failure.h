// The ways in which the runtime fails, as one exception; module.cc turns it into an error of
// tvm-ffi.
#ifndef BYOC_RUNTIME_FAILURE_H_
#define BYOC_RUNTIME_FAILURE_H_

#include <exception>
#include <string>
#include <utility>

namespace byoc {

enum class Fault {
  kArtefact,  // a container, its manifest or its parts cannot be used
  kInput,     // the tensors of a call do not fit the segment's signature
  kDriver,    // a driver cannot be found or opened, or failed
};

class Failure : public std::exception {
 public:
  Failure(Fault fault, std::string words) : fault_(fault), words_(std::move(words)) {}

  Fault fault() const { return fault_; }
  const std::string& words() const { return words_; }
  const char* what() const noexcept override { return words_.c_str(); }

  // The name under which tvm-ffi carries it; byoc.runtime maps it to the class in byoc.errors.
  const char* kind() const {
    switch (fault_) {
      case Fault::kArtefact:
        return "ByocArtefactError";
      case Fault::kInput:
        return "ByocInputError";
      case Fault::kDriver:
        break;
    }
    return "ByocDriverError";
  }

 private:
  Fault fault_;
  std::string words_;
};

}  // namespace byoc

#endif  // BYOC_RUNTIME_FAILURE_H_
