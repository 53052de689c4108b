/* A native driver that does nothing: what a call costs without it. */
#include <byoc_driver.h>

static int open_blob(const struct byoc_blob* blob, void** handle) {
  (void)blob;
  *handle = NULL;
  return BYOC_OK;
}

static int run(void* handle, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
               size_t num_outputs) {
  (void)handle, (void)inputs, (void)num_inputs, (void)outputs, (void)num_outputs;
  return BYOC_OK;
}

static void close_blob(void* handle) { (void)handle; }

static const struct byoc_driver driver = {
    .size = sizeof(driver),
    .abi = BYOC_DRIVER_ABI,
    .name = "noop",
    .version = "1",
    .open = open_blob,
    .run = run,
    .close = close_blob,
};

const struct byoc_driver* byoc_driver(uint32_t abi) {
  return abi == BYOC_DRIVER_ABI ? &driver : NULL;
}
