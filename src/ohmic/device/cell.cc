#include "ohmic/device/cell.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/device/ideal.h"
#include "ohmic/device/pcm.h"

namespace ohmic {
namespace {

struct CellKind {
  std::string_view model;
  std::unique_ptr<CellParameters> (*defaults)();
};

// One line per model.
constexpr std::array kCellKinds = {
    CellKind{"ideal", [] { return std::unique_ptr<CellParameters>(new IdealParameters); }},
    CellKind{"pcm", [] { return std::unique_ptr<CellParameters>(new PcmParameters); }},
};

}  // namespace

double CellModel::mean_conductance_us(std::uint32_t pulses) const {
  float conductance = reset(0);
  for (std::uint32_t n = 0; n < pulses; ++n) conductance = set(conductance, n, {0, 0});
  return conductance;
}

std::uint32_t CellModel::pulses_for(double target_us) const {
  constexpr std::uint32_t kMostPulses = 255;
  float conductance = reset(0);
  for (std::uint32_t n = 0; n < kMostPulses; ++n) {
    const float next = set(conductance, n, {0, 0});
    if (next <= conductance || target_us < 0.5 * (conductance + next)) return n;
    conductance = next;
  }
  return kMostPulses;
}

std::unique_ptr<CellParameters> cell_parameters(std::string_view model) {
  for (const CellKind& kind : kCellKinds) {
    if (kind.model == model) return kind.defaults();
  }
  const auto names = cell_model_names();
  const std::string near = nearest_name(model, names);
  fail("\"{}\" is not a cell model; choose one of {}{}", model, fmt::join(names, ", "),
       near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

std::vector<std::string> cell_model_names() {
  std::vector<std::string> names;
  for (const CellKind& kind : kCellKinds) names.emplace_back(kind.model);
  return names;
}

}  // namespace ohmic
