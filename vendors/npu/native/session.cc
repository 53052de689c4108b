#include "session.h"

#include <new>

namespace npu {
namespace {

// A failure of ReadProgram has no program to explain itself with; its record's opcode is left out.
Program Read(const uint8_t* program, size_t program_bytes, const uint8_t* constants,
             size_t constant_bytes) {
  try {
    return ReadProgram(program, program_bytes, constants, constant_bytes);
  } catch (const Failure& failure) {
    std::string text = KindName(failure.kind()) + std::string(": ");
    if (failure.record() != kNoRecord)
      text += "record " + std::to_string(failure.record()) + " ";
    throw Failure(failure.kind(), text + failure.words(), failure.record());
  }
}

Report Explained(const Program& program) {
  try {
    return Check(program);
  } catch (const Failure& failure) {
    throw Failure(failure.kind(), Explain(program, failure), failure.record());
  }
}

}  // namespace

Session::Session(const uint8_t* program, size_t program_bytes, const uint8_t* constants,
                 size_t constant_bytes)
    : program_(Read(program, program_bytes, constants, constant_bytes)),
      report_(Explained(program_)) {}

void Session::Run(const uint8_t* const* inputs, uint8_t* const* outputs) {
  try {
    if (executor_ == nullptr) executor_ = std::make_unique<Executor>(program_);
    Memory& memory = executor_->memory();
    memory.inputs.assign(inputs, inputs + program_.inputs.size());
    memory.outputs.assign(outputs, outputs + program_.outputs.size());
    executor_->Run();
  } catch (const std::bad_alloc&) {
    throw Failure(Kind::kLimit, "limit: there is no memory for the program's " +
                                    std::to_string(program_.tmp_bytes) + " bytes of tmp");
  }
}

}  // namespace npu
