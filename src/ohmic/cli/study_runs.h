#pragma once

// The runs of a study: variants of an experiment, each with several seeds, in a folder of its own.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ohmic/training/model_size.h"
#include "ohmic/training/study.h"

namespace ohmic {

struct StudyArguments {
  std::string experiment;
  std::vector<std::string> settings;
  std::vector<std::string> fp32_settings;  ///< on top of those, for fp32
  std::vector<std::int64_t> seeds = {1};
  std::vector<std::string> only;
  std::string out;
  std::string data;
  std::vector<double> widths;
  std::vector<double> fp32_widths;  ///< of the fp32 networks; empty: the same
  bool resume = false;
  bool json = false;
  int threads = 0;
};

/// What the seeds of a variant came to.
struct Outcome {
  StudyVariant variant;
  std::vector<double> values;  ///< of each seed, in the judgement's unit
  ModelSize size;

  double mean() const {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  }
  double lowest() const { return *std::min_element(values.begin(), values.end()); }
  double highest() const { return *std::max_element(values.begin(), values.end()); }
};

/// "74.10", with several seeds "74.10 (73.90 to 74.30)".
std::string value_text(const Outcome& outcome);

/// Trains what is not there yet; nothing if interrupted, when all is saved and the user is told how to go on.
std::optional<std::vector<Outcome>> train_variants(const StudyArguments& arguments, const std::string& folder,
                                                   const std::vector<StudyVariant>& variants,
                                                   const Judgement& judgement);

}  // namespace ohmic
