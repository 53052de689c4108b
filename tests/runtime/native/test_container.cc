#include "build.h"
#include "container.h"
#include "expect.h"
#include "json_text.h"

using byoc::Fault;
using byoc_test::Bytes;
using byoc_test::Holds;
using byoc_test::OneSegment;
using byoc_test::Pack;
using byoc_test::PortJson;
using byoc_test::WordsOf;

namespace {

const std::string kPayload = "op=number and some more bytes";

Bytes Small() {
  return Pack(OneSegment(kPayload, PortJson("x", "[2]"), PortJson("y", "[2]")), {kPayload});
}

std::string Refused(const Bytes& bytes) {
  return WordsOf(Fault::kArtefact, [&] { byoc::ReadContainer(bytes.data(), bytes.size()); });
}

std::string RefusedManifest(const std::string& manifest) {
  return Refused(Pack(manifest, {kPayload}));
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST(container_reads_what_was_packed) {
  const Bytes bytes = Small();
  const byoc::Container container = byoc::ReadContainer(bytes.data(), bytes.size());
  EXPECT(container.parts.size() == 1);
  EXPECT(std::string(reinterpret_cast<const char*>(container.parts[0].data),
                     container.parts[0].bytes) == kPayload);
  EXPECT(reinterpret_cast<uintptr_t>(container.parts[0].data) % 64 == 0);
  const byoc::Entry& entry = container.manifest.segments.at(0);
  EXPECT(entry.name == "s" && entry.vendor == "test" && !entry.returns && !entry.fallback);
  EXPECT(entry.json.front() == '{' && entry.json.back() == '}');
  EXPECT(entry.inputs.at(0).shape.at(0).value == 2);
}

TEST(container_with_any_bit_flipped_is_refused) {
  Bytes bytes = Small();
  for (uint8_t& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte ^= static_cast<uint8_t>(1 << bit);
      EXPECT(!Refused(bytes).empty());
      byte ^= static_cast<uint8_t>(1 << bit);
    }
  }
}

TEST(container_cut_anywhere_is_refused) {
  const Bytes bytes = Small();
  for (size_t length = 0; length < bytes.size(); ++length) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<long>(length));
    EXPECT(!Refused(cut).empty());
  }
  Bytes longer = bytes;
  longer.push_back(0);
  Holds(Refused(longer), "the header says");
}

TEST(container_of_another_format_says_so) {
  Bytes bytes = Small();
  bytes[8] = 2;
  Holds(Refused(bytes), "format 2, this byoc reads format 1: compile the model again");
}

TEST(container_of_no_segments_and_parts) {
  const Bytes bytes = Pack("{\"format\":1,\"parts\":[],\"segments\":[]}", {});
  EXPECT(byoc::ReadContainer(bytes.data(), bytes.size()).parts.empty());
}

TEST(manifest_mistakes_are_named) {
  const std::string good = OneSegment(kPayload, PortJson("x", "[2]"), PortJson("y", "[2]"));
  const auto with = [&](const char* from, const char* to) {
    return RefusedManifest(Replaced(good, from, to));
  };
  Holds(with("\"format\":1", "\"format\":9"), "format 9");
  Holds(with("\"offset\":0", "\"offset\":-64"), "negative `offset`");
  Holds(with("\"offset\":0", "\"offset\":1"), "multiple of 64");
  Holds(with("\"offset\":0", "\"offset\":9223372036854775744"), "beyond the end");
  Holds(with("\"offset\":0", "\"offset\":0.0"), "wrong kind");
  Holds(with("\"payload\":0", "\"payload\":1"), "part that is not there");
  Holds(with("float32", "int4"), "int4: the tensors of a segment have elements of whole bytes");
  Holds(with("\"alignment\":64", "\"alignment\":48"), "power of two");
  Holds(with("\"order\":[]", "\"order\":[1]"), "no permutation");
  Holds(with("\"shape\":[2]", "\"shape\":[-2]"), "negative extent");
  Holds(with("\"vendor\":\"test\"", "\"vendor\":\"../test\""), "vendor that is no name");
  Holds(with("\"name\":\"s\"", "\"name\":\"byoc.stats\""), "cannot be named");
  Holds(with("\"name\":\"s\"", "\"name\":\"a.try\""), "cannot be named");
  Holds(with("\"compat\":\"\"", "\"compat\":\"a\""), "base64");
  Holds(with("\"dps\"", "\"other\""), "dps and returns are known");
  Holds(with("\"fallback\":false", "\"fallback\":0"), "wrong kind");
  Holds(with("\"segments\"", "\"segment\\u0073\""), "told apart");
}

TEST(manifest_nesting_is_bounded) {
  Holds(RefusedManifest(std::string(1'000'000, '[')), "nests deeper");
  Holds(RefusedManifest("{\"a\":]"), "fits no opening one");
  Holds(RefusedManifest("{\"a\":\"b"), "a string has no end");
  Holds(RefusedManifest("[1]"), "no object");
  Holds(RefusedManifest(""), "malformed");
}

TEST(elements_are_told_apart) {
  using byoc::ElementsOf;
  const std::string text =
      "{\"a\":[1],\"k\":[{\"x\":[1,2],\"s\":\"],\\\"\"},{}],\"z\":{\"k\":[5]}}";
  const auto elements = ElementsOf(text, "k");
  EXPECT(elements.size() == 2);
  EXPECT(elements[0] == "{\"x\":[1,2],\"s\":\"],\\\"\"}");
  EXPECT(elements[1] == "{}");
  EXPECT(ElementsOf("{\"k\":[]}", "k").empty());
  EXPECT(ElementsOf("{\"k\":[1],\"k\":[2,3]}", "k").size() == 2);
}
