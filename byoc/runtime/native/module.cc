// The module kind `byoc.segments`, and the functions of byoc.runtime in the registry of tvm-ffi.
#include <tvm/ffi/cast.h>
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <map>
#include <memory>
#include <string>

#include "container.h"
#include "drivers.h"
#include "json_text.h"
#include "process.h"
#include "python_driver.h"
#include "segment.h"

namespace byoc {
namespace {

namespace ffi = tvm::ffi;

// Calls with the runtime's failures as errors of tvm-ffi.
template <typename F>
auto Translated(F call) {
  try {
    return call();
  } catch (const Failure& failure) {
    throw ffi::Error(failure.kind(), failure.words(), "");
  }
}

std::vector<Argument> Arguments(const Entry& entry, ffi::PackedArgs args) {
  std::vector<Argument> arguments;
  arguments.reserve(static_cast<size_t>(args.size()));
  for (int i = 0; i < args.size(); ++i) {
    const TVMFFIAny value = args[i].CopyToTVMFFIAny();
    if (value.type_index == ffi::TypeIndex::kTVMFFITensor) {
      // The caller holds a reference during the call.
      arguments.push_back({TVMFFITensorGetDLTensorPtr(value.v_obj), value.v_obj});
    } else if (value.type_index == ffi::TypeIndex::kTVMFFIDLTensorPtr) {
      arguments.push_back({static_cast<const DLTensor*>(value.v_ptr), nullptr});
    } else {
      throw Failure(Fault::kInput, "segment '" + entry.name + "' of vendor '" + entry.vendor +
                                       "': argument " + std::to_string(i) + " is no tensor but " +
                                       args[i].GetTypeKey());
    }
  }
  return arguments;
}

ffi::Any Returned(std::vector<OwnedTensor> outputs) {
  if (outputs.size() == 1) return FromOwned(std::move(outputs[0]));
  ffi::Array<ffi::Tensor> tensors;
  for (OwnedTensor& output : outputs) tensors.push_back(FromOwned(std::move(output)));
  return tensors;
}

class SegmentsObj final : public ffi::ModuleObj {
 public:
  explicit SegmentsObj(const ffi::Bytes& bytes)
      : container_(std::make_shared<const Container>(
            ReadContainer(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()))) {
    for (const Entry& entry : container_->manifest.segments) {
      auto segment = std::make_unique<Segment>(entry, [this, &entry] { return Open(entry); });
      by_name_[entry.name] = segment.get();
      segments_.push_back(std::move(segment));
    }
  }

  const char* kind() const final { return "byoc.segments"; }

  int GetPropertyMask() const final {
    return ffi::Module::kBinarySerializable | ffi::Module::kRunnable;
  }

  ffi::Bytes SaveToBytes() const final {
    return ffi::Bytes(reinterpret_cast<const char*>(container_->bytes.get()), container_->size);
  }

  ffi::Optional<ffi::Function> GetFunction(const ffi::String& name) final {
    const std::string text = name;
    if (auto found = by_name_.find(text); found != by_name_.end()) return Caller(found->second);
    if (text.size() > 4 && text.compare(text.size() - 4, 4, ".try") == 0) {
      auto found = by_name_.find(text.substr(0, text.size() - 4));
      if (found != by_name_.end() && found->second->entry().fallback) return Trier(found->second);
    }
    return text.rfind("byoc.", 0) == 0 ? Service(text) : std::nullopt;
  }

 private:
  ffi::Function Caller(Segment* segment) {
    ffi::Module self = ffi::GetRef<ffi::Module>(this);
    if (segment->entry().returns) {
      return ffi::Function::FromPacked([self, segment](ffi::PackedArgs args, ffi::Any* result) {
        *result = Translated(
            [&] { return Returned(segment->RunReturning(Arguments(segment->entry(), args))); });
      });
    }
    return ffi::Function::FromPacked([self, segment](ffi::PackedArgs args, ffi::Any*) {
      Translated([&] { segment->Run(Arguments(segment->entry(), args)); });
    });
  }

  ffi::Function Trier(Segment* segment) {
    ffi::Module self = ffi::GetRef<ffi::Module>(this);
    return ffi::Function::FromPacked([self, segment](ffi::PackedArgs args, ffi::Any* result) {
      *result =
          Translated([&] { return int64_t{segment->Try(Arguments(segment->entry(), args))}; });
    });
  }

  ffi::Optional<ffi::Function> Service(const std::string& name) {
    ffi::Module self = ffi::GetRef<ffi::Module>(this);
    if (name == "byoc.manifest") {
      return ffi::Function::FromTyped([self, this] {
        return ffi::String(container_->manifest_text.data(), container_->manifest_text.size());
      });
    }
    if (name == "byoc.part") {
      return ffi::Function::FromTyped([self, this](int64_t index) { return PartAt(index); });
    }
    if (name == "byoc.stats") {
      return ffi::Function::FromTyped([self, this] { return ffi::String(Stats()); });
    }
    if (name == "byoc.reset") {
      return ffi::Function::FromTyped([self, this] {
        for (const auto& segment : segments_) segment->Reset();
      });
    }
    if (name == "byoc.set_options") {
      return ffi::Function::FromTyped(
          [self, this](const ffi::String& vendor, const ffi::String& json) {
            SetOptions(vendor, json);
          });
    }
    if (name == "byoc.validate") {
      return ffi::Function::FromTyped([self, this](const ffi::String& segment) {
        return ffi::String(Translated([&] { return Validate(segment); }));
      });
    }
    if (name == "byoc.close") {
      return ffi::Function::FromTyped([self, this] {
        for (const auto& segment : segments_) segment->Close();
      });
    }
    return std::nullopt;
  }

  ffi::Tensor PartAt(int64_t index) const {
    const auto count = static_cast<int64_t>(container_->parts.size());
    if (index < 0 || index >= count) {
      throw ffi::Error(
          "IndexError",
          "there is no part " + std::to_string(index) + ", there are " + std::to_string(count), "");
    }
    return PartTensor(container_, container_->parts[static_cast<size_t>(index)]);
  }

  std::string Stats() const {
    std::string text;
    for (const auto& segment : segments_) text += (text.empty() ? "" : ",") + segment->Stats();
    return "[" + text + "]";
  }

  // Drivers that are open were opened with other options.
  void SetOptions(const std::string& vendor, const std::string& json) {
    options_.Update([&](std::map<std::string, std::string>& options) { options[vendor] = json; });
    for (const auto& segment : segments_) {
      if (segment->entry().vendor == vendor) segment->Close();
    }
  }

  Blob BlobOf(const Entry& entry) const;
  std::string Validate(const std::string& name) const;

  std::unique_ptr<Executor> Open(const Entry& entry) const {
    return OpenBlob(BlobOf(entry), container_);
  }

  const std::shared_ptr<const Container> container_;
  Shared<std::map<std::string, std::string>> options_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::map<std::string, Segment*> by_name_;
};

// What byoc.device told of this machine; never destroyed, as drivers may be opened while the
// process ends.
Shared<std::string>& Device() {
  static auto* device = new Shared<std::string>();
  return *device;
}

Blob SegmentsObj::BlobOf(const Entry& entry) const {
  const auto* options = options_.Get();
  const bool given = options != nullptr && options->count(entry.vendor) != 0;
  const std::string* device = Device().Get();
  return {&entry, container_.get(), given ? options->at(entry.vendor) : "{}",
          device == nullptr ? ThisMachine() : *device};
}

std::string SegmentsObj::Validate(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) throw ffi::Error("KeyError", "there is no segment " + name, "");
  const Entry& entry = found->second->entry();
  const auto native = FindNative(entry.vendor);
  Judgement judgement{BYOC_OPTIMAL, ""};
  if (native == nullptr || !native->Validate(BlobOf(entry), judgement)) return "null";
  static const char* const kCodes[] = {"optimal", "usable", "incompatible", "corrupt"};
  return std::string("{\"code\":\"") + kCodes[judgement.verdict] +
         "\",\"words\":" + Quoted(judgement.words) + "}";
}

ffi::Module Load(const ffi::Bytes& bytes) {
  return Translated([&] { return ffi::Module(ffi::make_object<SegmentsObj>(bytes)); });
}

void SetPythonOpener(ffi::Optional<ffi::Function> opener) {
  if (!opener.has_value()) return SetOpener(nullptr);
  SetOpener([function = *opener](const Blob& blob, std::shared_ptr<const Container> keep) {
    return OpenPython(function, blob, std::move(keep));
  });
}

void SetPythonLog(ffi::Optional<ffi::Function> log) {
  if (!log.has_value()) return SetLog(nullptr);
  SetLog([function = *log](Level level, const std::string& line) {
    function(static_cast<int64_t>(level), ffi::String(line));
  });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  ffi::reflection::GlobalDef()
      .def("byoc.runtime.create", Load)
      .def("ffi.Module.load_from_bytes.byoc.segments", Load)
      .def("byoc.runtime.register_driver",
           [](const ffi::String& vendor, const ffi::String& path) {
             Translated([&] { RegisterDriver(vendor, path); });
           })
      .def("byoc.runtime.set_opener", SetPythonOpener)
      .def("byoc.runtime.set_log", SetPythonLog)
      .def("byoc.runtime.set_device",
           [](const ffi::String& json) {
             Device().Update([&](std::string& device) { device = std::string(json); });
           })
      .def("byoc.runtime.version", [] { return ffi::String("1"); });
}

}  // namespace
}  // namespace byoc
