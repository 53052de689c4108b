/* byoc_driver.h: the whole contract of a native driver.
 *
 * A driver runs the blobs that a vendor's codegen made. It is a shared library with one export:
 *
 *     const struct byoc_driver *byoc_driver(uint32_t abi);
 *
 * byoc finds it by VendorSpec.driver, or as libbyoc_driver_<vendor>.so in a folder of
 * $BYOC_DRIVER_PATH.
 *
 * Rules for all of it:
 *  - Every struct starts with its size in bytes, set by whoever fills it. Members are only ever
 * added at the end; a member beyond the given size is not there. A NULL function is not offered.
 *  - Texts are UTF-8, zero-terminated. JSON is such a text.
 *  - What byoc passes to a call is valid during that call; `parts` of open() are valid until
 * close() returns.
 *  - Nothing may be thrown across this boundary, and nothing written to standard output.
 *  - byoc calls no function of a driver in a child process with a handle that the parent opened.
 *  - Threads: see each member. Handles are independent of each other: their calls may come at the
 * same time.
 */
#ifndef BYOC_DRIVER_H_
#define BYOC_DRIVER_H_

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this page. It changes only when a driver must. */
#define BYOC_DRIVER_ABI 1u

/* What open, run and run_returns answer. */
enum byoc_status {
  BYOC_OK = 0,
  BYOC_FAILED = 1, /* this call failed; the handle can be used again */
  BYOC_LOST =
      2 /* as BYOC_FAILED, and the handle is of no use any more: byoc closes it and opens another */
};

/* What validate answers. The last two never reach open(). */
enum byoc_verdict {
  BYOC_OPTIMAL = 0,      /* made for this device */
  BYOC_USABLE = 1,       /* runs; compiling again would serve better */
  BYOC_INCOMPATIBLE = 2, /* made for another device or version */
  BYOC_CORRUPT = 3       /* not a blob of this vendor */
};

enum byoc_level { BYOC_DEBUG = 0, BYOC_INFO = 1, BYOC_WARNING = 2, BYOC_ERROR = 3 };

/* Says one line; from any thread, until close() returns. */
typedef void (*byoc_log)(void* context, enum byoc_level level, const char* line);

/* One part of a blob, as codegen named it (`payload` when it gave bytes alone). Its SHA-256 has
 * been found right. `data` is aligned to 64 bytes and must not be written to: segments with equal
 * parts share it. */
struct byoc_part {
  size_t size;
  const char* name;
  const uint8_t* data;
  size_t bytes;
};

/* What open() is given: one segment's blob. */
struct byoc_blob {
  size_t size;
  const char* segment;                  /* the segment's name */
  const struct byoc_part* const* parts; /* sorted by name */
  size_t num_parts;
  const void* compat; /* what codegen gave as Blob.compat */
  size_t compat_bytes;
  const char*
      manifest; /* JSON: the segment's entry (signature, options of compile time, hardware, ...) */
  const char* options; /* JSON object: options of load time, {} when none were given */
  const char* device;  /* JSON object: the machine */
  byoc_log log;
  void* log_context; /* first argument of log */
};

/* Makes the outputs of run_returns(): `allocate` gives a compact tensor of the output's dtype and
 * this shape, for the driver to fill, or NULL when there is no such output, its rank or a fixed
 * extent differs from the signature, or memory is short. Each output is allocated once. byoc owns
 * the tensors. */
struct byoc_outputs {
  size_t size;
  size_t num_outputs;
  const DLTensor* (*allocate)(const struct byoc_outputs* self, size_t index, const int64_t* shape,
                              int32_t ndim);
};

struct byoc_driver {
  size_t size;
  uint32_t abi;        /* BYOC_DRIVER_ABI */
  const char* name;    /* for people */
  const char* version; /* of the driver, for people */

  /* Whether a blob may run here: an enum byoc_verdict; `words` (may be left alone) says why, valid
   * until the next call in this thread. Any thread, any time, before open(). Not offered: byoc
   * compares toolchain versions. */
  int (*validate)(const void* compat, size_t compat_bytes, const char* device, const char** words);

  /* Opens a blob: an enum byoc_status. Required. Called when a segment is called for the first
   * time, then again while calls wait, up to the number that query("max_instances") tells. Any
   * thread. */
  int (*open)(const struct byoc_blob* blob, void** handle);

  /* Runs once: an enum byoc_status. Required.
   * Tensors are in the CPU's memory, in the order and with the dtypes, ranks and fixed extents of
   * the signature; symbolic extents agree. They are compact and row-major in the driver's order of
   * axes, with strides never NULL (but for rank 0) and byte_offset 0, and aligned as the blob
   * demands. A tensor may have no elements. Outputs are to be filled. Any thread; one call at a
   * time on a handle, unless query("max_concurrency") tells more. */
  int (*run)(void* handle, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
             size_t num_outputs);

  /* Gives back what is open. Required. Called once, after all calls on the handle have returned.
   * Any thread. */
  void (*close)(void* handle);

  /* Tells about a handle, as JSON valid until the next query on it; NULL for a key that it does not
   * know. Keys: "max_instances"    how many handles a segment may have open at a time (1)
   *   "max_concurrency"  how many calls may run on one handle at a time (1)
   *   "stats"            an object: what the driver has to tell of its calls so far (profile,
   * memory); shown by byoc profile Never while a run is under way on the handle. */
  const char* (*query)(void* handle, const char* key);

  /* Why the last call in this thread that answered other than BYOC_OK did so: of this handle, or of
   * open() when `handle` is NULL. Valid until the next call of the driver in this thread. */
  const char* (*last_error)(void* handle);

  /* As run, for a segment whose output shapes only running tells (convention "returns"). */
  int (*run_returns)(void* handle, const DLTensor* inputs, size_t num_inputs,
                     const struct byoc_outputs* outputs);

  /* Reserved for calls that return before they are done: NULL. */
  int (*submit)(void);
  int (*wait)(void);
};

/* The export. `abi` is what byoc speaks; a driver that does not returns NULL. The struct lives as
 * long as the library. */
#if defined(_WIN32)
#define BYOC_DRIVER_EXPORT __declspec(dllexport)
#else
#define BYOC_DRIVER_EXPORT __attribute__((visibility("default")))
#endif
BYOC_DRIVER_EXPORT const struct byoc_driver* byoc_driver(uint32_t abi);

#ifdef __cplusplus
}
#endif

#endif /* BYOC_DRIVER_H_ */
