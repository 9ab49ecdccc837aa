#pragma once

#include <cstdint>
#include <limits>

#include "ohmic/cost/cost_table.h"
#include "ohmic/mapping/chip_spec.h"

namespace ohmic {

struct Interval {
  double value = 0, low = 0, high = 0;

  Interval times(double factor) const { return {value * factor, low * factor, high * factor}; }
  /// factor / this: the interval is turned round.
  Interval inverse(double factor) const { return {factor / value, factor / high, factor / low}; }
};

/// The figures of a whole chip or run.
struct CostSummary {
  Interval energy_j;      ///< per sample
  double seconds = 0;     ///< per sample, at full rate
  double latency_s = 0;   ///< from input to output; 0: not known
  double operations = 0;  ///< per sample; a multiply-add counts two
  Interval area_mm2;
  double lifetime_samples = std::numeric_limits<double>::infinity();  ///< until cells have seen their endurance

  Interval power_w() const { return energy_j.times(1 / seconds); }
  double tops() const { return operations / seconds * 1e-12; }
  Interval tops_per_w() const { return energy_j.inverse(operations * 1e-12); }
  Interval tops_per_mm2() const { return area_mm2.inverse(tops()); }
};

inline Interval interval_of(const Energy& e) { return {e.value.joules(), e.low.joules(), e.high.joules()}; }

/// How often one converter converts, in 1e9 per second: the columns that share it, in each step of a product, in the
/// chip's time for one. Converters run all of that time.
double conversion_rate_gs(const TechnologySpec& technology, const ChipSpec& chip);
/// What is asked of the figures of a converter: `adc_bits`, or where 0 those of the technology, at the chip's rate.
FigureQuery converter_query(const TechnologySpec& technology, const ChipSpec& chip, int adc_bits);

/// Area of one core of a chip in a technology, memory of `bytes` included, in mm2. Not known (NaN) where the technology
/// knows areas for other arrays only.
Interval core_area_mm2(const Technology& technology, const ChipSpec& chip, int adc_bits, double bytes);

}  // namespace ohmic
