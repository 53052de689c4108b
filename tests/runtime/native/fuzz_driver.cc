// The driver of the fuzzer: shows every part that it is given to the program that loaded it.
#include <byoc_driver.h>
#include <dlfcn.h>

namespace {

using Show = void (*)(const uint8_t* data, size_t bytes);

int Open(const byoc_blob* blob, void** handle) {
  static const Show show = reinterpret_cast<Show>(dlsym(RTLD_DEFAULT, "FuzzShow"));
  for (size_t i = 0; i < blob->num_parts; ++i) show(blob->parts[i]->data, blob->parts[i]->bytes);
  *handle = nullptr;
  return BYOC_OK;
}

// Writes the whole of every output and reads the whole of every input.
int Run(void*, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
        size_t num_outputs) {
  uint8_t sum = 0;
  const auto each = [&sum](const DLTensor& tensor, bool write) {
    size_t bytes = tensor.dtype.bits / 8;
    for (int i = 0; i < tensor.ndim; ++i) bytes *= static_cast<size_t>(tensor.shape[i]);
    auto* data = static_cast<uint8_t*>(tensor.data);
    for (size_t i = 0; i < bytes; ++i) {
      if (write) data[i] = sum;
      sum = static_cast<uint8_t>(sum + data[i]);
    }
  };
  for (size_t i = 0; i < num_inputs; ++i) each(inputs[i], false);
  for (size_t i = 0; i < num_outputs; ++i) each(outputs[i], true);
  return BYOC_OK;
}

int RunReturns(void*, const DLTensor*, size_t, const byoc_outputs* outputs) {
  const int64_t shape[3] = {2, 3, 4};
  for (size_t i = 0; i < outputs->num_outputs; ++i) {
    for (int32_t rank = 0; rank <= 3; ++rank) outputs->allocate(outputs, i, shape, rank);
  }
  return BYOC_OK;
}

void Close(void*) {}

const struct byoc_driver kDriver = {
    sizeof(kDriver), BYOC_DRIVER_ABI, "fuzz",  "1",        nullptr, Open,   Run,
    Close,           nullptr,         nullptr, RunReturns, nullptr, nullptr};

}  // namespace

extern "C" const struct byoc_driver* byoc_driver(uint32_t) { return &kDriver; }
