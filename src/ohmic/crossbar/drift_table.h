#pragma once

#include <span>
#include <vector>

#include "ohmic/core/cell_kernel.h"
#include "ohmic/core/pair_kernel.h"
#include "ohmic/device/cell.h"

namespace ohmic {

/// The drift factor (age / reference_age)^-nu as a step function of age: ages fall into classes, and every age of a
/// class gets the factor of its geometric middle. A cell has to be evaluated again only when its age enters the next
/// class, and its value is a pure function of its class, so that a resumed run finds the same numbers.
///
/// Of the relative error `tolerance` that is allowed, kClassShare is spent on the width of a class and the rest on
/// cells that are looked at late (DriftSchedule).
class DriftTable {
 public:
  static constexpr double kClassShare = 0.7;

  DriftTable(const DriftLaw& law, const ReadNoiseLaw& noise, double tolerance);

  bool drifts() const { return boundaries_.size() > 1; }

  /// The factor at the mean exponent.
  float factor(float age_s) const { return factor_[ages().age_class(age_s)]; }
  /// The same as the kernels want it.
  AgeTable ages() const { return {class_of_.data(), factor_.data(), first_index_, min_age_s_, kOldestAge}; }
  /// Where each cell has its own exponent, or 1/f noise.
  AgeLogs logs() const { return {log_age_.data(), flicker_growth_.data()}; }

  /// The ages at which the classes begin, ascending; the first is min_age.
  std::span<const float> boundaries() const { return boundaries_; }
  /// Ratio of ages by which a cell may be evaluated late.
  double late_ratio() const { return late_ratio_; }

 private:
  static constexpr float kOldestAge = 1e11f;  // s, 3000 years

  float min_age_s_;
  double late_ratio_ = 1;
  std::uint32_t first_index_;            ///< grid index of min_age
  std::vector<std::uint16_t> class_of_;  ///< per grid point, and one more
  std::vector<float> factor_;            ///< per class
  std::vector<float> log_age_;           ///< per class: ln(its middle / reference age)
  std::vector<float> flicker_growth_;    ///< per class: sqrt(ln((age + t_r) / (2 t_r)))
  std::vector<float> boundaries_;
};

}  // namespace ohmic
