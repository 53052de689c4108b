#include "program.h"

#include <algorithm>
#include <cstdio>

#include "numbers.h"
#include "sha256.h"

namespace npu {
namespace {

constexpr size_t kHeader = 256, kEntry = 64, kBlock = 128;
constexpr char kMagic[] = "BYOCNPU\x01";

[[noreturn]] void Malformed(const std::string& words) { throw Failure(Kind::kMalformed, words); }

template <class T>
T Read(const uint8_t* data, size_t at) {
  T value;
  std::memcpy(&value, data + at, sizeof value);
  return value;
}

std::string Say(const char* what, uint64_t given, uint64_t expected) {
  return std::string(what) + " is " + std::to_string(given) + ", not " + std::to_string(expected);
}

// Figures that this simulator can time; real chips are far within.
struct Bound {
  const char* name;
  uint32_t Hardware::*figure;
  uint32_t least, most;
};

constexpr Bound kBounds[] = {
    {"rows", &Hardware::rows, 1, 1024},
    {"columns", &Hardware::columns, 1, 1024},
    {"rate_float32", &Hardware::rate_float32, 1, 256},
    {"rate_bfloat16", &Hardware::rate_bfloat16, 1, 256},
    {"rate_int8", &Hardware::rate_int8, 1, 256},
    {"lanes", &Hardware::lanes, 1, 1 << 16},
    {"special", &Hardware::special, 1, 1 << 16},
    {"scratchpad", &Hardware::scratchpad, 1, 1 << 30},
    {"banks", &Hardware::banks, 1, 1 << 16},
    {"accumulators", &Hardware::accumulators, 1, 1 << 20},
    {"queue", &Hardware::queue, 1, 1 << 16},
    {"load_bandwidth", &Hardware::load_bandwidth, 1, 1 << 20},
    {"store_bandwidth", &Hardware::store_bandwidth, 1, 1 << 20},
    {"bandwidth", &Hardware::bandwidth, 1, 1 << 20},
    {"load_latency", &Hardware::load_latency, 0, 1 << 20},
    {"store_latency", &Hardware::store_latency, 0, 1 << 20},
    {"burst", &Hardware::burst, 1, 1 << 20},
    {"matrix_latency", &Hardware::matrix_latency, 0, 1 << 20},
    {"vector_latency", &Hardware::vector_latency, 0, 1 << 20},
    {"clock", &Hardware::clock, 1, 1 << 30},
};
static_assert(std::size(kBounds) * sizeof(uint32_t) == sizeof(Hardware));

Hardware ReadHardware(const uint8_t* header) {
  const byoc::Digest digest = byoc::Sha256(header + 64, kBlock);
  if (!std::equal(digest.begin(), digest.end(), header + 16))
    Malformed("the chip's figures do not have the fingerprint that the header says");
  const Hardware hardware = Read<Hardware>(header, 64);
  for (const Bound& bound : kBounds) {
    const uint32_t figure = hardware.*bound.figure;
    if (figure < bound.least || figure > bound.most)
      Malformed("the chip's " + std::string(bound.name) + " is " + std::to_string(figure) +
                "; this simulator takes " + std::to_string(bound.least) + " to " +
                std::to_string(bound.most));
  }
  return hardware;
}

Port ReadPort(const uint8_t* entry) {
  const uint32_t dtype = Read<uint32_t>(entry, 8), rank = Read<uint32_t>(entry, 12);
  if (dtype >= kDtypes) Malformed("the I/O table has dtype " + std::to_string(dtype));
  if (rank > 8) Malformed("the I/O table has a tensor of rank " + std::to_string(rank));
  Port port{static_cast<Dtype>(dtype), {}, BytesOf(dtype)};
  for (uint32_t axis = 0; axis < 8; ++axis) {
    const uint32_t extent = Read<uint32_t>(entry, 16 + 4 * axis);
    if (axis >= rank && extent != 0) Malformed("the I/O table has an extent beyond the rank");
    if (axis >= rank) continue;
    port.shape.push_back(extent);
    port.bytes = Times(port.bytes, extent);
  }
  if (port.bytes != Read<uint64_t>(entry, 48) || port.bytes >= kHuge)
    Malformed(Say("the I/O table's count of bytes", Read<uint64_t>(entry, 48), port.bytes));
  if (Read<uint64_t>(entry, 56) != 0) Malformed("the I/O table's reserved bytes are not 0");
  return port;
}

void ReadPorts(Program& program, const uint8_t* data, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* entry = data + kHeader + i * kEntry;
    const uint32_t space = Read<uint32_t>(entry, 0);
    if (space != kIn && space != kOut) Malformed("the I/O table has a space other than in and out");
    std::vector<Port>& ports = space == kIn ? program.inputs : program.outputs;
    if (Read<uint32_t>(entry, 4) != ports.size())
      Malformed(Say("an index of the I/O table", Read<uint32_t>(entry, 4), ports.size()));
    ports.push_back(ReadPort(entry));
  }
}

void CheckConstants(const Program& program, const uint8_t* header) {
  const uint64_t declared = Read<uint64_t>(header, 192);
  if (declared != program.constant_bytes)
    Malformed(Say("the number of bytes of constants", program.constant_bytes, declared));
  const byoc::Digest digest = byoc::Sha256(program.constants, program.constant_bytes);
  if (!std::equal(digest.begin(), digest.end(), header + 224))
    Malformed("the constants are not those that the program was made with (their SHA-256 differs)");
}

void CheckLimit(const char* what, uint64_t declared, uint64_t most) {
  if (declared > most)
    throw Failure(Kind::kLimit, "the program declares " + std::to_string(declared) + " " + what +
                                    "; this simulator gives at most " + std::to_string(most));
}

}  // namespace

const char* KindName(Kind kind) {
  static const char* const kNames[] = {"malformed",   "bounds", "deadlock", "tokens left", "race",
                                       "steps", "cycles", "limit",    "call"};
  return kNames[static_cast<size_t>(kind)];
}

const char* QueueName(Queue queue) {
  static const char* const kNames[] = {"load", "compute", "store"};
  return kNames[queue];
}

const char* SpaceName(Space space) {
  static const char* const kNames[] = {"none", "sp", "acc", "const", "tmp", "in", "out"};
  return kNames[space];
}

const char* OpcodeName(Opcode opcode) {
  switch (opcode) {
    case Opcode::kHalt:
      return "halt";
    case Opcode::kSet:
      return "set";
    case Opcode::kAdd:
      return "add";
    case Opcode::kLoop:
      return "loop";
    case Opcode::kEnd:
      return "end";
    case Opcode::kLoad:
      return "load";
    case Opcode::kStore:
      return "store";
    case Opcode::kMm:
      return "mm";
    case Opcode::kVec:
      return "vec";
    case Opcode::kRed:
      return "red";
    case Opcode::kWin:
      return "win";
    case Opcode::kFill:
      return "fill";
  }
  return nullptr;
}

uint64_t Program::SizeOf(const At& at, size_t record) const {
  switch (at.space) {
    case kSp:
      return hardware.scratchpad;
    case kAcc:
      return hardware.accumulators;
    case kConst:
      return constant_bytes;
    case kTmp:
      return tmp_bytes;
    default:
      break;
  }
  const std::vector<Port>& ports = at.space == kIn ? inputs : outputs;
  if (at.index >= ports.size())
    throw Failure(Kind::kMalformed,
                  std::string("names ") + SpaceName(at.space) + std::to_string(at.index) +
                      "; the program has " + std::to_string(ports.size()) + " of these",
                  record);
  return ports[at.index].bytes;
}

Program ReadProgram(const uint8_t* data, size_t bytes, const uint8_t* constants,
                    size_t constant_bytes) {
  if (bytes < kHeader || std::memcmp(data, kMagic, 8) != 0) Malformed("this is no program");
  if (Read<uint32_t>(data, 8) != 1) Malformed(Say("the version", Read<uint32_t>(data, 8), 1));
  if (Read<uint32_t>(data, 12) != kHeader)
    Malformed(Say("the length of the header", Read<uint32_t>(data, 12), kHeader));
  if (Read<uint32_t>(data, 60) != 0) Malformed("the header's reserved bytes are not 0");
  const uint64_t ports = Read<uint32_t>(data, 48), records = Read<uint32_t>(data, 52),
                 names = Read<uint32_t>(data, 56);
  const uint64_t wanted = kHeader + ports * kEntry + records * kRecord + names;
  if (bytes != wanted) Malformed(Say("the length of the program", bytes, wanted));

  Program program{};
  program.hardware = ReadHardware(data);
  program.constants = constants;
  program.constant_bytes = constant_bytes;
  program.tmp_bytes = Read<uint64_t>(data, 200);
  program.cycles = Read<uint64_t>(data, 208);
  program.steps = Read<uint64_t>(data, 216);
  CheckLimit("bytes of tmp", program.tmp_bytes, kMaxTmp);
  CheckLimit("cycles", program.cycles, kMaxCycles);
  CheckLimit("steps", program.steps, kMaxSteps);
  CheckConstants(program, data);
  ReadPorts(program, data, ports);
  program.composites = ReadNames(data + bytes - names, names);
  const uint8_t* first = data + kHeader + ports * kEntry;
  program.records.reserve(records);
  for (uint64_t i = 0; i < records; ++i) program.records.emplace_back(first + i * kRecord);
  for (size_t i = 0; i < records; ++i) ValidateRecord(program, i);
  ValidateFlow(program);
  return program;
}

}  // namespace npu
