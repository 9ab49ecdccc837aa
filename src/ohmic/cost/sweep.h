#pragma once

// Settings that are swept, and which of the points are worth having.

#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/cost/summary.h"

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
  double rate_gs = 0;    ///< conversions of one converter per ns
  bool is_best = false;  ///< no other point is as accurate for less
};

/// All combinations of the axes' values, the last axis fastest. Error if there are more than 1000.
std::vector<std::vector<std::int64_t>> combinations(const std::vector<SweepAxis>& axes);

/// Marks the points that no other beats: more accurate for no more energy, or as accurate for less.
void mark_best(std::vector<SweepPoint>& points);

}  // namespace ohmic
