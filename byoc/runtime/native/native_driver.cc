#include "native_driver.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "owned.h"
#include "process.h"

namespace byoc {
namespace {

std::string WordsOr(const char* words, const char* otherwise) {
  return words != nullptr && *words != '\0' ? words : otherwise;
}

constexpr int kThrew = -1;  // beside the statuses of byoc_driver.h

// Calls a function of the driver; what a C++ driver lets slip is a failure like any other.
template <typename F>
int Guarded(std::string& words, F call) {
  try {
    return call();
  } catch (const std::exception& error) {
    words = std::string("the driver threw a C++ exception: ") + error.what();
  } catch (...) {
    words = "the driver threw a C++ exception";
  }
  return kThrew;
}

// Why a call ended with `status`: the driver's words, unless it threw or has none.
std::string Reason(const Functions& driver, void* handle, int status, const std::string& words) {
  if (status == kThrew || driver.last_error == nullptr) return words;
  return WordsOr(driver.last_error(handle), words.c_str());
}

// What run_returns() is given: the C struct first, so that its address is this one's.
struct Outputs {
  byoc_outputs interface;
  const std::vector<Port>* ports;
  std::vector<OwnedTensor> made;

  static const DLTensor* Allocate(const byoc_outputs* self, size_t index, const int64_t* shape,
                                  int32_t ndim) noexcept {
    auto* outputs = reinterpret_cast<Outputs*>(const_cast<byoc_outputs*>(self));
    if (index >= outputs->made.size() || outputs->made[index] != nullptr || ndim < 0)
      return nullptr;
    const Port& port = (*outputs->ports)[index];
    if (port.ranked && port.shape.size() != static_cast<size_t>(ndim)) return nullptr;
    for (size_t i = 0; i < port.shape.size(); ++i) {
      const Extent& extent = port.shape[i];
      if (extent.kind == Extent::kFixed && extent.value != shape[i]) return nullptr;
    }
    try {
      outputs->made[index] = MakeTensor(port, shape, ndim);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    return outputs->made[index] == nullptr ? nullptr : &outputs->made[index]->dl_tensor;
  }
};

// The blob in the words of byoc_driver.h; it points into itself.
class CBlob {
 public:
  CBlob(const Blob& blob, byoc_log log, void* log_context) {
    const Entry& entry = *blob.entry;
    for (const auto& [name, index] : entry.parts) {
      const Part& part = blob.container->parts[index];
      parts_.push_back({sizeof(byoc_part), name.c_str(), part.data, part.bytes});
    }
    for (const byoc_part& part : parts_) pointers_.push_back(&part);
    blob_ = {sizeof(byoc_blob),   entry.name.c_str(),
             pointers_.data(),    pointers_.size(),
             entry.compat.data(), entry.compat.size(),
             entry.json.c_str(),  blob.options.c_str(),
             blob.device.c_str(), log,
             log_context};
  }
  CBlob(const CBlob&) = delete;
  CBlob& operator=(const CBlob&) = delete;

  const byoc_blob* get() const { return &blob_; }

 private:
  std::vector<byoc_part> parts_;
  std::vector<const byoc_part*> pointers_;
  byoc_blob blob_{};
};

class NativeExecutor final : public Executor {
 public:
  NativeExecutor(std::shared_ptr<const NativeDriver> driver, const Blob& blob)
      : driver_(std::move(driver)),
        functions_(driver_->functions()),
        entry_(*blob.entry),
        blob_(blob),
        c_blob_(blob_, Say, this) {
    std::string words = "its driver could not open the blob";
    const int status = Guarded(words, [&] { return functions_.open(c_blob_.get(), &handle_); });
    if (status != BYOC_OK) {
      throw Failure(Fault::kDriver, Reason(functions_, nullptr, status, words));
    }
    instances_ = Number("max_instances");
    concurrency_ = Number("max_concurrency");
  }

  ~NativeExecutor() override {
    std::string words;
    if (Guarded(words, [&] { return functions_.close(handle_), BYOC_OK; }) != BYOC_OK) {
      Log(Level::kWarning, "closing segment '" + entry_.name + "': " + words);
    }
  }

  void Run(const Tensors& inputs, const Tensors& outputs) override {
    std::string words = "its driver gave no reason";
    const int status = Guarded(words, [&] {
      return functions_.run(handle_, inputs.tensors.data(), inputs.tensors.size(),
                            outputs.tensors.data(), outputs.tensors.size());
    });
    Check(status, words);
  }

  std::vector<OwnedTensor> RunReturning(const Tensors& inputs) override {
    if (functions_.run_returns == nullptr) {
      throw Failure(Fault::kDriver, "its driver offers no run_returns, which this segment needs");
    }
    Outputs outputs{
        {sizeof(byoc_outputs), entry_.outputs.size(), Outputs::Allocate}, &entry_.outputs, {}};
    outputs.made.resize(entry_.outputs.size());
    std::string words = "its driver gave no reason";
    const int status = Guarded(words, [&] {
      return functions_.run_returns(handle_, inputs.tensors.data(), inputs.tensors.size(),
                                    &outputs.interface);
    });
    Check(status, words);
    for (const OwnedTensor& made : outputs.made) {
      if (made == nullptr) throw Failure(Fault::kDriver, "its driver allocated too few outputs");
    }
    return std::move(outputs.made);
  }

  std::string Stats() override {
    const char* stats = Query("stats");
    return stats == nullptr ? "null" : stats;
  }

  int max_instances() const override { return instances_; }
  int max_concurrency() const override { return concurrency_; }

 private:
  static void Say(void* context, byoc_level level, const char* line) noexcept {
    const auto* self = static_cast<const NativeExecutor*>(context);
    try {
      Log(static_cast<Level>(level), self->entry_.vendor + ": " + self->entry_.name + ": " + line);
    } catch (...) {
      // A line that cannot be said must not end the driver's call.
    }
  }

  const char* Query(const char* key) const {
    return functions_.query == nullptr ? nullptr : functions_.query(handle_, key);
  }

  int Number(const char* key) const {
    const char* text = Query(key);
    const long number = text == nullptr ? 1 : std::strtol(text, nullptr, 10);
    return static_cast<int>(std::clamp(number, 1L, 4096L));
  }

  void Check(int status, const std::string& words) const {
    if (status == BYOC_OK) return;
    const std::string why = Reason(functions_, handle_, status, words);
    if (status == BYOC_LOST) throw Lost(why);
    throw Failure(Fault::kDriver, why);
  }

  const std::shared_ptr<const NativeDriver> driver_;
  const Functions& functions_;
  const Entry& entry_;
  const Blob blob_;
  const CBlob c_blob_;
  void* handle_ = nullptr;
  int instances_ = 1;
  int concurrency_ = 1;
};

[[noreturn]] void Unusable(const std::string& vendor, const std::string& path,
                           const std::string& words) {
  throw Failure(Fault::kDriver,
                "the driver of vendor '" + vendor + "', " + path + ", cannot be used: " + words);
}

}  // namespace

std::shared_ptr<const NativeDriver> NativeDriver::Load(const std::string& vendor,
                                                       const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) Unusable(vendor, path, dlerror());
  auto get = reinterpret_cast<const Functions* (*)(uint32_t)>(dlsym(library, "byoc_driver"));
  if (get == nullptr) Unusable(vendor, path, "it exports no function byoc_driver");
  const Functions* functions = get(BYOC_DRIVER_ABI);
  const std::string ours = std::to_string(BYOC_DRIVER_ABI);
  if (functions == nullptr)
    Unusable(vendor, path, "it does not speak version " + ours + " of byoc_driver.h");
  if (functions->size < offsetof(Functions, query) || functions->abi != BYOC_DRIVER_ABI) {
    Unusable(vendor, path,
             "it was made for version " + std::to_string(functions->abi) +
                 " of byoc_driver.h, or a struct of another size; this byoc speaks version " +
                 ours);
  }
  auto driver = std::make_shared<NativeDriver>();
  driver->path_ = path;
  std::memcpy(&driver->functions_, functions, std::min(functions->size, sizeof(Functions)));
  const Functions& own = driver->functions_;
  if (own.open == nullptr || own.run == nullptr || own.close == nullptr) {
    Unusable(vendor, path, "it offers no open, no run or no close");
  }
  return driver;
}

bool NativeDriver::Validate(const Blob& blob, Judgement& judgement) const {
  if (functions_.validate == nullptr) return false;
  const char* words = nullptr;
  const std::string& compat = blob.entry->compat;
  const int verdict =
      functions_.validate(compat.data(), compat.size(), blob.device.c_str(), &words);
  judgement.verdict = verdict < BYOC_OPTIMAL || verdict > BYOC_CORRUPT
                          ? BYOC_CORRUPT
                          : static_cast<byoc_verdict>(verdict);
  judgement.words = WordsOr(words, "");
  return true;
}

std::unique_ptr<Executor> NativeDriver::Open(const Blob& blob) const {
  Judgement judgement{BYOC_OPTIMAL, ""};
  if (Validate(blob, judgement) && judgement.verdict >= BYOC_INCOMPATIBLE) {
    const char* code = judgement.verdict == BYOC_CORRUPT ? "corrupt" : "incompatible";
    throw Failure(Fault::kDriver, std::string("its driver calls the blob ") + code +
                                      (judgement.words.empty() ? "" : ": " + judgement.words));
  }
  // The library is never unloaded, so a pointer that owns nothing is as good as one that does.
  std::shared_ptr<const NativeDriver> self(std::shared_ptr<const NativeDriver>(), this);
  return std::make_unique<NativeExecutor>(self, blob);
}

}  // namespace byoc
