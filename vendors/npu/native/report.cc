// The report as JSON.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "check.h"

namespace npu {
namespace {

const char* DtypeName(Dtype dtype) {
  static const char* const kNames[] = {"float32", "bfloat16", "int8", "uint8", "int32"};
  return kNames[dtype];
}

// What takes most of a composite's time.
const char* Bound(const Figures& figures) {
  const std::pair<uint64_t, const char*> shares[] = {
      {figures.matrix, "matrix"},
      {figures.vector, "vector"},
      {std::max(figures.load, figures.store), "memory"},
      {figures.stall, "waiting"},
  };
  const auto* largest = shares;
  for (const auto& share : shares) {
    if (share.first > largest->first) largest = &share;
  }
  return largest->second;
}

template <class Items, class Write>
std::string List(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    text += write(item);
  }
  return text + "]";
}

std::string Field(const char* name, uint64_t value) {
  return ",\"" + std::string(name) + "\":" + std::to_string(value);
}

std::string CompositeJson(const Composite& composite, const Figures& figures) {
  return "{\"name\":" + Quoted(composite.name) + ",\"nodes\":" + List(composite.nodes, Quoted) +
         Field("cycles", figures.cycles) + Field("matrix", figures.matrix) +
         Field("vector", figures.vector) + Field("load", figures.load) +
         Field("store", figures.store) + Field("stall", figures.stall) +
         Field("macs", figures.macs) + Field("bytes_in", figures.bytes_in) +
         Field("bytes_out", figures.bytes_out) + ",\"bound\":\"" + Bound(figures) + "\"}";
}

std::string PortJson(const Port& port) {
  return "{\"dtype\":\"" + std::string(DtypeName(port.dtype)) + "\",\"shape\":" +
         List(port.shape, [](uint32_t extent) { return std::to_string(extent); }) + "}";
}

}  // namespace

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string ReportJson(const Program& program, const Report& report) {
  std::string text = "{\"cycles\":" + std::to_string(report.cycles);
  text += Field("steps", report.steps) + Field("high_water", report.high_water);
  text += Field("scratchpad", program.hardware.scratchpad);
  text += Field("clock", program.hardware.clock);
  text += ",\"composites\":[";
  for (size_t i = 0; i < report.figures.size(); ++i) {
    if (i != 0) text += ',';
    text += CompositeJson(program.composites[i], report.figures[i]);
  }
  text += "],\"inputs\":" + List(program.inputs, PortJson);
  return text + ",\"outputs\":" + List(program.outputs, PortJson) + "}";
}

}  // namespace npu
