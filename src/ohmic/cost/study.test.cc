#include "ohmic/cost/study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/cost/run_cost.h"

namespace ohmic {
namespace {

MatrixEvents matrix(const char* name, std::int64_t rows, std::int64_t columns) {
  MatrixEvents m;
  m.name = name;
  m.rows = rows;
  m.columns = columns;
  return m;
}

// Ten images of a perceptron of two layers on arrays of 256 x 256.
RunEvents perceptron_run() {
  RunEvents run;
  run.name = "perceptron";
  run.samples = 10;
  run.accumulator_bits = 32;
  run.matrices = {matrix("first", 785, 250), matrix("second", 251, 10)};
  const auto products = [](Counters& c, std::uint64_t vectors, std::uint64_t inputs, std::uint64_t outputs,
                           std::uint64_t blocks) {
    c.mvm = vectors * blocks;
    c.dac_conversions = vectors * inputs;
    c.adc_conversions = vectors * outputs * blocks;
    c.crossing_reads = vectors * inputs * outputs;
  };
  products(run.matrices[0].counters[Phase::forward], 10, 785, 250, 4);
  products(run.matrices[1].counters[Phase::forward], 10, 251, 10, 1);
  products(run.matrices[1].counters[Phase::backward], 10, 10, 251, 1);
  run.matrices[0].counters[Phase::update].accumulator_updates = 5000;
  run.matrices[0].counters[Phase::update].set_pulses = 20;
  run.matrices[1].counters[Phase::update].accumulator_updates = 900;
  return run;
}

TEST(RunCost, PricesWhatHappened) {
  const Technology t = load_technology("pcm_14nm");
  const ChipSpec chip = load_chip("hermes_core");
  const RunEvents run = perceptron_run();
  const CostTable table = cost_of_run(run, t, chip);
  EXPECT_EQ(table.count(FigureName::array_cell), 2u * 10 * (785 * 250 + 2 * 251 * 10));
  EXPECT_EQ(table.count(FigureName::adc), 10u * (1000 + 10 + 251));
  EXPECT_EQ(table.count(FigureName::partial_sum), 10u * 750);
  EXPECT_EQ(table.count(FigureName::activation), 10u * (250 + 10 + 251));
  EXPECT_EQ(table.count(FigureName::mac), 5900u);
  EXPECT_EQ(table.count(FigureName::set_pulse), 20u);
  const std::uint64_t activations = 8 * 10 * (785 + 250 + 2 * (251 + 10));
  EXPECT_EQ(table.count(FigureName::memory_bit), activations + 64u * 5900);
  EXPECT_EQ(table.of_event(FigureName::adc).value.digits(),
            (Attojoules::rounded(t.figure(FigureName::adc, {8, 0}).value) * 12610u).digits());
  const CostSummary s = summary_of_run(run, table, t, chip);
  EXPECT_NEAR(s.energy_j.value, table.total().value.joules() / 10, 1e-15);
  EXPECT_NEAR(s.area_mm2.low / 5 / 0.634, 1, 0.8);  // five arrays and the accumulator
  // 20 pulses on 397,520 cells in 10 images.
  EXPECT_NEAR(s.lifetime_samples, 1e8 / (20.0 / (2 * 198760)) * 10, 1e3);
}

TEST(RunCost, MeasuredActivityReplacesTheAssumedOneForward) {
  const Technology t = load_technology("pcm_14nm");
  const std::vector<MeasuredActivity> measured = {{"first", 0.01, 0.5}};
  const CostTable table = cost_of_run(perceptron_run(), t, load_chip("hermes_core"), measured);
  const double full = 2 * 10 * 785 * 250 * 26e-15;
  EXPECT_NEAR(table.of(0, Component::array).value.joules(), 0.01 * full, 1e-6 * full);
  EXPECT_GT(table.of(1, Component::array).value.joules(), 0.2 * 2 * 20 * 2510 * 26e-15);
}

// 785 x 250 weights, 10 vectors: 8 blocks of 32 columns, 25 of 32 rows.
TEST(RunCost, PricesTheGradientOfABatch) {
  const Technology t = load_technology("pcm_14nm");
  const ChipSpec chip = load_chip("hermes_core");
  RunEvents run = perceptron_run();
  const CostTable before = cost_of_run(run, t, chip);
  const double seconds = summary_of_run(run, before, t, chip).seconds;
  Counters& update = run.matrices[0].counters[Phase::update];
  constexpr std::uint64_t kWeights = 785 * 250, kVectors = 10;
  update.digital_macs = update.gradient_macs = kVectors * kWeights;
  update.operand_words = kVectors * (785 + 250);
  update.optimizer_macs = kWeights;
  update.state_words = 2 * kWeights;
  const CostTable table = cost_of_run(run, t, chip);
  EXPECT_EQ(table.count(FigureName::mac), before.count(FigureName::mac) + kVectors * kWeights + kWeights);
  const std::uint64_t operands = kVectors * (785 * 8 + 250 * 25);
  EXPECT_EQ(table.count(FigureName::memory_bit),
            before.count(FigureName::memory_bit) + 8 * operands + 32 * 2 * kWeights);
  EXPECT_NEAR(summary_of_run(run, table, t, chip).seconds - seconds,
              static_cast<double>(kVectors * kWeights) / 1024 * 1e-9 / 10, 1e-15);
  // Of digital weights all words are wide, and other products read the weight.
  run.matrices[0].on_cells = false;
  run.matrices[0].counters = {};
  const CostTable none = cost_of_run(run, t, chip);
  run.matrices[0].counters[Phase::update].digital_macs = kVectors * kWeights;
  run.matrices[0].counters[Phase::update].gradient_macs = kVectors * kWeights;
  run.matrices[0].counters[Phase::update].operand_words = kVectors * (785 + 250);
  const CostTable digital = cost_of_run(run, t, chip);
  EXPECT_EQ(digital.count(FigureName::memory_bit) - none.count(FigureName::memory_bit), 32 * operands);
}

TEST(RunCost, LayersStandBesideTheirMatrices) {
  const Technology t = load_technology("pcm_14nm");
  const ChipSpec chip = load_chip("hermes_core");
  RunEvents run = perceptron_run();
  const CostTable before = cost_of_run(run, t, chip);
  LayerEvents norm{"batch_norm1", {}}, cells{"first", {}};
  norm.counters[Phase::forward].digital_macs = 30;
  norm.counters[Phase::backward].operand_words = 50;
  cells.counters[Phase::update].optimizer_macs = 7;
  cells.counters[Phase::update].state_words = 11;
  run.layers = {norm, cells};
  const CostTable table = cost_of_run(run, t, chip);
  EXPECT_EQ(table.layers(), (std::vector<std::string>{"first", "second", "batch_norm1", "first, digital"}));
  EXPECT_EQ(table.count(FigureName::mac), before.count(FigureName::mac) + 37);
  EXPECT_EQ(table.count(FigureName::memory_bit), before.count(FigureName::memory_bit) + 8 * 50 + 32 * 11);
  EXPECT_EQ(table.of_layer(0), before.of_layer(0));
  Energy layers;
  for (std::size_t l = 0; l < table.layers().size(); ++l) layers += table.of_layer(l);
  EXPECT_EQ(layers, table.total());
}

// Of the first matrix.
Attojoules update_energy(RunEvents run, const Technology& t, const ChipSpec& chip) {
  run.matrices[0].counters[Phase::forward] = {};
  return cost_of_run(run, t, chip).of_layer(0).value;
}

TEST(RunCost, EvaluationIsNoPartOfTraining) {
  const Technology t = load_technology("pcm_14nm");
  const ChipSpec chip = load_chip("hermes_core");
  RunEvents run = perceptron_run();
  const double before = summary_of_run(run, cost_of_run(run, t, chip), t, chip).energy_j.value;
  run.matrices[0].counters[Phase::evaluation] = run.matrices[0].counters[Phase::forward];
  const CostTable table = cost_of_run(run, t, chip);
  EXPECT_EQ(summary_of_run(run, table, t, chip).energy_j.value, before);
  EXPECT_EQ(table.of_phase(Phase::evaluation).value,
            cost_of_run(perceptron_run(), t, chip).of_layer(0).value - update_energy(perceptron_run(), t, chip));
  run.samples = 0;
  EXPECT_THROW(summary_of_run(run, table, t, chip), Error);
}

TEST(Study, TheDigitalDesignReadsAndMultipliesEveryWeight) {
  const StudyDesign design = digital_design(perceptron_run().matrices, load_technology("pcm_14nm"));
  constexpr std::uint64_t kWeights = 785 * 250 + 251 * 10, kBack = 251 * 10;
  EXPECT_EQ(design.table.count(FigureName::mac), 2 * kWeights + kBack);
  const std::uint64_t activations = (785 + 250) + 2 * (251 + 10);
  EXPECT_EQ(design.table.count(FigureName::memory_bit), 32 * (3 * kWeights + kBack + activations));
  EXPECT_GT(design.phase_nj(Phase::update), design.phase_nj(Phase::forward));
  EXPECT_LT(design.phase_nj(Phase::backward), 0.02 * design.phase_nj(Phase::forward));
}

// What is said to be needed does it.
TEST(Study, RequiredFiguresMeetTheirTarget) {
  const auto layers = perceptron_run().matrices;
  const Technology technology = load_technology("pcm_14nm");
  const StudyDesign design = digital_design(layers, technology);
  for (const RequiredFigure& r : required_figures(design, 14350)) {
    ASSERT_GT(r.needed_pj, 0);
    Technology changed = technology;
    changed.scale(r.name, r.needed_pj / r.now_pj);
    EXPECT_NEAR(digital_design(layers, changed).compared_nj(), 14350, 1);
  }
}

TEST(Study, SwingsAreTheRatioWithOneFigureAtItsEnds) {
  const RunEvents run = perceptron_run();
  const Technology technology = load_technology("pcm_14nm");
  const ChipSpec chip = load_chip("hermes_core");
  const StudyDesign over = digital_design(run.matrices, technology);
  const StudyDesign under = cell_design("cells", "", run, technology, chip);
  const auto swings = ratio_swings(over, under);
  for (std::size_t k = 1; k < swings.size(); ++k) {
    EXPECT_GE(std::abs(swings[k - 1].at_high - swings[k - 1].at_low), std::abs(swings[k].at_high - swings[k].at_low));
  }
  const auto adc = std::find_if(swings.begin(), swings.end(), [](const Swing& s) { return s.name == FigureName::adc; });
  ASSERT_NE(adc, swings.end());
  Technology cheap = technology;
  const CostFigure figure = technology.figure(FigureName::adc, {8, 0});
  cheap.scale(FigureName::adc, figure.low / figure.value);
  const double ratio = over.compared_nj() / cell_design("", "", run, cheap, chip).compared_nj();
  EXPECT_NEAR(adc->at_low, ratio, 1e-4 * ratio);
}

}  // namespace
}  // namespace ohmic
