#pragma once

#include <span>
#include <string>
#include <vector>

#include "ohmic/training/study.h"

namespace ohmic {

/// fp32 at each of `fp32_widths`, "fp32_0.5", ..., then the experiment's rule at each of `widths`, "hybrid_0.5", ...;
/// both ascending. `fp32_settings` (key=value) are for the fp32 networks alone: what serves cells need not serve fp32.
/// Error if the network is not of a family with a width, or fp32 is the experiment's own rule.
std::vector<StudyVariant> size_variants(const ExperimentSpec& spec, std::span<const double> widths,
                                        std::span<const double> fp32_widths,
                                        std::span<const std::string> fp32_settings = {});

/// What one width came to.
struct SizePoint {
  double width = 1;
  double value = 0;  ///< in the judgement's unit
  double bits = 0;   ///< size for inference
};

/// The size for inference at which the rule is as good as fp32 at `width` (1, or what is nearest to it), by straight
/// lines between the points over the logarithm of the size.
struct SizeFinding {
  double width = 1;
  double fp32_value = 0;  ///< at that width, in the judgement's unit
  double fp32_bits = 0;
  double rule_bits = 0;  ///< NaN: not reached within the widths
};
/// Each with widths ascending, at least one.
SizeFinding size_finding(std::span<const SizePoint> fp32, std::span<const SizePoint> rule, const Judgement& judgement);

std::string size_sentence(const SizeFinding& finding, const Judgement& judgement);
/// Bits as Mbit, three digits.
std::string megabits_text(double bits);

}  // namespace ohmic
