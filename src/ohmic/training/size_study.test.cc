#include "ohmic/training/size_study.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

// fp32 has 80 % at width 1 with 1000 bits; the rule has 70 % with 100 and 90 % with 400, so 80 % with 200.
TEST(SizeFinding, InterpolatesOverTheLogarithmOfTheSize) {
  const Judgement judgement = judgement_of(TaskKind::classification);
  const std::vector<SizePoint> fp32 = {{0.5, 60, 250}, {1, 80, 1000}}, rule = {{1, 70, 100}, {2, 90, 400}};
  const SizeFinding finding = size_finding(fp32, rule, judgement);
  EXPECT_EQ(finding.width, 1);
  EXPECT_EQ(finding.fp32_value, 80);
  EXPECT_EQ(finding.fp32_bits, 1000);
  EXPECT_NEAR(finding.rule_bits, 200, 1e-9);
  EXPECT_NE(size_sentence(finding, judgement).find("80 % less"), std::string::npos);
}

TEST(SizeFinding, SaysWhatIsNotReached) {
  const Judgement judgement = judgement_of(TaskKind::classification);
  const SizeFinding finding =
      size_finding(std::vector<SizePoint>{{1, 80, 1000}}, std::vector<SizePoint>{{1, 70, 100}}, judgement);
  EXPECT_TRUE(std::isnan(finding.rule_bits));
  EXPECT_NE(size_sentence(finding, judgement).find("Not reached"), std::string::npos);
}

// Bits per character: less is better.
TEST(SizeFinding, KnowsWhichWayIsBetter) {
  const Judgement judgement = judgement_of(TaskKind::language);
  const std::vector<SizePoint> fp32 = {{1, 2.0, 1000}};
  EXPECT_EQ(size_finding(fp32, std::vector<SizePoint>{{1, 1.9, 100}}, judgement).rule_bits, 100);
  EXPECT_TRUE(std::isnan(size_finding(fp32, std::vector<SizePoint>{{1, 2.1, 100}}, judgement).rule_bits));
}

TEST(SizeVariants, AreNamedByRuleAndWidth) {
  const std::vector<double> widths = {2, 1}, fp32_widths = {0.5, 1, 0.25};
  const std::vector<std::string> momentum = {"optimizer.momentum=0.9"};
  const auto variants = size_variants(read_experiment("cifar10_hybrid_resnet8", {}), widths, fp32_widths, momentum);
  ASSERT_EQ(variants.size(), 5u);
  EXPECT_EQ(variants[0].name, "fp32_0.25");
  EXPECT_EQ(variants[0].settings.back(), "optimizer.momentum=0.9");
  EXPECT_EQ(variants[4].name, "hybrid_2");
  EXPECT_EQ(variants[4].settings, std::vector<std::string>{"network.resnet.width=2"});
  EXPECT_THROW(size_variants(read_experiment("cifar10_resnet32_sgd", {}), widths, widths), Error);
}

}  // namespace
}  // namespace ohmic
