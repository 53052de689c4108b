/* A native driver for tests: doubles floats. compat is one digit, the verdict; {"factor": N} among the options is refused
 * when N is 9; a first input of 13 fails. */
#include <byoc_driver.h>
#include <string.h>

static int validate(const void *compat, size_t bytes, const char *device, const char **words) {
  if (bytes == 0 || strstr(device, "machine") == NULL) return BYOC_OPTIMAL;
  *words = "the firmware is another";
  return *(const char *)compat - '0';
}

static int open_blob(const struct byoc_blob *blob, void **handle) {
  if (strstr(blob->options, "\"factor\": 9") != NULL) return BYOC_FAILED;
  blob->log(blob->log_context, BYOC_INFO, blob->segment);
  *handle = (void *)blob->parts;
  return BYOC_OK;
}

static int run(void *handle, const DLTensor *inputs, size_t num_inputs, const DLTensor *outputs, size_t num_outputs) {
  (void)handle;
  (void)num_outputs;
  for (size_t i = 0; i < num_inputs; ++i) {
    size_t count = 1;
    for (int32_t axis = 0; axis < inputs[i].ndim; ++axis) count *= (size_t)inputs[i].shape[axis];
    const float *given = inputs[i].data;
    if (count > 0 && given[0] == 13) return BYOC_FAILED;
    for (size_t at = 0; at < count; ++at) ((float *)outputs[i].data)[at] = 2 * given[at];
  }
  return BYOC_OK;
}

static void close_blob(void *handle) { (void)handle; }

static const char *query(void *handle, const char *key) {
  (void)handle;
  return strcmp(key, "stats") == 0 ? "{\"chip\":\"cold\"}" : NULL;
}

static const char *last_error(void *handle) { return handle == NULL ? "no such factor" : "thirteen"; }

static const struct byoc_driver driver = {
    .size = sizeof(driver),
    .abi = BYOC_DRIVER_ABI,
    .name = "double",
    .version = "1",
    .validate = validate,
    .open = open_blob,
    .run = run,
    .close = close_blob,
    .query = query,
    .last_error = last_error,
};

const struct byoc_driver *byoc_driver(uint32_t abi) { return abi == BYOC_DRIVER_ABI ? &driver : NULL; }
