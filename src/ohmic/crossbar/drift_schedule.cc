#include "ohmic/crossbar/drift_schedule.h"

#include <cmath>

namespace ohmic {

DriftSchedule::DriftSchedule(const DriftTable& table, double sweep_interval_s) : sweep_interval_s_(sweep_interval_s) {
  if (!table.drifts()) {
    sweep_interval_s_ = INFINITY;
    return;
  }
  // Swept cells may be one interval late.
  const double young = sweep_interval_s / (table.late_ratio() - 1);
  young_limit_s_ = table.boundaries().front();
  for (const float age : table.boundaries().subspan(1)) {
    if (young_limit_s_ >= young) break;
    ages_.push_back(age);
    young_limit_s_ = age;
  }
  cursors_.assign(ages_.size(), 0);
  next_due_.assign(ages_.size(), INFINITY);
}

void DriftSchedule::restore(std::vector<std::pair<std::uint32_t, float>> last_pulses, double now_s,
                            double last_sweep_s) {
  last_sweep_s_ = last_sweep_s;
  std::sort(last_pulses.begin(), last_pulses.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second < b.second : a.first < b.first;
  });
  log_.clear();
  cursors_.assign(ages_.size(), 0);
  if (cursors_.empty()) return;
  // Cells programmed together make one entry.
  constexpr std::size_t kMany = 4096;
  const auto now = static_cast<float>(now_s);
  for (std::size_t begin = 0, end = 0; begin < last_pulses.size(); begin = end) {
    const float time_s = last_pulses[begin].second;
    while (end < last_pulses.size() && last_pulses[end].second == time_s) ++end;
    if (reached({kAllCells, time_s}, now, ages_.back())) continue;
    if (end - begin >= kMany) {
      log_.push_back({kAllCells, time_s});
    } else {
      for (std::size_t i = begin; i < end; ++i) log_.push_back({last_pulses[i].first, time_s});
    }
  }
  for (std::size_t k = 0; k < cursors_.size(); ++k) note_next(k);
  advance(now_s, [](std::uint32_t, float) {});
}

void DriftSchedule::trim() {
  const std::size_t done = cursors_.back();
  log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(done));
  for (std::size_t& cursor : cursors_) cursor -= done;
  if (log_.capacity() > 2 * log_.size()) log_.shrink_to_fit();
}

}  // namespace ohmic
