#include "drivers.h"

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "process.h"

namespace byoc {
namespace {

using Natives = std::map<std::string, std::shared_ptr<const NativeDriver>>;

// Neither is ever destroyed: artefacts may be closed while the process ends.
Shared<Natives>& Registered() {
  static auto* natives = new Shared<Natives>();
  return *natives;
}

Shared<AnyOpener>& Openers() {
  static auto* openers = new Shared<AnyOpener>();
  return *openers;
}

std::string FindFile(const std::string& vendor) {
  const char* folders = std::getenv("BYOC_DRIVER_PATH");
  std::istringstream list(folders == nullptr ? "" : folders);
  for (std::string folder; std::getline(list, folder, ':');) {
    const std::string path = folder + "/libbyoc_driver_" + vendor + ".so";
    if (!folder.empty() && access(path.c_str(), F_OK) == 0) return path;
  }
  return "";
}

}  // namespace

void RegisterDriver(const std::string& vendor, const std::string& path) {
  std::shared_ptr<const NativeDriver> driver = NativeDriver::Load(vendor, path);
  Registered().Update([&](Natives& natives) { natives[vendor] = driver; });
}

void SetOpener(AnyOpener opener) {
  Openers().Update([&](AnyOpener& current) { current = opener; });
}

std::shared_ptr<const NativeDriver> FindNative(const std::string& vendor) {
  const Natives* natives = Registered().Get();
  if (natives != nullptr) {
    const auto found = natives->find(vendor);
    if (found != natives->end()) return found->second;
  }
  const std::string path = FindFile(vendor);
  if (path.empty()) return nullptr;
  RegisterDriver(vendor, path);
  return Registered().Get()->at(vendor);
}

std::unique_ptr<Executor> OpenBlob(const Blob& blob, std::shared_ptr<const Container> keep) {
  const std::string& vendor = blob.entry->vendor;
  if (auto native = FindNative(vendor)) return native->Open(blob);
  const AnyOpener* opener = Openers().Get();
  if (opener != nullptr && *opener) return (*opener)(blob, std::move(keep));
  throw Failure(
      Fault::kDriver,
      "there is no driver: register one with byoc.runtime.register_driver, put libbyoc_driver_" +
          vendor + ".so in a folder of $BYOC_DRIVER_PATH, or import byoc.runtime where " +
          "the vendor's plugin is installed");
}

}  // namespace byoc
