#pragma once

#include <span>
#include <string>
#include <vector>

#include "ohmic/training/study.h"

namespace ohmic {

/// fp32 and the experiment's rule at each width, by turns: "fp32_0.5", "hybrid_0.5", ...; the widths ascending.
/// `fp32_settings` (key=value) are for the fp32 networks alone: what serves cells need not serve fp32. Error if the
/// network is not of a family with a width, or fp32 is the experiment's own rule.
std::vector<StudyVariant> size_variants(const ExperimentSpec& spec, std::span<const double> widths,
                                        std::span<const std::string> fp32_settings = {});

/// What one width came to, in the judgement's unit, with the sizes for inference.
struct SizePoint {
  double width = 1;
  double fp32_value = 0, fp32_bits = 0;
  double rule_value = 0, rule_bits = 0;
};

/// The size for inference at which the rule is as good as fp32 at `width` (1, or what is nearest to it), by straight
/// lines between the points over the logarithm of the size.
struct SizeFinding {
  double width = 1;
  double fp32_value = 0;  ///< at that width, in the judgement's unit
  double fp32_bits = 0;
  double rule_bits = 0;  ///< NaN: not reached within the widths
};
/// `points`: widths ascending, at least one.
SizeFinding size_finding(std::span<const SizePoint> points, const Judgement& judgement);

std::string size_sentence(const SizeFinding& finding, const Judgement& judgement);
/// Bits as Mbit, three digits.
std::string megabits_text(double bits);

}  // namespace ohmic
