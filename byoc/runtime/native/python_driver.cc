#include "python_driver.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>

#include <algorithm>

#include "process.h"

namespace byoc {
namespace {

using tvm::ffi::Any;
using tvm::ffi::AnyView;
using tvm::ffi::Array;
using tvm::ffi::Function;
using tvm::ffi::Map;
using tvm::ffi::ObjectRef;
using tvm::ffi::String;
using tvm::ffi::Tensor;

// A tensor over memory that the caller keeps during the call.
Tensor Borrow(const DLTensor& tensor) {
  auto* managed = new DLManagedTensorVersioned{};
  managed->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  managed->deleter = [](DLManagedTensorVersioned* self) { delete self; };
  managed->dl_tensor = tensor;
  return Tensor::FromDLPackVersioned(managed);
}

void Append(const Tensors& tensors, std::vector<Any>& arguments) {
  for (size_t i = 0; i < tensors.tensors.size(); ++i) {
    if (tensors.owners[i] != nullptr) {
      TVMFFIAny value{};
      value.type_index = tvm::ffi::TypeIndex::kTVMFFITensor;
      value.v_obj = static_cast<TVMFFIObject*>(tensors.owners[i]);
      arguments.emplace_back(AnyView::CopyFromTVMFFIAny(value));
    } else {
      arguments.emplace_back(Borrow(tensors.tensors[i]));
    }
  }
}

// An interrupt is the user's, not a failure of the driver: it goes through as it is.
bool IsInterrupt(const tvm::ffi::Error& error) {
  const std::string kind = error.kind();
  return kind == "KeyboardInterrupt" || kind == "SystemExit" || kind == "EnvErrorAlreadySet";
}

template <typename F>
auto Guarded(F call) {
  try {
    return call();
  } catch (const tvm::ffi::Error& error) {
    if (IsInterrupt(error)) throw;
    // byoc's own words need no type before them.
    const bool own = error.kind() == "ByocDriverError";
    throw Failure(Fault::kDriver,
                  own ? std::string(error.message()) : error.kind() + ": " + error.message());
  }
}

class PythonExecutor final : public Executor {
 public:
  PythonExecutor(Function run, Function close, Function stats, int concurrency)
      : run_(std::move(run)),
        close_(std::move(close)),
        stats_(std::move(stats)),
        concurrency_(std::max(1, concurrency)) {}

  ~PythonExecutor() override {
    try {
      close_();
    } catch (const std::exception& error) {
      Log(Level::kWarning, std::string("a driver failed to close: ") + error.what());
    }
  }

  void Run(const Tensors& inputs, const Tensors& outputs) override { Call(inputs, &outputs); }

  std::vector<OwnedTensor> RunReturning(const Tensors& inputs) override {
    const Any result = Call(inputs, nullptr);
    std::vector<OwnedTensor> outputs;
    if (auto tensor = result.as<Tensor>()) {
      outputs.emplace_back(tensor->ToDLPackVersioned());
    } else if (auto tensors = result.as<Array<Any>>()) {
      for (const Any& each : *tensors) {
        auto one = each.as<Tensor>();
        if (!one.has_value())
          throw Failure(Fault::kDriver, "its driver returned what is no tensor");
        outputs.emplace_back(one->ToDLPackVersioned());
      }
    } else {
      throw Failure(Fault::kDriver, "its driver returned neither a tensor nor several");
    }
    return outputs;
  }

  std::string Stats() override {
    return Guarded([&] { return std::string(stats_().cast<String>()); });
  }

  int max_concurrency() const override { return concurrency_; }

 private:
  Any Call(const Tensors& inputs, const Tensors* outputs) {
    std::vector<Any> arguments;
    arguments.reserve(inputs.tensors.size() + (outputs == nullptr ? 0 : outputs->tensors.size()));
    Append(inputs, arguments);
    if (outputs != nullptr) Append(*outputs, arguments);
    const std::vector<AnyView> views(arguments.begin(), arguments.end());
    return Guarded([&] {
      Any result;
      run_.CallPacked(views.data(), static_cast<int32_t>(views.size()), &result);
      return result;
    });
  }

  const Function run_, close_, stats_;
  const int concurrency_;
};

}  // namespace

Tensor FromOwned(OwnedTensor tensor) { return Tensor::FromDLPackVersioned(tensor.release()); }

Tensor PartTensor(std::shared_ptr<const Container> keep, const Part& part) {
  struct Held {
    DLManagedTensorVersioned managed{};
    std::shared_ptr<const Container> keep;
    int64_t shape = 0, stride = 1;
  };
  auto* held = new Held{{}, std::move(keep), static_cast<int64_t>(part.bytes), 1};
  held->managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  held->managed.manager_ctx = held;
  held->managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  held->managed.deleter = [](DLManagedTensorVersioned* self) {
    delete static_cast<Held*>(self->manager_ctx);
  };
  held->managed.dl_tensor = {const_cast<uint8_t*>(part.data),
                             {kDLCPU, 0},
                             1,
                             {kDLUInt, 8, 1},
                             &held->shape,
                             &held->stride,
                             0};
  return Tensor::FromDLPackVersioned(&held->managed);
}

std::unique_ptr<Executor> OpenPython(const Function& opener, const Blob& blob,
                                     std::shared_ptr<const Container> keep) {
  Map<String, Tensor> parts;
  for (const auto& [name, index] : blob.entry->parts) {
    parts.Set(name, PartTensor(keep, blob.container->parts[index]));
  }
  const Any opened = Guarded([&] { return opener(blob.entry->json, parts, blob.options); });
  auto four = opened.as<Array<Any>>();
  if (!four.has_value() || four->size() != 4) {
    throw Failure(Fault::kDriver, "the opener returned no [run, close, stats, max_concurrency]");
  }
  return Guarded([&] {
    return std::make_unique<PythonExecutor>((*four)[0].cast<Function>(),
                                            (*four)[1].cast<Function>(),
                                            (*four)[2].cast<Function>(), (*four)[3].cast<int>());
  });
}

}  // namespace byoc
