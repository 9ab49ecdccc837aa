#include "ohmic/cli/study_sizes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

Outcome outcome(double value, std::uint64_t bits) {
  Outcome o;
  o.values = {value};
  o.size.inference_bits = bits;
  return o;
}

// fp32 has 80 % at width 1 with 1000 bits; the rule has 70 % with 100 and 90 % with 400, so 80 % with 200.
TEST(SizeFinding, InterpolatesOverTheLogarithmOfTheSize) {
  const Judgement judgement = judgement_of(TaskKind::classification);
  const std::vector<Outcome> outcomes = {outcome(80, 1000), outcome(70, 100), outcome(95, 4000), outcome(90, 400)};
  const SizeFinding finding = size_finding(outcomes, {2, 1}, judgement);
  EXPECT_EQ(finding.width, 1);
  EXPECT_EQ(finding.fp32_value, 80);
  EXPECT_EQ(finding.fp32_bits, 1000);
  EXPECT_NEAR(finding.rule_bits, 200, 1e-9);
  EXPECT_NE(size_sentence(finding, judgement).find("80 % less"), std::string::npos);
}

TEST(SizeFinding, SaysWhatIsNotReached) {
  const Judgement judgement = judgement_of(TaskKind::classification);
  const SizeFinding finding = size_finding({outcome(80, 1000), outcome(70, 100)}, {1}, judgement);
  EXPECT_TRUE(std::isnan(finding.rule_bits));
  EXPECT_NE(size_sentence(finding, judgement).find("Not reached"), std::string::npos);
}

// Bits per character: less is better.
TEST(SizeFinding, KnowsWhichWayIsBetter) {
  const Judgement judgement = judgement_of(TaskKind::language);
  const std::vector<Outcome> outcomes = {outcome(2.0, 1000), outcome(1.9, 100)};
  EXPECT_EQ(size_finding(outcomes, {1}, judgement).rule_bits, 100);
  EXPECT_TRUE(std::isnan(size_finding({outcome(2.0, 1000), outcome(2.1, 100)}, {1}, judgement).rule_bits));
}

TEST(SizeVariants, AreNamedByRuleAndWidth) {
  const auto variants = size_variants(read_experiment("cifar10_hybrid_resnet8", {}), {2, 0.5});
  ASSERT_EQ(variants.size(), 4u);
  EXPECT_EQ(variants[0].name, "fp32_0.5");
  EXPECT_EQ(variants[3].name, "hybrid_2");
  EXPECT_THROW(size_variants(read_experiment("cifar10_resnet32_sgd", {}), {1}), Error);
}

}  // namespace
}  // namespace ohmic
