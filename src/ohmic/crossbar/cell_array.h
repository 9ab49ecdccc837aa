#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ohmic/core/cell_kernel.h"
#include "ohmic/core/count_planes.h"
#include "ohmic/core/error.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/drift_schedule.h"
#include "ohmic/crossbar/drift_table.h"
#include "ohmic/crossbar/faults.h"
#include "ohmic/crossbar/specs.h"
#include "ohmic/crossbar/synapse.h"
#include "ohmic/device/cell.h"
#include "ohmic/device/programming.h"

namespace ohmic {

/// One unit of a synapse: the cells of G+ and G-, in uS as read `reference_age` after their last pulse, and when that
/// was. Where a cell stands alone, G- is its reference.
struct CellPair {
  std::array<float, 2> conductance_us;
  std::array<float, 2> last_pulse_s;
};

/// All memory cells of a tile and what happens to them: pulses, time, faults. It says what each unit conducts now; how
/// that is multiplied is the readers' business.
///
/// A unit's number is lane * crossings + crossing (LaneLayout), a cell's 2 unit + side.
class CellArray {
 public:
  CellArray(const TileSpec& spec, std::shared_ptr<const CellModel> cell);

  const CellModel& model() const { return *cell_; }
  const LaneLayout& layout() const { return layout_; }
  std::uint32_t crossings() const { return crossings_; }
  std::uint32_t units() const { return crossings_ * static_cast<std::uint32_t>(layout_.lanes()); }
  /// Not where TileSpec::write_once.
  std::span<const CellPair> pairs() const { return pairs_; }
  /// G+ and G- of a unit as read `reference_age` after their last pulse.
  const std::array<float, 2>& written_us(std::uint32_t unit) const {
    return spec_.write_once ? held_[unit] : pairs_[unit].conductance_us;
  }
  double now_s() const { return now_s_; }
  bool is_single() const { return spec_.synapse.kind == SynapseKind::single; }

  /// One SET pulse, or where `key` must differ from pulse to pulse of a cell.
  void set(std::uint32_t unit, int side, std::uint64_t key, Counters& counters);
  /// One depression pulse, or a RESET where the cell has none.
  void depress(std::uint32_t unit, int side, std::uint64_t key, Counters& counters);
  void reset(std::uint32_t unit, std::uint64_t key, Counters& counters);
  /// Writes the target conductances (G+, G-), uS, of crossings [first, first + targets.size() / 2).
  using TargetsOf = std::function<void(std::uint32_t first, std::span<float> targets_us)>;
  /// Programs lane `lane`. `targets` is called from several threads.
  ProgrammingResult program(int lane, const TargetsOf& targets, const ProgrammingSpec& spec, std::uint64_t when,
                            Counters& counters);
  /// Exchanges lines of array `array` of the synapse around its faults (remapping.h), for the targets that it is about
  /// to be given. Returns the squared error of its faulty cells before and after, in uS^2.
  std::array<double, 2> remap_faults(int array, const TargetsOf& targets);
  /// To be called when many cells have been written without a pulse of their own.
  void log_all_pulses();

  /// The units of which a cell may read above `high_us`, none missed.
  std::span<const std::uint32_t> high_units(double high_us);

  /// Lets time pass. Calls changed(unit) for each unit whose value changes class, and all() where everything is to be
  /// evaluated.
  template <class Changed, class All>
  void advance_to(double now_s, Changed&& changed, All&& all);
  /// Lets `seconds` pass at once; everything is to be evaluated.
  void age(double seconds);

  /// What one cell conducts now, in uS, and the variance of one read, in uS^2.
  struct Value {
    float conductance_us, variance_us2;
  };
  Value value(std::uint32_t unit, int side) const;
  /// The same for units [first, first + count) of one lane.
  void values(std::uint32_t first, std::size_t count, const CellsOut& plus, const CellsOut& minus) const;
  /// The same for one crossing in `lanes` lanes from `first_lane` on, with the same bits. False, and nothing done,
  /// where cells must be looked at one by one (exponents of their own, faults, single cells).
  bool lane_values(int first_lane, int lanes, std::uint32_t crossing, const CellsOut& plus,
                   const CellsOut& minus) const;
  /// Whether pairs drift by one common table and have read noise linear in the conductance, so that the fast kernel
  /// (pair_kernel.h) serves.
  bool is_plain() const { return is_plain_; }
  AgeTable age_table() const { return drift_table_.ages(); }
  AgeRule age_rule() const { return schedule_.age_rule(now_s_); }
  /// The highest conductance that a cell can have at any age, in uS, and bounds of the variance of a read, in uS^2.
  float highest_us() const;
  std::array<float, 2> variance_bounds_us2() const;

  /// Pulses of the cells of one side so far, unit by unit, where TileSpec::counts_wear; depression pulses count as
  /// RESETs. Programming is not counted.
  CellWear wear(int side) const;

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  void initialise();
  ProgrammingResult program_some(int lane, std::uint32_t first, std::uint32_t count, const TargetsOf& targets,
                                 const ProgrammingSpec& spec, std::uint64_t when);
  void evaluate(std::uint32_t first, std::size_t count, const float* gaussians, const CellsOut& plus,
                const CellsOut& minus) const;
  PulseNoise pulse_noise(std::uint32_t cell, std::uint64_t key) const;
  void written(std::uint32_t cell, float conductance_us);
  void note_high(std::uint32_t unit);
  void find_high(double high_us);
  void apply_faults(std::uint32_t first, std::size_t count, const CellsOut& plus, const CellsOut& minus) const;
  float stuck_at(FaultKind kind) const;

  TileSpec spec_;
  std::shared_ptr<const CellModel> cell_;
  LaneLayout layout_;
  std::uint32_t crossings_;
  DriftLaw drift_law_;
  ReadNoiseLaw read_noise_;
  DriftTable drift_table_;
  DriftSchedule schedule_;
  CellKernelLaw law_{};
  bool is_plain_;
  double now_s_ = 0;
  std::vector<CellPair> pairs_;
  std::vector<std::array<float, 2>> held_;  ///< where write_once: G+ and G- in place of pairs_
  float written_s_ = 0;                     ///< and when they were written
  std::vector<std::uint8_t> pulse_counts_;  ///< SET pulses since the last RESET, two per unit
  CountPlanes wear_;  ///< SETs of either side, RESETs and depressions of the unit; empty if not counted
  FaultMap faults_;
  std::vector<std::pair<std::uint32_t, float>> due_;  ///< scratch of advance_to
  // Units that a refresh may concern, so that it need not look at all: those with a conductance above the threshold.
  std::vector<std::uint32_t> high_;
  std::vector<bool> is_high_;
  double high_us_ = -1;  ///< what the threshold was made for
  float high_threshold_us_ = 0;
};

template <class Changed, class All>
void CellArray::advance_to(double now_s, Changed&& changed, All&& all) {
  OHMIC_EXPECT(now_s >= now_s_);
  now_s_ = now_s;
  if (!drift_table_.drifts()) return;
  if (schedule_.sweep_due(now_s)) {
    schedule_.swept(now_s);
    schedule_.advance(now_s, [](std::uint32_t, float) {});
    all();
    return;
  }
  // First all that is due, so that the memory can be fetched ahead; then the work.
  due_.clear();
  schedule_.advance(now_s, [this](std::uint32_t cell, float time_s) {
    if (cell != DriftSchedule::kAllCells) __builtin_prefetch(&pairs_[cell / 2]);
    due_.push_back({cell, time_s});
  });
  for (const auto& [cell, time_s] : due_) {
    if (cell == DriftSchedule::kAllCells) {
      all();
    } else if (pairs_[cell / 2].last_pulse_s[cell % 2] == time_s) {
      changed(cell / 2);
    }
  }
}

}  // namespace ohmic
