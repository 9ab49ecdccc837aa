#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "ohmic/device/drift_fit.h"
#include "ohmic/device/likelihood_climb.h"
#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// The most likely law of some cells. Curvatures, pulse memory, a highest conductance and a spread of the step from
/// cell to cell are in it only if the Bayesian information criterion asks for them.
class LawFit {
 public:
  using Constants = std::vector<LawConstant>;
  using Progress = std::function<void(const std::string&)>;

  LawFit(const std::vector<CellSequence>& cells, const DriftFit& drift, Progress on_progress);

  const CellLaw& law() const { return best_.law; }
  /// Cells all alike and read without noise: then a likelihood has no end, and regression is exact.
  bool is_exact() const { return is_exact_; }
  const ClimbResult& result() const { return best_; }
  bool is_free(LawConstant c) const;
  /// Not fitted, as the data show it as it is.
  bool is_seen(LawConstant c) const;
  bool is_at_low_bound(LawConstant c) const { return best_.law[c] <= bounds_.low[static_cast<std::size_t>(c)]; }
  const Estimate& highest_interval() const { return highest_interval_; }
  /// Standard error; NaN if the data do not hold it.
  double error(LawConstant c) const { return errors_[static_cast<std::size_t>(c)]; }

 private:
  void report(const char* what) const {
    if (on_progress_) on_progress_(what);
  }
  void run();

  void set_bounds();
  void keep_guess();
  void take_repeated_ends();
  bool try_model(const Constants& free, const CellLaw& start, double price);
  void try_highest();
  bool is_sure(LawConstant c) const;
  void try_without_memory();
  void try_unlike_cells();
  bool try_curvature(LawConstant c);
  void try_spread();
  void drop_unknown_bounds();
  LawMatrix sub_matrix(const LawMatrix& full, const Constants& constants) const;
  void polish(const Constants& moving, const LawMatrix& information, const LawVector& gradient);
  void find_errors();
  void find_ridge(Constants others, const LawMatrix& information);
  void find_highest_interval();
  double price_of_constant() const { return 0.5 * std::log(static_cast<double>(steps_)); }

  const std::vector<CellSequence>& cells_;
  Progress on_progress_;
  std::size_t steps_ = 0;
  bool is_exact_ = false;
  Constants free_, seen_;
  LawBounds bounds_;
  ClimbResult best_;
  LawVector errors_{};
  Estimate highest_interval_;
  LawVector along_highest_{};  ///< change of each constant per change of the highest conductance
};

}  // namespace ohmic
