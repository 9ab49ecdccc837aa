#include "ohmic/device/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/core/random.h"

namespace ohmic {
namespace {

constexpr std::uint32_t kUnit = 0;  ///< there is one group of cells

class Experiment {
 public:
  Experiment(const CellModel& model, const SamplingPlan& plan)
      : model_(model), plan_(plan), drift_(model.drift()), noise_(model.read_noise()), times_(plan.times_s) {
    if (times_.empty()) times_ = {drift_.reference_age_s};
  }

  MeasuredCell measure(std::uint32_t cell) const {
    MeasuredCell measured{fmt::format("{}", cell + 1), {}};
    float conductance = model_.reset(gaussian(Purpose::reset_pulse, 0, cell));
    const float kind = gaussian(Purpose::step_spread, 0, cell);
    for (std::uint32_t n = 0; n <= plan_.pulses; ++n) {
      if (n > 0) conductance = model_.set(conductance, n - 1, {gaussian(Purpose::set_pulse, n, cell), kind});
      measured.pulses.push_back(read(conductance, n, cell));
    }
    return measured;
  }

 private:
  float gaussian(Purpose purpose, std::uint64_t when, std::uint32_t cell) const {
    return random_gaussian(RandomStream(plan_.seed, purpose, kUnit, when), cell);
  }

  PulseReads read(double conductance_us, std::uint32_t pulse, std::uint32_t cell) const {
    const double exponent = drift_.exponent_of(conductance_us, gaussian(Purpose::drift_exponent, 0, cell));
    PulseReads reads;
    std::uint64_t number = pulse * static_cast<std::uint64_t>(times_.size()) * plan_.reads;
    for (const double time : times_) {
      const double age = std::max(time, drift_.min_age_s);
      const double drifted = conductance_us * std::pow(age / drift_.reference_age_s, -exponent);
      const double stddev = noise_.stddev_us(conductance_us, drifted, age);
      for (std::uint32_t r = 0; r < plan_.reads; ++r) {
        reads.push_back({drifted + stddev * gaussian(Purpose::forward_read, number++, cell), time});
      }
    }
    return reads;
  }

  const CellModel& model_;
  const SamplingPlan& plan_;
  DriftLaw drift_;
  ReadNoiseLaw noise_;
  std::vector<double> times_;
};

}  // namespace

Measurements sample_cells(const CellModel& model, const SamplingPlan& plan) {
  const Experiment experiment(model, plan);
  Measurements measurements;
  measurements.has_times = !plan.times_s.empty();
  for (std::uint32_t cell = 0; cell < plan.cells; ++cell) measurements.cells.push_back(experiment.measure(cell));
  return measurements;
}

}  // namespace ohmic
