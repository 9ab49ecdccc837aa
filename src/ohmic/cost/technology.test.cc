#include "ohmic/cost/technology.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/cost/published.h"
#include "ohmic/cost/scaling.h"

namespace ohmic {
namespace {

TechnologyFigure row(FigureName name, double value, int bits = 0, double node_nm = 0) {
  TechnologyFigure f;
  f.name = name;
  f.family = "a_table";
  f.value = f.low = f.high = value;
  f.unit = traits_of(name).unit;
  f.bits = bits;
  f.node_nm = node_nm;
  f.voltage_v = node_nm > 0 ? 0.9 : 0;
  f.source = "a source";
  return f;
}

std::string complaint(const std::vector<TechnologyFigure>& figures) {
  TechnologySpec spec;
  spec.name = "mine";
  spec.figures = figures;
  try {
    check_figures(spec);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool complains(const std::vector<TechnologyFigure>& figures, const std::string& about) {
  return complaint(figures).find(about) != std::string::npos;
}

TEST(Technology, EveryShippedFileHasSourcesAndSoundTables) {
  std::size_t figures = 0;
  for (const std::string& name : technology_names()) {
    const TechnologySpec spec = load_technology_spec(name);
    EXPECT_FALSE(spec.description.empty()) << name;
    for (const TechnologyFigure& f : spec.figures) EXPECT_FALSE(f.source.empty()) << name;
    figures += spec.figures.size();
  }
  EXPECT_GT(figures, 100u);
  for (const PublishedSystem& s : published_systems()) EXPECT_FALSE(s.source.empty()) << s.name;
}

TEST(Technology, AFigureWithoutSourceIsRefused) {
  TechnologyFigure f = row(FigureName::adc, 1, 8);
  EXPECT_EQ(complaint({f}), "");
  f.source.clear();
  EXPECT_TRUE(complains({f}, "needs both"));
  f = row(FigureName::adc, 1, 8);
  f.unit = "nJ";
  EXPECT_TRUE(complains({f}, "give it in \"pJ\""));
  f = row(FigureName::adc, 1, 8);
  f.high = 0.5;
  EXPECT_TRUE(complains({f}, "within its interval"));
}

TEST(Technology, TablesThatFallOrRepeatAreRefused) {
  EXPECT_TRUE(complains({row(FigureName::adc, 1, 8), row(FigureName::adc, 1, 8)}, "is there twice"));
  EXPECT_TRUE(complains({row(FigureName::adc, 2, 6), row(FigureName::adc, 1, 8)}, "must not fall"));
  EXPECT_TRUE(complains({row(FigureName::adc, 2, 8, 14), row(FigureName::adc, 1, 8, 32)}, "must not fall"));
  // More bits at a smaller node say nothing of each other.
  EXPECT_EQ(complaint({row(FigureName::adc, 2, 10, 14), row(FigureName::adc, 1, 8, 32)}), "");
  std::vector<TechnologyFigure> copied;
  for (const int bits : {4, 6, 8}) {
    copied.push_back(row(FigureName::adc, bits, bits));
    copied.push_back(row(FigureName::dac, bits, bits));
  }
  EXPECT_TRUE(complains(copied, "repeats the numbers"));
}

TEST(Technology, UnknownNamesAreMistakes) {
  EXPECT_THROW(load_technology("pcm_15nm"), Error);
  EXPECT_THROW(load_technology("converters"), Error);  // a collection
  Technology t = load_technology("pcm_14nm");
  EXPECT_THROW(t.choose_family("adc=no_such"), Error);
  EXPECT_THROW(t.choose_family("adk=survey_100ms"), Error);
  EXPECT_THROW(t.set_value("adc=cheap"), Error);
  EXPECT_THROW(t.figure(FigureName::adc, {16, 0}), Error);  // no source knows 16 bits
}

// By hand from the coefficients: 45 nm at 0.9 V is 0.69885, 14 nm at 0.8 V is 0.096222.
TEST(Scaling, FollowsTheRule) {
  const ScalingRule& rule = scaling_rules().front();
  EXPECT_EQ(rule.name, "stillmaker_baas_hp");
  EXPECT_NEAR(rule.energy_factor(45, 0.9, 14, 0.8), 0.096222 / 0.69885, 1e-5);
  EXPECT_EQ(rule.energy_factor(14, 0.8, 14, 0.8), 1);
  EXPECT_NEAR(rule.area_factor(45, 32), 0.46, 1e-12);
  EXPECT_NEAR(rule.area_factor(32, 45) * rule.area_factor(45, 32), 1, 1e-12);
  EXPECT_NEAR(rule.area_factor(45, 38.5), (1 + 0.46) / 2, 1e-12);
  EXPECT_THROW(rule.area_factor(45, 3), Error);
}

TEST(Technology, FiguresComeFromTheirNodeToThisOne) {
  const Technology t = load_technology("pcm_14nm");
  const CostFigure mac = t.figure(FigureName::mac, {32, 0});
  EXPECT_EQ(mac.from.family, "horowitz_fp");
  EXPECT_NEAR(mac.value, 4.6e6 * 0.096222 / 0.69885, 10);
  EXPECT_LT(mac.low, mac.value);  // the other rule shrinks more
}

TEST(Technology, TheFirstSourceThatKnowsIsTaken) {
  Technology t = load_technology("pcm_14nm");
  EXPECT_EQ(t.figure(FigureName::mac, {8, 0}).from.family, "horowitz_int");
  t.choose_family("mac=aladdin_int");
  EXPECT_EQ(t.figure(FigureName::mac, {32, 0}).from.family, "aladdin_int");
  EXPECT_EQ(t.figure(FigureName::mac, {16, 0}).from.family, "horowitz_fp");
}

TEST(Technology, TablesAreInterpolatedInTheLogarithm) {
  Technology t = load_technology("isaac_32nm");
  t.set_interval(IntervalKind::own);
  EXPECT_NEAR(t.figure(FigureName::adc, {8, 0}).value, 1.67e6, 1);
  t.choose_family("memory_bit=puma_edram");
  const double at_64 = t.figure(FigureName::memory_bit, {0, 64}).value;
  const double at_128 = t.figure(FigureName::memory_bit, {0, 128}).value;
  EXPECT_NEAR(t.figure(FigureName::memory_bit, {0, 64 * std::sqrt(2.0)}).value, std::sqrt(at_64 * at_128),
              1e-6 * at_64);
  EXPECT_EQ(t.figure(FigureName::memory_bit, {0, 1}).value, at_64);              // no cheaper than the smallest known
  EXPECT_NEAR(t.figure(FigureName::memory_bit, {0, 512}).value, 2 * at_128, 1);  // wires grow with the square root
}

TEST(Technology, ASingleConverterTakesOverTheDependenceOnBits) {
  const Technology t = load_technology("pcm_14nm");
  const double at_8 = t.figure(FigureName::adc, {8, 0}).value, at_4 = t.figure(FigureName::adc, {4, 0}).value;
  EXPECT_NEAR(at_4 / at_8, 0.79 / 1.67, 1e-9);
}

TEST(Technology, IntervalsCoverAllSourcesOrTheOwn) {
  Technology t = load_technology("isaac_32nm");
  const CostFigure all = t.figure(FigureName::adc, {8, 0});
  EXPECT_GT(all.all.size(), 4u);
  EXPECT_LT(all.low, 0.4e6);
  EXPECT_GT(all.high, 2.5e6);
  t.set_interval(IntervalKind::own);
  EXPECT_EQ(t.figure(FigureName::adc, {8, 0}).low, t.figure(FigureName::adc, {8, 0}).value);
}

TEST(Technology, AGivenFigureCounts) {
  Technology t = load_technology("pcm_14nm");
  t.set_value("adc=0.5");
  EXPECT_EQ(t.figure(FigureName::adc, {8, 0}).value, 0.5e6);
  t.scale(FigureName::adc, 0.5);
  EXPECT_EQ(t.figure(FigureName::adc, {8, 0}).value, 0.25e6);
}

TEST(Technology, AFileMayStartFromAnother) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "mine.toml";
  write_file_atomically(file,
                        "description = \"mine\"\nbase = \"rram_28nm\"\nfamilies = [\"adc=mine\"]\n[[figures]]\n"
                        "name = \"adc\"\nfamily = \"mine\"\nvalue = 0.9\nlow = 0.8\nhigh = 1.1\nunit = \"pJ\"\n"
                        "node_nm = 28.0\nvoltage_v = 0.9\nbits = 8\nsource = \"measured\"\n");
  const Technology t = load_technology(file.string());
  EXPECT_NEAR(t.figure(FigureName::adc, {8, 0}).value, 0.9e6, 1);
  EXPECT_EQ(t.figure(FigureName::mac, {32, 0}).from.family, "horowitz_fp");  // as its base
  EXPECT_EQ(t.spec().node_nm, 28);
}

TEST(Technology, EveryShippedChipHasOne) {
  for (const char* chip : {"hermes_core", "hermes64", "isaac_like", "puma_like", "paper"}) {
    EXPECT_FALSE(technology_of_chip(chip).empty()) << chip;
  }
  EXPECT_EQ(load_technology_spec("pcm_14nm_64core").node_nm, 14);  // from its base
}

}  // namespace
}  // namespace ohmic
