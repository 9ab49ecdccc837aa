#include "ohmic/training/hybrid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/weights.h"
#include "ohmic/training/mixed_precision.h"
#include "ohmic/training/model_size.h"

namespace ohmic {
namespace {

constexpr std::size_t kRows = 40, kColumns = 30;

// Linear cells whose step is 1 uS, an eighth of a weight of 1: with epsilon_L = 2^-11 all sums are exact in fp32.
WeightMatrix exact_matrix() {
  DeviceSpec device("ideal");
  read_fields(ConfigDocument::parse("cell = \"ideal\"\n[parameters]\nstep_us = 1.0\n", "test"), "device", device);
  TileSpec tile;
  tile.inputs = static_cast<int>(kRows);
  tile.outputs = static_cast<int>(kColumns);
  tile.synapse.initial_mean_us = 50;
  tile.synapse.initial_stddev_us = 0;
  tile.periphery.dac_bits = tile.periphery.adc_bits = 0;
  WeightMatrix matrix;
  matrix.weights = std::make_unique<AnalogWeights>(Tile(tile, std::shared_ptr<const CellModel>(device.make())));
  return matrix;
}

ExperimentSpec exact_experiment(RuleKind rule, std::int64_t lsb_bits) {
  ExperimentSpec spec;
  spec.training.rule = rule;
  spec.optimizer.kind = OptimizerKind::sgd;
  spec.mixed_precision.epsilon = 0.125;
  spec.mixed_precision.most_pulses_per_crossing = 127;
  spec.hybrid.weight_max = 1;
  spec.hybrid.lsb_bits = lsb_bits;
  spec.hybrid.rounding = Rounding::deterministic;
  return spec;
}

const Tile& tile_of(const WeightMatrix& matrix) { return dynamic_cast<const AnalogWeights&>(*matrix.weights).tile(); }

// Whole numbers between -most and most, times `unit`.
void draw(std::span<float> values, std::uint64_t when, int most, float unit) {
  const RandomStream stream(1, Purpose::data_order, 0, when);
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    const auto number = static_cast<int>(random_word(stream, i) % static_cast<std::uint32_t>(2 * most + 1)) - most;
    values[i] = unit * static_cast<float>(number);
  }
}

// Where every wanted change is a whole number of LSB steps nothing is rounded, and the accumulator of 9 bits is that of
// mixed precision, bit for bit; without limits it is in any case.
void expect_mixed_precision(std::int64_t bits, double threshold) {
  ExperimentSpec mixed = exact_experiment(RuleKind::mixed_precision, bits),
                 hybrid = exact_experiment(RuleKind::hybrid, bits);
  mixed.mixed_precision.threshold = hybrid.hybrid.threshold = threshold;
  WeightMatrix theirs = exact_matrix(), ours = exact_matrix();
  const auto their_rule = make_update_rule(mixed, theirs), our_rule = make_update_rule(hybrid, ours);
  theirs.gradient.resize(kRows, kColumns);
  UpdateStep step;
  step.learning_rate = 1;
  for (; step.number < 50; ++step.number) {
    draw(theirs.gradient.values(), step.number, 300, 0x1p-11f);
    ours.gradient = theirs.gradient;
    their_rule->update(theirs, step);
    our_rule->update(ours, step);
    for (std::size_t i = 0; i < kRows * kColumns; ++i) {
      ASSERT_EQ(tile_of(ours).pairs()[i].conductance_us, tile_of(theirs).pairs()[i].conductance_us) << i;
    }
  }
  const auto& chi = dynamic_cast<const MixedPrecisionRule&>(*their_rule).accumulated();
  const auto* registers = dynamic_cast<const HybridRule*>(our_rule.get());
  for (std::size_t i = 0; i < kRows * kColumns; ++i) {
    const float accumulated = registers != nullptr
                                  ? 0x1p-11f * static_cast<float>(registers->registers().value(i))
                                  : dynamic_cast<const MixedPrecisionRule&>(*our_rule).accumulated().values()[i];
    ASSERT_EQ(accumulated, chi.values()[i]) << i;
  }
}

TEST(HybridRule, EqualsMixedPrecisionWhereNothingIsRounded) {
  for (const std::int64_t bits : {9, 0}) {
    for (const double threshold : {1.0, 0.5}) {
      SCOPED_TRACE(testing::Message() << bits << " bits, threshold " << threshold);
      expect_mixed_precision(bits, threshold);
    }
  }
}

// Registers start with each value short of the threshold equally often, by writes that are counted, and send no pulse.
TEST(HybridRule, DitherSpreadsRegistersEvenly) {
  ExperimentSpec spec = exact_experiment(RuleKind::hybrid, 7);
  spec.hybrid.threshold = 0.5;
  spec.hybrid.dither = true;
  WeightMatrix matrix = exact_matrix();
  const auto rule = make_update_rule(spec, matrix);
  matrix.gradient.resize(kRows, kColumns);
  std::fill(matrix.gradient.values().begin(), matrix.gradient.values().end(), 0.0f);
  rule->update(matrix, {});
  EXPECT_EQ(tile_of(matrix).counters().set_pulses, 0);
  const RegisterArray& registers = dynamic_cast<const HybridRule&>(*rule).registers();
  EXPECT_GT(registers.counters().bit_sets, 0);
  constexpr int kHighest = 31, kValues = 2 * kHighest + 1;
  std::vector<double> counts(kValues);
  for (std::size_t i = 0; i < kRows * kColumns; ++i) {
    ASSERT_LE(std::abs(registers.value(i)), kHighest);
    ++counts[static_cast<std::size_t>(registers.value(i) + kHighest)];
  }
  const double mean = static_cast<double>(kRows * kColumns) / kValues;
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - mean) * (count - mean) / mean;
  EXPECT_LT(chi_squared, 119);  // 62 degrees of freedom: exceeded by chance once in 50,000
}

// Plain SGD whose weights are whole numbers n of epsilon_L, written down on its own: each sample moves n by the rounded
// step. Products see the multiple of epsilon_M that follows n whenever n has left it by a whole epsilon_M. It learns a
// linear map from exact numbers; hybrid training on ideal linear cells must go through the same numbers.
TEST(HybridRule, WithDeterministicRoundingIsLowPrecisionSgdOnIdealCells) {
  for (const std::int64_t bits : {4, 7, 9}) {
    WeightMatrix matrix = exact_matrix();
    matrix.factored = true;
    const auto rule = make_update_rule(exact_experiment(RuleKind::hybrid, bits), matrix);
    const RegisterArray& registers = dynamic_cast<const HybridRule&>(*rule).registers();
    const long capacity = 1L << (bits - 1);
    std::vector<long> n(kRows * kColumns), m(kRows * kColumns);
    std::vector<float> target(kRows * kColumns);
    draw(target, 1000, 3, 0.25f);
    double first_loss = 0, loss = 0;
    UpdateStep step;
    step.learning_rate = 0.0625f;
    for (; step.number < 300; ++step.number) {
      matrix.inputs.resize(1, kRows);
      matrix.deltas.resize(1, kColumns);
      draw(matrix.inputs.values(), step.number, 2, 0.5f);
      Matrix outputs(1, kColumns);
      matrix.weights->forward(static_cast<const Matrix&>(matrix.inputs).view(), outputs.view(), {step.number, true});
      loss = 0;
      for (std::size_t j = 0; j < kColumns; ++j) {
        double wanted = 0, seen = 0;
        for (std::size_t i = 0; i < kRows; ++i) {
          const double x = static_cast<double>(matrix.inputs.values()[i]);
          wanted += x * static_cast<double>(target[i * kColumns + j]);
          seen += x * 0.125 * static_cast<double>(m[i * kColumns + j]);
        }
        ASSERT_EQ(static_cast<double>(outputs.values()[j]), seen) << "step " << step.number;
        matrix.deltas.values()[j] = static_cast<float>(seen - wanted);
        loss += (seen - wanted) * (seen - wanted);
        for (std::size_t i = 0; i < kRows; ++i) {
          const double x = static_cast<double>(matrix.inputs.values()[i]);
          const double change = -0.0625 * x * (seen - wanted);
          long& weight = n[i * kColumns + j];
          weight += std::lrint(change / 0.125 * static_cast<double>(capacity));
          m[i * kColumns + j] += (weight - m[i * kColumns + j] * capacity) / capacity;
        }
      }
      if (step.number == 0) first_loss = loss;
      rule->update(matrix, step);
      for (std::size_t i = 0; i < n.size(); ++i) {
        ASSERT_EQ(registers.value(i), n[i] - m[i] * capacity) << "weight " << i << ", step " << step.number;
      }
    }
    EXPECT_LT(loss, 0.3 * first_loss) << bits << " bits";
  }
}

// Ten steps of three quarters of a pulse, or of three.
TEST(HybridRule, MostPulsesAndClearingAreKept) {
  const auto pulses_of = [](std::int64_t most, OnOverflow on_overflow, float wanted) {
    ExperimentSpec spec = exact_experiment(RuleKind::hybrid, 7);
    spec.hybrid.most_pulses = most;
    spec.hybrid.on_overflow = on_overflow;
    WeightMatrix matrix = exact_matrix();
    const auto rule = make_update_rule(spec, matrix);
    matrix.gradient.resize(kRows, kColumns);
    UpdateStep step;
    step.learning_rate = 1;
    for (; step.number < 10; ++step.number) {
      std::fill(matrix.gradient.values().begin(), matrix.gradient.values().end(), -wanted * 0.125f);
      rule->update(matrix, step);
    }
    return static_cast<double>(tile_of(matrix).counters().set_pulses) / (kRows * kColumns);
  };
  EXPECT_EQ(pulses_of(127, OnOverflow::keep, 0.75f), 7);
  EXPECT_EQ(pulses_of(127, OnOverflow::clear, 0.75f), 5);  // what is left of each second step is lost
  EXPECT_EQ(pulses_of(127, OnOverflow::keep, 3.0f), 30);
  EXPECT_EQ(pulses_of(1, OnOverflow::keep, 3.0f), 10);
}

TEST(HybridRule, CountsTheWearOfBothParts) {
  ExperimentSpec spec = exact_experiment(RuleKind::hybrid, 7);
  DeviceSpec device("ideal");
  TileSpec tile;
  tile.inputs = tile.outputs = 8;
  tile.counts_wear = true;
  WeightMatrix matrix;
  matrix.weights = std::make_unique<AnalogWeights>(Tile(tile, std::shared_ptr<const CellModel>(device.make())));
  const auto rule = make_update_rule(spec, matrix);
  matrix.gradient.resize(8, 8);
  UpdateStep step;
  step.learning_rate = 1;
  for (; step.number < 4; ++step.number) {
    std::fill(matrix.gradient.values().begin(), matrix.gradient.values().end(), -0.125f * (1 + 1.0f / 64));
    rule->update(matrix, step);
  }
  WearRecord wear;
  rule->add_wear(wear);
  ASSERT_EQ(wear.kinds().size(), 7u);
  // The register counts 1, 2, 3, 4.
  EXPECT_EQ(wear.kinds()[0].most_sets, 2u);
  EXPECT_EQ(wear.kinds()[0].most_resets, 2u);
  EXPECT_EQ(wear.kinds()[1].most_writes, 2u);
  EXPECT_EQ(wear.kinds()[2].sets, 64u);
  EXPECT_EQ(wear.kinds()[3].sets, 0u);
  const CellWear plus = tile_of(matrix).cells().wear(0), minus = tile_of(matrix).cells().wear(1);
  EXPECT_EQ(plus.sets, std::vector<std::uint64_t>(64, 4));
  EXPECT_EQ(minus.sets, std::vector<std::uint64_t>(64, 0));
  const Lifetime lifetime = projected_lifetime({1e8, 0.5}, wear.most_writes(), 100);
  EXPECT_DOUBLE_EQ(lifetime.trainings, 2.5e7);
  EXPECT_DOUBLE_EQ(lifetime.seconds, 5e9);
}

// He et al. 2016 with 1x1 projections; the counts of PHYSICS section 6.
TEST(ResnetFamily, HasTheWeightsOfThePapers) {
  const auto weights = [](std::vector<std::string> settings) {
    settings.push_back("training.rule=sgd");
    const ExperimentSpec spec = read_experiment("cifar10_hybrid_resnet32", settings);
    const Graph graph = make_graph(spec, spec.network, {1, 32, 32, 3}, 10);
    std::size_t count = 0;
    for (const WeightMatrix* m : graph.weight_matrices()) {
      count += static_cast<std::size_t>(m->weights->inputs()) * static_cast<std::size_t>(m->weights->outputs());
    }
    return count;
  };
  EXPECT_EQ(weights({}), 464442u);
  EXPECT_EQ(weights({"network.resnet.channels=[16, 28, 56]"}), 361722u);
  EXPECT_EQ(weights({"network.resnet.blocks=1"}), 77370u);
  EXPECT_EQ(weights({"network.resnet.blocks=2"}), 174138u);
  EXPECT_EQ(weights({"network.resnet.blocks=3"}), 270906u);
  const auto wide = weights({"network.resnet.width=2"});
  EXPECT_EQ(wide, weights({"network.resnet.channels=[32, 64, 128]"}));
  EXPECT_EQ(weights({"network.resnet.width=1.7"}), weights({"network.resnet.channels=[27, 54, 109]"}));
}

TEST(ModelSize, CountsTheBitsOfWeightsAndAccumulators) {
  const auto size = [](const char* experiment, std::vector<std::string> settings) {
    const ExperimentSpec spec = read_experiment(experiment, settings);
    return model_size(spec, make_graph(spec, spec.network, {1, 28, 28, 1}, 10));
  };
  constexpr std::uint64_t kWeights = 198760;
  EXPECT_EQ(size("mnist_hybrid", {}).training_bits, kWeights * 11);
  EXPECT_EQ(size("mnist_hybrid", {}).inference_bits, kWeights * 4);
  EXPECT_EQ(size("mnist_hybrid", {"hybrid.lsb_bits=0"}).training_bits, kWeights * 36);
  EXPECT_EQ(size("mnist_mixed_precision", {}).training_bits, kWeights * 36);
  EXPECT_EQ(size("mnist_sgd", {}).inference_bits, kWeights * 32);
}

}  // namespace
}  // namespace ohmic
