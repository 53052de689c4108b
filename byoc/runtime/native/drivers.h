// Which driver opens a vendor's blobs.
#ifndef BYOC_RUNTIME_DRIVERS_H_
#define BYOC_RUNTIME_DRIVERS_H_

#include <functional>
#include <memory>
#include <string>

#include "executor.h"
#include "native_driver.h"

namespace byoc {

// Load a native driver and use it for the vendor's blobs from now on. Throws Failure(kDriver).
void RegisterDriver(const std::string& vendor, const std::string& path);

// The opener of vendors that have no native driver; empty for none.
using AnyOpener =
    std::function<std::unique_ptr<Executor>(const Blob&, std::shared_ptr<const Container>)>;
void SetOpener(AnyOpener opener);

// The vendor's native driver: the registered one, else libbyoc_driver_<vendor>.so in a folder of
// $BYOC_DRIVER_PATH, else null. Throws Failure(kDriver) when there is one that cannot be used.
std::shared_ptr<const NativeDriver> FindNative(const std::string& vendor);

// Open a blob with its vendor's driver. Throws Failure(kDriver).
std::unique_ptr<Executor> OpenBlob(const Blob& blob, std::shared_ptr<const Container> keep);

}  // namespace byoc

#endif  // BYOC_RUNTIME_DRIVERS_H_
