#include "ohmic/cost/cost_table.h"

#include <gtest/gtest.h>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

CostFigure figure_of(FigureName name, double attojoules) {
  CostFigure figure;
  figure.value = attojoules;
  figure.low = attojoules / 3;
  figure.high = attojoules * 7;
  figure.from.name = name;
  return figure;
}

// A table of many cells whose energies do not divide evenly.
CostTable random_table(double factor_of_adc = 1) {
  CostTable table({"a", "b", "c"});
  const RandomStream stream(5, Purpose::latent, 0, 0);
  for (std::uint32_t k = 0; k < 300; ++k) {
    const std::uint32_t word = random_word(stream, k);
    const auto name = static_cast<FigureName>(word % 16);
    const double factor = name == FigureName::adc ? factor_of_adc : 1;
    table.add(word / 16 % 3, static_cast<Phase>(word / 64 % 6), figure_of(name, 2 * (1000 + word % 977) * factor),
              word / 512);
  }
  return table;
}

TEST(CostTable, LayersComponentsAndPhasesEachSumToTheTotalExactly) {
  const CostTable table = random_table();
  Energy layers, components, phases, pairs;
  for (std::size_t l = 0; l < 3; ++l) layers += table.of_layer(l);
  for (const Component c : table.components()) components += table.of_component(c);
  for (const Phase p : table.phases()) phases += table.of_phase(p);
  for (const Component c : table.components()) {
    for (const Phase p : table.phases()) pairs += table.of(c, p);
  }
  EXPECT_EQ(layers, table.total());
  EXPECT_EQ(components, table.total());
  EXPECT_EQ(phases, table.total());
  EXPECT_EQ(pairs, table.total());
}

TEST(CostTable, HalvingAnEventChangesTheTotalByExactlyItsShare) {
  const CostTable whole = random_table(), half = random_table(0.5);
  const Attojoules adc = whole.of_event(FigureName::adc).value;
  const Attojoules saved = whole.total().value - half.total().value;
  EXPECT_EQ(saved + saved, adc);
  EXPECT_EQ(half.of_event(FigureName::adc).value, saved);
}

TEST(CostTable, MeasuredEnergiesAreCellsLikeOthers) {
  CostTable table({"a"});
  table.add_measured(0, Phase::forward, figure_of(FigureName::array_cell, 900), 10, 1e-15);
  EXPECT_EQ(table.total().value.digits(), "1000");
  EXPECT_EQ(table.total().high.digits(), "7000");
  EXPECT_EQ(table.count(FigureName::array_cell), 10u);
}

TEST(Attojoules, HoldMoreThanSixtyFourBits) {
  const Attojoules large = Attojoules::rounded(1e18) * 20'000'000'000u;
  EXPECT_EQ(large.digits(), "20000000000000000000000000000");
  EXPECT_DOUBLE_EQ(large.joules(), 2e10);
  EXPECT_EQ((Attojoules::rounded(1) - Attojoules::rounded(3)).digits(), "-2");
  EXPECT_EQ(Attojoules().digits(), "0");
  EXPECT_THROW(Attojoules::rounded(1e37), Error);
}

}  // namespace
}  // namespace ohmic
