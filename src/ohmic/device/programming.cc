#include "ohmic/device/programming.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

constexpr std::size_t kCellsPerBatch = 1024;        // a multiple of 32: blocks of random numbers
constexpr std::uint64_t kMostIterations = 1 << 12;  // rounds that one procedure's keys leave room for
constexpr std::uint32_t kMostPulsesOfCell = 255;

// For each number of SET pulses the target up to which it comes nearest, without noise: CellModel::pulses_for for many
// targets.
std::vector<float> pulse_thresholds(const CellModel& cell) {
  std::vector<float> thresholds;
  float conductance = cell.reset(0);
  for (std::uint32_t n = 0; n < kMostPulsesOfCell; ++n) {
    const float next = cell.set(conductance, n, {});
    if (next <= conductance) break;
    thresholds.push_back(0.5f * (conductance + next));
    conductance = next;
  }
  return thresholds;
}

// The cells [begin, begin + size) of a procedure, one round after the other.
class Batch {
 public:
  Batch(const CellModel& cell, const ProgrammingSpec& spec, const ProgrammingKey& key, std::span<const float> targets,
        const CellsView& cells, std::span<const float> thresholds)
      : cell_(cell),
        spec_(spec),
        key_(key),
        noise_(cell.read_noise()),
        least_us_(static_cast<float>(cell.conductance_min_us())),
        most_us_(static_cast<float>(cell.conductance_max_us())),
        targets_(targets),
        cells_(cells),
        thresholds_(thresholds) {
    if (!cells.cell_gaussians.empty()) return;
    own_.resize(targets.size());
    draw(Purpose::step_spread, 0, own_);
    cells_.cell_gaussians = own_;
  }

  ProgrammingResult run(ProgrammingMethod method);

 private:
  void draw(Purpose purpose, std::uint64_t round, std::span<float> out) const;
  void reset_all();
  void statistical();
  void blind();
  void verify();
  void read_all(std::uint64_t round);
  void correct(std::size_t i);
  float target(std::size_t i) const { return std::clamp(targets_[i], least_us_, most_us_); }
  PulseNoise pulse_noise(std::size_t i) const { return {pulse_[i], cells_.cell_gaussians[i]}; }
  void write(std::size_t i, float conductance_us) {
    if (cells_.is_stuck.empty() || cells_.is_stuck[i] == 0) cells_.conductance_us[i] = conductance_us;
  }
  void note_outcome();

  const CellModel& cell_;
  const ProgrammingSpec& spec_;
  ProgrammingKey key_;
  ReadNoiseLaw noise_;
  float least_us_, most_us_;
  std::span<const float> targets_;
  CellsView cells_;
  std::span<const float> thresholds_;  ///< pulse_thresholds, for blind
  std::vector<float> own_, pulse_, reset_, error_, drawn_;
  std::vector<bool> rests_;
  ProgrammingResult result_;
};

// Rounds share the key's `when`, so that a procedure takes one number from its owner.
void Batch::draw(Purpose purpose, std::uint64_t round, std::span<float> out) const {
  const bool of_cells = purpose == Purpose::step_spread;
  const RandomStream stream(key_.seed, purpose, key_.unit, of_cells ? 0 : key_.when * kMostIterations + round);
  gaussians(stream, out, key_.first_cell / 32);
}

void Batch::reset_all() {
  draw(Purpose::verified_reset, 0, reset_);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    write(i, cell_.reset(reset_[i]));
    cells_.pulses[i] = 0;
  }
  result_.resets += targets_.size();
}

void Batch::statistical() {
  draw(Purpose::verified_pulse, 0, pulse_);
  for (std::size_t i = 0; i < targets_.size(); ++i) error_[i] = target(i);
  if (cells_.is_stuck.empty()) {
    cell_.program_all(error_, pulse_, cells_.conductance_us);
  } else {
    cell_.program_all(error_, pulse_, drawn_);
    for (std::size_t i = 0; i < targets_.size(); ++i) write(i, drawn_[i]);
  }
  std::fill(cells_.pulses.begin(), cells_.pulses.end(), std::uint8_t{0});
  result_.set_pulses += targets_.size();
}

void Batch::blind() {
  reset_all();
  std::vector<std::uint32_t> wanted(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto above = std::lower_bound(thresholds_.begin(), thresholds_.end(), target(i));
    wanted[i] = static_cast<std::uint32_t>(above - thresholds_.begin());
  }
  const std::uint32_t most = *std::max_element(wanted.begin(), wanted.end());
  for (std::uint32_t n = 0; n < most; ++n) {
    draw(Purpose::verified_pulse, n, pulse_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (n >= wanted[i]) continue;
      write(i, cell_.set(cells_.conductance_us[i], n, pulse_noise(i)));
      cells_.pulses[i] = static_cast<std::uint8_t>(n + 1);
      ++result_.set_pulses;
    }
  }
}

// error_[i] = target - mean read, for the cells that do not rest.
void Batch::read_all(std::uint64_t round) {
  const auto reads = static_cast<std::uint64_t>(spec_.reads_per_verify);
  std::fill(error_.begin(), error_.end(), 0.0f);
  for (std::uint64_t r = 0; r < reads; ++r) {
    draw(Purpose::verify_read, round * reads + r, drawn_);
    for (std::size_t i = 0; i < error_.size(); ++i) error_[i] += drawn_[i];
  }
  const DriftLaw drift = cell_.drift();
  for (std::size_t i = 0; i < error_.size(); ++i) {
    if (rests_[i]) continue;
    const float g = cells_.conductance_us[i];
    const double noise = noise_.is_noisy() ? noise_.stddev_us(g, g, drift.reference_age_s) : 0;
    error_[i] = target(i) - g - static_cast<float>(noise / static_cast<double>(reads)) * error_[i];
    result_.reads += reads;
  }
}

void Batch::correct(std::size_t i) {
  std::uint8_t& pulses = cells_.pulses[i];
  const bool up = error_[i] > 0;
  const bool small_steps = cell_.has_adjustable_pulses() || cell_.has_depression();
  if (!up && !small_steps) {
    write(i, cell_.reset(reset_[i]));
    pulses = 0;
    ++result_.resets;
    return;
  }
  const auto change = static_cast<float>(spec_.step) * error_[i];
  write(i, cell_.adjust(cells_.conductance_us[i], pulses, change, pulse_noise(i)));
  if (up && pulses < kMostPulsesOfCell) ++pulses;
  (up || cell_.has_adjustable_pulses() ? result_.set_pulses : result_.depression_pulses) += 1;
}

void Batch::verify() {
  reset_all();
  rests_.assign(targets_.size(), false);
  const auto rounds = static_cast<std::uint64_t>(spec_.most_iterations);
  std::size_t working = targets_.size();
  for (std::uint64_t round = 0; round <= rounds && working > 0; ++round) {
    read_all(round);
    draw(Purpose::verified_pulse, round, pulse_);
    draw(Purpose::verified_reset, round + 1, reset_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (rests_[i]) continue;
      if (std::abs(error_[i]) <= spec_.tolerance_us) {
        rests_[i] = true;
        --working;
        ++result_.converged;
        result_.nonzero_converged += targets_[i] > spec_.tolerance_us;
      } else if (round < rounds) {
        correct(i);
      }
    }
  }
}

void Batch::note_outcome() {
  // Partial sums, so that additions need not wait for each other.
  constexpr std::size_t kSums = 8;
  std::array<double, kSums> squares{};
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const double error = cells_.conductance_us[i] - targets_[i];
    squares[i % kSums] += error * error;
  }
  for (const double sum : squares) result_.squared_error_us2 += sum;
  for (const float wanted : targets_) result_.nonzero_cells += wanted > spec_.tolerance_us;
  result_.cells += targets_.size();
  if (!rests_.empty()) return;
  // Without verification a cell counts as converged if it happens to be there.
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const double error = cells_.conductance_us[i] - targets_[i];
    const bool is_there = std::abs(error) <= spec_.tolerance_us;
    result_.converged += is_there;
    result_.nonzero_converged += is_there && targets_[i] > spec_.tolerance_us;
  }
}

ProgrammingResult Batch::run(ProgrammingMethod method) {
  for (auto* buffer : {&pulse_, &error_, &drawn_}) buffer->resize(targets_.size());
  if (method != ProgrammingMethod::statistical) reset_.resize(targets_.size());
  switch (method) {
    case ProgrammingMethod::blind:
      blind();
      break;
    case ProgrammingMethod::verify:
      verify();
      break;
    default:
      statistical();
      break;
  }
  note_outcome();
  return result_;
}

void check(const CellModel& cell, const ProgrammingSpec& spec, ProgrammingMethod method) {
  const auto draws = static_cast<std::uint64_t>((spec.most_iterations + 2) * spec.reads_per_verify);
  if (draws >= kMostIterations) {
    fail(
        "programming.most_iterations = {} with reads_per_verify = {} need {} random draws per cell; at most {} are "
        "possible: lower one of them",
        spec.most_iterations, spec.reads_per_verify, draws, kMostIterations);
  }
  if (method == ProgrammingMethod::statistical && !cell.has_target_programming()) {
    fail(
        "programming.method = \"statistical\", but this cell's model has no statistics of a whole procedure; use "
        "\"verify\", \"blind\" or \"automatic\"");
  }
}

}  // namespace

void describe(FieldVisitor& v, ProgrammingSpec& s) {
  v.choice({"method", "", "how targets are programmed; automatic: statistical where the cell has it, else verify"},
           kProgrammingMethods, s.method);
  v.field({"tolerance_us", "uS", "a cell that reads within this of its target rests", 1e-9, 1e4}, s.tolerance_us);
  v.field({"most_iterations", "", "rounds of read and pulse before a cell is given up", 1, 4000}, s.most_iterations);
  v.field({"step", "", "share of the missing change that a pulse of chosen amplitude aims at", 1e-3, 1}, s.step);
  v.field({"reads_per_verify", "", "reads that are averaged before a decision", 1, 4000}, s.reads_per_verify);
  v.field({"range_us", "uS",
           "conductance difference for the largest weight of a layer; 0: all of a cell's range where the model knows "
           "the outcome of programming, else synapse.weight_conductance_us",
           0, 1e6},
          s.range_us);
}

ProgrammingMethod chosen_method(const CellModel& cell, const ProgrammingSpec& spec) {
  if (spec.method != ProgrammingMethod::automatic) return spec.method;
  return cell.has_target_programming() ? ProgrammingMethod::statistical : ProgrammingMethod::verify;
}

ProgrammingResult& ProgrammingResult::operator+=(const ProgrammingResult& other) {
  cells += other.cells;
  nonzero_cells += other.nonzero_cells;
  converged += other.converged;
  nonzero_converged += other.nonzero_converged;
  set_pulses += other.set_pulses;
  depression_pulses += other.depression_pulses;
  resets += other.resets;
  reads += other.reads;
  squared_error_us2 += other.squared_error_us2;
  fault_error_us2 += other.fault_error_us2;
  fault_error_unmapped_us2 += other.fault_error_unmapped_us2;
  return *this;
}

ProgrammingResult program_cells(const CellModel& cell, const ProgrammingSpec& spec, const ProgrammingKey& key,
                                std::span<const float> targets_us, const CellsView& cells) {
  OHMIC_EXPECT(key.first_cell % 32 == 0);
  OHMIC_EXPECT(cells.conductance_us.size() == targets_us.size() && cells.pulses.size() == targets_us.size());
  const ProgrammingMethod method = chosen_method(cell, spec);
  check(cell, spec, method);
  const auto thresholds = method == ProgrammingMethod::blind ? pulse_thresholds(cell) : std::vector<float>{};
  std::vector<ProgrammingResult> results((targets_us.size() + kCellsPerBatch - 1) / kCellsPerBatch);
  parallel_chunks(targets_us.size(), kCellsPerBatch, [&](std::size_t begin, std::size_t end) {
    const std::size_t size = end - begin;
    ProgrammingKey own_key = key;
    own_key.first_cell += static_cast<std::uint32_t>(begin);
    const bool given = !cells.cell_gaussians.empty();
    const CellsView own{cells.conductance_us.subspan(begin, size), cells.pulses.subspan(begin, size),
                        given ? cells.cell_gaussians.subspan(begin, size) : std::span<const float>{},
                        cells.is_stuck.empty() ? cells.is_stuck : cells.is_stuck.subspan(begin, size)};
    Batch batch(cell, spec, own_key, targets_us.subspan(begin, size), own, thresholds);
    results[begin / kCellsPerBatch] = batch.run(method);
  });
  ProgrammingResult total;
  for (const ProgrammingResult& result : results) total += result;
  return total;
}

}  // namespace ohmic
