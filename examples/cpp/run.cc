// Loads an artefact of byoc and runs it: no Python.
//
//     run MODEL.so INPUT.raw... OUTPUT.raw...
//
// A .raw file is a tensor's elements in row-major order, nothing else. The artefact tells how many
// inputs and outputs there are and what they look like; this example takes static shapes.
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/dtype.h>
#include <tvm/ffi/extra/json.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace ffi = tvm::ffi;
namespace json = tvm::ffi::json;

namespace {

// byoc's own drivers ask for at most 64 bytes; other addresses would be copied.
struct Aligned {
  void AllocData(DLTensor* tensor) {
    const size_t bytes = (ffi::GetDataSize(*tensor) + 63) / 64 * 64;
    tensor->data = std::aligned_alloc(64, std::max<size_t>(bytes, 64));
  }
  void FreeData(DLTensor* tensor) { std::free(tensor->data); }
};

ffi::Tensor ReadTensor(const json::Object& port, const std::string& path) {
  std::vector<int64_t> shape;
  for (const ffi::Any& extent : port["shape"].cast<json::Array>())
    shape.push_back(extent.cast<int64_t>());
  const DLDataType dtype = ffi::StringToDLDataType(port["dtype"].cast<ffi::String>());
  ffi::Tensor tensor = ffi::Tensor::FromNDAlloc(Aligned(), ffi::Shape(shape), dtype, {kDLCPU, 0});
  const auto bytes = static_cast<std::streamsize>(ffi::GetDataSize(*tensor.GetDLTensorPtr()));
  std::ifstream file(path, std::ios::binary);
  if (!file.read(static_cast<char*>(tensor.data_ptr()), bytes) || file.peek() != EOF) {
    throw std::runtime_error(path + " is no file of " + std::to_string(bytes) + " bytes");
  }
  return tensor;
}

void WriteTensor(const ffi::Tensor& tensor, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(tensor.data_ptr()),
             static_cast<std::streamsize>(ffi::GetDataSize(*tensor.GetDLTensorPtr())));
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

// TVM's virtual machine on the CPU, with the pool of its allocator.
ffi::Module Start(const ffi::Module& artefact) {
  ffi::Module machine = artefact->GetFunction("vm_load_executable").value()().cast<ffi::Module>();
  constexpr int kPooled = 2;
  machine->GetFunction("vm_initialization").value()(static_cast<int>(kDLCPU), 0, kPooled);
  return machine;
}

std::vector<ffi::Tensor> Run(const ffi::Module& machine, const std::vector<ffi::Tensor>& inputs) {
  const std::vector<ffi::AnyView> arguments(inputs.begin(), inputs.end());
  ffi::Any result;
  machine->GetFunction("main").value().CallPacked(arguments.data(),
                                                  static_cast<int>(arguments.size()), &result);
  if (auto one = result.as<ffi::Tensor>()) return {*one};
  std::vector<ffi::Tensor> outputs;
  for (const ffi::Any& each : result.cast<ffi::Array<ffi::Any>>())
    outputs.push_back(each.cast<ffi::Tensor>());
  return outputs;
}

void Main(const std::vector<std::string>& files) {
  // A path with a slash: dlopen looks for bare names elsewhere.
  const ffi::Module artefact =
      ffi::Module::LoadFromFile(std::filesystem::absolute(files.at(0)).string());
  // Functions named byoc.* are those of the blobs, a module within the artefact.
  const auto text = artefact->GetFunction("byoc.manifest", true).value()().cast<ffi::String>();
  const auto manifest = json::Parse(text).cast<json::Object>();
  const auto ports = manifest["inputs"].cast<json::Array>();
  const size_t count = ports.size();
  if (files.size() != 1 + count + manifest["outputs"].cast<json::Array>().size()) {
    throw std::runtime_error("the artefact has another number of inputs and outputs");
  }
  std::vector<ffi::Tensor> inputs;
  for (size_t i = 0; i < count; ++i) {
    inputs.push_back(ReadTensor(ports[static_cast<int64_t>(i)].cast<json::Object>(), files[1 + i]));
  }
  const ffi::Module machine = Start(artefact);
  const std::vector<ffi::Tensor> outputs = Run(machine, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) WriteTensor(outputs[i], files[1 + count + i]);
  std::printf("%s\n",
              artefact->GetFunction("byoc.stats", true).value()().cast<ffi::String>().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Main(std::vector<std::string>(argv + 1, argv + argc));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
