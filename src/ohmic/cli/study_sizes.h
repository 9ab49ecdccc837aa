#pragma once

// What a network's width buys: accuracy against the size of the model, for an experiment's rule and its fp32 twin.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/study_runs.h"
#include "ohmic/training/experiment.h"

namespace ohmic {

/// fp32 and the experiment's rule at each width, by turns: "fp32_0.5", "hybrid_0.5", ...; the widths ascending. Error
/// if the network is not of a family with a width, or fp32 is the experiment's own rule.
std::vector<StudyVariant> size_variants(const ExperimentSpec& spec, const std::vector<double>& widths);

/// A claim and what the study says of it: the size for inference at which the rule is as good as fp32 at `width`, by
/// straight lines between the points over the logarithm of the size.
struct SizeFinding {
  double width = 1;
  double fp32_value = 0;  ///< at that width, in the judgement's unit
  double fp32_bits = 0;
  double rule_bits = 0;  ///< NaN: not reached within the widths
};
SizeFinding size_finding(const std::vector<Outcome>& outcomes, const std::vector<double>& widths,
                         const Judgement& judgement);

std::vector<std::vector<std::string>> size_table(const std::vector<Outcome>& outcomes, const Judgement& judgement);
std::string size_sentence(const SizeFinding& finding, const Judgement& judgement);
std::string size_page(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const SizeFinding& finding,
                      const Judgement& judgement, const StudyArguments& arguments);
nlohmann::ordered_json size_json(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes,
                                 const SizeFinding& finding, const Judgement& judgement,
                                 const StudyArguments& arguments);

}  // namespace ohmic
