#include "ohmic/cost/converter_law.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/cost/plan_cost.h"
#include "ohmic/cost/survey_test_data.h"
#include "ohmic/cost/technology.h"

namespace ohmic {
namespace {

ConverterLaw survey_law() {
  for (const ConverterLaw& law : load_technology_spec("converters").laws) {
    if (law.family == "survey") return law;
  }
  fail("converters has no law \"survey\"");
}

// By hand: 8 bits at 100 MS/s are below the corner, F = 128.307 + 8 x 3.2205 = 154.071 dB, SNDR = 48.165 + 1.761 dB,
// 1/2 10^-10.4145 = 1.9254e-11; times exp(24.5794 + 1.88004 ln 14 - 2.82913 ln 8) = 1.881e10.
TEST(ConverterLaw, IsThePublishedFormula) {
  const ConverterLaw law = survey_law();
  EXPECT_NEAR(law.energy_pj(8, 0.1, 14), 1.9254e-11 * 1.881e10, 0.001);
  // At 1.2 GS/s and 10 bits the rate decides: F = 213.7807 - 2.871903 ln 1.2e9 = 153.742 dB.
  const double rate_bound = 0.5 * std::pow(10, (61.967 - 153.742) / 10) *
                            std::exp(24.5794194 + 1.88003692 * std::log(32) - 2.82912561 * std::log(10));
  EXPECT_NEAR(law.energy_pj(10, 1.2, 32), rate_bound, 0.01);
  EXPECT_NEAR(law.area_um2(8, 0.1, 14),
              std::exp(1.3461916 + 0.9932795 * std::log(14) + 0.1807154 * std::log(1e8) + 0.2991243 * std::log(0.3622)),
              1);
}

// What was gathered of the same publication before its coefficients were at hand.
TEST(ConverterLaw, MakesTheTablesThatWereTakenFromIt) {
  const ConverterLaw law = survey_law();
  int compared = 0;
  for (const TechnologyFigure& f : load_technology_spec("converters").figures) {
    const bool fast = f.family == "survey_1200ms";
    if (!fast && f.family != "survey_100ms") continue;
    const double rate = fast ? 1.2 : 0.1;
    const double value =
        f.name == FigureName::adc ? law.energy_pj(f.bits, rate, f.node_nm) : law.area_um2(f.bits, rate, f.node_nm);
    EXPECT_NEAR(value / f.value, 1, 0.003) << f.family << ", " << f.bits << " bits, " << f.node_nm << " nm";
    ++compared;
  }
  EXPECT_EQ(compared, 21);
}

TEST(ConverterLaw, IsFlatBelowTheCornerAndRisesAboveIt) {
  const ConverterLaw law = survey_law();
  for (const int bits : {7, 8, 10, 12}) {
    const double corner = law.corner_gs(bits);
    EXPECT_EQ(law.energy_pj(bits, 0.01 * corner, 22), law.energy_pj(bits, 0.99 * corner, 22)) << bits;
    EXPECT_GT(law.energy_pj(bits, 1.01 * corner, 22), law.energy_pj(bits, 0.99 * corner, 22)) << bits;
    // Twice the rate takes 2^(2.8719 / 4.3429) times the energy.
    EXPECT_NEAR(law.energy_pj(bits, 4 * corner, 22) / law.energy_pj(bits, 2 * corner, 22),
                std::exp2(2.8719030 / (10 / std::log(10.0))), 1e-6);
  }
  EXPECT_NEAR(law.corner_gs(8), 1.07, 0.01);
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double rest = at - static_cast<double>(below);
  return (1 - rest) * values[below] + rest * values[std::min(below + 1, values.size() - 1)];
}

// The interval is what its source says of the converters that were published.
TEST(ConverterLaw, IntervalsAreTheSpreadOfTheSurvey) {
  const ConverterLaw law = survey_law();
  std::vector<double> energies, areas;
  for (const SurveyedConverter& c : kSurveyedConverters) {
    energies.push_back(c.energy_pj / law.energy_pj(c.bits, c.rate_hz * 1e-9, c.node_nm));
    areas.push_back(c.area_um2 / law.area_um2(c.bits, c.rate_hz * 1e-9, c.node_nm));
  }
  EXPECT_NEAR(quantile(energies, 0.25), law.energy_low, 0.01);
  EXPECT_NEAR(quantile(energies, 0.75), law.energy_high, 0.01);
  EXPECT_NEAR(quantile(areas, 0.75), law.area_high, 0.1);
  EXPECT_NEAR(quantile(areas, 0.1), law.area_low, 0.15);
}

// Converters as their publications state them: 8 bits at 8.8 GS/s in 32 nm, 35 mW and 0.025 mm2 (Kull et al., VLSI
// 2013); 8 bits at 1.2 GS/s in 32 nm, 3.1 mW (Kull et al., ISSCC 2013, whose area of 0.0015 mm2 is one of the
// smallest); and by the list, 1 GS/s in 28 nm at 7.6 pJ and 0.0091 mm2.
TEST(ConverterLaw, HoldsForPublishedConverters) {
  const ConverterLaw law = survey_law();
  struct Converter {
    double bits, rate_gs, node_nm, energy_pj, area_um2;
    bool area_within;
  };
  for (const Converter& c : {Converter{5.85, 8.8, 32, 35.0 / 8.8, 25000, true},
                             {6.235, 1.2, 32, 3.1 / 1.2, 1500, false},
                             {9.674, 1.0, 28, 7.6, 9100, true}}) {
    const double energy = law.energy_pj(c.bits, c.rate_gs, c.node_nm),
                 area = law.area_um2(c.bits, c.rate_gs, c.node_nm);
    EXPECT_GE(c.energy_pj, law.energy_low * energy) << c.rate_gs;
    EXPECT_LE(c.energy_pj, law.energy_high * energy) << c.rate_gs;
    EXPECT_EQ(c.area_um2 >= law.area_low * area && c.area_um2 <= law.area_high * area, c.area_within) << c.rate_gs;
  }
}

std::string law_complaint(const ConverterLaw& law) {
  try {
    check_law("mine", law);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ConverterLaw, MistakesAreRefused) {
  ConverterLaw law = survey_law();
  EXPECT_EQ(law_complaint(law), "");
  law.source.clear();
  EXPECT_NE(law_complaint(law).find("needs family, source"), std::string::npos);
  law = survey_law();
  law.area_per_log_rate = -1;  // faster for less
  EXPECT_NE(law_complaint(law).find("must not fall"), std::string::npos);
  law = survey_law();
  law.least_bits = 2;  // the factor on bits makes 3 bits cost more than 4
  EXPECT_NE(law_complaint(law).find("falls from"), std::string::npos);
  law = survey_law();
  law.energy_per_log_node = -1;
  EXPECT_NE(law_complaint(law).find("must not fall"), std::string::npos);
  law = survey_law();
  law.area_low = 1.1;
  EXPECT_NE(law_complaint(law).find("area_low"), std::string::npos);
  TechnologySpec spec;
  spec.name = "mine";
  spec.laws = {survey_law(), survey_law()};
  EXPECT_THROW(check_figures(spec), Error);
}

// --------------------------------------------------------------------------------------------------- in a technology

TEST(ConverterLaw, IsAFamilyAtTheRateOfTheChip) {
  Technology t = load_technology("isaac_32nm");
  t.set_interval(IntervalKind::own);
  t.choose_family("adc=survey");
  const ConverterLaw law = survey_law();
  const CostFigure slow = t.figure(FigureName::adc, {8, 0, 0.1});
  EXPECT_NEAR(slow.value, 1.7137e6, 100);
  EXPECT_NEAR(slow.low / slow.value, law.energy_low, 1e-9);
  EXPECT_NEAR(slow.high / slow.value, law.energy_high, 1e-9);
  EXPECT_GT(t.figure(FigureName::adc, {8, 0, 1.28}).value, slow.value);
  EXPECT_EQ(slow.from.family, "survey");
  EXPECT_THROW(t.figure(FigureName::adc, {8, 0}), Error);        // at no known rate
  EXPECT_THROW(t.figure(FigureName::adc, {3, 0, 0.1}), Error);   // below what it holds for
  EXPECT_THROW(t.figure(FigureName::adc, {8, 0, 20.0}), Error);  // above its rates
  // A table takes over its dependence on bits at that rate.
  TechnologySpec spec = load_technology_spec("pcm_14nm");
  spec.resolution_after = "survey";
  const Technology pcm(spec);
  EXPECT_NEAR(pcm.figure(FigureName::adc, {10, 0, 1.0}).value / pcm.figure(FigureName::adc, {8, 0, 1.0}).value,
              law.energy_pj(10, 1, 14) / law.energy_pj(8, 1, 14), 1e-9);
}

TEST(ConverterLaw, IsOneOfAllAlternatives) {
  Technology t = load_technology("pcm_14nm");
  t.set_interval(IntervalKind::all);
  const auto names = [&](const FigureQuery& query) { return t.figure(FigureName::adc, query).all; };
  const auto with_rate = names({8, 0, 0.5}), without = names({8, 0});
  EXPECT_NE(std::find(with_rate.begin(), with_rate.end(), "survey"), with_rate.end());
  EXPECT_EQ(std::find(without.begin(), without.end(), "survey"), without.end());
}

// ISAAC: 128 columns in 100 ns, sixteen times per product. HERMES: a converter for each column, once per 130 ns.
TEST(ConversionRate, IsColumnsPerConverterAndStepsPerProduct) {
  EXPECT_NEAR(conversion_rate_gs(load_technology_spec("isaac_32nm"), load_chip("isaac_like")), 1.28, 1e-12);
  EXPECT_NEAR(conversion_rate_gs(load_technology_spec("pcm_14nm"), load_chip("hermes_core")), 1 / 130.0, 1e-12);
  const std::vector<std::string> narrow = {"array_columns=96"};
  EXPECT_NEAR(conversion_rate_gs(load_technology_spec("isaac_32nm"), load_chip("isaac_like", narrow)), 0.96, 1e-12);
}

// More bits and a faster chip take more; the area follows.
TEST(ConverterLaw, PricesAChip) {
  Technology t = load_technology("isaac_32nm");
  t.choose_family("adc=survey");
  t.choose_family("adc_area=survey");
  const auto peak = [&](int bits, const char* time) {
    PlanCostOptions options;
    options.adc_bits = bits;
    return peak_of_chip(load_chip("isaac_like", std::vector<std::string>{time}), t, options);
  };
  const double at_8 = peak(8, "mvm_ns=1600").table.of_component(Component::adc).value.joules();
  EXPECT_NEAR(at_8, 128.0 * 16 * 8 * survey_law().energy_pj(8, 1.28, 32) * 1e-12, 1e-4 * at_8);
  EXPECT_GT(peak(9, "mvm_ns=1600").table.of_component(Component::adc).value.joules(), at_8);
  EXPECT_GT(peak(8, "mvm_ns=400").table.of_component(Component::adc).value.joules(), at_8);
  EXPECT_GT(peak(8, "mvm_ns=400").summary.area_mm2.value, peak(8, "mvm_ns=1600").summary.area_mm2.value);
}

}  // namespace
}  // namespace ohmic
