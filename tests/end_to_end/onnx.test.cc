// Do the commands that take ONNX files do their jobs?

#include "ohmic/core/safetensors.h"
#include "runs.h"

namespace ohmic::test {
namespace {

const std::string kFiles = std::string(OHMIC_SOURCE_DIR) + "/tests/onnx/";
const std::string kOnnxImages = kFiles + "small_images.onnx";

class Onnx : public ProgramTest {};

TEST_F(Onnx, EvaluateListsTheLayersOfAFile) {
  const std::string table = succeed({"evaluate", kOnnxImages});
  for (const char* word : {"convolution", "7 x 7 x 4", "max_pool", "dense", "trained numbers"}) {
    EXPECT_NE(table.find(word), std::string::npos) << word << " is not in " << table;
  }
}

// One batch of two and two batches of one must give what ONNX Runtime gave.
TEST_F(Onnx, EvaluateComputesWhatOnnxRuntimeComputes) {
  const std::string name = "net_nchw.13";
  const SafetensorsFile fixtures(kFiles + "operators.safetensors");
  const auto model = fixtures.read<std::uint8_t>(name + "/model");
  write_bytes(path("model.onnx"), std::string(model.begin(), model.end()));
  const auto x = fixtures.read<float>(name + "/x"), expected = fixtures.read<float>(name + "/y");
  SafetensorsWriter inputs;
  inputs.add("x", std::span<const float>(x), fixtures.shape(name + "/x"));
  inputs.write(path("x.safetensors"));
  for (const char* batch : {"1", "2"}) {
    succeed({"evaluate", text("model.onnx"), "--inputs", text("x.safetensors"), "--out", text("y.safetensors"),
             "--batch", batch});
    const SafetensorsFile outputs(path("y.safetensors"));
    const auto y = outputs.read<float>(outputs.names().at(0));
    EXPECT_EQ(outputs.shape(outputs.names().at(0)), fixtures.shape(name + "/y"));
    ASSERT_EQ(y.size(), expected.size());
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-4);
  }
}

TEST_F(Onnx, MapPlacesAFileOnAChip) {
  const std::string table = succeed({"map", kOnnxImages});
  EXPECT_NE(table.find("25 x 4"), std::string::npos) << table;  // the matrix of the convolution
  EXPECT_NE(table.find("37 x 10"), std::string::npos) << table;
}

TEST_F(Onnx, MistakesAreNamed) {
  write_bytes(path("broken.onnx"), "no model");
  expect_mistake({"evaluate", text("broken.onnx")}, {"broken.onnx", "ONNX file"});
  expect_mistake({"evaluate", text("missing.onnx")}, {"missing.onnx"});
  expect_mistake({"map", kFiles + "corpus/matmul_activations.onnx"}, {"matmul", "cannot be mapped"});
  expect_mistake({"deploy", kOnnxImages, "--input-range", "0..7"}, {"--input-range 0..7", "0..255"});
  expect_mistake({"deploy", kOnnxImages, "--dataset", "synthetic_images"}, {"28 x 28", "32 x 32"});
  expect_mistake({"evaluate", kOnnxImages, "--input-shape", "1,2"}, {"--input-shape", "4"});
  expect_mistake({"evaluate", kOnnxImages, "--output", "nope"}, {"\"nope\"", "the model's outputs are"});
  expect_mistake({"deploy", kOnnxImages, "--at", "1d"}, {"no cells", "--device pcm_inference"});
}

}  // namespace
}  // namespace ohmic::test
