#include "ohmic/device/cell.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/device/binary_pcm.h"
#include "ohmic/device/exponential_step.h"
#include "ohmic/device/fitted.h"
#include "ohmic/device/ideal.h"
#include "ohmic/device/pcm.h"
#include "ohmic/device/pcm_inference.h"
#include "ohmic/device/rram.h"

namespace ohmic {
namespace {

struct CellKind {
  std::string_view model;
  std::unique_ptr<CellParameters> (*defaults)();
};

template <class Parameters>
std::unique_ptr<CellParameters> make_defaults() {
  return std::make_unique<Parameters>();
}

// One line per model.
constexpr std::array kCellKinds = {
    CellKind{"ideal", make_defaults<IdealParameters>},
    CellKind{"pcm", make_defaults<PcmParameters>},
    CellKind{"pcm_inference", make_defaults<PcmInferenceParameters>},
    CellKind{"exponential_step", make_defaults<ExponentialStepParameters>},
    CellKind{"binary_pcm", make_defaults<BinaryPcmParameters>},
    CellKind{"rram", make_defaults<RramParameters>},
    CellKind{"fitted", make_defaults<FittedParameters>},
};

constexpr double kLeastRelative = 1e-9;  // keeps ln(g) finite for a cell at zero

double log_relative(double conductance_us, double scale_us) {
  return std::log(std::max(conductance_us / scale_us, kLeastRelative));
}

class VariedCell final : public CellModel {
 public:
  VariedCell(std::unique_ptr<CellModel> cell, const VariationSpec& variation)
      : cell_(std::move(cell)), variation_(variation) {}

  double conductance_min_us() const override { return cell_->conductance_min_us(); }
  double conductance_max_us() const override { return cell_->conductance_max_us(); }
  DriftLaw drift() const override;
  ReadNoiseLaw read_noise() const override;
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override {
    return cell_->set(conductance_us, pulses, scaled(noise));
  }
  float reset(float gaussian) const override { return cell_->reset(scaled({gaussian, 0}).gaussian); }
  bool has_depression() const override { return cell_->has_depression(); }
  float depress(float conductance_us, PulseNoise noise) const override {
    return cell_->depress(conductance_us, scaled(noise));
  }
  bool has_adjustable_pulses() const override { return cell_->has_adjustable_pulses(); }
  float adjust(float conductance_us, std::uint32_t pulses, float change_us, PulseNoise noise) const override {
    return cell_->adjust(conductance_us, pulses, change_us, scaled(noise));
  }
  bool has_target_programming() const override { return cell_->has_target_programming(); }
  float program(float target_us, PulseNoise noise) const override { return cell_->program(target_us, scaled(noise)); }

 private:
  PulseNoise scaled(PulseNoise noise) const {
    return {static_cast<float>(variation_.pulse_to_pulse) * noise.gaussian,
            static_cast<float>(variation_.cell_to_cell) * noise.cell};
  }

  std::unique_ptr<CellModel> cell_;
  VariationSpec variation_;
};

DriftLaw VariedCell::drift() const {
  DriftLaw law = cell_->drift();
  for (double* value : {&law.spread.offset, &law.spread.log_slope, &law.spread.least, &law.spread.most}) {
    if (std::isfinite(*value)) *value *= variation_.cell_to_cell;
  }
  return law;
}

ReadNoiseLaw VariedCell::read_noise() const {
  ReadNoiseLaw law = cell_->read_noise();
  for (double* value : {&law.slope, &law.offset_us, &law.flicker, &law.flicker_most}) *value *= variation_.read_to_read;
  return law;
}

}  // namespace

bool DriftLaw::is_individual() const { return spread.offset != 0 || spread.log_slope != 0 || exponent.log_slope != 0; }

double DriftLaw::exponent_of(double conductance_us, double gaussian) const {
  if (!is_individual()) return exponent.at(0);
  const double log_g = log_relative(conductance_us, conductance_scale_us);
  return std::abs(exponent.at(log_g) + spread.at(log_g) * gaussian);
}

double DriftLaw::factor(double age_s, double exponent_of_cell) const {
  return std::pow(std::max(age_s, min_age_s) / reference_age_s, -exponent_of_cell);
}

double DriftLaw::steepest() const {
  constexpr double kSpreads = 4;
  double most = 0;
  for (const double log_g : {std::log(kLeastRelative), 0.0}) {
    most = std::max(most, std::abs(exponent.at(log_g)) + kSpreads * std::abs(spread.at(log_g)));
  }
  return most;
}

double ReadNoiseLaw::stddev_us(double conductance_us, double drifted_us, double age_s) const {
  const double white = slope * drifted_us + offset_us;
  if (!has_flicker()) return white;
  const double g = std::max(conductance_us / conductance_scale_us, kLeastRelative);
  const double relative = std::min(flicker / std::pow(g, flicker_power), flicker_most);
  const double periods = std::max(1.0, (age_s + read_duration_s) / (2 * read_duration_s));
  return white + drifted_us * relative * std::sqrt(std::log(periods));
}

float CellModel::depress(float /*conductance_us*/, PulseNoise noise) const { return reset(noise.gaussian); }

float CellModel::adjust(float conductance_us, std::uint32_t pulses, float change_us, PulseNoise noise) const {
  return change_us > 0 ? set(conductance_us, pulses, noise) : depress(conductance_us, noise);
}

float CellModel::program(float /*target_us*/, PulseNoise /*noise*/) const {
  fail("this cell has no statistics of a whole programming procedure; program it pulse by pulse, with verification");
}

void CellModel::program_all(std::span<const float> targets_us, std::span<const float> gaussians,
                            std::span<float> conductances_us) const {
  for (std::size_t i = 0; i < targets_us.size(); ++i) conductances_us[i] = program(targets_us[i], {gaussians[i], 0});
}

double CellModel::mean_conductance_us(std::uint32_t pulses) const {
  float conductance = reset(0);
  for (std::uint32_t n = 0; n < pulses; ++n) conductance = set(conductance, n, {});
  return conductance;
}

std::uint32_t CellModel::pulses_for(double target_us) const {
  constexpr std::uint32_t kMostPulses = 255;
  float conductance = reset(0);
  for (std::uint32_t n = 0; n < kMostPulses; ++n) {
    const float next = set(conductance, n, {});
    if (next <= conductance || target_us < 0.5 * (conductance + next)) return n;
    conductance = next;
  }
  return kMostPulses;
}

std::unique_ptr<CellModel> with_variation(std::unique_ptr<CellModel> cell, const VariationSpec& variation) {
  const bool changes = variation.cell_to_cell != 1 || variation.pulse_to_pulse != 1 || variation.read_to_read != 1;
  if (!changes) return cell;
  return std::make_unique<VariedCell>(std::move(cell), variation);
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
