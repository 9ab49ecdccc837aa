// Operators alone and in small nets, as ONNX Runtime computes them: tests/onnx/operators.safetensors holds models,
// inputs and its outputs, made by scripts/compare_onnxruntime --fixtures.

#include "ohmic/onnx/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic::onnx {
namespace {

const SafetensorsFile& fixtures() {
  static const SafetensorsFile file(std::string(OHMIC_SOURCE_DIR) + "/tests/onnx/operators.safetensors");
  return file;
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const std::string& tensor : fixtures().names()) {
    if (tensor.ends_with("/model")) names.push_back(tensor.substr(0, tensor.size() - 6));
  }
  return names;
}

std::string model_bytes(const std::string& name) {
  const auto bytes = fixtures().read<std::uint8_t>(name + "/model");
  return {bytes.begin(), bytes.end()};
}

// The outputs of all samples in the order of the file.
std::vector<float> outputs_of(const ImportedNetwork& network, const std::vector<float>& x, std::size_t samples) {
  Graph graph = make_digital_graph(network);
  const Matrix rows = rows_of(network, x, samples);
  const auto y = graph.forward(rows.view(), {});
  return tensor_of(network, y);
}

class Operators : public testing::TestWithParam<std::string> {};

TEST_P(Operators, GiveWhatOnnxRuntimeGives) {
  const std::string& name = GetParam();
  const ImportedNetwork network = import_network(parse_model(model_bytes(name), name));
  const auto shape = fixtures().shape(name + "/x");
  const auto samples = static_cast<std::size_t>(shape.at(static_cast<std::size_t>(network.input_batch_axis)));
  const auto y = outputs_of(network, fixtures().read<float>(name + "/x"), samples);
  const auto expected = fixtures().read<float>(name + "/y");
  ASSERT_EQ(y.size(), expected.size());
  float largest = 1;
  for (const float v : expected) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], expected[i], 1e-5f * largest) << "number " << i;
}

INSTANTIATE_TEST_SUITE_P(All, Operators, testing::ValuesIn(case_names()), [](const auto& tried) {
  std::string name = tried.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(Operators, AreAllTried) { EXPECT_GE(case_names().size(), 100u); }

std::string error_of(const std::string& bytes) {
  try {
    make_digital_graph(import_network(parse_model(bytes, "model")));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// The first model that has an operator, with that operator called by another name of equal length.
std::string with_operator(const std::string& from, const std::string& to) {
  std::string bytes = model_bytes("relu.21");
  const std::size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos);
  return bytes.replace(at, from.size(), to);
}

TEST(Import, NamesAnOperatorThatIsNotSupportedWithItsNode) {
  const std::string message = error_of(with_operator("Relu", "Celu"));
  EXPECT_NE(message.find("Celu node \"n0\""), std::string::npos) << message;
  EXPECT_NE(message.find("ohmic list operators"), std::string::npos) << message;
}

TEST(Import, RefusesWhatIsNoModel) {
  EXPECT_NE(error_of("this is no model").find("no ONNX file"), std::string::npos);
  EXPECT_NE(error_of("").find("holds no network"), std::string::npos);
  const std::string bytes = model_bytes("conv_padded.21");
  EXPECT_NE(error_of(bytes.substr(0, bytes.size() / 2)), "");
}

TEST(Import, KeepsTheSamplesOfABatchApart) {
  // Softmax over the first dimension would mix samples.
  const ImportedNetwork network = import_network(parse_model(model_bytes("net_transformer.17"), "model"));
  const auto x = fixtures().read<float>("net_transformer.17/x");
  const std::size_t size = x.size() / 2;
  const auto both = outputs_of(network, x, 2);
  const auto second = outputs_of(network, {x.begin() + static_cast<std::ptrdiff_t>(size), x.end()}, 1);
  for (std::size_t i = 0; i < second.size(); ++i) EXPECT_EQ(both[both.size() / 2 + i], second[i]);
}

TEST(Import, ABiasThatIsAddedBecomesThatOfTheLayer) {
  const ImportedNetwork network = import_network(parse_model(model_bytes("add_conv_bias.7"), "model"));
  ASSERT_EQ(network.network.layers.size(), 2u);
  EXPECT_EQ(network.network.layers[0].kind, LayerKind::convolution);
  EXPECT_TRUE(network.network.layers[0].bias);
  EXPECT_EQ(network.network.layers[1].kind, LayerKind::permute);
}

TEST(Import, AnExportWithChannelsLastMovesNoNumbers) {
  const ImportedNetwork network = import_network(parse_model(model_bytes("net_nhwc.13"), "model"));
  for (const LayerSpec& layer : network.network.layers) EXPECT_NE(layer.kind, LayerKind::permute) << layer.name;
}

}  // namespace
}  // namespace ohmic::onnx
