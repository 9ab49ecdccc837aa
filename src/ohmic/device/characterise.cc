#include "ohmic/device/characterise.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Which cells a random number belongs to: each part of the study has cells of its own.
enum Part : std::uint32_t { kPulsed = 0, kDrifting = 1, kProgrammed = 2 };

// A multiple of 32, the blocks of random numbers; so many that starting threads costs little beside a pulse.
constexpr std::size_t kCellsAtOnce = 1 << 12;
constexpr std::size_t kExamples = 8;
constexpr std::size_t kBins = 60;
constexpr std::size_t kTargets = 11;
constexpr std::size_t kNoisePoints = 21;
constexpr std::array kDriftLevels = {0.1, 0.25, 0.5, 1.0};  // of the usable conductance
constexpr std::array kNamedAges = {1.0, 60.0, 3600.0, 86400.0, 30 * 86400.0, kYearSeconds};

std::vector<float> drawn(std::uint64_t seed, Purpose purpose, Part part, std::uint64_t when, std::size_t count) {
  std::vector<float> z(count);
  const RandomStream stream(seed, purpose, part, when);
  parallel_chunks(count, kCellsAtOnce, [&](std::size_t begin, std::size_t end) {
    gaussians(stream, std::span(z).subspan(begin, end - begin), static_cast<std::uint32_t>(begin / 32));
  });
  return z;
}

struct MeanSpread {
  double mean = 0;
  double stddev = 0;
};

// Two passes: the difference of large sums would lose the small spread of a quiet cell.
template <class Value>
MeanSpread mean_spread(std::size_t count, const Value& value) {
  MeanSpread m;
  bool all_equal = true;
  for (std::size_t i = 0; i < count; ++i) {
    m.mean += value(i);
    all_equal = all_equal && value(i) == value(0);
  }
  if (all_equal) return {value(0), 0};
  m.mean /= static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) m.stddev += (value(i) - m.mean) * (value(i) - m.mean);
  m.stddev = std::sqrt(m.stddev / static_cast<double>(count));
  return m;
}

ConductanceSpread spread_of(std::vector<float> values) {
  const MeanSpread m = mean_spread(values.size(), [&](std::size_t i) { return static_cast<double>(values[i]); });
  ConductanceSpread spread{m.mean, m.stddev, {}};
  auto from = values.begin();
  for (std::size_t k = 0; k < kQuantiles.size(); ++k) {
    const auto at = static_cast<std::ptrdiff_t>(kQuantiles[k] * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(from, values.begin() + at, values.end());
    from = values.begin() + at;
    spread.quantiles_us[k] = *from;
  }
  return spread;
}

// Cells that see the same pulses at the same time.
class Population {
 public:
  Population(const CellModel& cell, std::uint64_t seed, std::size_t cells)
      : cell_(cell),
        seed_(seed),
        of_cell_(drawn(seed, Purpose::step_spread, kPulsed, 0, cells)),
        conductance_(drawn(seed, Purpose::reset_pulse, kPulsed, 0, cells)),
        noise_free_(cell.reset(0)) {
    for (float& g : conductance_) g = cell.reset(g);
  }

  enum class Direction { up, down };
  /// The pulse number `pulse` of the study.
  void pulse(Direction direction, std::int64_t pulse);
  PulseOutcome outcome(std::int64_t pulse) const;
  const std::vector<float>& conductance_us() const { return conductance_; }

 private:
  const CellModel& cell_;
  std::uint64_t seed_;
  std::vector<float> of_cell_, conductance_, before_;
  float noise_free_;
};

void Population::pulse(Direction direction, std::int64_t pulse) {
  const auto seen = static_cast<std::uint32_t>(pulse - 1);
  const std::vector<float> z = drawn(seed_, Purpose::set_pulse, kPulsed, seen, conductance_.size());
  const auto next = [&](float g, PulseNoise noise) {
    return direction == Direction::up ? cell_.set(g, seen, noise) : cell_.depress(g, noise);
  };
  before_ = conductance_;
  parallel_chunks(conductance_.size(), kCellsAtOnce, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) conductance_[i] = next(conductance_[i], {z[i], of_cell_[i]});
  });
  noise_free_ = next(noise_free_, {});
}

PulseOutcome Population::outcome(std::int64_t pulse) const {
  PulseOutcome outcome;
  outcome.pulse = pulse;
  outcome.conductance = spread_of(conductance_);
  outcome.noise_free_us = noise_free_;
  if (before_.empty()) return outcome;
  const auto step = [&](std::size_t i) { return static_cast<double>(conductance_[i]) - before_[i]; };
  const MeanSpread steps = mean_spread(conductance_.size(), step);
  outcome.mean_step_us = steps.mean;
  outcome.step_stddev_us = steps.stddev;
  std::size_t negative = 0;
  // A cell that the lower bound stopped was on its way down.
  for (std::size_t i = 0; i < before_.size(); ++i) {
    negative += conductance_[i] < before_[i] || conductance_[i] <= static_cast<float>(cell_.conductance_min_us());
  }
  outcome.share_negative = static_cast<double>(negative) / static_cast<double>(before_.size());
  return outcome;
}

// 1, N^(1/3), N^(2/3), N.
std::vector<std::int64_t> histogram_pulses(std::int64_t pulses) {
  std::vector<std::int64_t> chosen;
  for (const double power : {0.0, 1.0 / 3, 2.0 / 3, 1.0}) {
    chosen.push_back(std::llround(std::pow(static_cast<double>(pulses), power)));
  }
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

struct Snapshot {
  std::int64_t pulses;
  std::vector<float> conductance_us;
};

std::vector<double> common_edges(const std::vector<Snapshot>& snapshots) {
  float low = snapshots.front().conductance_us.front();
  float high = low;
  for (const Snapshot& snapshot : snapshots) {
    const auto [least, most] = std::minmax_element(snapshot.conductance_us.begin(), snapshot.conductance_us.end());
    low = std::min(low, *least);
    high = std::max(high, *most);
  }
  const double width = std::max(1e-6, static_cast<double>(high) - low) * (1 + 1e-6);
  std::vector<double> edges(kBins + 1);
  for (std::size_t k = 0; k <= kBins; ++k) edges[k] = low + width * static_cast<double>(k) / kBins;
  return edges;
}

std::vector<ConductanceHistogram> histograms_of(const std::vector<Snapshot>& snapshots) {
  const std::vector<double> edges = common_edges(snapshots);
  std::vector<ConductanceHistogram> histograms;
  for (const Snapshot& snapshot : snapshots) {
    ConductanceHistogram histogram{snapshot.pulses, edges, std::vector<std::uint64_t>(kBins)};
    for (const float g : snapshot.conductance_us) {
      const double bin = (g - edges.front()) / (edges.back() - edges.front()) * kBins;
      ++histogram.counts[std::min(kBins - 1, static_cast<std::size_t>(std::max(0.0, bin)))];
    }
    histograms.push_back(std::move(histogram));
  }
  return histograms;
}

void note_examples(std::vector<std::vector<float>>& examples, const std::vector<float>& conductance_us) {
  for (std::size_t k = 0; k < examples.size(); ++k) examples[k].push_back(conductance_us[k]);
}

void study_pulses(const CellModel& cell, const CharacterisationRequest& request, Characterisation& figures) {
  Population population(cell, request.seed, static_cast<std::size_t>(request.cells));
  figures.examples.resize(std::min(kExamples, static_cast<std::size_t>(request.cells)));
  figures.potentiation.push_back(population.outcome(0));
  note_examples(figures.examples, population.conductance_us());
  const std::vector<std::int64_t> chosen = histogram_pulses(figures.pulses);
  std::vector<Snapshot> snapshots;
  for (std::int64_t n = 1; n <= figures.pulses; ++n) {
    population.pulse(Population::Direction::up, n);
    figures.potentiation.push_back(population.outcome(n));
    note_examples(figures.examples, population.conductance_us());
    if (std::find(chosen.begin(), chosen.end(), n) != chosen.end())
      snapshots.push_back({n, population.conductance_us()});
  }
  figures.histograms = histograms_of(snapshots);
  if (!cell.has_depression()) return;
  for (std::int64_t n = figures.pulses + 1; n <= 2 * figures.pulses; ++n) {
    population.pulse(Population::Direction::down, n);
    figures.depression.push_back(population.outcome(n));
    note_examples(figures.examples, population.conductance_us());
  }
}

AgedConductance aged(const CellModel& cell, double level_us, double age_s, const std::vector<double>& exponents) {
  const DriftLaw law = cell.drift();
  const MeanSpread m =
      mean_spread(exponents.size(), [&](std::size_t i) { return level_us * law.factor(age_s, exponents[i]); });
  const double read_age = std::max(age_s, law.min_age_s);
  const double mean_cell = level_us * law.factor(age_s, law.exponent_of(level_us, 0));
  return {age_s, m.mean, m.stddev, cell.read_noise().stddev_us(level_us, mean_cell, read_age)};
}

DriftCurve drift_curve(const CellModel& cell, double level_us, const std::vector<float>& gaussians_of_cells) {
  const DriftLaw law = cell.drift();
  std::vector<double> exponents;
  for (const float z : gaussians_of_cells) exponents.push_back(law.exponent_of(level_us, z));
  const MeanSpread m = mean_spread(exponents.size(), [&](std::size_t i) { return exponents[i]; });
  DriftCurve curve{level_us, m.mean, m.stddev, {}};
  // One cell stands for all where they are alike.
  if (m.stddev == 0) exponents.resize(1);
  for (const double age : studied_ages_s()) curve.ages.push_back(aged(cell, level_us, age, exponents));
  return curve;
}

void study_drift(const CellModel& cell, const CharacterisationRequest& request, Characterisation& figures) {
  const auto z = drawn(request.seed, Purpose::drift_exponent, kDrifting, 0, static_cast<std::size_t>(request.cells));
  for (const double share : kDriftLevels) {
    const double level = std::max(figures.lowest_us, share * figures.usable_us);
    figures.drift.push_back(drift_curve(cell, level, z));
  }
}

void study_read_noise(const CellModel& cell, Characterisation& figures) {
  const double age = cell.drift().reference_age_s;
  for (std::size_t k = 0; k < kNoisePoints; ++k) {
    const double share = static_cast<double>(k) / (kNoisePoints - 1);
    const double g = figures.lowest_us + share * (figures.usable_us - figures.lowest_us);
    figures.read_noise.push_back({g, cell.read_noise().stddev_us(g, g, age)});
  }
}

TargetOutcome programmed(const CellModel& cell, const CharacterisationRequest& request, std::uint64_t number,
                         double target_us) {
  const auto count = static_cast<std::size_t>(request.cells);
  std::vector<float> conductance(count);
  std::vector<std::uint8_t> pulses(count);
  const std::vector<float> targets(count, static_cast<float>(target_us));
  const ProgrammingResult result =
      program_cells(cell, request.programming, {request.seed, kProgrammed, number}, targets, {conductance, pulses, {}});
  const auto per_cell = [&](double total) { return total / static_cast<double>(count); };
  TargetOutcome outcome;
  outcome.target_us = target_us;
  outcome.achieved = spread_of(std::move(conductance));
  outcome.rms_error_us = std::sqrt(per_cell(result.squared_error_us2));
  outcome.share_converged = per_cell(static_cast<double>(result.converged));
  outcome.pulses = per_cell(static_cast<double>(result.set_pulses + result.depression_pulses));
  outcome.resets = per_cell(static_cast<double>(result.resets));
  outcome.reads = per_cell(static_cast<double>(result.reads));
  return outcome;
}

void study_programming(const CellModel& cell, const CharacterisationRequest& request, Characterisation& figures) {
  for (std::size_t k = 0; k < kTargets; ++k) {
    const double share = static_cast<double>(k) / (kTargets - 1);
    const double target = figures.lowest_us + share * (figures.usable_us - figures.lowest_us);
    figures.targets.push_back(programmed(cell, request, k, target));
  }
}

void check(const CharacterisationRequest& request) {
  if (request.pulses < 0 || request.pulses > kMostStudiedPulses) {
    fail("pulses = {}: a study takes 1 to {} SET pulses, or 0 for as many as the cell needs to saturate",
         request.pulses, kMostStudiedPulses);
  }
  constexpr std::int64_t kMostCells = 10'000'000;
  if (request.cells < 2 || request.cells > kMostCells) {
    fail("cells = {}: a spread takes 2 cells or more, and the study at most {}", request.cells, kMostCells);
  }
}

}  // namespace

double usable_conductance_us(const CellModel& cell) {
  if (cell.has_target_programming() || cell.has_adjustable_pulses()) return cell.conductance_max_us();
  return cell.mean_conductance_us(kMostStudiedPulses);
}

std::int64_t saturation_pulses(const CellModel& cell) {
  constexpr std::int64_t kLeast = 10;
  constexpr double kShare = 0.95;
  const double start = cell.reset(0);
  const double end = cell.mean_conductance_us(kMostStudiedPulses);
  float g = cell.reset(0);
  std::int64_t n = 0;
  while (n < kMostStudiedPulses && g < start + kShare * (end - start))
    g = cell.set(g, static_cast<std::uint32_t>(n++), {});
  return std::max(kLeast, n);
}

std::vector<double> studied_ages_s() {
  std::vector<double> ages(kNamedAges.begin(), kNamedAges.end());
  for (int quarter = 1; quarter < 30; ++quarter) ages.push_back(std::pow(10.0, quarter / 4.0));
  std::sort(ages.begin(), ages.end());
  return ages;
}

Characterisation characterise(const CellModel& cell, const CharacterisationRequest& request) {
  check(request);
  Characterisation figures;
  figures.pulses = request.pulses > 0 ? request.pulses : saturation_pulses(cell);
  figures.cells = request.cells;
  figures.lowest_us = cell.conductance_min_us();
  figures.usable_us = usable_conductance_us(cell);
  figures.saturation_us = cell.mean_conductance_us(kMostStudiedPulses);
  figures.highest_us = cell.conductance_max_us();
  figures.drift_reference_age_s = cell.drift().reference_age_s;
  figures.drift_min_age_s = cell.drift().min_age_s;
  figures.drifts = cell.drift().steepest() > 0;
  figures.is_noisy = cell.read_noise().is_noisy();
  figures.has_flicker = cell.read_noise().has_flicker();
  figures.programming_method = chosen_method(cell, request.programming);
  study_pulses(cell, request, figures);
  study_drift(cell, request, figures);
  study_read_noise(cell, figures);
  study_programming(cell, request, figures);
  return figures;
}

}  // namespace ohmic
