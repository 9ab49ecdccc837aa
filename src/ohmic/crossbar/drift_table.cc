#include "ohmic/crossbar/drift_table.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ohmic {
namespace {

constexpr int kGridShift = AgeTable::kAgeShift;

std::uint32_t grid_index(float age_s) { return std::bit_cast<std::uint32_t>(age_s) >> kGridShift; }
float grid_age(std::uint32_t index) { return std::bit_cast<float>(index << kGridShift); }

}  // namespace

DriftTable::DriftTable(const DriftLaw& law, double tolerance)
    : min_age_s_(static_cast<float>(law.min_age_s)), first_index_(grid_index(min_age_s_)) {
  const double steepest = law.steepest();
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
    factor_.push_back(static_cast<float>(std::exp(-law.exponent.at(0) * log_age)));
    begin = end;
    boundaries_.push_back(static_cast<float>(start));
  }
  class_of_.push_back(0);
}

float DriftTable::factor(float age_s, float exponent) const {
  return static_cast<float>(
      std::exp(-static_cast<double>(exponent) * static_cast<double>(log_age_[ages().age_class(age_s)])));
}

}  // namespace ohmic
