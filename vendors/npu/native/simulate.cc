#include "simulate.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "session.h"

namespace {

void Give(char** text, const std::string& value) {
  *text = static_cast<char*>(std::malloc(value.size() + 1));
  if (*text != nullptr) std::memcpy(*text, value.c_str(), value.size() + 1);
}

// Runs `body`; a failure becomes `text`, and 1.
template <class Body>
int Guarded(char** text, Body body) {
  *text = nullptr;
  try {
    body();
    return 0;
  } catch (const npu::Failure& failure) {
    const bool of_record = failure.record() != npu::kNoRecord;
    Give(text, "{\"kind\":" + npu::Quoted(npu::KindName(failure.kind())) + ",\"record\":" +
                   (of_record ? std::to_string(failure.record()) : "null") +
                   ",\"message\":" + npu::Quoted(failure.words()) + "}");
  } catch (const std::bad_alloc&) {
    Give(text, R"({"kind":"limit","record":null,"message":"limit: memory is short"})");
  }
  return 1;
}

void CheckSizes(const char* what, const std::vector<npu::Port>& ports, const size_t* bytes,
                size_t count) {
  bool fits = count == ports.size();
  for (size_t i = 0; fits && i < count; ++i) fits = bytes[i] == ports[i].bytes;
  if (!fits)
    throw npu::Failure(npu::Kind::kCall, std::string("call: the ") + what +
                                             " are not as many, or as large, as the program's " +
                                             std::to_string(ports.size()));
}

}  // namespace

int npu_open(const uint8_t* program, size_t program_bytes, const uint8_t* constants,
             size_t constant_bytes, void** handle, char** text) {
  return Guarded(text, [&] {
    auto session =
        std::make_unique<npu::Session>(program, program_bytes, constants, constant_bytes);
    Give(text, npu::ReportJson(session->program(), session->report()));
    *handle = session.release();
  });
}

int npu_run(void* handle, const uint8_t* const* inputs, const size_t* input_bytes,
            size_t num_inputs, uint8_t* const* outputs, const size_t* output_bytes,
            size_t num_outputs, char** text) {
  return Guarded(text, [&] {
    npu::Session& session = *static_cast<npu::Session*>(handle);
    CheckSizes("inputs", session.program().inputs, input_bytes, num_inputs);
    CheckSizes("outputs", session.program().outputs, output_bytes, num_outputs);
    session.Run(inputs, outputs);
  });
}

void npu_close(void* handle) { delete static_cast<npu::Session*>(handle); }

void npu_free(char* text) { std::free(text); }
