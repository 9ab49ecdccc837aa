#include <gtest/gtest.h>

#include "ohmic/mapping/networks.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {
namespace {

struct Row {
  Tick ticks;
  std::int64_t arrays, arrays_narrow;
  Tick latency;
};

Plan plan_of(const std::string& network, Tick ticks) {
  const NamedNetwork n = make_named_network(network);
  const ChipSpec chip = load_chip("paper");
  return replicate_to_ticks(
      split(network, make_stage_graph(n.network, n.input, n.classes), chip, DepthwisePlace::arrays), ticks);
}

// ResNet-32 on CIFAR-10: arrays with channels 16-32-64 and 16-28-56, ticks per image, latency under the rules of
// section 3 of the specification: none, x4 for the first stage, x16 and x4 for the first two.
TEST(ReferenceTable, Resnet32) {
  for (const Row& row : {Row{1024, 62, 43, 1653}, Row{256, 95, 76, 621}, Row{64, 287, 241, 244}}) {
    const Plan wide = plan_of("resnet32", row.ticks), narrow = plan_of("resnet32_narrow", row.ticks);
    EXPECT_EQ(wide.arrays(), row.arrays);
    EXPECT_EQ(narrow.arrays(), row.arrays_narrow);
    EXPECT_EQ(wide.ticks_per_sample, row.ticks);
    EXPECT_EQ(narrow.ticks_per_sample, row.ticks);
    EXPECT_EQ(unbounded_schedule(make_pipeline(wide, BufferBounds::unbounded), 1).latency(0), row.latency);
    EXPECT_EQ(unbounded_schedule(make_pipeline(narrow, BufferBounds::unbounded), 1).latency(0), row.latency);
    EXPECT_NEAR(wide.samples_per_second(), 1e7 / static_cast<double>(row.ticks), 0.01);
  }
}

TEST(ReferenceTable, LayerByLayerOnOneSetOfArrays) { EXPECT_EQ(plan_of("resnet32", 1024).serial_products(), 14465); }

// 15,361 products of single arrays per image (section 5).
TEST(ReferenceTable, ProductsOfSingleArrays) {
  const Plan plan = plan_of("resnet32_narrow", 1024);
  std::int64_t products = 0;
  for (const StagePlan& p : plan.stages) products += p.arrays_per_copy * p.iterations;
  EXPECT_EQ(products, 15361);
}

}  // namespace
}  // namespace ohmic
