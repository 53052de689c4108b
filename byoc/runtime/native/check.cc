#include "check.h"

#include "failure.h"

namespace byoc {
namespace {

struct Kind {
  uint8_t code;
  const char* name;
};

constexpr Kind kKinds[] = {
    {kDLInt, "int"},   {kDLUInt, "uint"},       {kDLFloat, "float"},        {kDLBfloat, "bfloat"},
    {kDLBool, "bool"}, {kDLComplex, "complex"}, {kDLOpaqueHandle, "handle"}};

std::string DtypeName(DLDataType dtype) {
  std::string name = "dtype of DLPack's code " + std::to_string(dtype.code) + " and bits ";
  for (const Kind& kind : kKinds) {
    if (kind.code == dtype.code) name = kind.name;
  }
  if (dtype.code != kDLBool || dtype.bits != 8) name += std::to_string(dtype.bits);
  return dtype.lanes == 1 ? name : name + "x" + std::to_string(dtype.lanes);
}

// Booleans are bytes; some producers call them uint1.
bool SameDtype(DLDataType given, DLDataType wanted) {
  const bool same = given.code == wanted.code && given.bits == wanted.bits;
  const bool boolean =
      wanted.code == kDLBool && given.bits == 1 && (given.code == kDLUInt || given.code == kDLBool);
  return given.lanes == 1 && (same || boolean);
}

std::string Describe(const Port& port, const Entry& entry) {
  if (!port.ranked) return port.dtype_name + " of any rank";
  std::string text = port.dtype_name + "[";
  for (size_t i = 0; i < port.shape.size(); ++i) {
    const Extent& extent = port.shape[i];
    if (i != 0) text += ", ";
    if (extent.kind == Extent::kFixed) text += std::to_string(extent.value);
    if (extent.kind == Extent::kSymbol) text += entry.symbols[static_cast<size_t>(extent.value)];
    if (extent.kind == Extent::kAny) text += "?";
  }
  return text + "]";
}

// What does not fit, or null. `at` is set for an extent.
const char* Misfit(const Port& port, const DLTensor& tensor, Symbols& symbols, size_t& at) {
  if (tensor.device.device_type != kDLCPU) return "is not in the memory of the CPU";
  if (!SameDtype(tensor.dtype, port.dtype)) return "has another dtype";
  if (tensor.ndim < 0) return "has a negative rank";
  for (int i = 0; i < tensor.ndim; ++i) {
    if (tensor.shape[i] < 0) return "has a negative extent";
  }
  if (tensor.data == nullptr && Elements(tensor) != 0) return "has no data";
  if (!port.ranked) return nullptr;
  if (static_cast<size_t>(tensor.ndim) != port.shape.size()) return "has another rank";
  for (at = 0; at < port.shape.size(); ++at) {
    const Extent& extent = port.shape[at];
    if (extent.kind == Extent::kFixed && tensor.shape[at] != extent.value)
      return "has another shape";
    if (extent.kind != Extent::kSymbol) continue;
    int64_t& known = symbols[static_cast<size_t>(extent.value)];
    if (known == -1) known = tensor.shape[at];
    if (known != tensor.shape[at]) return "disagrees about a symbolic extent";
  }
  return nullptr;
}

std::string Explain(const Entry& entry, const Port& port, const DLTensor& tensor,
                    const char* misfit, const Symbols& symbols, size_t at) {
  std::string text = std::string(misfit) + ": given " + byoc::Describe(tensor);
  if (tensor.device.device_type != kDLCPU) {
    text += " on DLPack device " + std::to_string(tensor.device.device_type);
  }
  text += ", expected " + Describe(port, entry);
  if (at < port.shape.size() && port.shape[at].kind == Extent::kSymbol) {
    const size_t symbol = static_cast<size_t>(port.shape[at].value);
    if (symbols[symbol] != tensor.shape[at]) {
      text += ", where " + entry.symbols[symbol] + " is " + std::to_string(symbols[symbol]) +
              " already";
    }
  }
  return text;
}

std::string Judge(const Entry& entry, const std::vector<Port>& ports, const char* role,
                  const Argument* arguments, Symbols& symbols) {
  for (size_t i = 0; i < ports.size(); ++i) {
    size_t at = ports[i].shape.size();
    const DLTensor& tensor = *arguments[i].tensor;
    const char* misfit = Misfit(ports[i], tensor, symbols, at);
    if (misfit == nullptr) continue;
    return std::string(role) + " " + std::to_string(i) + " '" + ports[i].name + "' " +
           Explain(entry, ports[i], tensor, misfit, symbols, at);
  }
  return "";
}

}  // namespace

int64_t Elements(const DLTensor& tensor) {
  int64_t elements = 1;
  for (int i = 0; i < tensor.ndim; ++i) elements *= tensor.shape[i];
  return elements;
}

std::string Describe(const DLTensor& tensor) {
  std::string text = DtypeName(tensor.dtype) + "[";
  for (int i = 0; i < tensor.ndim; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(tensor.shape[i]);
  }
  return text + "]";
}

void CheckTensors(const Entry& entry, const std::vector<Port>& ports, const char* role,
                  const Argument* arguments, size_t count, Symbols& symbols) {
  std::string words;
  if (count != ports.size()) {
    words = std::string("given ") + std::to_string(count) + " " + role + "s, expected " +
            std::to_string(ports.size());
  } else {
    words = Judge(entry, ports, role, arguments, symbols);
  }
  if (words.empty()) return;
  throw Failure(Fault::kInput,
                "segment '" + entry.name + "' of vendor '" + entry.vendor + "': " + words);
}

std::string JudgeReturned(const Entry& entry, const std::vector<Argument>& outputs,
                          Symbols& symbols) {
  if (outputs.size() != entry.outputs.size()) {
    return "its driver returned " + std::to_string(outputs.size()) + " outputs, expected " +
           std::to_string(entry.outputs.size());
  }
  return Judge(entry, entry.outputs, "returned output", outputs.data(), symbols);
}

}  // namespace byoc
