// The digital work of training, against what a batch takes on paper.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ohmic/core/files.h"
#include "ohmic/data/synthetic_digits.h"
#include "ohmic/data/synthetic_text.h"
#include "ohmic/training/trainer.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kSteps = 2;

ExperimentSpec experiment_of(const char* name, const std::string& text) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / (std::string(name) + ".toml");
  write_file_atomically(file, text);
  return read_experiment(file.string(), {});
}

// A convolution without bias (9 x 3, 49 positions), batch norm, mean over all positions, and 10 classes (4 x 10).
std::string small_convolution(const std::string& more) {
  return "name = \"small\"\nseed = 3\n[data]\nname = \"synthetic_digits\"\n"
         "[[network.layers]]\nkind = \"convolution\"\nunits = 3\nstride = 4\nbias = false\n"
         "[[network.layers]]\nkind = \"batch_norm\"\n[[network.layers]]\nkind = \"relu\"\n"
         "[[network.layers]]\nkind = \"global_average_pool\"\n"
         "[[network.layers]]\nkind = \"dense\"\nunits = 10\n[training]\nbatch_size = 6\n" +
         more;
}
constexpr std::uint64_t kBatch = 6, kPositions = 49, kPixels = 3 * kPositions;
constexpr std::uint64_t kConvolution = 9 * 3, kDense = 4 * 10;

Dataset twelve_digits() {
  SyntheticDigitsOptions options;
  options.train_count = static_cast<int>(kSteps * kBatch);
  options.test_count = 2;
  return make_synthetic_digits(options);
}

std::unique_ptr<Trainer> trained(const ExperimentSpec& spec, const Dataset& data) {
  auto trainer = make_trainer(spec, data);
  for (std::uint64_t k = 0; k < kSteps; ++k) trainer->step();
  return trainer;
}

const Counters& of_matrix(const std::vector<Learner::MatrixCounters>& all, std::size_t m, Phase phase) {
  return all.at(m).counters[phase];
}

PhaseCounters of_layer(const Learner& learner, const std::string& name) {
  for (const auto& [layer, counters] : learner.layer_counters()) {
    if (layer == name) return counters;
  }
  ADD_FAILURE() << name << " has done nothing";
  return {};
}

TEST(DigitalWork, OfABatchOnCellsWithMomentum) {
  const ExperimentSpec spec = experiment_of(
      "on_cells", small_convolution("rule = \"mixed_precision\"\n[optimizer]\nkind = \"momentum\"\nmomentum = 0.9\n"));
  const Dataset data = twelve_digits();
  const auto trainer = trained(spec, data);
  const auto matrices = trainer->learners()[0]->matrix_counters();
  const Counters& convolution = of_matrix(matrices, 0, Phase::update);
  EXPECT_EQ(convolution.gradient_macs, kSteps * kBatch * kPositions * kConvolution);
  EXPECT_EQ(convolution.digital_macs, convolution.gradient_macs);
  EXPECT_EQ(convolution.operand_words, kSteps * kBatch * kPositions * (9 + 3));
  EXPECT_EQ(convolution.optimizer_macs, kSteps * kConvolution);   // momentum m + g
  EXPECT_EQ(convolution.state_words, kSteps * 2 * kConvolution);  // m read and written
  EXPECT_EQ(convolution.accumulator_updates, kSteps * kConvolution);
  const Counters& dense = of_matrix(matrices, 1, Phase::update);
  EXPECT_EQ(dense.gradient_macs, kSteps * kBatch * kDense);
  EXPECT_EQ(dense.operand_words, kSteps * kBatch * (4 + 10));
  EXPECT_EQ(dense.state_words, kSteps * 2 * kDense);
  EXPECT_EQ(dense.accumulator_updates, kSteps * kDense);
}

TEST(DigitalWork, OfLayersBesideTheirMatrices) {
  const ExperimentSpec spec = experiment_of(
      "layers", small_convolution("rule = \"mixed_precision\"\n[optimizer]\nkind = \"momentum\"\nmomentum = 0.9\n"));
  const Dataset data = twelve_digits();
  const auto trainer = trained(spec, data);
  const Learner& learner = *trainer->learners()[0];
  constexpr std::uint64_t kSamples = kSteps * kBatch;
  const PhaseCounters norm = of_layer(learner, "batch_norm1");
  EXPECT_EQ(norm[Phase::forward].digital_macs, kSamples * 3 * kPixels);
  EXPECT_EQ(norm[Phase::forward].operand_words, kSamples * 3 * kPixels);
  EXPECT_EQ(norm[Phase::backward].digital_macs, kSamples * 5 * kPixels);
  EXPECT_EQ(norm[Phase::backward].operand_words, kSamples * 5 * kPixels);
  const PhaseCounters pool = of_layer(learner, "global_average_pool1");
  EXPECT_EQ(pool[Phase::forward].digital_macs, kSamples * kPixels);
  EXPECT_EQ(pool[Phase::backward].operand_words, kSamples * (kPixels + 3));
  // Gamma and beta of three channels: m, and the number itself.
  const PhaseCounters parameters = of_layer(learner, "digital parameters");
  EXPECT_EQ(parameters[Phase::update].optimizer_macs, kSteps * 6 * 2);
  EXPECT_EQ(parameters[Phase::update].state_words, kSteps * 6 * 4);
}

TEST(DigitalWork, SurvivesACheckpoint) {
  const ExperimentSpec spec = experiment_of("checkpoint", small_convolution("rule = \"mixed_precision\"\n"));
  const Dataset data = twelve_digits();
  const auto trainer = trained(spec, data);
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "digital_work.safetensors";
  SafetensorsWriter out;
  trainer->save(out);
  out.write(file);
  const auto again = make_trainer(spec, data);
  again->load(SafetensorsFile(file));
  const Learner &before = *trainer->learners()[0], &after = *again->learners()[0];
  ASSERT_EQ(before.layer_counters().size(), after.layer_counters().size());
  for (const auto& [layer, counters] : before.layer_counters()) EXPECT_EQ(of_layer(after, layer), counters) << layer;
  EXPECT_EQ(before.counters(), after.counters());
}

// Fp32 weights change where they are: read and written, with the product of the step.
TEST(DigitalWork, OfDigitalWeights) {
  const ExperimentSpec spec =
      experiment_of("digital", small_convolution("rule = \"sgd\"\n[optimizer]\nkind = \"adam\"\n"));
  const Dataset data = twelve_digits();
  const auto trainer = trained(spec, data);
  const auto matrices = trainer->learners()[0]->matrix_counters();
  const Counters& convolution = of_matrix(matrices, 0, Phase::update);
  EXPECT_EQ(convolution.gradient_macs, kSteps * kBatch * kPositions * kConvolution);
  EXPECT_EQ(convolution.optimizer_macs, kSteps * 8 * kConvolution);
  EXPECT_EQ(convolution.state_words, kSteps * (4 + 2) * kConvolution);
  EXPECT_EQ(of_matrix(matrices, 1, Phase::forward).digital_macs, kSteps * kBatch * kDense);
  EXPECT_EQ(of_matrix(matrices, 1, Phase::backward).digital_macs, kSteps * kBatch * kDense);
}

// A vector of one sample goes into the accumulator as it is: nothing is summed up before.
TEST(DigitalWork, OfSingleSamplesIsTheOuterProductAlone) {
  const ExperimentSpec spec =
      experiment_of("single",
                    "name = \"single\"\n[data]\nname = \"synthetic_digits\"\n[[network.layers]]\nkind = \"dense\"\n"
                    "units = 10\n[training]\nrule = \"mixed_precision\"\nbatch_size = 1\n");
  const Dataset data = twelve_digits();
  const auto trainer = trained(spec, data);
  const Counters update = trainer->learners()[0]->matrix_counters()[0].counters[Phase::update];
  EXPECT_EQ(update.digital_macs, kSteps * 785 * 10);
  EXPECT_GT(update.accumulator_updates, 0u);
  EXPECT_LT(update.accumulator_updates, kSteps * 785 * 10);
  EXPECT_EQ(update.gradient_macs + update.operand_words + update.optimizer_macs + update.state_words, 0u);
}

TEST(DigitalWork, OfALanguageModelWithAClippedGradient) {
  constexpr std::uint64_t kLanes = 2, kCharacters = 7, kUnits = 5;
  const ExperimentSpec spec =
      experiment_of("text",
                    "name = \"text\"\n[data]\nname = \"synthetic_text\"\n[[network.layers]]\nkind = \"one_hot\"\n"
                    "[[network.layers]]\nkind = \"lstm\"\nunits = 5\n[[network.layers]]\nkind = \"dense\"\nunits = 0\n"
                    "[text]\nsteps = 7\n[training]\ntask = \"language\"\nrule = \"mixed_precision\"\nloss = "
                    "\"cross_entropy\"\nbatch_size = 2\n"
                    "[optimizer]\nkind = \"momentum\"\nclip_norm = 1.0\n");
  SyntheticTextOptions options;
  options.train_count = 400;
  options.validation_count = options.test_count = 100;
  const Dataset data = make_synthetic_text(options);
  const auto trainer = trained(spec, data);
  const auto matrices = trainer->learners()[0]->matrix_counters();
  const Weights& weights = *matrices[0].matrix->weights;
  const auto rows = static_cast<std::uint64_t>(weights.inputs());
  ASSERT_EQ(weights.outputs(), 4 * static_cast<int>(kUnits));
  constexpr std::uint64_t kVectors = kSteps * kLanes * kCharacters;
  const Counters& update = of_matrix(matrices, 0, Phase::update);
  EXPECT_EQ(update.gradient_macs, kVectors * rows * 4 * kUnits);
  EXPECT_EQ(update.operand_words, kVectors * (rows + 4 * kUnits));
  EXPECT_EQ(update.optimizer_macs, kSteps * 2 * rows * 4 * kUnits);     // m, and the norm
  EXPECT_EQ(update.state_words, kSteps * (2 + 2) * rows * 4 * kUnits);  // m, and the gradient until the norm is known
  const PhaseCounters cells = of_layer(*trainer->learners()[0], "lstm1");
  EXPECT_EQ(cells[Phase::forward].digital_macs, kVectors * 4 * kUnits);
  EXPECT_EQ(cells[Phase::backward].digital_macs, kVectors * 17 * kUnits);
  EXPECT_EQ(cells[Phase::backward].operand_words, kVectors * 14 * kUnits);
}

}  // namespace
}  // namespace ohmic
