#pragma once

// What a network's width buys: accuracy against the size of the model, for an experiment's rule and its fp32 twin.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/study_runs.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/size_study.h"

namespace ohmic {

/// size_variants() of what the user asked for.
std::vector<StudyVariant> size_variants_of(const ExperimentSpec& spec, const StudyArguments& arguments);
/// size_finding() of their outcomes, means over the seeds.
SizeFinding size_finding_of(const std::vector<Outcome>& outcomes, const StudyArguments& arguments,
                            const Judgement& judgement);

std::vector<std::vector<std::string>> size_table(const std::vector<Outcome>& outcomes, const Judgement& judgement);
std::string size_page(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const SizeFinding& finding,
                      const Judgement& judgement, const StudyArguments& arguments);
nlohmann::ordered_json size_json(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes,
                                 const SizeFinding& finding, const Judgement& judgement,
                                 const StudyArguments& arguments);

}  // namespace ohmic
