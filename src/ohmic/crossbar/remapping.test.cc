#include "ohmic/crossbar/remapping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "ohmic/core/kernels.h"
#include "ohmic/crossbar/assignment.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

double total_cost(const Matrix& cost, const std::vector<int>& columns) {
  double sum = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    sum += static_cast<double>(cost.row(i)[static_cast<std::size_t>(columns[i])]);
  }
  return sum;
}

TEST(CheapestAssignment, IsTheBestOfAllPermutations) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Matrix cost(6, 6);
    gaussians(RandomStream(seed, Purpose::latent, 0, 0), cost.values());
    std::vector<int> order(6);
    std::iota(order.begin(), order.end(), 0);
    double best = 1e9;
    do best = std::min(best, total_cost(cost, order));
    while (std::next_permutation(order.begin(), order.end()));
    const std::vector<int> found = cheapest_assignment(cost);
    EXPECT_TRUE(std::is_permutation(found.begin(), found.end(), order.begin()));
    EXPECT_NEAR(total_cost(cost, found), best, 1e-5);
  }
}

TileSpec faulty_tile(bool remap) {
  TileSpec spec;
  spec.inputs = 40;
  spec.outputs = 36;
  spec.periphery.array_rows = 20;
  spec.periphery.array_columns = 24;
  spec.synapse.weight_conductance_us = 25;
  spec.faults.stuck_low = 0.04;
  spec.faults.stuck_high = 0.002;
  spec.faults.remap = remap;
  spec.write_once = true;
  return spec;
}

// Weights of which half are 0, so that cells stuck low find a place.
Matrix half_empty_weights(const TileSpec& spec) {
  Matrix weights(static_cast<std::size_t>(spec.inputs), static_cast<std::size_t>(spec.outputs));
  gaussians(RandomStream(3, Purpose::latent, 0, 0), weights.values());
  for (std::size_t i = 0; i < weights.values().size(); ++i) {
    weights.values()[i] = i % 2 == 0 ? 0 : std::clamp(weights.values()[i] / 2, -1.0f, 1.0f);
  }
  return weights;
}

double squared_weight_error(const Tile& tile, const Matrix& wanted) {
  Matrix read(wanted.rows(), wanted.columns());
  tile.read_weights(read.view());
  double sum = 0;
  for (std::size_t i = 0; i < wanted.values().size(); ++i) {
    const double d = static_cast<double>(read.values()[i]) - static_cast<double>(wanted.values()[i]);
    sum += d * d;
  }
  return sum;
}

TEST(Remapping, LowersTheErrorThatFaultsMakeInTheWeights) {
  const std::shared_ptr<const CellModel> cell = load_cell_preset("pcm_inference")->make();
  std::array<double, 2> weight_error{}, fault_error{}, unmapped{};
  for (const bool remap : {false, true}) {
    const TileSpec spec = faulty_tile(remap);
    const Matrix weights = half_empty_weights(spec);
    Tile tile(spec, cell);
    const ProgrammingResult result = tile.program(weights.view(), {}, 0);
    const std::size_t at = remap ? 1 : 0;
    weight_error[at] = squared_weight_error(tile, weights);
    fault_error[at] = result.fault_error_us2;
    unmapped[at] = result.fault_error_unmapped_us2;
  }
  EXPECT_EQ(unmapped[0], unmapped[1]);
  EXPECT_EQ(fault_error[0], unmapped[0]);
  EXPECT_LT(fault_error[1], 0.7 * fault_error[0]);
  EXPECT_LT(weight_error[1], 0.9 * weight_error[0]);  // programming errors stay
}

TEST(Remapping, MovesFaultsWithinTheirArrayAndLosesNone) {
  const TileSpec spec = faulty_tile(true);
  const FaultMap::Shape shape{spec.inputs, spec.outputs, 1, 20, 24};
  const FaultMap faults(spec.faults, shape, 1, 0);
  RemappingTask task{shape, 0, 1, {0, 20, 0}, [](std::uint32_t first, std::span<float> targets) {
                       for (std::size_t i = 0; i < targets.size(); ++i) {
                         targets[i] = static_cast<float>((2 * first + i) * 37 % 20);
                       }
                     }};
  const FaultMap moved = remapped(faults, task, 2);
  const auto arrays = [&](const FaultMap& map) {
    std::vector<int> count(4 * 2 * 3, 0);
    for (const Fault& fault : map.all()) {
      const auto crossing = static_cast<int>(fault.cell / 2);
      const int row = crossing / spec.outputs / 20, column = crossing % spec.outputs / 24;
      ++count[static_cast<std::size_t>(((row * 2 + column) * 2 + static_cast<int>(fault.cell % 2)) * 3 +
                                       static_cast<int>(fault.kind))];
    }
    return count;
  };
  EXPECT_EQ(moved.all().size(), faults.all().size());
  EXPECT_EQ(arrays(moved), arrays(faults));
  EXPECT_LT(fault_error_us2(moved, task, 2), fault_error_us2(faults, task, 2));
  for (std::size_t i = 1; i < moved.all().size(); ++i) EXPECT_LT(moved.all()[i - 1].cell, moved.all()[i].cell);
}

// Cells that are programmed once and no more are kept in half the memory; nothing else may differ.
TEST(WriteOnce, ReadsTheSameBits) {
  const std::shared_ptr<const CellModel> cell = load_cell_preset("pcm_inference")->make();
  std::vector<std::vector<float>> read;
  std::vector<std::size_t> bytes;
  for (const bool once : {false, true}) {
    TileSpec spec;
    spec.inputs = 70;
    spec.outputs = 45;
    spec.synapse.cells = 2;
    spec.synapse.slices = 2;
    spec.synapse.weight_conductance_us = 25;
    spec.faults.stuck_low = 0.01;
    spec.write_once = once;
    Tile tile(spec, cell);
    const Matrix weights = half_empty_weights(spec);
    tile.program(weights.view(), {}, 0);
    tile.age(86400);
    Matrix x(3, 70), y(3, 45);
    gaussians(RandomStream(5, Purpose::latent, 0, 0), x.values());
    tile.forward(static_cast<const Matrix&>(x).view(), y.view(), 9);
    read.emplace_back(y.values().begin(), y.values().end());
    bytes.push_back(tile.bytes());
  }
  EXPECT_EQ(read[0], read[1]);
  EXPECT_LT(3 * bytes[1], 2 * bytes[0]);
}

}  // namespace
}  // namespace ohmic
