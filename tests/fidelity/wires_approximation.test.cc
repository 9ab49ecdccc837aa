// How far is the approximation of wires.h from the exact currents, and from the exact law of the noise?

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "ohmic/crossbar/wires_test_support.h"

namespace ohmic::test {
namespace {

// ---- The error of the approximation, in shares of the drop.

constexpr std::size_t kSize = 256;
// Half the size at four times the resistance has the same drop, and is solved in an eighth of the time.
constexpr std::size_t kHalfSize = 128;

enum class Inputs { positive, both_signs, sparse, single };
constexpr std::array kInputs = {Inputs::positive, Inputs::both_signs, Inputs::sparse, Inputs::single};

Numbers input_vector(Inputs kind, std::size_t size, std::mt19937& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  Numbers x(size, 0.0);
  for (double& v : x) {
    const double value = unit(random), chance = unit(random);
    v = kind == Inputs::positive                 ? value
        : kind == Inputs::both_signs             ? 2 * value - 1
        : kind == Inputs::sparse && chance < 0.1 ? value
                                                 : 0;
  }
  if (kind == Inputs::single) x[random() % size] = 1;
  return x;
}

double squared_outputs(const Numbers& map, const Numbers& x) {
  Numbers y(map.size() / x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += x[i] * map[i * y.size() + j];
  }
  return std::inner_product(y.begin(), y.end(), y.begin(), 0.0);
}

// ideal: G; exact and approximate: what the wires make of it.
struct Maps {
  std::size_t rows;
  Numbers drop, error;  ///< ideal - exact, approximate - exact
};

Maps maps_of(const Cells& cells, WireSpec spec) {
  spec.model = WireModel::approximate;
  WireMap map;
  map.renew(spec, cells.single_view());
  const Numbers exact = exact_wire_map(spec, cells.view());
  Maps maps{cells.rows, cells.us, Numbers(exact.size())};
  for (std::size_t k = 0; k < exact.size(); ++k) {
    maps.drop[k] -= exact[k];
    maps.error[k] = map.effective_us(k / cells.columns, k % cells.columns, cells.single[k]) - exact[k];
  }
  return maps;
}

Maps difference(const Maps& a, const Maps& b) {
  Maps d = a;
  for (std::size_t k = 0; k < d.drop.size(); ++k) {
    d.drop[k] -= b.drop[k];
    d.error[k] -= b.error[k];
  }
  return d;
}

// The largest, over kinds of inputs, of |y_approximate - y_exact| / |y_ideal - y_exact|, Euclidean norms over the
// outputs of 16 vectors.
double share_of_drop(const Maps& maps) {
  double largest = 0;
  for (const Inputs kind : kInputs) {
    std::mt19937 random(7);
    double error = 0, drop = 0;
    for (int v = 0; v < 16; ++v) {
      const Numbers x = input_vector(kind, maps.rows, random);
      error += squared_outputs(maps.error, x);
      drop += squared_outputs(maps.drop, x);
    }
    largest = std::max(largest, std::sqrt(error / drop));
  }
  return largest;
}

// Asked for are 5 %; the bounds below are what was measured, rounded up.
TEST(Approximation, OfUniformConductancesErrsLittle) {
  const Cells cells = uniform_cells(kSize, kSize);
  EXPECT_LT(share_of_drop(maps_of(cells, wires(2, 2))), 0.004);
  EXPECT_LT(share_of_drop(maps_of(cells, wires(2, 2, DriveSide::both, SenseSide::both))), 0.004);
  EXPECT_LT(share_of_drop(maps_of(cells, wires(0.5, 0.5))), 0.002);
  EXPECT_LT(share_of_drop(maps_of(cells, wires(0.5, 2))), 0.003);
}

TEST(Approximation, ErrsLittleInEveryArrangement) {
  const Cells cells = uniform_cells(kHalfSize, kHalfSize);
  for (const DriveSide drive : kDrives) {
    for (const SenseSide sense : kSenses) {
      EXPECT_LT(share_of_drop(maps_of(cells, wires(8, 8, drive, sense))), 0.006) << name(wires(8, 8, drive, sense));
    }
  }
}

TEST(Approximation, OfTrainedPairsErrsLittleInTheirDifference) {
  const Cells plus = trained_cells(kSize, 1), minus = trained_cells(kSize, 2);
  for (const double ohm : {0.5, 2.0}) {
    const Maps of_plus = maps_of(plus, wires(ohm, ohm)), of_minus = maps_of(minus, wires(ohm, ohm));
    EXPECT_LT(share_of_drop(of_plus), 0.002) << ohm;
    EXPECT_LT(share_of_drop(difference(of_plus, of_minus)), 0.008) << ohm;
  }
}

// Rows as of images with an empty margin, columns of which few are in use, a gradient over the array, dead lines.
TEST(Approximation, OfUnevenArraysErrsLittle) {
  const Cells even = uniform_cells(kHalfSize, kHalfSize);
  const auto scaled = [&](const auto& factor) {
    return Cells(kHalfSize, kHalfSize,
                 [&](std::size_t r, std::size_t c) { return factor(r, c) * even.us[r * kHalfSize + c]; });
  };
  const Cells image = scaled(
      [](std::size_t r, std::size_t c) { return (r % 28 > 5 && r % 28 < 22 ? 1.0 : 0.0) * (c % 7 == 0 ? 1.0 : 0.2); });
  const Cells gradient =
      scaled([](std::size_t r, std::size_t c) { return static_cast<double>((r + 4) * (c + 4)) / 2e4; });
  const Cells dead = scaled([](std::size_t r, std::size_t c) { return r < 32 || c > 100 ? 0.0 : 1.0; });
  for (const Cells* cells : {&image, &gradient, &dead}) EXPECT_LT(share_of_drop(maps_of(*cells, wires(8, 8))), 0.006);
}

// As the arrays that a layer's last blocks leave. Frobenius norms: the error for inputs of all kinds together.
TEST(Approximation, OfArraysThatAreNotSquareErrsLittle) {
  for (const Shape shape : {Shape{250, 10}, Shape{12, 256}, Shape{202, 121}, Shape{30, 17}}) {
    const Cells cells = uniform_cells(shape.rows, shape.columns);
    const Maps maps = maps_of(cells, wires(2, 2));
    const auto squares = [](const Numbers& n) { return std::inner_product(n.begin(), n.end(), n.begin(), 0.0); };
    EXPECT_LT(std::sqrt(squares(maps.error) / squares(maps.drop)), 0.005) << shape.rows << " x " << shape.columns;
  }
}

// ---- Noise.

// dM_kj / dG_kl by central differences of the exact map, for all k, j of one cell: rows x columns.
Numbers derivative(const WireSpec& spec, const Cells& cells, std::size_t cell) {
  constexpr double kStepUs = 1e-3;
  Numbers up = cells.us, down = cells.us;
  up[cell] += kStepUs;
  down[cell] -= kStepUs;
  Numbers slope = exact_wire_map(spec, {up.data(), cells.rows, cells.columns});
  const Numbers lower = exact_wire_map(spec, {down.data(), cells.rows, cells.columns});
  for (std::size_t k = 0; k < slope.size(); ++k) slope[k] = (slope[k] - lower[k]) / (2 * kStepUs);
  return slope;
}

// For each vector of inputs, the variance of all outputs together under independent noise of 1 uS in each cell, by
// noise_variance_scale, over the exact one.
Numbers noise_variance_ratios(const WireSpec& spec, const Cells& cells, const std::vector<Numbers>& inputs) {
  WireMap map;
  map.renew(spec, cells.single_view());
  Numbers exact(inputs.size(), 0.0), ours = exact;
  for (std::size_t k = 0; k < cells.us.size(); ++k) {
    const Numbers slope = derivative(spec, cells, k);
    const std::size_t row = k / cells.columns, column = k % cells.columns;
    for (std::size_t v = 0; v < inputs.size(); ++v) {
      Numbers at_outputs(cells.columns, 0.0);
      for (std::size_t e = 0; e < slope.size(); ++e) {
        at_outputs[e % cells.columns] += inputs[v][e / cells.columns] * slope[e];
      }
      for (const double y : at_outputs) exact[v] += y * y;
      ours[v] += inputs[v][row] * inputs[v][row] * static_cast<double>(map.noise_variance_scale(row, column));
    }
  }
  for (std::size_t v = 0; v < ours.size(); ++v) ours[v] /= exact[v];
  return ours;
}

Numbers inputs_of(std::size_t rows, double low, double high) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> value(low, high);
  Numbers x(rows);
  for (double& v : x) v = value(random);
  return x;
}

// One row driven, all rows with both signs, all rows with one sign; these are the numbers that the header states.
TEST(NoiseVarianceScale, IsThatOfTheExactDerivativesToFirstOrder) {
  const Cells cells = uniform_cells(24, 20);
  Numbers one(24, 0.0);
  one[5] = 1;
  const std::vector<Numbers> inputs = {one, inputs_of(24, -1, 1), inputs_of(24, 0, 1)};
  const Numbers severe = noise_variance_ratios(wires(kHighOhm, kHighOhm), cells, inputs);
  const Numbers usual = noise_variance_ratios(wires(kHighOhm / 4, kHighOhm / 4), cells, inputs);
  EXPECT_NEAR(severe[0], 1.04, 0.01);
  EXPECT_NEAR(severe[1], 1.09, 0.01);
  EXPECT_NEAR(severe[2], 1.36, 0.01);
  EXPECT_NEAR(usual[0], 1.03, 0.01);
  EXPECT_NEAR(usual[1], 1.04, 0.01);
  EXPECT_NEAR(usual[2], 1.14, 0.01);
}

}  // namespace
}  // namespace ohmic::test
