// What instructions compute, bit for bit as byoc.vendors.npu.isa says.
#ifndef NPU_EXECUTE_H_
#define NPU_EXECUTE_H_

#include <vector>

#include "memory.h"
#include "walk.h"

namespace npu {

// Runs programs that Check has let pass; nothing is checked again. One run at a time.
class Executor {
 public:
  explicit Executor(const Program& program) : program_(program), memory_(program) {}

  Memory& memory() { return memory_; }

  // Runs the program in program order on what memory() says.
  void Run();

 private:
  void Execute(const Walker& walker, const Record& record);

  const Program& program_;
  Memory memory_;
  std::vector<float> scratch_;  // factors of Mm as floats
};

// One instruction each; `address` gives what an address is now.
struct Context {
  const Program& program;
  Memory& memory;
  const Walker& walker;
  std::vector<float>& scratch;

  uint8_t* Bytes(const At& at) const { return memory.At(at, walker.Address(at)); }
  uint64_t Row(const At& at) const { return static_cast<uint64_t>(walker.Address(at)); }
};

void ExecuteLoad(const Context& context, const Load& load);
void ExecuteStore(const Context& context, const Store& store);
void ExecuteMm(const Context& context, const Mm& mm);
void ExecuteVec(const Context& context, const Vec& vec);
void ExecuteRed(const Context& context, const Red& red);
void ExecuteWin(const Context& context, const Win& win);
void ExecuteFill(const Context& context, const Fill& fill);

}  // namespace npu

#endif  // NPU_EXECUTE_H_
