// tvm-ffi's JSON parser, to be compiled with sanitizers and coverage; libtvm_ffi has registered it
// already.
#include <tvm/ffi/extra/json.h>
#include <tvm/ffi/reflection/registry.h>

#undef TVM_FFI_STATIC_INIT_BLOCK
#define TVM_FFI_STATIC_INIT_BLOCK() [[maybe_unused]] static void RegisterNothing()

#include <ffi/extra/json_parser.cc>
