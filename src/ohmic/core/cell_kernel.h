#pragma once

// What each cell of a differential pair conducts at its age, and the variance of one read: the general law, with a
// drift exponent of each cell's own and 1/f noise (DriftLaw and ReadNoiseLaw in device/cell.h, whose numbers these
// are).

#include <cstddef>
#include <cstdint>

#include "ohmic/core/pair_kernel.h"

namespace ohmic {

/// offset + log_slope ln(g), between `least` and `most`.
struct LogLineNumbers {
  float offset, log_slope, least, most;
};

struct CellKernelLaw {
  bool has_common_exponent;  ///< all cells drift alike: AgeTable's factors serve
  LogLineNumbers exponent, spread;
  float inverse_drift_scale, inverse_noise_scale;  ///< per uS: g = G times this
  float noise_slope, noise_offset_us;
  float flicker, flicker_power, flicker_most;  ///< flicker 0: none
};

/// Per class of ages (AgeTable): ln(age / reference age), and sqrt(ln((age + t_r) / (2 t_r))).
struct AgeLogs {
  const float* log_age;
  const float* flicker_growth;
};

/// One kind of cell of a run of pairs: where results go.
struct CellsOut {
  float *conductance_us, *variance_us2;
};

/// `pairs`: count x (G+, G-, time of the last pulse of +, of -); `gaussians`: count x 2, of each cell. A pair's results
/// do not depend on its neighbours.
void evaluate_cells(const float* pairs, const float* gaussians, std::size_t count, const AgeTable& table,
                    const AgeLogs& logs, const AgeRule& age, const CellKernelLaw& law, const CellsOut& plus,
                    const CellsOut& minus);

}  // namespace ohmic
