#include "execute.h"

#include <cstring>

namespace npu {
namespace {

// Forget fills it.
template <class T>
std::unique_ptr<T[]> Allocate(uint64_t count) {
  return std::unique_ptr<T[]>(new T[count]);
}

}  // namespace

Memory::Memory(const Program& program)
    : sp(Allocate<uint8_t>(program.hardware.scratchpad)),
      tmp(Allocate<uint8_t>(program.tmp_bytes)),
      acc(Allocate<uint32_t>(uint64_t{program.hardware.accumulators} * program.hardware.columns)),
      inputs(program.inputs.size()),
      outputs(program.outputs.size()),
      program_(program) {}

void Memory::Forget() {
  std::memset(sp.get(), 255, program_.hardware.scratchpad);
  std::memset(tmp.get(), 255, program_.tmp_bytes);
  std::memset(acc.get(), 255,
              4 * size_t{program_.hardware.accumulators} * program_.hardware.columns);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (program_.outputs[i].bytes != 0) std::memset(outputs[i], 255, program_.outputs[i].bytes);
  }
}

void Executor::Run() {
  memory_.Forget();
  Walker walker(program_);
  while (walker.Next()) {
    if (walker.queued()) Execute(walker, program_.records[walker.record()]);
  }
}

void Executor::Execute(const Walker& walker, const Record& record) {
  const Context context{program_, memory_, walker, scratch_};
  switch (record.head().opcode) {
    case Opcode::kLoad:
      return ExecuteLoad(context, record.As<Load>());
    case Opcode::kStore:
      return ExecuteStore(context, record.As<Store>());
    case Opcode::kMm:
      return ExecuteMm(context, record.As<Mm>());
    case Opcode::kVec:
      return ExecuteVec(context, record.As<Vec>());
    case Opcode::kRed:
      return ExecuteRed(context, record.As<Red>());
    case Opcode::kWin:
      return ExecuteWin(context, record.As<Win>());
    default:
      return ExecuteFill(context, record.As<Fill>());
  }
}

}  // namespace npu
