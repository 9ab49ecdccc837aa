#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// How binary cells are misread. A cell written to 1 (SET) or 0 (RESET) is compared with a threshold at each read:
///
///     reads as 1 if G (age / reference_age)^-nu + sigma_read xi > threshold
///
/// where G was drawn once, at the write, and xi at each read. The threshold, unless given, is where both states are
/// equally many standard deviations (of writes and reads together) away at the reference age.
///
/// Nearly all writes leave a cell that no read will ever misread. A cell is weak if at some age up to 1e9 s a read may
/// err with a probability above 1.3e-12 (seven standard deviations of read noise); only weak cells have to be
/// remembered with their conductance, all others are their state. Range of validity: what a write leaves must rise with
/// its Gaussian and not depend on what was before, as in `binary_pcm`.
class BitErrors {
 public:
  /// `cell` must outlive this. `threshold_us` 0: as above.
  BitErrors(const CellModel& cell, double threshold_us);

  double threshold_us() const { return threshold_us_; }
  /// The probability that a cell in this state is misread at this age: the closed form over all writes and reads.
  double misread_probability(bool state, double age_s) const;
  /// The probability that a write to this state leaves a weak cell.
  double weak_probability(bool state) const { return weak_probability_[state ? 1 : 0]; }
  /// The conductance of a weak cell, in uS; u uniform in (0, 1).
  double weak_conductance_us(bool state, double u) const;
  /// What a read sees; `of_cell` (its drift exponent) and `of_read` are standard normal.
  bool reads_as_one(double conductance_us, double age_s, double of_cell, double of_read) const;

 private:
  double written_us(bool state, double gaussian) const;
  bool is_weak(bool state, double conductance_us) const;
  double middle_us() const;

  const CellModel& cell_;
  DriftLaw drift_;
  ReadNoiseLaw noise_;
  double threshold_us_;
  double weak_probability_[2] = {0, 0};
};

}  // namespace ohmic
