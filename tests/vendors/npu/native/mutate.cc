#include "mutate.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "instructions.h"
#include "program.h"
#include "sha256.h"

namespace npu_test {
namespace {

constexpr size_t kHeader = 256, kEntry = 64;
using npu::kRecord;
using npu::Opcode;

template <class T>
T Get(const Bytes& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void Put(Bytes& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

size_t FirstRecord(const Bytes& program) { return kHeader + kEntry * Get<uint32_t>(program, 48); }
size_t CountOf(const Bytes& program) { return Get<uint32_t>(program, 52); }

// Where addresses stand in a record.
std::vector<size_t> Addresses(Opcode opcode) {
  switch (opcode) {
    case Opcode::kLoad:
    case Opcode::kStore:
      return {8, 24};
    case Opcode::kMm:
    case Opcode::kWin:
      return {8, 28, 44};
    case Opcode::kVec:
      return {8, 48, 88, 128, 144};
    case Opcode::kRed:
      return {8, 48};
    case Opcode::kFill:
      return {8};
    default:
      return {};
  }
}

size_t BytesOf(Opcode opcode) {
  switch (opcode) {
    case Opcode::kSet:
    case Opcode::kAdd:
      return sizeof(npu::Set);
    case Opcode::kLoop:
      return sizeof(npu::Loop);
    case Opcode::kLoad:
      return sizeof(npu::Load);
    case Opcode::kStore:
      return sizeof(npu::Store);
    case Opcode::kMm:
      return sizeof(npu::Mm);
    case Opcode::kVec:
      return sizeof(npu::Vec);
    case Opcode::kRed:
      return sizeof(npu::Red);
    case Opcode::kWin:
      return sizeof(npu::Win);
    case Opcode::kFill:
      return sizeof(npu::Fill);
    default:
      return sizeof(npu::Head);
  }
}

// Makes what is declared small or beyond any limit, so that no run is long, and the rest true.
void Repair(Bytes& program) {
  const auto bound = [&](size_t at, uint64_t most, uint64_t limit) {
    const uint64_t value = Get<uint64_t>(program, at);
    if (value > most && value <= limit) Put(program, at, value % (most + 1));
  };
  bound(200, 1 << 16, npu::kMaxTmp);
  bound(208, 20'000, npu::kMaxCycles);
  bound(216, 2'000, npu::kMaxSteps);
  for (size_t figure = 0; figure < 20; ++figure) {
    const size_t at = 64 + 4 * figure;
    const uint32_t most = figure == 7 ? 1 << 14 : figure == 9 ? 256 : 64;
    if (Get<uint32_t>(program, at) > most && figure < 19)
      Put(program, at, Get<uint32_t>(program, at) % most + 1);
  }
  const byoc::Digest chip = byoc::Sha256(program.data() + 64, 128);
  std::copy(chip.begin(), chip.end(), program.begin() + 16);
  const byoc::Digest constants = byoc::Sha256(Constants().data(), Constants().size());
  std::copy(constants.begin(), constants.end(), program.begin() + 224);
  Put<uint64_t>(program, 192, Constants().size());
  for (size_t i = 0; i < Get<uint32_t>(program, 48); ++i) {
    const size_t entry = kHeader + kEntry * i;
    const uint32_t dtype = Get<uint32_t>(program, entry + 8);
    uint64_t bytes = npu::BytesOf(dtype);
    for (size_t axis = 0; axis < 8; ++axis) {
      const bool there = axis < Get<uint32_t>(program, entry + 12);
      const size_t at = entry + 16 + 4 * axis;
      Put<uint32_t>(program, at, there ? Get<uint32_t>(program, at) % 65 : 0);
      bytes *= there ? Get<uint32_t>(program, at) : 1;
    }
    Put(program, entry + 48, bytes);
  }
}

}  // namespace

const Bytes& Constants() {
  static const Bytes bytes = [] {
    Bytes made(512);
    for (size_t i = 0; i < made.size(); ++i) made[i] = static_cast<uint8_t>(i * 7 + (i >> 4));
    return made;
  }();
  return bytes;
}

int64_t Mutator::Number() {
  static constexpr int64_t kNumbers[] = {0,    1,     2,     3,          4,          5,
                                         7,    8,     15,    16,         17,         31,
                                         32,   33,    60,    63,         64,         65,
                                         127,  128,   255,   256,        511,        512,
                                         1024, 4095,  4096,  4097,       65535,      65536,
                                         1 << 30, INT32_MAX, INT64_MAX, INT64_MIN, INT32_MIN,
                                         int64_t{1} << 32, int64_t{1} << 62};
  const int64_t number = kNumbers[Below(std::size(kNumbers))];
  return OneIn(4) && number != INT64_MIN ? -number : number;
}

void Mutator::MutateHeader(Bytes& program) {
  switch (random_() % 4) {
    case 0:
      Put(program, 64 + 4 * Below(20), static_cast<uint32_t>(Number()));
      break;
    case 1:
      Put(program, 200 + 8 * Below(3), static_cast<uint64_t>(Number()));
      break;
    case 2:
      Put(program, 64 + 4 * Below(20), static_cast<uint32_t>(1 + Below(32)));
      break;
    default:
      MutatePort(program);
  }
}

void Mutator::MutatePort(Bytes& program) {
  const size_t ports = Get<uint32_t>(program, 48);
  if (ports == 0) return;
  const size_t entry = kHeader + kEntry * Below(ports);
  if (OneIn(2)) {
    Put(program, entry + 16 + 4 * Below(8), static_cast<uint32_t>(Below(65)));
  } else {
    Put(program, entry + 4 * Below(4), static_cast<uint32_t>(Below(9)));
  }
}

void Mutator::MutateAddress(uint8_t* at) {
  switch (random_() % 5) {
    case 0:
      at[0] = static_cast<uint8_t>(Below(8));
      break;
    case 1:
      at[1] = static_cast<uint8_t>(OneIn(8) ? Below(64) : Below(4));
      break;
    case 2:
      at[2] = static_cast<uint8_t>(Below(3));
      break;
    default: {
      int64_t base;
      std::memcpy(&base, at + 8, 8);
      base = OneIn(2) ? Number()
                      : static_cast<int64_t>(static_cast<uint64_t>(base) + Below(129) - 64);
      std::memcpy(at + 8, &base, 8);
    }
  }
}

void Mutator::MutateRecord(Bytes& program) {
  uint8_t* record = program.data() + FirstRecord(program) + kRecord * Below(CountOf(program));
  const Opcode opcode = static_cast<Opcode>(record[0]);
  const std::vector<size_t> addresses = Addresses(opcode);
  if (!addresses.empty() && OneIn(3))
    return MutateAddress(record + addresses[Below(addresses.size())]);
  const size_t fields = (BytesOf(opcode) - 8) / 4;
  if (fields == 0 || OneIn(20)) {
    record[Below(4)] = static_cast<uint8_t>(OneIn(2) ? Below(64) : random_());
    return;
  }
  uint8_t* field = record + 8 + 4 * Below(fields);
  uint32_t value;
  std::memcpy(&value, field, 4);
  switch (random_() % 4) {
    case 0:
      value = static_cast<uint32_t>(Number());
      break;
    case 1:
      value = static_cast<uint32_t>(Below(24));
      break;
    case 2:
      value += static_cast<uint32_t>(Below(9)) - 4;
      break;
    default:
      value = OneIn(2) ? value * 2 : value / 2;
  }
  std::memcpy(field, &value, 4);
}

// Doubles, drops, swaps or takes over records, or puts some into a loop.
void Mutator::MutateRecords(Bytes& program, const Bytes& other) {
  const size_t first = FirstRecord(program), count = CountOf(program);
  const auto place = [&](size_t index) {
    return program.begin() + static_cast<long>(first + kRecord * index);
  };
  const size_t at = Below(count), to = Below(count);
  const Bytes chosen(place(at), place(at + 1));
  const auto insert = [&](size_t index, const Bytes& record) {
    program.insert(place(index), record.begin(), record.end());
    Put(program, 52, static_cast<uint32_t>(CountOf(program) + 1));
  };
  switch (random_() % 6) {
    case 0:
      insert(to, chosen);
      break;
    case 1:
      program.erase(place(at), place(at + 1));
      Put(program, 52, static_cast<uint32_t>(count - 1));
      break;
    case 2:
      std::swap_ranges(place(at), place(at + 1), place(to));
      break;
    case 3: {
      const uint8_t* from = other.data() + FirstRecord(other) + kRecord * Below(CountOf(other));
      insert(to, Bytes(from, from + kRecord));
      break;
    }
    case 4: {
      Bytes loop(kRecord), end(kRecord);
      loop[0] = static_cast<uint8_t>(Opcode::kLoop);
      end[0] = static_cast<uint8_t>(Opcode::kEnd);
      Put(loop, 8, static_cast<uint32_t>(OneIn(4) ? Number() : 1 + Below(5)));
      insert(std::max(at, to), end);
      insert(std::min(at, to), loop);
      break;
    }
    default: {
      Bytes set(kRecord);
      set[0] = static_cast<uint8_t>(OneIn(2) ? Opcode::kSet : Opcode::kAdd);
      Put(set, 8, static_cast<uint32_t>(1 + Below(3)));
      Put(set, 16, OneIn(2) ? Number() : static_cast<int64_t>(Below(129)) - 64);
      insert(to, set);
    }
  }
}

void Mutator::MutateTokens(Bytes& program) {
  const size_t at = FirstRecord(program) + kRecord * Below(CountOf(program));
  program[at + 1] ^= static_cast<uint8_t>(1u << Below(OneIn(8) ? 8 : 6));
}

void Mutator::MutateBytes(Bytes& program) {
  const size_t at = Below(program.size());
  switch (random_() % 4) {
    case 0:
      program[at] ^= static_cast<uint8_t>(1u << Below(8));
      break;
    case 1:
      program[at] = static_cast<uint8_t>(random_());
      break;
    case 2:
      program.resize(at);
      break;
    default:
      program.insert(program.begin() + static_cast<long>(at), 1 + Below(64),
                     static_cast<uint8_t>(random_()));
  }
}

Bytes Mutator::Next(const std::vector<Bytes>& corpus) {
  Bytes program = corpus[Below(corpus.size())];
  const Bytes& other = corpus[Below(corpus.size())];
  for (size_t count = 1 + Below(4); count != 0 && CountOf(program) > 1; --count) {
    switch (random_() % 16) {
      case 0:
        MutateHeader(program);
        break;
      case 1:
        MutateTokens(program);
        break;
      case 2:
      case 3:
      case 4:
        MutateRecords(program, other);
        break;
      default:
        MutateRecord(program);
    }
  }
  Repair(program);
  if (OneIn(16)) MutateBytes(program);
  return program;
}

}  // namespace npu_test
