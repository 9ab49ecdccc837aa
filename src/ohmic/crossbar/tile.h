#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/array_reader.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/drift_schedule.h"
#include "ohmic/crossbar/drift_table.h"
#include "ohmic/crossbar/specs.h"
#include "ohmic/device/cell.h"

namespace ohmic {

struct TileSpec {
  int inputs = 0;   ///< rows of the matrix: word lines
  int outputs = 0;  ///< columns: bit lines
  SynapseSpec synapse;
  PeripherySpec periphery;
  double drift_tolerance = 1e-3;      ///< relative error allowed in a drifted conductance
  double drift_sweep_interval_s = 1;  ///< time between two re-evaluations of all old cells
  std::uint64_t seed = 1;
  std::uint32_t unit = 0;  ///< number of the tile in its network, below 2^14: keys its random numbers
};

/// One synapse: the cells of G+ and G-, in uS as read `reference_age` after their last pulse, and when that was.
struct CellPair {
  std::array<float, 2> conductance_us;
  std::array<float, 2> last_pulse_s;
};

/// SET pulses wanted at one crossing: on G+ if `count` is positive, on G- if negative.
struct PulseRequest {
  std::uint32_t crossing;  ///< input * outputs + output
  int count;
};

/// A weight matrix (inputs x outputs) on differential pairs of memory cells, with its converters, over as many arrays
/// as it needs.
///
/// The tile owns what changes (conductances, pulse counts, times); the CellModel says how. Products use the effective
/// conductances: drifted to the present and with fresh read noise. `now` is the simulated time in seconds.
class Tile {
 public:
  Tile(const TileSpec& spec, std::shared_ptr<const CellModel> cell);

  int inputs() const { return spec_.inputs; }
  int outputs() const { return spec_.outputs; }
  const TileSpec& spec() const { return spec_; }
  const CellModel& cell() const { return *cell_; }
  double now_s() const { return now_s_; }
  const Counters& counters() const { return counters_; }
  /// Notes digital work done on behalf of this tile.
  void count_digital_macs(std::uint64_t macs) { counters_.digital_macs += macs; }

  /// y = x W. x: batch x inputs, y: batch x outputs, in weight units. Vector v of the batch is read number first_read +
  /// v and draws its own noise; with `calibrate`, per_layer converter ranges learn from it.
  void forward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate = false);
  /// y = x W^T through the same cells. x: batch x outputs, y: batch x inputs.
  void backward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate = false);

  /// A digital factor on the outputs of `forward`, as drift compensation sets it. Not saved.
  void set_output_scale(float scale) { output_scale_ = scale; }

  /// Blind SET pulses; `step` keys their noise and must differ from call to call.
  void pulse(std::span<const PulseRequest> requests, std::uint64_t step);
  /// Reads every cell (often enough that read noise averages out), RESETs the saturated pairs and rewrites their
  /// difference with one SET pulse per `pulse_us`, rounded down. Returns how many. `step` keys the noise and may be
  /// that of a `pulse`.
  int refresh(const RefreshSpec& spec, double pulse_us, std::uint64_t step);
  /// RESETs every pair and writes `weights` (inputs x outputs) with blind SET pulses on the cell of its sign; values
  /// beyond the cells' range saturate.
  void program(MatrixView<const float> weights, std::uint64_t step);

  /// Lets time pass until `now_s`: conductances drift.
  void advance_to(double now_s);
  /// Lets `seconds` pass at once and re-evaluates every cell.
  void age(double seconds);

  /// The weight and the variance of one read, as the products see them now.
  float effective_weight(int input, int output) const;
  float effective_variance(int input, int output) const;
  /// The drifted conductance of one cell (side 0: G+, 1: G-), in uS.
  float conductance_us(std::uint32_t crossing, int side) const;
  std::span<const CellPair> pairs() const { return pairs_; }

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  void initialise();
  void build_readers();
  ArrayReader& backward_reader();
  float exponent_of(std::uint32_t cell) const;
  float drift_factor(std::uint32_t cell, float last_pulse_s) const;
  void evaluate(std::uint32_t crossing);
  void evaluate_all();
  void sweep();
  void evaluate_group(int group, const AgeRule& age);
  PairDigits digits(std::uint32_t crossing) const;
  void set_cell(std::uint32_t crossing, int side, std::uint64_t key);
  void reset_pair(std::uint32_t crossing, std::uint64_t key);
  void write_difference(std::uint32_t crossing, double difference_us, int pulses, std::uint64_t step);
  void note_high(std::uint32_t crossing);
  void find_high_pairs(double high_us);
  void log_all_pulses();
  ReadKey read_key(Purpose purpose, std::uint64_t first_read) const;

  TileSpec spec_;
  std::shared_ptr<const CellModel> cell_;
  DriftLaw drift_law_;
  ReadNoiseLaw read_noise_;
  DriftTable drift_table_;
  DriftSchedule schedule_;
  std::vector<std::pair<std::uint32_t, float>> due_;  ///< scratch of advance_to
  double now_s_ = 0;
  std::vector<CellPair> pairs_;
  std::vector<std::uint8_t> pulse_counts_;  ///< SET pulses since the last RESET, two per pair
  // Pairs that a refresh may concern, so that it need not look at all: those with a conductance above the threshold.
  std::vector<std::uint32_t> high_pairs_;
  std::vector<bool> is_high_;
  double high_us_ = -1;  ///< RefreshSpec::high_us that the threshold was made for
  float high_threshold_us_ = 0;
  std::optional<ArrayReader> forward_, backward_;
  Counters counters_;
  float output_scale_ = 1;
  DigitRule digit_rule_{};
};

}  // namespace ohmic
