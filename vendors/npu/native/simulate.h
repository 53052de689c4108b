// The simulator as a C library, for vendors/npu/simulate.py: programs by themselves, without byoc's
// runtime. Texts are UTF-8 and zero-terminated; whoever is given one frees it by npu_free.
#ifndef NPU_SIMULATE_H_
#define NPU_SIMULATE_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define NPU_EXPORT __declspec(dllexport)
#else
#define NPU_EXPORT __attribute__((visibility("default")))
#endif

extern "C" {

// Opens a program: 0 and a handle and its report as JSON, or 1 and an error as JSON: {"kind": ...,
// "record": number or null, "message": ...}. `constants` are used in place until npu_close.
NPU_EXPORT int npu_open(const uint8_t* program, size_t program_bytes, const uint8_t* constants,
                        size_t constant_bytes, void** handle, char** text);

// Runs it on plain tensors of the I/O table's bytes: 0, or 1 and an error as npu_open's.
NPU_EXPORT int npu_run(void* handle, const uint8_t* const* inputs, const size_t* input_bytes,
                       size_t num_inputs, uint8_t* const* outputs, const size_t* output_bytes,
                       size_t num_outputs, char** text);

NPU_EXPORT void npu_close(void* handle);

NPU_EXPORT void npu_free(char* text);
}

#endif  // NPU_SIMULATE_H_
