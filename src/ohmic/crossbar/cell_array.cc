#include "ohmic/crossbar/cell_array.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"
#include "ohmic/crossbar/remapping.h"

namespace ohmic {
namespace {

constexpr double kOldestAge = 1e11;
constexpr std::size_t kErasures = 2;             // among the kinds of wear
constexpr std::uint64_t kLanesPerStep = 4096;    // random keys of one programming step: one per lane
constexpr std::size_t kCrossingsPerTask = 8192;  // a multiple of 32: blocks of random numbers

LogLineNumbers numbers(const LogLine& line) {
  constexpr double kMost = 1e30;
  return {static_cast<float>(line.offset), static_cast<float>(line.log_slope),
          static_cast<float>(std::max(line.least, -kMost)), static_cast<float>(std::min(line.most, kMost))};
}

CellKernelLaw law_of(const DriftLaw& drift, const ReadNoiseLaw& noise) {
  return {!drift.is_individual(),
          numbers(drift.exponent),
          numbers(drift.spread),
          static_cast<float>(1 / drift.conductance_scale_us),
          static_cast<float>(1 / noise.conductance_scale_us),
          static_cast<float>(noise.slope),
          static_cast<float>(noise.offset_us),
          static_cast<float>(noise.flicker),
          static_cast<float>(noise.flicker_power),
          static_cast<float>(noise.flicker_most)};
}

FaultMap::Shape fault_shape(const TileSpec& spec, int lanes) {
  return {spec.inputs, spec.outputs, lanes, static_cast<int>(spec.periphery.array_rows),
          static_cast<int>(spec.periphery.array_columns)};
}

}  // namespace

CellArray::CellArray(const TileSpec& spec, std::shared_ptr<const CellModel> cell)
    : spec_(spec),
      cell_(std::move(cell)),
      layout_(spec_.synapse),
      crossings_(static_cast<std::uint32_t>(spec_.inputs) * static_cast<std::uint32_t>(spec_.outputs)),
      drift_law_(cell_->drift()),
      read_noise_(cell_->read_noise()),
      drift_table_(drift_law_, read_noise_, spec_.drift_tolerance),
      schedule_(drift_table_, spec_.drift_sweep_interval_s),
      law_(law_of(drift_law_, read_noise_)),
      is_plain_(layout_.is_plain() && spec_.synapse.kind == SynapseKind::differential && !spec_.faults.any() &&
                !drift_law_.is_individual() && !read_noise_.has_flicker() && spec_.wires.model == WireModel::none &&
                !spec_.write_once),
      faults_(spec_.faults, fault_shape(spec_, layout_.lanes()), spec_.seed, spec_.unit) {
  initialise();
}

// Cells are as if programmed one reference age before time 0, with one RESET and no further SET pulses behind them. A
// weight of single cells starts with the spread that a pair would have; the cells of one weight start alike, as if the
// weight had been written to each.
void CellArray::initialise() {
  const std::size_t count = static_cast<std::size_t>(crossings_) * static_cast<std::size_t>(layout_.lanes());
  const SynapseSpec& synapse = spec_.synapse;
  if (spec_.write_once) {  // nothing looks at them before they are programmed
    held_.resize(count);
    return;
  }
  pairs_.resize(count);
  pulse_counts_.assign(2 * count, static_cast<std::uint8_t>(synapse.initial_pulses));
  is_high_.assign(count, false);
  if (spec_.counts_wear) wear_ = CountPlanes(count, kErasures + 1);
  std::vector<float> z(2 * static_cast<std::size_t>(crossings_));
  gaussians(RandomStream(spec_.seed, Purpose::initial_conductance, spec_.unit, 0), z);
  const double mean = is_single() ? synapse.reference_us : synapse.initial_mean_us;
  const double stddev = synapse.initial_stddev_us * (is_single() ? std::sqrt(2.0) : 1.0);
  for (std::size_t u = 0; u < count; ++u) {
    for (std::size_t side = 0; side < 2; ++side) {
      const double g = mean + stddev * z[2 * (u % crossings_) + side];
      pairs_[u].conductance_us[side] =
          static_cast<float>(std::clamp(g, cell_->conductance_min_us(), cell_->conductance_max_us()));
      pairs_[u].last_pulse_s[side] = static_cast<float>(-drift_law_.reference_age_s);
    }
  }
  log_all_pulses();
}

void CellArray::log_all_pulses() {
  if (spec_.write_once) return;
  std::vector<std::pair<std::uint32_t, float>> last_pulses(2 * pairs_.size());
  for (std::uint32_t c = 0; c < last_pulses.size(); ++c) last_pulses[c] = {c, pairs_[c / 2].last_pulse_s[c % 2]};
  schedule_.restore(std::move(last_pulses), now_s_, schedule_.last_sweep_s());
}

PulseNoise CellArray::pulse_noise(std::uint32_t cell, std::uint64_t key) const {
  return {random_gaussian(RandomStream(spec_.seed, Purpose::set_pulse, spec_.unit, key), cell),
          random_gaussian(RandomStream(spec_.seed, Purpose::step_spread, spec_.unit, 0), cell)};
}

void CellArray::written(std::uint32_t cell, float conductance_us) {
  CellPair& pair = pairs_[cell / 2];
  pair.conductance_us[cell % 2] = conductance_us;
  pair.last_pulse_s[cell % 2] = static_cast<float>(now_s_);
  schedule_.pulsed(cell, now_s_);
  if (high_us_ >= 0) note_high(cell / 2);
}

void CellArray::set(std::uint32_t unit, int side, std::uint64_t key, Counters& counters) {
  const std::uint32_t cell = 2 * unit + static_cast<std::uint32_t>(side);
  std::uint8_t& pulses = pulse_counts_[cell];
  const float conductance = pairs_[unit].conductance_us[static_cast<std::size_t>(side)];
  written(cell, cell_->set(conductance, pulses, pulse_noise(cell, key)));
  pulses = static_cast<std::uint8_t>(std::min(pulses + 1, 255));
  ++counters.set_pulses;
  if (spec_.counts_wear) wear_.add_one(unit, static_cast<std::size_t>(side));
}

void CellArray::depress(std::uint32_t unit, int side, std::uint64_t key, Counters& counters) {
  const std::uint32_t cell = 2 * unit + static_cast<std::uint32_t>(side);
  const float conductance = pairs_[unit].conductance_us[static_cast<std::size_t>(side)];
  written(cell, cell_->depress(conductance, pulse_noise(cell, key)));
  if (!cell_->has_depression()) pulse_counts_[cell] = 0;
  ++(cell_->has_depression() ? counters.depression_pulses : counters.reset_pulses);
  if (spec_.counts_wear) wear_.add_one(unit, kErasures);
}

void CellArray::reset(std::uint32_t unit, std::uint64_t key, Counters& counters) {
  const RandomStream stream(spec_.seed, Purpose::reset_pulse, spec_.unit, key);
  const std::uint32_t sides = is_single() ? 1 : 2;
  for (std::uint32_t cell = 2 * unit; cell < 2 * unit + sides; ++cell) {
    pulse_counts_[cell] = 0;
    written(cell, cell_->reset(random_gaussian(stream, cell)));
    ++counters.reset_pulses;
  }
  if (spec_.counts_wear) wear_.add_one(unit, kErasures);  // both cells are RESET together
}

CellWear CellArray::wear(int side) const {
  return {wear_.counts(static_cast<std::size_t>(side)), wear_.counts(kErasures)};
}

// Programs crossings [first, first + count) of a lane: a multiple of 32 cells from its first.
ProgrammingResult CellArray::program_some(int lane, std::uint32_t first, std::uint32_t count, const TargetsOf& targets,
                                          const ProgrammingSpec& spec, std::uint64_t when) {
  const std::uint32_t first_unit = static_cast<std::uint32_t>(lane) * crossings_ + first;
  const std::size_t sides = is_single() ? 1 : 2;
  const std::size_t cells = sides * count;
  std::vector<float> conductance(cells), wanted(2 * count), spread;
  std::vector<std::uint8_t> pulses(cells), is_stuck(faults_.empty() ? 0 : cells);
  targets(first, wanted);
  if (chosen_method(*cell_, spec) != ProgrammingMethod::statistical) {
    const std::size_t skip = 2 * first_unit % 32;
    std::vector<float> z(skip + 2 * count);
    gaussians(RandomStream(spec_.seed, Purpose::step_spread, spec_.unit, 0), z, 2 * first_unit / 32);
    for (std::size_t c = 0; c < cells; ++c) spread.push_back(z[skip + c / sides * 2 + c % sides]);
  } else {
    spread.assign(cells, 0.0f);  // the statistics of a whole procedure know no single steps
  }
  if (sides == 1) {
    for (std::size_t c = 0; c < cells; ++c) wanted[c] = wanted[2 * c];
  }
  for (const Fault& fault : faults_.range(2 * first_unit, 2 * count)) {
    const std::size_t in_lane = fault.cell - 2 * first_unit;
    if (sides == 1 && in_lane % 2 == 1) continue;
    const std::size_t c = in_lane / 2 * sides + in_lane % 2;
    is_stuck[c] = 1;
    conductance[c] = stuck_at(fault.kind);
  }
  const ProgrammingKey key{spec_.seed, spec_.unit, when * kLanesPerStep + static_cast<std::uint64_t>(lane),
                           static_cast<std::uint32_t>(sides) * first};
  const ProgrammingResult result = program_cells(*cell_, spec, key, std::span<const float>(wanted).first(cells),
                                                 {conductance, pulses, spread, is_stuck});
  if (spec_.write_once && sides == 2) {
    std::copy_n(conductance.data(), cells, held_[first_unit].data());  // in the same order
    return result;
  }
  for (std::size_t c = 0; c < cells; ++c) {
    const std::size_t unit = first_unit + c / sides, side = c % sides;
    if (spec_.write_once) {
      held_[unit][side] = conductance[c];
      continue;
    }
    pairs_[unit].conductance_us[side] = conductance[c];
    pairs_[unit].last_pulse_s[side] = static_cast<float>(now_s_);
    pulse_counts_[2 * unit + side] = pulses[c];
  }
  return result;
}

ProgrammingResult CellArray::program(int lane, const TargetsOf& targets, const ProgrammingSpec& spec,
                                     std::uint64_t when, Counters& counters) {
  std::vector<ProgrammingResult> results((crossings_ + kCrossingsPerTask - 1) / kCrossingsPerTask);
  parallel_chunks(crossings_, kCrossingsPerTask, [&](std::size_t begin, std::size_t end) {
    results[begin / kCrossingsPerTask] = program_some(lane, static_cast<std::uint32_t>(begin),
                                                      static_cast<std::uint32_t>(end - begin), targets, spec, when);
  });
  ProgrammingResult result;
  for (const ProgrammingResult& r : results) result += r;
  written_s_ = static_cast<float>(now_s_);
  counters.set_pulses += result.set_pulses;
  counters.depression_pulses += result.depression_pulses;
  counters.reset_pulses += result.resets;
  counters.cell_reads += result.reads;
  high_us_ = -1;
  return result;
}

std::array<double, 2> CellArray::remap_faults(int array, const TargetsOf& targets) {
  if (faults_.empty()) return {0, 0};
  RemappingTask task{fault_shape(spec_, layout_.lanes()), layout_.first_lane(array), layout_.cells(), {}, targets};
  for (const FaultKind kind : {FaultKind::stuck_low, FaultKind::stuck_high, FaultKind::dead}) {
    task.stuck_us[static_cast<std::size_t>(kind)] = stuck_at(kind);
  }
  const int sides = is_single() ? 1 : 2;
  const double before = fault_error_us2(faults_, task, sides);
  if (spec_.faults.remap) faults_ = remapped(faults_, task, sides);
  return {before, fault_error_us2(faults_, task, sides)};
}

void CellArray::note_high(std::uint32_t unit) {
  const auto& g = pairs_[unit].conductance_us;
  if (is_high_[unit] || std::max(g[0], g[1]) <= high_threshold_us_) return;
  is_high_[unit] = true;
  high_.push_back(unit);
}

// A cell can be above `high_us` only if its conductance, young as can be, is.
std::span<const std::uint32_t> CellArray::high_units(double high_us) {
  if (high_us != high_us_) {
    high_us_ = high_us;
    high_threshold_us_ = static_cast<float>(high_us * cell_->conductance_max_us()) / highest_us();
    high_.clear();
    is_high_.assign(pairs_.size(), false);
    for (std::uint32_t u = 0; u < pairs_.size(); ++u) note_high(u);
  }
  std::erase_if(high_, [this](std::uint32_t u) {
    const auto& g = pairs_[u].conductance_us;
    if (std::max(g[0], g[1]) > high_threshold_us_) return false;
    is_high_[u] = false;
    return true;
  });
  return high_;
}

void CellArray::age(double seconds) {
  now_s_ += seconds;
  schedule_.swept(now_s_);
  schedule_.advance(now_s_, [](std::uint32_t, float) {});
}

CellArray::Value CellArray::value(std::uint32_t unit, int side) const {
  if (is_plain_) {
    const auto s = static_cast<std::size_t>(side);
    const float g = drifted(pairs_[unit].conductance_us[s], pairs_[unit].last_pulse_s[s], age_table(), age_rule());
    const float noise = law_.noise_slope * g + law_.noise_offset_us;
    return {g, noise * noise};
  }
  std::array<Value, 2> v;
  values(unit, 1, {&v[0].conductance_us, &v[0].variance_us2}, {&v[1].conductance_us, &v[1].variance_us2});
  return v[static_cast<std::size_t>(side)];
}

void CellArray::values(std::uint32_t first, std::size_t count, const CellsOut& plus, const CellsOut& minus) const {
  const std::uint32_t first_cell = 2 * first;
  thread_local std::vector<float> z;
  const std::size_t skip = first_cell % 32;
  z.resize(skip + 2 * count);
  if (drift_law_.is_individual()) {
    gaussians(RandomStream(spec_.seed, Purpose::drift_exponent, spec_.unit, 0), z, first_cell / 32);
  } else {
    std::fill(z.begin(), z.end(), 0.0f);
  }
  evaluate(first, count, z.data() + skip, plus, minus);
  if (!faults_.empty()) apply_faults(first, count, plus, minus);
  if (!is_single()) return;
  std::fill_n(minus.conductance_us, count, static_cast<float>(spec_.synapse.reference_us));
  std::fill_n(minus.variance_us2, count, 0.0f);
}

// The kernel wants times beside conductances; where they are all the same they are put there a few pairs at a time.
void CellArray::evaluate(std::uint32_t first, std::size_t count, const float* z, const CellsOut& plus,
                         const CellsOut& minus) const {
  if (!spec_.write_once) {
    evaluate_cells(pairs_[first].conductance_us.data(), z, count, drift_table_.ages(), drift_table_.logs(), age_rule(),
                   law_, plus, minus);
    return;
  }
  constexpr std::size_t kPairs = 256;
  std::array<CellPair, kPairs> some;
  for (std::size_t begin = 0; begin < count; begin += kPairs) {
    const std::size_t here = std::min(kPairs, count - begin);
    for (std::size_t i = 0; i < here; ++i) some[i] = {held_[first + begin + i], {written_s_, written_s_}};
    evaluate_cells(some[0].conductance_us.data(), z + 2 * begin, here, drift_table_.ages(), drift_table_.logs(),
                   age_rule(), law_, {plus.conductance_us + begin, plus.variance_us2 + begin},
                   {minus.conductance_us + begin, minus.variance_us2 + begin});
  }
}

bool CellArray::lane_values(int first_lane, int lanes, std::uint32_t crossing, const CellsOut& plus,
                            const CellsOut& minus) const {
  if (drift_law_.is_individual() || !faults_.empty() || is_single() || spec_.write_once) return false;
  thread_local std::vector<CellPair> gathered;
  thread_local std::vector<float> z;
  const auto count = static_cast<std::size_t>(lanes);
  gathered.resize(count);
  z.assign(2 * count, 0.0f);
  for (std::size_t k = 0; k < count; ++k) {
    gathered[k] = pairs_[(static_cast<std::size_t>(first_lane) + k) * crossings() + crossing];
  }
  evaluate_cells(gathered.front().conductance_us.data(), z.data(), count, drift_table_.ages(), drift_table_.logs(),
                 age_rule(), law_, plus, minus);
  return true;
}

float CellArray::stuck_at(FaultKind kind) const {
  if (kind == FaultKind::dead) return 0;
  return static_cast<float>(kind == FaultKind::stuck_low ? cell_->conductance_min_us() : cell_->conductance_max_us());
}

void CellArray::apply_faults(std::uint32_t first, std::size_t count, const CellsOut& plus,
                             const CellsOut& minus) const {
  for (const Fault& fault : faults_.range(2 * first, 2 * static_cast<std::uint32_t>(count))) {
    const CellsOut& out = fault.cell % 2 == 0 ? plus : minus;
    const std::uint32_t i = fault.cell / 2 - first;
    const float g = stuck_at(fault.kind);
    out.conductance_us[i] = g;
    const double stddev = fault.kind == FaultKind::dead ? 0 : read_noise_.stddev_us(g, g, drift_law_.reference_age_s);
    out.variance_us2[i] = static_cast<float>(stddev * stddev);
  }
}

float CellArray::highest_us() const {
  const double youngest =
      std::max(1.0, std::pow(drift_law_.min_age_s / drift_law_.reference_age_s, -drift_law_.steepest()));
  const double common = is_plain_ ? static_cast<double>(std::max(1.0f, drift_table_.factor(0))) : youngest;
  return static_cast<float>(cell_->conductance_max_us()) * static_cast<float>(common);
}

std::array<float, 2> CellArray::variance_bounds_us2() const {
  if (!read_noise_.is_noisy()) return {0, 0};
  const auto square = [](double x) { return static_cast<float>(x * x); };
  const bool may_be_silent =
      read_noise_.has_flicker() || spec_.faults.any() || is_single() || spec_.wires.model != WireModel::none;
  constexpr int kPoints = 64;
  double most = 0;
  for (int k = 1; k <= kPoints; ++k) {
    const double g = static_cast<double>(highest_us()) * k / kPoints;
    most = std::max(most, read_noise_.stddev_us(g, g, kOldestAge));
  }
  return {may_be_silent ? 0 : square(read_noise_.offset_us), square(most)};
}

void CellArray::save(const std::string& prefix, SafetensorsWriter& out) const {
  OHMIC_EXPECT(!spec_.write_once);
  const std::span<const float> cells(reinterpret_cast<const float*>(pairs_.data()), pairs_.size() * 4);
  const std::int64_t lanes = layout_.lanes();
  out.add(prefix + ".pairs", cells, {lanes * spec_.inputs, spec_.outputs, 4});
  out.add(prefix + ".pulse_counts", std::span<const std::uint8_t>(pulse_counts_),
          {lanes * spec_.inputs, spec_.outputs, 2});
  out.keep(prefix + ".times_s", std::vector<double>{now_s_, schedule_.last_sweep_s()});
  if (spec_.counts_wear) wear_.save(prefix + ".wear", out);
}

void CellArray::load(const std::string& prefix, const SafetensorsFile& in) {
  OHMIC_EXPECT(!spec_.write_once);
  in.read(prefix + ".pairs", std::span<float>(reinterpret_cast<float*>(pairs_.data()), pairs_.size() * 4));
  in.read(prefix + ".pulse_counts", std::span<std::uint8_t>(pulse_counts_));
  std::array<double, 2> times{};
  in.read(prefix + ".times_s", std::span<double>(times));
  if (spec_.counts_wear) wear_.load(prefix + ".wear", in);
  now_s_ = times[0];
  schedule_.swept(times[1]);
  high_us_ = -1;
  log_all_pulses();
}

std::size_t CellArray::bytes() const {
  return wear_.bytes() + pairs_.capacity() * sizeof(CellPair) + held_.capacity() * sizeof(held_[0]) +
         pulse_counts_.capacity() + schedule_.bytes() + high_.capacity() * sizeof(std::uint32_t) + is_high_.size() / 8 +
         faults_.all().size_bytes();
}

}  // namespace ohmic
