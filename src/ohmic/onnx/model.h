#pragma once

// An ONNX file as it stands: nodes, their attributes, the tensors stored with them. No file format shows through.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/onnx/tensor.h"

namespace ohmic::onnx {

struct Attribute {
  double number = 0;  ///< of a float or int attribute
  std::int64_t whole = 0;
  std::string text;
  std::vector<std::int64_t> wholes;
  std::vector<float> numbers;
  std::vector<std::string> texts;
  std::optional<Tensor> tensor;
};

struct Node {
  std::string name;
  std::string operation;  ///< "Conv"; of another domain with that in front, "com.microsoft.Gelu"
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute, std::less<>> attributes;

  /// `Conv node "conv1" (output "x")`, as far as there are names.
  std::string description() const;
  const Attribute* find(std::string_view attribute) const;
  std::int64_t whole(std::string_view attribute, std::int64_t otherwise) const;
  double number(std::string_view attribute, double otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  std::vector<std::int64_t> wholes(std::string_view attribute, std::vector<std::int64_t> otherwise = {}) const;
};

/// A tensor that goes into the network or comes out. A dimension without a number is kUnknown.
struct PortInfo {
  static constexpr std::int64_t kUnknown = -1;

  std::string name;
  Dims dims;
  bool has_shape = false;
};

struct Model {
  std::int64_t opset = 0;
  std::vector<Node> nodes;
  std::map<std::string, Tensor, std::less<>> stored;  ///< initialisers
  std::vector<PortInfo> inputs;                       ///< without those that are stored
  std::vector<PortInfo> outputs;
};

/// The versions of ONNX's operators that are understood.
inline constexpr std::int64_t kFirstOpset = 7, kLastOpset = 21;

/// Reads a model from the bytes of an .onnx file. Error naming `name` if they are no such file, the opset is outside
/// kFirstOpset .. kLastOpset, or a tensor does not hold what it says. Tensors may lie in other files (ONNX's external
/// data) in `folder` or below it, and nowhere else; with no folder they are an error.
Model parse_model(std::string_view bytes, const std::string& name, const std::filesystem::path& folder = {});
Model read_model(const std::filesystem::path& path);

}  // namespace ohmic::onnx
