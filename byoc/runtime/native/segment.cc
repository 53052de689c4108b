#include "segment.h"

#include <chrono>

#include "json_text.h"
#include "owned.h"
#include "process.h"
#include "stage.h"

namespace byoc {
namespace {

uint64_t Nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

void Add(std::atomic<uint64_t>& counter, uint64_t value) {
  counter.fetch_add(value, std::memory_order_relaxed);
}

// Counts one run, however it ends.
class Timing {
 public:
  explicit Timing(Counters& counters) : counters_(counters), begin_(Nanoseconds()) {}
  ~Timing() {
    Add(counters_.calls, 1);
    Add(counters_.ns, Nanoseconds() - begin_);
  }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  Counters& counters_;
  const uint64_t begin_;
};

void Count(Counters& counters, const Stage& stage, std::atomic<uint64_t>& bytes) {
  Add(bytes, stage.bytes());
  if (stage.copies() == 0) return;
  Add(counters.copies, stage.copies());
  Add(counters.copied_bytes, stage.copied_bytes());
}

// Host code reads what is returned without a look at strides: what is not plain is copied.
void CountReturned(Counters& counters, const Port& port, OwnedTensor& output) {
  const uint64_t bytes = static_cast<uint64_t>(Elements(output->dl_tensor)) * port.item;
  Add(counters.bytes_out, bytes);
  if (IsPlain(output->dl_tensor)) return;
  output = PlainCopy(port, output->dl_tensor);
  Add(counters.copies, 1);
  Add(counters.copied_bytes, bytes);
}

std::string Failed(const Entry& entry, const std::string& words) {
  return "segment '" + entry.name + "' of vendor '" + entry.vendor + "' failed: " + words;
}

void CheckCall(const Entry& entry, const std::vector<Argument>& arguments) {
  Symbols symbols(entry.symbols.size(), -1);
  const size_t inputs = entry.inputs.size(), total = inputs + entry.outputs.size();
  if (arguments.size() != total) {
    throw Failure(Fault::kInput, "segment '" + entry.name + "' of vendor '" + entry.vendor +
                                     "': given " + std::to_string(arguments.size()) +
                                     " tensors, expected " + std::to_string(inputs) +
                                     " inputs and " + std::to_string(entry.outputs.size()) +
                                     " outputs");
  }
  CheckTensors(entry, entry.inputs, "input", arguments.data(), inputs, symbols);
  CheckTensors(entry, entry.outputs, "output", arguments.data() + inputs, total - inputs, symbols);
}

}  // namespace

Segment::~Segment() {
  State* state = state_.load();
  if (state != nullptr && state->generation == ForkGeneration()) delete state;
}

Segment::State& Segment::Here() {
  State* state = state_.load(std::memory_order_acquire);
  const uint64_t generation = ForkGeneration();
  while (state == nullptr || state->generation != generation) {
    auto fresh = std::make_unique<State>(generation, open_);
    if (state_.compare_exchange_strong(state, fresh.get(), std::memory_order_acq_rel)) {
      state = fresh.release();
    }
  }
  return *state;
}

void Segment::Remember(State& state, const std::string& words) {
  Add(state.counters.failures, 1);
  std::lock_guard<std::mutex> lock(state.mutex);
  state.last_error = words;
}

void Segment::RunChecked(State& state, const std::vector<Argument>& arguments) {
  Pool::Lease lease = state.pool.Acquire();
  const Timing timing(state.counters);
  Stage inputs(entry_.inputs, arguments.data());
  Stage outputs(entry_.outputs, arguments.data() + entry_.inputs.size());
  inputs.CopyIn();
  try {
    lease->Run(inputs.tensors(), outputs.tensors());
  } catch (const Lost&) {
    lease.Discard();
    throw;
  }
  outputs.CopyOut();
  Count(state.counters, inputs, state.counters.bytes_in);
  Count(state.counters, outputs, state.counters.bytes_out);
}

void Segment::Run(const std::vector<Argument>& arguments) {
  CheckCall(entry_, arguments);
  State& state = Here();
  try {
    RunChecked(state, arguments);
  } catch (const Failure& failure) {
    Remember(state, failure.words());
    throw Failure(Fault::kDriver, Failed(entry_, failure.words()));
  }
}

bool Segment::Try(const std::vector<Argument>& arguments) {
  CheckCall(entry_, arguments);
  State& state = Here();
  try {
    RunChecked(state, arguments);
    return true;
  } catch (const Failure& failure) {
    Remember(state, failure.words());
    Add(state.counters.fallbacks, 1);
    std::unique_lock<std::mutex> lock(state.mutex);
    const bool first = !state.said;
    state.said = true;
    lock.unlock();
    if (first) {
      Log(Level::kWarning,
          Failed(entry_, failure.words()) + "; its host version runs instead (said once)");
    }
    return false;
  }
}

std::vector<OwnedTensor> Segment::RunReturning(const std::vector<Argument>& arguments) {
  Symbols symbols(entry_.symbols.size(), -1);
  CheckTensors(entry_, entry_.inputs, "input", arguments.data(), arguments.size(), symbols);
  State& state = Here();
  try {
    Pool::Lease lease = state.pool.Acquire();
    const Timing timing(state.counters);
    Stage inputs(entry_.inputs, arguments.data());
    inputs.CopyIn();
    std::vector<OwnedTensor> outputs;
    try {
      outputs = lease->RunReturning(inputs.tensors());
    } catch (const Lost&) {
      lease.Discard();
      throw;
    }
    std::vector<Argument> returned;
    for (const OwnedTensor& output : outputs) returned.push_back({&output->dl_tensor, nullptr});
    const std::string words = JudgeReturned(entry_, returned, symbols);
    if (!words.empty()) throw Failure(Fault::kDriver, words);
    Count(state.counters, inputs, state.counters.bytes_in);
    for (size_t i = 0; i < outputs.size(); ++i)
      CountReturned(state.counters, entry_.outputs[i], outputs[i]);
    return outputs;
  } catch (const Failure& failure) {
    Remember(state, failure.words());
    throw Failure(Fault::kDriver, Failed(entry_, failure.words()));
  }
}

std::string Segment::Stats() {
  State& state = Here();
  const Counters& counters = state.counters;
  const std::vector<std::string> drivers = state.pool.Stats();
  std::string driver = drivers.empty() ? "null" : drivers[0];
  if (drivers.size() > 1) {
    driver = "[" + drivers[0];
    for (size_t i = 1; i < drivers.size(); ++i) driver += "," + drivers[i];
    driver += "]";
  }
  std::unique_lock<std::mutex> lock(state.mutex);
  const std::string error = state.last_error.empty() ? "null" : Quoted(state.last_error);
  lock.unlock();
  const auto number = [](const char* key, uint64_t value) {
    return std::string(",\"") + key + "\":" + std::to_string(value);
  };
  return "{\"name\":" + Quoted(entry_.name) + ",\"vendor\":" + Quoted(entry_.vendor) +
         number("calls", counters.calls) + number("ns", counters.ns) +
         number("bytes_in", counters.bytes_in) + number("bytes_out", counters.bytes_out) +
         number("copies", counters.copies) + number("copied_bytes", counters.copied_bytes) +
         number("fallbacks", counters.fallbacks) + number("failures", counters.failures) +
         ",\"last_error\":" + error + number("executors", drivers.size()) +
         ",\"driver\":" + driver + "}";
}

void Segment::Reset() {
  State& state = Here();
  Counters& counters = state.counters;
  for (std::atomic<uint64_t>* counter :
       {&counters.calls, &counters.ns, &counters.bytes_in, &counters.bytes_out, &counters.copies,
        &counters.copied_bytes, &counters.fallbacks, &counters.failures}) {
    counter->store(0, std::memory_order_relaxed);
  }
  std::lock_guard<std::mutex> lock(state.mutex);
  state.last_error.clear();
  state.said = false;
}

void Segment::Close() { Here().pool.Close(); }

}  // namespace byoc
