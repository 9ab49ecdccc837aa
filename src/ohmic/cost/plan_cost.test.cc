#include "ohmic/cost/plan_cost.h"

#include <gtest/gtest.h>

#include "ohmic/chip/co_simulation.h"
#include "ohmic/cost/test_support.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

double relative(double value, double published) { return value / published - 1; }

// ------------------------------------------------------------------------- published cores, acceptance within 5 %

TEST(PeakCost, AHermesCoreMakesAFullProductForWhatIsPublished) {
  const PeakCost peak = peak_of_chip(load_chip("hermes_core"), load_technology("pcm_14nm"));
  EXPECT_NEAR(relative(peak.table.total().value.joules(), 12.48e-9), 0, 0.05);
  EXPECT_NEAR(relative(peak.summary.tops(), 1.008), 0, 0.05);
  EXPECT_NEAR(relative(peak.summary.tops_per_w().value, 10.5), 0, 0.05);
  EXPECT_NEAR(relative(peak.summary.tops_per_mm2().value, 1.59), 0, 0.05);
  EXPECT_NEAR(relative(peak.summary.power_w().value, 0.096), 0, 0.05);
}

// One phase is what the chip's share was fitted to; four phases are not.
TEST(PeakCost, SixtyFourCoresInOneAndInFourPhases) {
  const ChipSpec chip = load_chip("hermes64");
  const Technology technology = load_technology("pcm_14nm_64core");
  const CostSummary one = peak_of_chip(chip, technology).summary;
  EXPECT_NEAR(relative(one.tops(), 63.1), 0, 0.05);
  EXPECT_NEAR(relative(one.tops_per_w().value, 9.76), 0, 0.05);
  EXPECT_NEAR(relative(one.tops_per_mm2().value, 1.55), 0, 0.05);
  PlanCostOptions options;
  options.reads_per_mvm = 4;
  const CostSummary four = peak_of_chip(chip, technology, options).summary;
  EXPECT_NEAR(relative(four.tops(), 16.1), 0, 0.05);
  EXPECT_NEAR(relative(four.tops_per_w().value, 2.48), 0, 0.05);
}

// The rule by which the converter's figure was found, as its source states it.
TEST(PeakCost, TheFittedConverterIsWhatIsLeftOfTheCore) {
  const Technology t = load_technology("pcm_14nm");
  const double rest = 12.48e-9 - 131072 * t.figure(FigureName::array_cell).value * 1e-18 -
                      256 * (t.figure(FigureName::dac).value + t.figure(FigureName::activation).value) * 1e-18;
  EXPECT_NEAR(t.figure(FigureName::adc, {8, 0}).value * 1e-18, rest / 256, 0.001 * rest / 256);
  EXPECT_TRUE(t.figure(FigureName::adc, {8, 0}).from.fitted);
}

// ------------------------------------------------------------------------------------------- counters of a pipeline

Counters counters_of(Graph& graph) {
  Counters all;
  for (const WeightMatrix* matrix : graph.weight_matrices()) all += matrix->weights->counters();
  return all;
}

TEST(PlanCost, CountersOfThePipelineAreThoseOfTheFunctionalRun) {
  const NamedNetwork n = make_named_network("small_inception");
  constexpr std::size_t kSamples = 3;
  Graph pipelined = graph_on_cells(n.network, n.input, n.classes);
  Graph functional = graph_on_cells(n.network, n.input, n.classes);
  Matrix x(kSamples, pipelined.input_size());
  gaussians(RandomStream(3, Purpose::latent, 0, 0), x.values());
  const Plan plan = map_network(n.name, make_stage_graph(n.network, n.input, n.classes), load_chip("paper"), {});
  const auto run =
      co_simulate(pipelined, plan, make_pipeline(plan, BufferBounds::bounded), static_cast<const Matrix&>(x).view(), 0);
  functional.forward(static_cast<const Matrix&>(x).view(), Pass{0, false});
  const Counters counted = counters_of(functional);
  EXPECT_EQ(counters_of(pipelined), counted);
  EXPECT_GT(counted.mvm, 0u);

  const auto events = simulated_events(plan, run.timing);
  EXPECT_EQ(events, plan_events(plan, kSamples));
  StageEvents all;
  for (const StageEvents& e : events) all += e;
  EXPECT_EQ(all.mvm, counted.mvm);
  EXPECT_EQ(all.dac, counted.dac_conversions);
  EXPECT_EQ(all.adc, counted.adc_conversions);
  EXPECT_EQ(all.crossing_reads, counted.crossing_reads);
  EXPECT_GT(all.link_flits, 0u);
  EXPECT_GE(all.link_flit_hops, all.link_flits);
}

TEST(PlanCost, ResnetOnThreeChipsAddsUpExactly) {
  const NamedNetwork n = make_named_network("resnet32_narrow");
  for (const char* name : {"hermes_core", "isaac_like", "puma_like"}) {
    const ChipSpec chip = load_chip(name);
    const Technology technology = load_technology(technology_of_chip(name));
    const Plan plan = map_network(n.name, make_stage_graph(n.network, n.input, n.classes), chip, {});
    const CostTable table = cost_of_plan(plan, technology);
    Energy layers, components;
    for (std::size_t l = 0; l < table.layers().size(); ++l) layers += table.of_layer(l);
    for (const Component c : table.components()) components += table.of_component(c);
    EXPECT_EQ(layers, table.total()) << name;
    EXPECT_EQ(components, table.total()) << name;
    const CostSummary s = summary_of_plan(plan, table, technology);
    EXPECT_GT(s.tops_per_w().value, 0) << name;
    EXPECT_LE(s.energy_j.low, s.energy_j.value) << name;
    EXPECT_GE(s.energy_j.high, s.energy_j.value) << name;
    EXPECT_GT(s.area_mm2.value, 0) << name;
  }
}

// A pixel of 16 channels of 8 bits is 128 bits: four flits of 32 bits behind a head; 17 channels need a fifth, mostly
// empty.
TEST(Flits, AreFilledUpBehindAHead) {
  ChipSpec chip = load_chip("hermes_core", std::vector<std::string>{"link_bits=32", "head_flits=1"});
  EXPECT_EQ(flits_of_pixel(chip, 16), 1u + 4);
  EXPECT_EQ(flits_of_pixel(chip, 17), 1u + 5);
  EXPECT_EQ(flits_of_pixel(chip, 1), 1u + 1);
  chip.constants.head_flits = 0;
  EXPECT_EQ(flits_of_pixel(chip, 16), 4u);
  chip.constants.link_bits = 256;
  EXPECT_EQ(flits_of_pixel(chip, 16), 1u);
}

// Three convolutions in a row, each on a core of its own: one packet per pixel over each link of a ring.
TEST(Flits, AreCountedPacketByPacket) {
  NetworkSpec network;
  LayerSpec convolution;
  convolution.kind = LayerKind::convolution;
  for (const int units : {5, 9, 3}) {
    convolution.units = units;
    network.layers.push_back(convolution);
  }
  constexpr std::uint64_t kPixels = 6 * 6;
  const ChipSpec chip = load_chip("hermes_core", std::vector<std::string>{"link_bits=32", "topology=full"});
  const Plan plan = map_network("three", make_stage_graph(network, {1, 6, 6, 2}, 3), chip, {});
  const auto events = plan_events(plan, 2);
  StageEvents all;
  for (const StageEvents& e : events) all += e;
  // 5 channels are 40 bits, two flits; 9 are 72 bits, three.
  EXPECT_EQ(all.link_flits, 2 * kPixels * ((1 + 2) + (1 + 3)));
  EXPECT_EQ(all.link_flit_hops, all.link_flits);  // every core is one hop from every other
  Technology technology = load_technology("pcm_14nm");
  technology.set_value("link_bit_hop=1");
  const CostTable table = cost_of_plan(plan, technology);
  EXPECT_EQ(table.count(FigureName::link_bit_hop), 32 * all.link_flit_hops / 2);
  EXPECT_EQ(table.of_component(Component::links).value, Attojoules::rounded(1e6) * (32 * all.link_flit_hops / 2));
}

// By hand from 12.48 nJ per full product: 15,361 products of arrays, 192 uJ.
TEST(PlanCost, WholeArraysOfResnetTakeWhatTheSanityFigureSays) {
  const NamedNetwork n = make_named_network("resnet32_narrow");
  const Plan plan = map_network(n.name, make_stage_graph(n.network, n.input, n.classes), load_chip("hermes_core"), {});
  std::uint64_t products = 0;
  for (const StageEvents& e : plan_events(plan, 1)) products += e.mvm;
  EXPECT_EQ(products, 15361u);
  EXPECT_NEAR(whole_array_energy_j(plan, load_technology("pcm_14nm")).value, 191.7e-6, 0.5e-6);
}

TEST(PlanCost, HalvingAnEventsEnergyTakesHalfItsShare) {
  const NamedNetwork n = make_named_network("small_inception");
  const Plan plan = map_network(n.name, make_stage_graph(n.network, n.input, n.classes), load_chip("paper"), {});
  Technology technology = load_technology("pcm_14nm");
  technology.set_value("adc=2");  // an even number of attojoules
  const CostTable whole = cost_of_plan(plan, technology);
  technology.scale(FigureName::adc, 0.5);
  const Attojoules saved = whole.total().value - cost_of_plan(plan, technology).total().value;
  EXPECT_EQ(saved + saved, whole.of_event(FigureName::adc).value);
}

}  // namespace
}  // namespace ohmic
