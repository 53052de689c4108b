#include <unistd.h>

#include "build.h"
#include "expect.h"
#include "process.h"

using byoc::Fault;
using byoc_test::Floats;
using byoc_test::Holds;
using byoc_test::Load;
using byoc_test::Loaded;
using byoc_test::OneSegment;
using byoc_test::Pack;
using byoc_test::PortJson;
using byoc_test::WordsOf;

namespace {

Loaded Simple(const std::string& payload, const std::string& shape = "[2, 3]",
              const std::string& fields = "", const std::string& order = "[]") {
  return Load(
      Pack(OneSegment(payload, PortJson("x", shape, order), PortJson("y", shape, order), fields),
           {payload}));
}

bool Told(Loaded& loaded, const std::string& text) { return Holds(loaded.segment->Stats(), text); }

}  // namespace

TEST(a_segment_runs_without_copies) {
  Loaded loaded = Simple("op=number");
  Floats x({2, 3}), y({2, 3});
  loaded.segment->Run({x.argument(), y.argument()});
  y.ForEach([&](const auto& index) { EXPECT(y.At(index) == 2 * x.At(index)); });
  EXPECT(Told(loaded, "\"calls\":1,"));
  EXPECT(Told(loaded, "\"bytes_in\":24,\"bytes_out\":24,\"copies\":0,\"copied_bytes\":0,"));
  EXPECT(Told(loaded, "\"executors\":1,\"driver\":{\"calls\":1,"));
}

TEST(strides_and_alignment_are_mended_by_copies) {
  Loaded loaded = Simple("op=number");
  Floats x({2, 3}, 4), y({2, 3}, 0, {1, 0});
  loaded.segment->Run({x.argument(), y.argument()});
  y.ForEach([&](const auto& index) { EXPECT(y.At(index) == 2 * x.At(index)); });
  EXPECT(Told(loaded, "\"copies\":2,\"copied_bytes\":48,"));
}

TEST(a_drivers_order_of_axes_is_met) {
  Loaded loaded = Simple("op=number", "[2, 3, 4]", "", "[1, 2, 0]");
  Floats x({2, 3, 4}), y({2, 3, 4}), lying({2, 3, 4}, 0, {1, 2, 0});
  const auto holds = [&](Floats& out) {
    out.ForEach([&](const auto& i) {
      EXPECT(out.At(i) == x.At(i) + static_cast<float>((i[1] * 4 + i[2]) * 2 + i[0]));
    });
  };
  loaded.segment->Run({x.argument(), y.argument()});
  holds(y);
  EXPECT(Told(loaded, "\"copies\":2,"));
  loaded.segment->Run({x.argument(), lying.argument()});
  holds(lying);
  EXPECT(Told(loaded, "\"copies\":3,"));
}

TEST(rank_zero_no_elements_and_booleans) {
  Loaded scalar = Simple("op=number", "[]");
  Floats x({}), y({});
  x.At({}) = 5;
  scalar.segment->Run({x.argument(), y.argument()});
  EXPECT(y.At({}) == 5);
  Loaded empty = Simple("op=number", "[0, 3]");
  Floats none({0, 3}), nothing({0, 3});
  none.tensor().data = nothing.tensor().data = nullptr;
  empty.segment->Run({none.argument(), nothing.argument()});
  const std::string payload = "op=number";
  Loaded boolean = Load(Pack(
      OneSegment(payload, PortJson("x", "[3]", "[]", "bool"), PortJson("y", "[3]", "[]", "bool")),
      {payload}));
  Floats in({1}), out({1});
  int64_t three = 3;
  for (Floats* each : {&in, &out}) {
    each->tensor().dtype = {kDLBool, 8, 1};
    each->tensor().shape = &three;
  }
  boolean.segment->Run({in.argument(), out.argument()});
  in.tensor().dtype = {kDLUInt, 1, 1};
  boolean.segment->Run({in.argument(), out.argument()});
}

TEST(tensors_that_do_not_fit_are_named) {
  Loaded loaded = Simple("op=number", "[\"n\", 3]");
  Floats x({2, 3}), y({2, 3}), other({4, 3}), wide({2, 5}), flat({6});
  const auto refused = [&](std::vector<byoc::Argument> arguments) {
    return WordsOf(Fault::kInput, [&] { loaded.segment->Run(arguments); });
  };
  Holds(refused({x.argument()}),
        "segment 's' of vendor 'test': given 1 tensors, expected 1 inputs and 1 outputs");
  Holds(refused({x.argument(), other.argument()}),
        "output 0 'y' disagrees about a symbolic extent: given float32[4, 3], expected float32[n, "
        "3], where n is 2 already");
  Holds(refused({wide.argument(), y.argument()}),
        "input 0 'x' has another shape: given float32[2, 5], expected float32[n, 3]");
  Holds(refused({flat.argument(), y.argument()}), "has another rank: given float32[6]");
  x.tensor().dtype = {kDLFloat, 64, 1};
  Holds(refused({x.argument(), y.argument()}), "has another dtype: given float64[2, 3]");
  x.tensor().dtype = {kDLInt, 4, 1};
  Holds(refused({x.argument(), y.argument()}), "given int4[2, 3]");
  x.tensor().dtype = {kDLFloat, 32, 2};
  Holds(refused({x.argument(), y.argument()}), "given float32x2[2, 3]");
  x.tensor().dtype = {kDLFloat, 32, 1};
  x.tensor().device.device_type = kDLCUDA;
  Holds(refused({x.argument(), y.argument()}),
        "is not in the memory of the CPU: given float32[2, 3] on DLPack device 2");
  x.tensor().device.device_type = kDLCPU;
  x.tensor().data = nullptr;
  Holds(refused({x.argument(), y.argument()}), "has no data");
  EXPECT(Told(loaded, "\"calls\":0,"));
}

TEST(extents_that_are_expressions_are_not_held) {
  Loaded loaded = Simple("op=nothing", "[\"n * 2\", null]");
  Floats x({2, 3}), y({5, 1});
  loaded.segment->Run({x.argument(), y.argument()});
}

TEST(a_failed_call_is_a_failure_of_that_call) {
  Loaded loaded = Simple("fail=2 throw=3");
  Floats x({2, 3}), y({2, 3});
  const auto run = [&] { loaded.segment->Run({x.argument(), y.argument()}); };
  run();
  EXPECT(WordsOf(Fault::kDriver, run) == "segment 's' of vendor 'test' failed: it failed as asked");
  Holds(WordsOf(Fault::kDriver, run), "the driver threw a C++ exception: thrown as asked");
  run();
  EXPECT(Told(loaded, "\"calls\":4,"));
  EXPECT(Told(loaded, "\"failures\":2,"));
  loaded.segment->Reset();
  EXPECT(Told(loaded, "\"failures\":0,\"last_error\":null"));
}

TEST(a_lost_device_is_opened_anew) {
  Loaded loaded = Simple("lost=2");
  Floats x({2, 3}), y({2, 3});
  const auto run = [&] { loaded.segment->Run({x.argument(), y.argument()}); };
  run();
  Holds(WordsOf(Fault::kDriver, run), "the device is gone");
  EXPECT(Told(loaded, "\"executors\":0,"));
  run();
  EXPECT(Told(loaded, "\"driver\":{\"calls\":1,"));
}

TEST(a_driver_that_does_not_open_is_asked_once) {
  Loaded loaded = Simple("refuse=busy");
  Floats x({2, 3}), y({2, 3});
  const auto run = [&] { loaded.segment->Run({x.argument(), y.argument()}); };
  EXPECT(WordsOf(Fault::kDriver, run) == "segment 's' of vendor 'test' failed: busy");
  EXPECT(WordsOf(Fault::kDriver, run) == "segment 's' of vendor 'test' failed: busy");
  loaded.segment->Close();
  EXPECT(WordsOf(Fault::kDriver, run) == "segment 's' of vendor 'test' failed: busy");
}

TEST(an_incompatible_blob_is_never_opened) {
  Loaded loaded = Simple("op=number", "[2, 3]", "\"compat\":\"b2xk\"");
  Floats x({2, 3}), y({2, 3});
  Holds(WordsOf(Fault::kDriver, [&] { loaded.segment->Run({x.argument(), y.argument()}); }),
        "its driver calls the blob incompatible: made for the chip before");
}

TEST(a_fallback_is_counted_and_said_once) {
  std::vector<std::string> lines;
  byoc::SetLog([&](byoc::Level level, const std::string& line) {
    if (level == byoc::Level::kWarning) lines.push_back(line);
  });
  Loaded loaded = Simple("fail=1 throw=2", "[2, 3]", "\"fallback\":true");
  Floats x({2, 3}), y({2, 3});
  EXPECT(!loaded.segment->Try({x.argument(), y.argument()}));
  EXPECT(!loaded.segment->Try({x.argument(), y.argument()}));
  EXPECT(loaded.segment->Try({x.argument(), y.argument()}));
  byoc::SetLog(nullptr);
  EXPECT(lines.size() == 1);
  Holds(lines[0],
        "segment 's' of vendor 'test' failed: it failed as asked; its host version runs instead");
  EXPECT(Told(loaded, "\"fallbacks\":2,"));
  WordsOf(Fault::kInput, [&] { loaded.segment->Try({x.argument()}); });
}

TEST(a_segment_returns_what_only_running_tells) {
  Loaded loaded = Simple("op=number", "[\"n\"]", "\"convention\":\"returns\"");
  Loaded free = Load(Pack(OneSegment("op=number", PortJson("x", "[\"n\"]"),
                                     PortJson("y", "[\"m\"]"), "\"convention\":\"returns\""),
                          {"op=number"}));
  Floats x({4});
  auto outputs = free.segment->RunReturning({x.argument()});
  EXPECT(outputs.size() == 1 && outputs[0]->dl_tensor.shape[0] == 3);
  EXPECT(static_cast<const float*>(outputs[0]->dl_tensor.data)[2] == 3);
  Holds(WordsOf(Fault::kDriver, [&] { loaded.segment->RunReturning({x.argument()}); }),
        "returned output 0 'y' disagrees about a symbolic extent: given float32[3], expected "
        "float32[n]");
}

TEST(closed_drivers_open_again) {
  Loaded loaded = Simple("op=number");
  Floats x({2, 3}), y({2, 3});
  for (int i = 0; i < 3; ++i) {
    loaded.segment->Run({x.argument(), y.argument()});
    loaded.segment->Close();
    EXPECT(Told(loaded, "\"executors\":0,\"driver\":null"));
  }
  EXPECT(Told(loaded, "\"calls\":3,"));
}
