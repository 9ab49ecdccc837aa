#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/cost_output.h"
#include "ohmic/cost/sweep.h"

namespace ohmic {

struct SweepResult {
  std::string run, technology;
  std::vector<SweepAxis> axes;
  std::vector<SweepPoint> points;
};

struct SweepRequest {
  std::string run, data, device;
  std::vector<SweepAxis> axes;
  int images = 0;  ///< test images; 0: all
  std::function<void(double)> on_progress;
};

/// Writes the trained weights of a run onto fresh cells with each combination of settings, measures the accuracy, and
/// costs the network on a chip with arrays and converters of that kind.
SweepResult sweep_run(const SweepRequest& request, const Technology& technology, const ChipSpec& chip);

TextRows sweep_rows(const SweepResult& sweep);
nlohmann::ordered_json sweep_json(const SweepResult& sweep);

}  // namespace ohmic
