#include "ohmic/crossbar/drift_table.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ohmic {
namespace {

constexpr double kFlickerExponent = 0.03;  // reads of 250 ns, from 10 s on
constexpr int kGridShift = AgeTable::kAgeShift;

std::uint32_t grid_index(float age_s) { return std::bit_cast<std::uint32_t>(age_s) >> kGridShift; }
float grid_age(std::uint32_t index) { return std::bit_cast<float>(index << kGridShift); }

}  // namespace

DriftTable::DriftTable(const DriftLaw& law, const ReadNoiseLaw& noise, double tolerance)
    : min_age_s_(static_cast<float>(law.min_age_s)), first_index_(grid_index(min_age_s_)) {
  // 1/f noise grows like a power of the age of 1 / (2 ln(age / t_r)) at most.
  const double noise_growth = noise.has_flicker() ? kFlickerExponent : 0;
  const double steepest = std::max(law.steepest(), noise_growth);
  const bool drifts = steepest > 0;
  const double class_ratio = drifts ? std::exp(2 * kClassShare * tolerance / steepest) : 2 * kOldestAge / law.min_age_s;
  late_ratio_ = drifts ? std::exp((1 - kClassShare) * tolerance / steepest) : class_ratio;
  const std::uint32_t last = grid_index(kOldestAge);
  std::uint32_t begin = first_index_;
  while (begin <= last) {
    const double start = begin == first_index_ ? law.min_age_s : grid_age(begin);
    std::uint32_t end = begin + 1;
    while (end <= last && grid_age(end + 1) <= start * class_ratio) ++end;
    const double log_age = std::log(start * std::sqrt(grid_age(end) / start) / law.reference_age_s);
    class_of_.insert(class_of_.end(), end - begin, static_cast<std::uint16_t>(factor_.size()));
    log_age_.push_back(static_cast<float>(log_age));
    const double periods =
        (law.reference_age_s * std::exp(log_age) + noise.read_duration_s) / (2 * noise.read_duration_s);
    flicker_growth_.push_back(static_cast<float>(std::sqrt(std::log(std::max(1.0, periods)))));
    factor_.push_back(static_cast<float>(std::exp(-law.exponent.at(0) * log_age)));
    begin = end;
    boundaries_.push_back(static_cast<float>(start));
  }
  class_of_.push_back(0);
}

}  // namespace ohmic
