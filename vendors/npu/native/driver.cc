// The driver behind byoc_driver.h. A blob has the parts `program` and `constants`.
#include <byoc_driver.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "session.h"

namespace {

using npu::Failure;
using npu::Kind;

thread_local std::string last_error;

// Runs `body`; what it throws becomes the thread's last error, and BYOC_FAILED.
template <class Body>
int Guarded(Body body) {
  try {
    body();
    return BYOC_OK;
  } catch (const std::bad_alloc&) {
    last_error = "memory is short";
  } catch (const std::exception& failure) {
    last_error = failure.what();
  }
  return BYOC_FAILED;
}

const byoc_part& PartOf(const byoc_blob& blob, const char* name) {
  for (size_t i = 0; i < blob.num_parts; ++i) {
    if (std::strcmp(blob.parts[i]->name, name) == 0) return *blob.parts[i];
  }
  throw Failure(Kind::kMalformed, std::string("the blob has no part '") + name + "'");
}

DLDataType TypeOf(npu::Dtype dtype) {
  static constexpr DLDataType kTypes[] = {
      {kDLFloat, 32, 1}, {kDLBfloat, 16, 1}, {kDLInt, 8, 1}, {kDLUInt, 8, 1}, {kDLInt, 32, 1}};
  return kTypes[dtype];
}

void CheckTensor(const char* what, size_t index, const DLTensor& tensor, const npu::Port& port) {
  const DLDataType type = TypeOf(port.dtype);
  const bool same = tensor.dtype.code == type.code && tensor.dtype.bits == type.bits &&
                    tensor.dtype.lanes == 1 &&
                    std::equal(port.shape.begin(), port.shape.end(), tensor.shape,
                               tensor.shape + tensor.ndim);
  if (!same)
    throw Failure(Kind::kCall, std::string(what) + " " + std::to_string(index) +
                                   " has another dtype or shape than the program's I/O table");
}

// The data of each tensor, which must be what the I/O table says.
template <class Byte>
std::vector<Byte*> DataOf(const char* what, const std::vector<npu::Port>& ports,
                          const DLTensor* tensors, size_t count) {
  if (count != ports.size())
    throw Failure(Kind::kCall, "the call has " + std::to_string(count) + " " + what +
                                   "s; the program has " + std::to_string(ports.size()));
  std::vector<Byte*> data;
  for (size_t i = 0; i < count; ++i) {
    CheckTensor(what, i, tensors[i], ports[i]);
    data.push_back(static_cast<Byte*>(tensors[i].data) + tensors[i].byte_offset);
  }
  return data;
}

class Handle {
 public:
  Handle(const byoc_part& program, const byoc_part& constants)
      : session_(program.data, program.bytes, constants.data, constants.bytes) {}

  void Run(const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
           size_t num_outputs) {
    const npu::Program& program = session_.program();
    const auto from = DataOf<const uint8_t>("input", program.inputs, inputs, num_inputs);
    const auto to = DataOf<uint8_t>("output", program.outputs, outputs, num_outputs);
    const auto start = std::chrono::steady_clock::now();
    session_.Run(from.data(), to.data());
    host_ += std::chrono::steady_clock::now() - start;
    ++runs_;
  }

  // {"runs": ..., "host_ns": ..., and what the report says of one run.
  const char* Stats() {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(host_).count();
    stats_ = npu::ReportJson(session_.program(), session_.report());
    stats_.replace(0, 1, "{\"runs\":" + std::to_string(runs_) +
                             ",\"host_ns\":" + std::to_string(ns) + ",");
    return stats_.c_str();
  }

 private:
  npu::Session session_;
  uint64_t runs_ = 0;
  std::chrono::steady_clock::duration host_{};
  std::string stats_;
};

int Open(const byoc_blob* blob, void** handle) {
  return Guarded(
      [&] { *handle = new Handle(PartOf(*blob, "program"), PartOf(*blob, "constants")); });
}

int Run(void* handle, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
        size_t num_outputs) {
  return Guarded(
      [&] { static_cast<Handle*>(handle)->Run(inputs, num_inputs, outputs, num_outputs); });
}

void Close(void* handle) { delete static_cast<Handle*>(handle); }

const char* Query(void* handle, const char* key) {
  if (std::strcmp(key, "stats") == 0) return static_cast<Handle*>(handle)->Stats();
  if (std::strcmp(key, "max_instances") != 0) return nullptr;
  // Each has a scratchpad of its own; more than there are processors would only wait.
  static const std::string instances =
      std::to_string(std::max(1u, std::thread::hardware_concurrency()));
  return instances.c_str();
}

const char* LastError(void*) { return last_error.c_str(); }

const struct byoc_driver kDriver = {sizeof(struct byoc_driver),
                             BYOC_DRIVER_ABI,
                             "simulator of the reference NPU",
                             "1",
                             nullptr,
                             Open,
                             Run,
                             Close,
                             Query,
                             LastError,
                             nullptr,
                             nullptr,
                             nullptr};

}  // namespace

extern "C" const struct byoc_driver* byoc_driver(uint32_t abi) {
  return abi == BYOC_DRIVER_ABI ? &kDriver : nullptr;
}
