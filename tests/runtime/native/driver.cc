// A native driver for tests. Its blob is text, `key=value` separated by spaces:
//   op=number        output i is input i plus the number of the element in the driver's order
//   (default) op=nothing       no work fail=N lost=N throw=N   the N-th call on a handle ends so
//   refuse=WORD      open fails with this word
//   instances=N concurrency=N   what query tells; the driver fails when byoc goes beyond
//   (instances: of all segments) us=N             how long a call takes
// It holds byoc to byoc_driver.h: what breaks the contract is a failure that says so.
#include <byoc_driver.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

thread_local std::string last_error;
std::atomic<int> instances{0};
std::atomic<int> opened{0};

struct Handle {
  std::string program;
  std::string stats;
  long fail, lost, throws, concurrency, us, limit;
  std::atomic<long> calls{0};
  std::atomic<int> running{0};
  pid_t process = getpid();
};

std::string Word(const std::string& program, const std::string& key, const std::string& otherwise) {
  const size_t at = (" " + program).find(" " + key + "=");
  if (at == std::string::npos) return otherwise;
  const size_t begin = at + key.size() + 1;
  return program.substr(begin, program.find(' ', begin) - begin);
}

long Number(const std::string& program, const std::string& key, long otherwise) {
  return std::atol(Word(program, key, std::to_string(otherwise)).c_str());
}

int Failed(const std::string& words, int status = BYOC_FAILED) {
  last_error = words;
  return status;
}

int Open(const byoc_blob* blob, void** handle) {
  if (blob->size < sizeof(byoc_blob) || blob->num_parts == 0)
    return Failed("contract broken: no parts");
  const byoc_part& part = *blob->parts[0];
  if (reinterpret_cast<uintptr_t>(part.data) % 64 != 0)
    return Failed("contract broken: part not aligned");
  std::string program(reinterpret_cast<const char*>(part.data), part.bytes);
  const std::string word = Word(program, "refuse", "");
  if (!word.empty()) return Failed(word);
  auto* made = new Handle;
  made->program = program;
  made->fail = Number(program, "fail", 0);
  made->lost = Number(program, "lost", 0);
  made->throws = Number(program, "throw", 0);
  made->concurrency = Number(program, "concurrency", 1);
  made->us = Number(program, "us", 0);
  made->limit = Number(program, "instances", 1);
  blob->log(blob->log_context, BYOC_INFO, "opened");
  ++opened;
  static std::atomic<pid_t> process{getpid()};
  if (process.exchange(getpid()) != getpid()) instances = 0;  // a child has none of its parent's
  if (++instances > made->limit && Number(program, "instances", 0) != 0) {
    --instances;
    delete made;
    return Failed("contract broken: too many instances");
  }
  *handle = made;
  return BYOC_OK;
}

void Close(void* handle) {
  auto* made = static_cast<Handle*>(handle);
  if (made->process == getpid()) --instances;
  delete made;
}

std::string Breach(const DLTensor& tensor) {
  if (tensor.byte_offset != 0) return "a byte offset";
  int64_t step = 1;
  for (int i = tensor.ndim; i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != step) return "not compact";
    step *= tensor.shape[i];
  }
  if (step != 0 && reinterpret_cast<uintptr_t>(tensor.data) % 64 != 0) return "not aligned";
  return "";
}

void Compute(const DLTensor& from, const DLTensor& to) {
  int64_t elements = 1;
  for (int i = 0; i < from.ndim; ++i) elements *= from.shape[i];
  const size_t item = static_cast<size_t>(from.dtype.bits) / 8;
  if (from.dtype.code != kDLFloat || item != 4) {
    std::memcpy(to.data, from.data, static_cast<size_t>(elements) * item);
    return;
  }
  for (int64_t i = 0; i < elements; ++i) {
    static_cast<float*>(to.data)[i] =
        static_cast<const float*>(from.data)[i] + static_cast<float>(i);
  }
}

// How the call ends without work, or BYOC_OK.
int Begin(Handle& handle, const DLTensor* tensors, size_t count) {
  const long call = ++handle.calls;
  if (handle.process != getpid()) return Failed("contract broken: the handle is another process's");
  for (size_t i = 0; i < count; ++i) {
    const std::string breach = Breach(tensors[i]);
    if (!breach.empty()) return Failed("contract broken: a tensor with " + breach);
  }
  if (call == handle.fail) return Failed("it failed as asked");
  if (call == handle.lost) return Failed("the device is gone", BYOC_LOST);
  if (call == handle.throws) throw std::runtime_error("thrown as asked");
  return BYOC_OK;
}

int Run(void* handle, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
        size_t num_outputs) {
  Handle& self = *static_cast<Handle*>(handle);
  if (++self.running > self.concurrency) {
    --self.running;
    return Failed("contract broken: too many calls at a time");
  }
  struct Done {
    Handle& handle;
    ~Done() { --handle.running; }
  } done{self};
  int status = Begin(self, inputs, num_inputs);
  if (status == BYOC_OK) {
    for (size_t i = 0; i < num_outputs && status == BYOC_OK; ++i) {
      const std::string breach = Breach(outputs[i]);
      if (!breach.empty()) status = Failed("contract broken: an output with " + breach);
    }
  }
  if (status != BYOC_OK) return status;
  if (self.us != 0) std::this_thread::sleep_for(std::chrono::microseconds(self.us));
  if (Word(self.program, "op", "number") == "nothing") return BYOC_OK;
  for (size_t i = 0; i < num_inputs && i < num_outputs; ++i) Compute(inputs[i], outputs[i]);
  return BYOC_OK;
}

// The elements of the first input that are greater than 0: their number only running tells.
int RunReturns(void* handle, const DLTensor* inputs, size_t num_inputs,
               const byoc_outputs* outputs) {
  const int status = Begin(*static_cast<Handle*>(handle), inputs, num_inputs);
  if (status != BYOC_OK) return status;
  const auto* data = static_cast<const float*>(inputs[0].data);
  int64_t count = 0;
  for (int64_t i = 0; i < inputs[0].shape[0]; ++i) count += data[i] > 0;
  const int64_t wrong[2] = {count, 1};
  if (outputs->allocate(outputs, 7, &count, 1) != nullptr)
    return Failed("contract broken: output 7");
  if (outputs->allocate(outputs, 0, wrong, 2) != nullptr)
    return Failed("contract broken: wrong rank");
  const DLTensor* output = outputs->allocate(outputs, 0, &count, 1);
  if (output == nullptr) return Failed("no output");
  count = 0;
  for (int64_t i = 0; i < inputs[0].shape[0]; ++i) {
    if (data[i] > 0) static_cast<float*>(output->data)[count++] = data[i];
  }
  return BYOC_OK;
}

const char* Query(void* handle, const char* key) {
  Handle& self = *static_cast<Handle*>(handle);
  if (std::strcmp(key, "max_instances") == 0)
    self.stats = std::to_string(self.limit);
  else if (std::strcmp(key, "max_concurrency") == 0)
    self.stats = std::to_string(self.concurrency);
  else if (std::strcmp(key, "stats") == 0)
    self.stats =
        "{\"calls\":" + std::to_string(self.calls) + ",\"opened\":" + std::to_string(opened) + "}";
  else
    return nullptr;
  return self.stats.c_str();
}

const char* LastError(void*) { return last_error.c_str(); }

int Validate(const void* compat, size_t compat_bytes, const char*, const char** words) {
  const std::string text(static_cast<const char*>(compat), compat_bytes);
  if (text != "old") return BYOC_OPTIMAL;
  *words = "made for the chip before";
  return BYOC_INCOMPATIBLE;
}

const struct byoc_driver kDriver = {
    sizeof(kDriver), BYOC_DRIVER_ABI, "test",    "1",        Validate, Open,   Run,
    Close,           Query,           LastError, RunReturns, nullptr,  nullptr};

}  // namespace

extern "C" const struct byoc_driver* byoc_driver(uint32_t abi) {
  return abi == BYOC_DRIVER_ABI ? &kDriver : nullptr;
}
