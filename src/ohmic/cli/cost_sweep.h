#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/cost_output.h"

namespace ohmic {

/// One setting and the values that it takes.
struct SweepAxis {
  std::string key;  ///< adc_bits, dac_bits or array
  std::vector<std::int64_t> values;
};

/// "tile.adc_bits=4..9", "array=64,128,256". Error names what can be swept.
SweepAxis parse_sweep_axis(const std::string& text);

struct SweepPoint {
  std::string name;
  std::vector<std::int64_t> values;  ///< as the axes
  double accuracy = 0;               ///< of the deployed weights on the test images, 0 to 1
  Interval energy_j;                 ///< per image
  Interval area_mm2;
  bool is_best = false;  ///< no other point is as accurate for less
};

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

/// Marks the points that no other beats: more accurate for no more energy, or as accurate for less.
void mark_best(std::vector<SweepPoint>& points);

TextRows sweep_rows(const SweepResult& sweep);
nlohmann::ordered_json sweep_json(const SweepResult& sweep);

}  // namespace ohmic
