// What a segment call costs beside calling its driver directly: `overhead RUNTIME DRIVER
// CONTAINER`, all paths. The container has one segment `noop` of vendor `noop`: two inputs and an
// output of float32[16].
#include <byoc_driver.h>
#include <dlfcn.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace ffi = tvm::ffi;

namespace {

struct Aligned {
  void AllocData(DLTensor* tensor) { tensor->data = std::aligned_alloc(64, 64); }
  void FreeData(DLTensor* tensor) { std::free(tensor->data); }
};

// Nanoseconds of a call: the least of several rounds, as the machine has other work too.
template <typename F>
double Nanoseconds(F call) {
  constexpr int kRounds = 20, kCalls = 20000;
  double least = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) call();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    least = std::min(least, taken.count() / kCalls);
  }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) == nullptr) return 2;
  ffi::Function::GetGlobalRequired("byoc.runtime.register_driver")("noop", ffi::String(argv[2]));
  std::ifstream file(argv[3], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  auto module = ffi::Function::GetGlobalRequired("byoc.runtime.create")(ffi::Bytes(bytes))
                    .cast<ffi::Module>();
  const ffi::Function segment = module->GetFunction("noop").value();
  ffi::Tensor tensors[3];
  DLTensor views[3];
  for (int i = 0; i < 3; ++i) {
    tensors[i] =
        ffi::Tensor::FromNDAlloc(Aligned(), ffi::Shape{16}, {kDLFloat, 32, 1}, {kDLCPU, 0});
    views[i] = *tensors[i].GetDLTensorPtr();
  }
  auto export_ = reinterpret_cast<const struct byoc_driver* (*)(uint32_t)>(
      dlsym(dlopen(argv[2], RTLD_NOW), "byoc_driver"));
  const struct byoc_driver* driver = export_(BYOC_DRIVER_ABI);
  const double direct = Nanoseconds([&] { driver->run(nullptr, views, 2, views + 2, 1); });
  const double called = Nanoseconds([&] { segment(tensors[0], tensors[1], tensors[2]); });
  std::printf("{\"direct\": %.1f, \"segment\": %.1f}\n", direct, called);
  return 0;
}
