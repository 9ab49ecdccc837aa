#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "ohmic/crossbar/drift_table.h"

namespace ohmic {

/// Says which cells of an array have drifted into another class of the DriftTable as time passes.
///
/// Young cells (age below `young_limit`) are found one by one: pulses are logged in order of time, and for each class
/// boundary a cursor walks the log; since all cells reach a boundary in the order of their pulses, one comparison per
/// boundary tells that nothing is due. Older cells change class so slowly that the whole array is swept now and then,
/// each sweep interval a small part of the youngest class that it serves. The age at which a cell is to be evaluated is
/// thus a pure function of (last pulse, now, last sweep).
class DriftSchedule {
 public:
  /// `sweep_interval_s`: time between two sweeps.
  DriftSchedule(const DriftTable& table, double sweep_interval_s);

  double last_sweep_s() const { return last_sweep_s_; }
  /// The age at which a cell is to be evaluated, given its last pulse.
  AgeRule age_rule(double now_s) const {
    return {static_cast<float>(now_s), static_cast<float>(last_sweep_s_), young_limit_s_};
  }

  /// Stands for all cells of the array, in `pulsed` and in `touch`.
  static constexpr std::uint32_t kAllCells = 0xffffffffu;

  /// Notes a pulse at `now_s`, which must not precede an earlier one.
  void pulsed(std::uint32_t cell, double now_s) {
    if (cursors_.empty()) return;
    log_.push_back({cell, static_cast<float>(now_s)});
    for (std::size_t k = 0; k < cursors_.size() && cursors_[k] + 1 == log_.size(); ++k) note_next(k);
  }

  bool sweep_due(double now_s) const { return now_s >= last_sweep_s_ + sweep_interval_s_; }
  /// Notes that every cell is being evaluated at `now_s`.
  void swept(double now_s) { last_sweep_s_ = now_s; }

  /// Calls touch(cell, pulse time) once for each logged pulse whose cell changes class by `now_s`. A cell pulsed again
  /// since then must be told apart by the caller: its last pulse is younger.
  template <class Touch>
  void advance(double now_s, Touch&& touch) {
    const auto now = static_cast<float>(now_s);
    for (std::size_t k = 0; k < cursors_.size(); ++k) {
      while (now >= next_due_[k]) {
        const Pulse& pulse = log_[cursors_[k]];
        if (!reached(pulse, now, ages_[k])) break;
        // Where it reaches the next boundary too, that one's cursor touches it.
        if (k + 1 == ages_.size() || !reached(pulse, now, ages_[k + 1])) touch(pulse.cell, pulse.time_s);
        ++cursors_[k];
        note_next(k);
      }
    }
    if (!cursors_.empty() && cursors_.back() > kTrim) trim();
  }

  /// Rebuilds the log from the last pulses of all cells, in any order, as after loading a checkpoint.
  void restore(std::vector<std::pair<std::uint32_t, float>> last_pulses, double now_s, double last_sweep_s);

  std::size_t bytes() const { return log_.capacity() * sizeof(Pulse) + cursors_.capacity() * sizeof(std::size_t); }

 private:
  struct Pulse {
    std::uint32_t cell;
    float time_s;
  };
  static constexpr std::size_t kTrim = 8192;  ///< entries behind the last cursor that may pile up

  static bool reached(const Pulse& pulse, float now_s, float age_s) { return now_s - pulse.time_s >= age_s; }
  // When cursor k has to look again: a little early, since rounding may differ from `reached`.
  void note_next(std::size_t k) {
    const bool any = cursors_[k] < log_.size();
    next_due_[k] = any ? (log_[cursors_[k]].time_s + ages_[k]) * (1 - 1e-6f) - 1e-30f : INFINITY;
  }
  void trim();

  std::vector<float> ages_;  ///< the class boundaries that cursors watch
  std::vector<std::size_t> cursors_;
  std::vector<float> next_due_;  ///< per cursor; INFINITY when it has reached the end of the log
  std::vector<Pulse> log_;
  float young_limit_s_ = 0;
  double sweep_interval_s_;
  double last_sweep_s_ = 0;
};

}  // namespace ohmic
