// A coverage-guided fuzzer of loads: `fuzz COUNT SEED DRIVER CRASH SEEDS...`.
//
// The runtime's sources and tvm-ffi's JSON parser are compiled with -fsanitize-coverage=trace-pc:
// an input that takes a new edge joins the corpus.
// A container that loads is run: each segment is opened by a native driver, which shows the parts
// it is given, and called. What must hold: no crash, no exception but Failure, and every byte shown
// is within a part whose SHA-256 stands in a manifest that the header's SHA-256 vouches for. An
// input that breaks this is left in the file CRASH.
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "build.h"
#include "coverage.h"
#include "drivers.h"
#include "mutate.h"
#include "process.h"
#include "sha256.h"

using byoc_test::Bytes;

namespace {

Bytes current;
const char* crash_file = nullptr;
size_t loaded = 0, shown = 0;

void SaveCurrent() {
  std::ofstream(crash_file, std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()),
             static_cast<std::streamsize>(current.size()));
}

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "%s; the input is in %s\n", what, crash_file);
  SaveCurrent();
  std::_Exit(1);
}

// Tensors for a call, as the ports describe them; none when they would be large.
class Arguments {
 public:
  explicit Arguments(const byoc::Entry& entry) {
    for (const byoc::Port& port : entry.inputs) Add(port);
    if (!entry.returns) {
      for (const byoc::Port& port : entry.outputs) Add(port);
    }
  }

  bool good() const { return good_; }

  std::vector<byoc::Argument> get() const {
    std::vector<byoc::Argument> arguments;
    for (const DLTensor& tensor : tensors_) arguments.push_back({&tensor, nullptr});
    return arguments;
  }

 private:
  void Add(const byoc::Port& port) {
    std::vector<int64_t> shape;
    size_t bytes = port.item;
    for (const byoc::Extent& extent : port.shape) {
      shape.push_back(extent.kind == byoc::Extent::kFixed ? extent.value : 3);
      good_ &= shape.back() <= 64 && bytes <= 4096;
      bytes *= good_ ? static_cast<size_t>(shape.back()) : 1;
    }
    if (!good_) return;
    memory_.push_back(std::make_unique<uint8_t[]>(bytes));
    shapes_.push_back(std::move(shape));
    tensors_.push_back({memory_.back().get(),
                        {kDLCPU, 0},
                        static_cast<int32_t>(shapes_.back().size()),
                        port.dtype,
                        shapes_.back().data(),
                        nullptr,
                        0});
  }

  bool good_ = true;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<std::unique_ptr<uint8_t[]>> memory_;
  std::vector<DLTensor> tensors_;
};

void CallSegment(const std::shared_ptr<const byoc::Container>& container,
                 const byoc::Entry& entry) {
  byoc::Segment segment(
      entry, [&] { return byoc::OpenBlob({&entry, container.get(), "{}", "{}"}, container); });
  const Arguments arguments(entry);
  if (!arguments.good()) return;
  try {
    if (entry.returns) {
      segment.RunReturning(arguments.get());
    } else if (entry.fallback) {
      segment.Try(arguments.get());
    } else {
      segment.Run(arguments.get());
    }
  } catch (const byoc::Failure&) {
    // No driver of that name, or symbols that agree with no extents.
  }
  segment.Stats();
}

void LoadAndRun() {
  std::shared_ptr<const byoc::Container> container;
  try {
    container = std::make_shared<const byoc::Container>(
        byoc::ReadContainer(current.data(), current.size()));
  } catch (const byoc::Failure& failure) {
    if (failure.fault() != byoc::Fault::kArtefact) Broken("a load failed as something else");
    return;
  }
  ++loaded;
  const auto& segments = container->manifest.segments;
  for (size_t i = 0; i < std::min<size_t>(segments.size(), 4); ++i)
    CallSegment(container, segments[i]);
}

bool Execute() {
  alarm(20);
  byoc_test::StartCounting();
  try {
    LoadAndRun();
  } catch (const std::exception& error) {
    byoc_test::StopCounting();
    Broken(error.what());
  }
  byoc_test::StopCounting();
  return byoc_test::TakesNewEdge();
}

Bytes ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return Bytes(text.begin(), text.end());
}

std::vector<Bytes> Seeds(int count, char** paths) {
  using byoc_test::OneSegment;
  using byoc_test::Pack;
  using byoc_test::PortJson;
  std::vector<Bytes> seeds;
  for (const char* fields :
       {"\"vendor\":\"fuzz\"", "\"vendor\":\"fuzz\",\"convention\":\"returns\"",
        "\"vendor\":\"fuzz\",\"fallback\":true"}) {
    seeds.push_back(
        Pack(OneSegment("payload", PortJson("x", "[2,3]", "[1,0]"), PortJson("y", "[2,3]"), fields),
             {"payload"}));
  }
  for (int i = 0; i < count; ++i) seeds.push_back(ReadFile(paths[i]));
  return seeds;
}

}  // namespace

// Called by the driver with each part that it was given.
extern "C" __attribute__((visibility("default"))) void FuzzShow(const uint8_t* data, size_t bytes) {
  byoc_test::StopCounting();
  ++shown;
  const std::string manifest = byoc_test::ManifestOf(current);
  const byoc::Digest digest =
      byoc::Sha256Portable(reinterpret_cast<const uint8_t*>(manifest.data()), manifest.size());
  if (!std::equal(digest.begin(), digest.end(), current.begin() + 24))
    Broken("an unverified manifest reached a driver");
  if (manifest.find(byoc::Hex(byoc::Sha256Portable(data, bytes))) == std::string::npos) {
    Broken("unverified bytes reached a driver");
  }
  byoc_test::GoOnCounting();
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const long count = std::atol(argv[1]);
  byoc_test::Mutator mutator(static_cast<unsigned>(std::atol(argv[2])));
  byoc::RegisterDriver("fuzz", argv[3]);
  byoc::SetLog([](byoc::Level, const std::string&) {});
  crash_file = argv[4];
  __sanitizer_set_death_callback(SaveCurrent);
  byoc_test::Corpus corpus;
  const auto add = [&corpus](size_t loaded_before) {
    if (loaded > loaded_before) corpus.loading.push_back(corpus.all.size());
    corpus.all.push_back(current);
  };
  for (const Bytes& seed : Seeds(argc - 5, argv + 5)) {
    const size_t before = loaded;
    current = seed;
    Execute();
    add(before);
  }
  const size_t seeds = corpus.all.size(), edges = byoc_test::EdgesTaken(), seeds_loaded = loaded;
  for (long i = 0; i < count; ++i) {
    const size_t before = loaded;
    current = mutator.Next(corpus);
    if (Execute()) add(before);
  }
  std::printf(
      "{\"loads\": %ld, \"seeds\": %zu, \"seeds_loaded\": %zu, \"corpus\": %zu, "
      "\"edges_of_seeds\": %zu, "
      "\"edges\": %zu, \"loaded\": %zu, \"parts_shown\": %zu}\n",
      count, seeds, seeds_loaded, corpus.all.size(), edges, byoc_test::EdgesTaken(), loaded, shown);
  return 0;
}
