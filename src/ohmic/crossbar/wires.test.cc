#include "ohmic/crossbar/wires.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/error.h"
#include "ohmic/crossbar/elimination.h"
#include "ohmic/crossbar/reference/slow_wires.h"
#include "ohmic/crossbar/wires_test_support.h"

namespace ohmic {
namespace {

using namespace test;

TEST(WireSpec, IsReadWithItsNamesAndBounds) {
  WireSpec spec;
  read_fields(
      ConfigDocument::parse("model = 'exact'\nrow_ohm = 0.5\ncolumn_ohm = 0\ndrive = 'both'\nsense = 'top'", "t"),
      "wires", spec);
  EXPECT_EQ(spec.model, WireModel::exact);
  EXPECT_EQ(spec.row_ohm, 0.5);
  EXPECT_EQ(spec.column_ohm, 0);
  EXPECT_EQ(spec.drive, DriveSide::both);
  EXPECT_EQ(spec.sense, SenseSide::top);
  EXPECT_THROW(read_fields(ConfigDocument::parse("row_ohm = -1", "t"), "wires", spec), Error);
  EXPECT_THROW(read_fields(ConfigDocument::parse("drive = 'bottom'", "t"), "wires", spec), Error);
}

TEST(Elimination, OfSeveralPanelsIsThatOfOneUnknownAfterAnother) {
  constexpr std::size_t kWidth = 103, kEliminated = 75;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> value(-1, 1);
  Numbers fast(kWidth * kWidth);
  for (std::size_t r = 0; r < kWidth; ++r) {
    for (std::size_t c = r; c < kWidth; ++c) fast[r * kWidth + c] = r == c ? kWidth : value(random);
  }
  Numbers slow = fast;
  for (std::size_t p = 0; p < kEliminated; ++p) {
    for (std::size_t r = p + 1; r < kWidth; ++r) {
      const double factor = slow[p * kWidth + r] / slow[p * kWidth + p];
      for (std::size_t c = r; c < kWidth; ++c) slow[r * kWidth + c] -= factor * slow[p * kWidth + c];
    }
  }
  eliminate_first(fast, kWidth, kEliminated);
  for (std::size_t r = kEliminated; r < kWidth; ++r) {
    for (std::size_t c = r; c < kWidth; ++c) ASSERT_NEAR(fast[r * kWidth + c], slow[r * kWidth + c], 1e-12);
  }
}

constexpr std::array<Shape, 6> kShapes = {{{1, 1}, {1, 7}, {6, 1}, {5, 9}, {9, 5}, {3, 16}}};
struct Ohms {
  double row, column;
};
constexpr std::array<Ohms, 7> kOhms = {{{0, 0}, {0, 200}, {300, 0}, {1, 2}, {1000, 50}, {1e-6, 1e-3}, {1e5, 1e5}}};

TEST(ExactWireMap, IsThatOfTheNodalMatrixInEveryArrangement) {
  for (const Shape shape : kShapes) {
    const Cells cells = uniform_cells(shape.rows, shape.columns, 0.2);
    for (const Ohms ohms : kOhms) {
      for (const DriveSide drive : kDrives) {
        for (const SenseSide sense : kSenses) {
          const WireSpec spec = wires(ohms.row, ohms.column, drive, sense);
          const Numbers ours = exact_wire_map(spec, cells.view());
          const Numbers theirs = reference::slow_wire_map(spec, cells.view());
          for (std::size_t k = 0; k < ours.size(); ++k) ASSERT_NEAR(ours[k], theirs[k], 1e-11) << name(spec) << k;
        }
      }
    }
  }
}

TEST(ExactWireMap, OfALargerArrayGivesTheCurrentsOfTheNodalMatrix) {
  const Cells cells = uniform_cells(18, 33, 0.1);
  Numbers volt(cells.rows);
  for (std::size_t i = 0; i < volt.size(); ++i) volt[i] = std::sin(static_cast<double>(i * i + 1));
  const WireSpec spec = wires(100, 60, DriveSide::right, SenseSide::both);
  const Numbers map = exact_wire_map(spec, cells.view());
  const auto slow = reference::slow_wire_currents(spec, cells.view(), volt, Numbers(cells.columns, 0.0));
  for (std::size_t j = 0; j < cells.columns; ++j) {
    double current = 0;
    for (std::size_t i = 0; i < cells.rows; ++i) current += map[i * cells.columns + j] * volt[i];
    EXPECT_NEAR(current, slow.bit[j], 1e-11) << j;
  }
}

// The way back: voltages at the terminals of the bit lines, currents out of those of the word lines.
TEST(ExactWireMap, TransposedIsTheWayBack) {
  const Cells cells = uniform_cells(7, 6, 0.1);
  for (const DriveSide drive : kDrives) {
    for (const SenseSide sense : kSenses) {
      const WireSpec spec = wires(300, 500, drive, sense);
      const Numbers map = exact_wire_map(spec, cells.view());
      for (std::size_t j = 0; j < cells.columns; ++j) {
        Numbers volt(cells.columns, 0.0);
        volt[j] = 1;
        const auto slow = reference::slow_wire_currents(spec, cells.view(), Numbers(cells.rows, 0.0), volt);
        for (std::size_t i = 0; i < cells.rows; ++i) {
          ASSERT_NEAR(map[i * cells.columns + j], slow.word[i], 1e-11) << name(spec);
        }
      }
    }
  }
}

TEST(ExactWireMap, OfOneCellIsThreeResistorsInSeries) {
  const Cells cell(1, 1, [](std::size_t, std::size_t) { return 8.0; });
  const Numbers map = exact_wire_map(wires(1000, 3000), cell.view());
  EXPECT_NEAR(map[0], 1e6 / (1e6 / 8 + 1000 + 3000), 1e-13);
  const Numbers both = exact_wire_map(wires(1000, 3000, DriveSide::both, SenseSide::both), cell.view());
  EXPECT_NEAR(both[0], 1e6 / (1e6 / 8 + 500 + 1500), 1e-13);
}

// Reciprocity in an array too large for the nodal matrix; rows and columns are not cut in the same order in both.
TEST(ExactWireMap, OfTheTurnedArrayIsTurned) {
  const Cells cells = uniform_cells(97, 130, 0.1);
  const Numbers map = exact_wire_map(wires(3, 5, DriveSide::left, SenseSide::bottom), cells.view());
  const Numbers turned = exact_wire_map(wires(5, 3, DriveSide::right, SenseSide::top), cells.transposed().view());
  const Cells back = Cells(130, 97, [&](std::size_t r, std::size_t c) { return map[c * 130 + r]; });
  for (std::size_t k = 0; k < map.size(); ++k) {
    const double theirs = turned[k % 130 * 97 + k / 130];
    ASSERT_NEAR(map[k], theirs, 1e-10 * theirs + 1e-15) << k;
  }
}

// The limit is of first order in the resistance: 1e-6 ohm drop 1.3e-8 of the voltage on 50 cells of 10 uS.
TEST(ExactWireMap, ComesToThePerfectLineAsTheResistanceVanishes) {
  const Cells cells = uniform_cells(40, 50, 0.1);
  for (const DriveSide drive : kDrives) {
    const Numbers nearly = exact_wire_map(wires(1e-6, 20, drive), cells.view());
    const Numbers perfect = exact_wire_map(wires(0, 20, drive), cells.view());
    for (std::size_t k = 0; k < nearly.size(); ++k) ASSERT_NEAR(nearly[k], perfect[k], 5e-7) << k;
  }
}

// Lines that conduct 1e15 times as well as a cell leave the cell its digits: nothing is a difference of their
// conductances.
TEST(ExactWireMap, LosesNoDigitsToLinesThatConductVeryWell) {
  const Cells cells = uniform_cells(40, 50, 0.1);
  for (const DriveSide drive : kDrives) {
    const Numbers nearly = exact_wire_map(wires(1e-9, 1e-9, drive), cells.view());
    for (std::size_t k = 0; k < nearly.size(); ++k) ASSERT_NEAR(nearly[k], cells.us[k], 1e-9) << k;
  }
}

TEST(ExactWireMap, LeavesDeadLinesDead) {
  const Cells cells(20, 24, [](std::size_t r, std::size_t c) { return r == 3 || c == 7 || c == 23 ? 0.0 : 5.0; });
  const Numbers map = exact_wire_map(wires(50, 50), cells.view());
  WireMap approximate;
  approximate.renew(wires(50, 50, DriveSide::left, SenseSide::bottom, WireModel::approximate), cells.single_view());
  for (std::size_t k = 0; k < map.size(); ++k) {
    const bool dead = cells.us[k] == 0;
    ASSERT_EQ(map[k] == 0, dead) << k;
    ASSERT_EQ(approximate.around_us().data[k] == 0, dead) << k;
    ASSERT_TRUE(std::isfinite(approximate.through().data[k])) << k;
  }
}

TEST(WireMap, OfDeadArraysIsZero) {
  const Cells cells(20, 24, [](std::size_t, std::size_t) { return 0.0; });
  for (const WireModel model : {WireModel::none, WireModel::exact, WireModel::approximate}) {
    WireMap map;
    map.renew(wires(50, 50, DriveSide::both, SenseSide::top, model), cells.single_view());
    Matrix effective(20, 24);
    map.apply(cells.single_view(), effective.view());
    for (const float us : effective.values()) ASSERT_EQ(us, 0);
  }
}

TEST(WireMap, WithoutWiresIsTheConductances) {
  const Cells cells = uniform_cells(12, 20);
  for (const WireSpec& spec : {wires(5, 5, DriveSide::left, SenseSide::top, WireModel::none), wires(0, 0),
                               wires(0, 0, DriveSide::both, SenseSide::top, WireModel::approximate)}) {
    WireMap map;
    map.renew(spec, cells.single_view());
    for (std::size_t k = 0; k < cells.us.size(); ++k) {
      ASSERT_EQ(map.effective_us(k / 20, k % 20, cells.single[k]), cells.single[k]) << name(spec);
    }
  }
}

TEST(WireMap, OfTheExactModelIsTheExactMap) {
  for (const Ohms ohms : {Ohms{3, 2}, Ohms{0, 30}, Ohms{30, 0}}) {
    const Cells cells = uniform_cells(60, 44, 0.1);
    const WireSpec spec = wires(ohms.row, ohms.column, DriveSide::right, SenseSide::both);
    WireMap map;
    map.renew(spec, cells.single_view());
    Matrix effective(60, 44);
    map.apply(cells.single_view(), effective.view());
    const Numbers exact = exact_wire_map(spec, cells.view());
    for (std::size_t k = 0; k < exact.size(); ++k) ASSERT_NEAR(effective.values()[k], exact[k], 5e-6) << k;
  }
}

// With perfect lines in one direction, and with no more cells than groups, nothing is approximated.
TEST(WireMap, OfTheApproximateModelIsExactWhereItCanBe) {
  struct Case {
    Shape shape;
    Ohms ohms;
  };
  for (const Case& c :
       {Case{{50, 40}, {0, 30}}, Case{{50, 40}, {30, 0}}, Case{{8, 8}, {900, 600}}, Case{{1, 5}, {900, 600}}}) {
    const Cells cells = uniform_cells(c.shape.rows, c.shape.columns);
    for (const DriveSide drive : kDrives) {
      const WireSpec spec = wires(c.ohms.row, c.ohms.column, drive, SenseSide::bottom, WireModel::approximate);
      WireMap map;
      map.renew(spec, cells.single_view());
      const Numbers exact = exact_wire_map(spec, cells.view());
      for (std::size_t k = 0; k < exact.size(); ++k) {
        const float ours = map.effective_us(k / c.shape.columns, k % c.shape.columns, cells.single[k]);
        ASSERT_NEAR(ours, exact[k], 2e-5) << name(spec) << k;
      }
    }
  }
}

// ---- One cell changes.

TEST(WireMap, FollowsAPulseUntilItIsRenewed) {
  Cells cells = uniform_cells(24, 20);
  for (const WireModel model : {WireModel::exact, WireModel::approximate}) {
    const WireSpec spec = wires(kHighOhm, kHighOhm, DriveSide::left, SenseSide::bottom, model);
    WireMap map;
    map.renew(spec, cells.single_view());
    const Numbers before = exact_wire_map(spec, cells.view());
    for (const std::size_t k : {5U, 111U, 333U, 479U}) {
      Numbers changed = cells.us;
      changed[k] += 2;
      const double change = exact_wire_map(spec, {changed.data(), 24, 20})[k] - before[k];
      const double ours =
          map.effective_us(k / 20, k % 20, cells.single[k] + 2) - map.effective_us(k / 20, k % 20, cells.single[k]);
      EXPECT_NEAR(ours, change, 0.12 * change) << k;
    }
  }
}

}  // namespace
}  // namespace ohmic
