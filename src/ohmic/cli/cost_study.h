#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/cost_output.h"
#include "ohmic/cost/published.h"
#include "ohmic/cost/study.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/trainer.h"

namespace ohmic {

struct CostStudyRequest {
  std::string experiment = "mnist_mixed_precision";
  std::vector<std::string> settings;
  std::string data;    ///< folder
  int images = 20000;  ///< trained with each rule; what happened is counted over the last half
  std::function<void(const std::string&)> on_progress;
};

struct CostStudyResult {
  std::vector<StudyDesign> designs;
  PublishedStudy published;
  std::vector<RequiredFigure> digital_needs, memory_needs;  ///< to meet the published energies
  std::vector<Swing> swings;
  std::string technology, data;
  int images = 0;

  double words = 0;          ///< of the accumulator that an image changes, with factors of a few levels
  double words_allowed = 0;  ///< as many as fit in the published energy, with the memory that the digital design needs

  double ratio() const { return designs[kDigitalDesign].compared_nj() / designs[kMemoryDesign].compared_nj(); }
};

/// What a trainer's network did so far.
RunEvents events_of(const ExperimentSpec& spec, Trainer& trainer);

/// Trains the experiment by each rule and prices what happened.
CostStudyResult make_study(const CostStudyRequest& request, const Technology& technology, const ChipSpec& chip);

TextRows study_rows(const CostStudyResult& study);
TextRows needs_rows(const CostStudyResult& study);
TextRows swing_rows(const CostStudyResult& study);
std::string study_summary(const CostStudyResult& study);
nlohmann::ordered_json cost_study_json(const CostStudyResult& study);

}  // namespace ohmic
