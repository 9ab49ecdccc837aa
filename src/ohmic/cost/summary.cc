#include "ohmic/cost/summary.h"

#include <cmath>

namespace ohmic {
namespace {

constexpr double kUm2PerMm2 = 1e6;

void add_area(Interval& area, const Technology& technology, FigureName name, double count,
              const FigureQuery& query = {}) {
  if (count == 0 || !technology.has(name)) return;
  const CostFigure figure = technology.figure(name, query);
  area.value += count * figure.value / kUm2PerMm2;
  area.low += count * figure.low / kUm2PerMm2;
  area.high += count * figure.high / kUm2PerMm2;
}

double converters_of(const TechnologySpec& technology, const ChipSpec& chip) {
  return std::ceil(chip.constants.array_columns / technology.columns_per_adc);
}

}  // namespace

double conversion_rate_gs(const TechnologySpec& technology, const ChipSpec& chip) {
  const double columns = std::ceil(chip.constants.array_columns / converters_of(technology, chip));
  return columns * technology.input_steps / chip.constants.mvm_ns;
}

FigureQuery converter_query(const TechnologySpec& technology, const ChipSpec& chip, int adc_bits) {
  return {adc_bits > 0 ? adc_bits : technology.adc_bits, 0, conversion_rate_gs(technology, chip)};
}

Interval core_area_mm2(const Technology& technology, const ChipSpec& chip, int adc_bits, double bytes) {
  const TechnologySpec& spec = technology.spec();
  const bool is_other =
      spec.core_rows > 0 && (chip.array_rows() != spec.core_rows || chip.array_columns() != spec.core_columns);
  if (is_other) return {std::nan(""), std::nan(""), std::nan("")};
  Interval area;
  add_area(area, technology, FigureName::core_area, 1);
  add_area(area, technology, FigureName::memory_area_byte, bytes);
  // A figure of the whole core has its arrays and converters in it.
  if (!technology.has(FigureName::array_area)) return area;
  const double arrays = chip.constants.arrays_per_core * spec.weight_slices;
  const double adcs = converters_of(spec, chip);
  add_area(area, technology, FigureName::array_area, arrays);
  add_area(area, technology, FigureName::row_area, arrays * chip.constants.array_rows);
  add_area(area, technology, FigureName::adc_area, arrays * adcs, converter_query(spec, chip, adc_bits));
  return area;
}

}  // namespace ohmic
