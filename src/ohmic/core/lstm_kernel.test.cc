#include "ohmic/core/lstm_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ohmic/core/cpu.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

constexpr std::size_t kUnits = 37;  // whole vectors and a rest on every instruction set

std::vector<float> gaussian_floats(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  gaussians(RandomStream(seed, Purpose::forward_read, 0, 0), values);
  return values;
}

// One step forward and back, from and to numbers of its own.
struct Step {
  std::vector<float> sums = gaussian_floats(4 * kUnits, 1), gates = sums, before = gaussian_floats(kUnits, 2);
  std::vector<float> cell = before, squashed = before, hidden = before;
  std::vector<float> outer = gaussian_floats(kUnits, 3), later = gaussian_floats(kUnits, 4);
  std::vector<float> cell_gradient = gaussian_floats(kUnits, 5), by_cell = cell_gradient, deltas = sums;

  Step() {
    lstm_step({kUnits, gates.data(), before.data(), cell.data(), squashed.data(), hidden.data()});
    lstm_step_back({kUnits, gates.data(), before.data(), squashed.data(), outer.data(), later.data(),
                    cell_gradient.data(), deltas.data()});
  }

  std::vector<float> results() const {
    std::vector<float> all;
    for (const auto* part : {&gates, &cell, &squashed, &hidden, &cell_gradient, &deltas}) {
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }
};

class LstmKernelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { limit_instruction_set(GetParam()); }
  void TearDown() override { limit_instruction_set("amx"); }
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

TEST_P(LstmKernelTest, StepIsThatOfTheEquations) {
  const Step step;
  for (std::size_t u = 0; u < kUnits; ++u) {
    const auto sum = [&](std::size_t gate) { return static_cast<double>(step.sums[gate * kUnits + u]); };
    const double i = sigmoid_of(sum(0)), f = sigmoid_of(sum(1)), g = std::tanh(sum(2)), o = sigmoid_of(sum(3));
    const double c = f * static_cast<double>(step.before[u]) + i * g;
    const double h = static_cast<double>(step.outer[u] + step.later[u]);
    const double dc = static_cast<double>(step.by_cell[u]) + h * o * (1 - std::tanh(c) * std::tanh(c));
    EXPECT_NEAR(step.cell[u], c, 1e-6);
    EXPECT_NEAR(step.squashed[u], std::tanh(c), 1e-6);
    EXPECT_NEAR(step.hidden[u], o * std::tanh(c), 1e-6);
    EXPECT_NEAR(step.cell_gradient[u], dc * f, 3e-6);
    EXPECT_NEAR(step.deltas[u], dc * g * i * (1 - i), 3e-6);
    EXPECT_NEAR(step.deltas[kUnits + u], dc * static_cast<double>(step.before[u]) * f * (1 - f), 3e-6);
    EXPECT_NEAR(step.deltas[2 * kUnits + u], dc * i * (1 - g * g), 3e-6);
    EXPECT_NEAR(step.deltas[3 * kUnits + u], h * std::tanh(c) * o * (1 - o), 3e-6);
  }
}

TEST_P(LstmKernelTest, AllInstructionSetsGiveTheSameBits) {
  const std::vector<float> ours = Step().results();
  limit_instruction_set("baseline");
  EXPECT_EQ(ours, Step().results());
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, LstmKernelTest,
                         testing::Values("baseline", "avx2", "avx512", "avx512_vnni", "amx"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace ohmic
