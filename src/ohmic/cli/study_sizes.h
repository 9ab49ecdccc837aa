#pragma once

// What a network's width buys: accuracy against the size of the model, for an experiment's rule and its fp32 twin.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/study_runs.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/size_study.h"

namespace ohmic {

/// Outcomes of size_variants(spec, widths, ...), in its order, with means over the seeds.
std::vector<SizePoint> size_points(const std::vector<Outcome>& outcomes, const std::vector<double>& widths);

std::vector<std::vector<std::string>> size_table(const std::vector<Outcome>& outcomes, const Judgement& judgement);
std::string size_page(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const SizeFinding& finding,
                      const Judgement& judgement, const StudyArguments& arguments);
nlohmann::ordered_json size_json(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes,
                                 const SizeFinding& finding, const Judgement& judgement,
                                 const StudyArguments& arguments);

}  // namespace ohmic
