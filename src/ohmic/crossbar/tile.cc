#include "ohmic/crossbar/tile.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Tile and block share the 24 bits that key a read's noise.
constexpr std::uint32_t kMostUnits = 1u << 14;
constexpr std::int64_t kMostBlocks = 1 << 10;
constexpr int kMostPulsesPerStep = 256;  // one step's pulses at one cell have the keys step * 256 + 0 .. 255

float drifted_square(const ReadNoiseLaw& noise, float conductance_us) {
  const auto stddev = static_cast<float>(noise.slope * conductance_us + noise.offset_us);
  return stddev * stddev;
}

// The digit ranges cover every conductance that the cell can have at any age.
DigitScale digit_scale(const CellModel& cell, const DriftTable& table, double weight_conductance_us) {
  const auto per_weight = static_cast<float>(1 / weight_conductance_us);
  const float youngest = table.factor(0);
  const float highest = static_cast<float>(cell.conductance_max_us()) * std::max(youngest, 1.0f);
  const float lowest_variance = 2 * drifted_square(cell.read_noise(), 0) * per_weight * per_weight;
  const float highest_variance = 2 * drifted_square(cell.read_noise(), highest) * per_weight * per_weight;
  return {highest * per_weight / DigitScale::kMostSteps, (highest_variance - lowest_variance) / 255,
          0.5f * (lowest_variance + highest_variance)};
}

bool is_noisy(const CellModel& cell) { return cell.read_noise().is_noisy(); }

}  // namespace

Tile::Tile(const TileSpec& spec, std::shared_ptr<const CellModel> cell)
    : spec_(spec),
      cell_(std::move(cell)),
      drift_law_(cell_->drift()),
      read_noise_(cell_->read_noise()),
      drift_table_(drift_law_, spec_.drift_tolerance),
      schedule_(drift_table_, spec_.drift_sweep_interval_s) {
  const auto most = static_cast<std::int64_t>(1) << 30;
  if (spec_.inputs < 1 || spec_.outputs < 1 || static_cast<std::int64_t>(spec_.inputs) * spec_.outputs > most) {
    fail("a tile of {} x {} weights cannot be made: it needs 1 to {} of them; split the layer", spec_.inputs,
         spec_.outputs, most);
  }
  for (const auto& [name, size] : {std::pair{"array_rows", spec_.periphery.array_rows},
                                   std::pair{"array_columns", spec_.periphery.array_columns}}) {
    if (size % 4 != 0)
      fail("periphery.{} = {} must be a multiple of 4; choose {} or {}", name, size, size / 4 * 4, size / 4 * 4 + 4);
  }
  for (const auto& [name, bits] :
       {std::pair{"dac_bits", spec_.periphery.dac_bits}, std::pair{"adc_bits", spec_.periphery.adc_bits}}) {
    if (bits == 1)
      fail("periphery.{} = 1 leaves no code but zero beside the sign; choose 2 or more, or 0 for exact values", name);
  }
  const std::int64_t blocks =
      std::max((spec_.inputs - 1) / spec_.periphery.array_rows, (spec_.outputs - 1) / spec_.periphery.array_columns) +
      1;
  if (blocks > kMostBlocks) {
    fail(
        "a tile of {} x {} weights falls into {} arrays in one direction; at most {} are possible: choose larger "
        "periphery.array_rows and array_columns",
        spec_.inputs, spec_.outputs, blocks, kMostBlocks);
  }
  if (spec_.unit >= kMostUnits) fail("a network can have at most {} tiles", kMostUnits);
  build_readers();
  initialise();
}

void Tile::build_readers() {
  const DigitScale scale = digit_scale(*cell_, drift_table_, spec_.synapse.weight_conductance_us);
  digit_rule_ = {static_cast<float>(1 / spec_.synapse.weight_conductance_us),
                 static_cast<float>(read_noise_.slope),
                 static_cast<float>(read_noise_.offset_us),
                 1 / scale.weight_step,
                 static_cast<float>(DigitScale::kMostSteps),
                 scale.variance_middle,
                 scale.variance_step > 0 ? 1 / scale.variance_step : 0};
  const auto rows = static_cast<int>(spec_.periphery.array_rows);
  const auto columns = static_cast<int>(spec_.periphery.array_columns);
  forward_.emplace(spec_.inputs, spec_.outputs, rows, columns, spec_.periphery, scale, is_noisy(*cell_));
}

// Cells are as if programmed one reference age before time 0, with one RESET and no further SET pulses behind them.
void Tile::initialise() {
  const std::size_t count = static_cast<std::size_t>(spec_.inputs) * static_cast<std::size_t>(spec_.outputs);
  pairs_.resize(count);
  pulse_counts_.assign(2 * count, static_cast<std::uint8_t>(spec_.synapse.initial_pulses));
  is_high_.assign(count, false);
  const RandomStream stream(spec_.seed, Purpose::initial_conductance, spec_.unit, 0);
  std::vector<float> z(2 * count);
  gaussians(stream, z);
  const SynapseSpec& synapse = spec_.synapse;
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t side = 0; side < 2; ++side) {
      const double g = synapse.initial_mean_us + synapse.initial_stddev_us * z[2 * p + side];
      pairs_[p].conductance_us[side] = static_cast<float>(std::clamp(g, 0.0, cell_->conductance_max_us()));
      pairs_[p].last_pulse_s[side] = static_cast<float>(-drift_law_.reference_age_s);
    }
  }
  log_all_pulses();
  evaluate_all();
}

void Tile::log_all_pulses() {
  std::vector<std::pair<std::uint32_t, float>> last_pulses(2 * pairs_.size());
  for (std::uint32_t c = 0; c < last_pulses.size(); ++c) last_pulses[c] = {c, pairs_[c / 2].last_pulse_s[c % 2]};
  schedule_.restore(std::move(last_pulses), now_s_, schedule_.last_sweep_s());
}

float Tile::exponent_of(std::uint32_t cell) const {
  const RandomStream stream(spec_.seed, Purpose::drift_exponent, spec_.unit, 0);
  const double conductance_us = pairs_[cell / 2].conductance_us[cell % 2];
  return static_cast<float>(drift_law_.exponent_of(conductance_us, random_gaussian(stream, cell)));
}

float Tile::drift_factor(std::uint32_t cell, float last_pulse_s) const {
  if (!drift_table_.drifts()) return 1;
  const float age = schedule_.age_rule(now_s_).age(last_pulse_s);
  return drift_law_.is_individual() ? drift_table_.factor(age, exponent_of(cell)) : drift_table_.factor(age);
}

float Tile::conductance_us(std::uint32_t crossing, int side) const {
  const CellPair& pair = pairs_[crossing];
  const auto s = static_cast<std::size_t>(side);
  return pair.conductance_us[s] * drift_factor(2 * crossing + static_cast<std::uint32_t>(side), pair.last_pulse_s[s]);
}

PairDigits Tile::digits(std::uint32_t crossing) const {
  if (drift_law_.is_individual()) {
    return digits_of_pair(conductance_us(crossing, 0), conductance_us(crossing, 1), digit_rule_);
  }
  const CellPair& p = pairs_[crossing];
  const AgeTable table = drift_table_.ages();
  const AgeRule age = schedule_.age_rule(now_s_);
  return digits_of_pair(drifted(p.conductance_us[0], p.last_pulse_s[0], table, age),
                        drifted(p.conductance_us[1], p.last_pulse_s[1], table, age), digit_rule_);
}

void Tile::evaluate(std::uint32_t crossing) {
  const PairDigits d = digits(crossing);
  const auto input = static_cast<int>(crossing / static_cast<std::uint32_t>(spec_.outputs));
  const auto output = static_cast<int>(crossing % static_cast<std::uint32_t>(spec_.outputs));
  forward_->digits().set(input, output, d);
  if (backward_) backward_->digits().set(output, input, d);
}

void Tile::evaluate_group(int group, const AgeRule& age) {
  const float* rows[4];
  for (int k = 0; k < 4; ++k) {
    const int row = 4 * group + k;
    const auto first = static_cast<std::size_t>(row) * static_cast<std::size_t>(spec_.outputs);
    rows[k] = row < spec_.inputs ? pairs_[first].conductance_us.data() : nullptr;
  }
  const DigitMatrix::Group d = forward_->digits().group(group);
  evaluate_pairs(rows, spec_.outputs, drift_table_.ages(), age, digit_rule_, d.high, d.low, d.variance);
}

void Tile::evaluate_all() {
  // With a drift exponent of each cell's own there is no common table of factors.
  if (drift_law_.is_individual()) {
    for (std::uint32_t p = 0; p < pairs_.size(); ++p) evaluate(p);
    return;
  }
  const AgeRule age = schedule_.age_rule(now_s_);
  const int groups = (spec_.inputs + 3) / 4;
  for (int group = 0; group < groups; ++group) evaluate_group(group, age);
  if (backward_) backward_->digits().assign_transposed(forward_->digits());
}

ReadKey Tile::read_key(Purpose purpose, std::uint64_t first_read) const {
  return {spec_.seed, purpose, spec_.unit, first_read};
}

void Tile::forward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate) {
  forward_->read(x, y, read_key(Purpose::forward_read, first_read), calibrate, counters_);
  if (output_scale_ == 1) return;
  for (std::size_t i = 0; i < y.rows * y.columns; ++i) y.data[i] *= output_scale_;
}

// The transposed digits cost memory, so they are made when first needed.
ArrayReader& Tile::backward_reader() {
  if (!backward_) {
    const auto rows = static_cast<int>(spec_.periphery.array_rows);
    const auto columns = static_cast<int>(spec_.periphery.array_columns);
    backward_.emplace(spec_.outputs, spec_.inputs, columns, rows, spec_.periphery, forward_->digits().scale(),
                      is_noisy(*cell_));
    evaluate_all();
  }
  return *backward_;
}

void Tile::backward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate) {
  backward_reader().read(x, y, read_key(Purpose::backward_read, first_read), calibrate, counters_);
}

void Tile::set_cell(std::uint32_t crossing, int side, std::uint64_t key) {
  const std::uint32_t cell = 2 * crossing + static_cast<std::uint32_t>(side);
  const auto s = static_cast<std::size_t>(side);
  CellPair& pair = pairs_[crossing];
  const PulseNoise noise{random_gaussian(RandomStream(spec_.seed, Purpose::set_pulse, spec_.unit, key), cell),
                         random_gaussian(RandomStream(spec_.seed, Purpose::step_spread, spec_.unit, 0), cell)};
  pair.conductance_us[s] = cell_->set(pair.conductance_us[s], pulse_counts_[cell], noise);
  pulse_counts_[cell] = static_cast<std::uint8_t>(std::min(pulse_counts_[cell] + 1, 255));
  pair.last_pulse_s[s] = static_cast<float>(now_s_);
  schedule_.pulsed(cell, now_s_);
  ++counters_.set_pulses;
  if (high_us_ >= 0) note_high(crossing);
}

void Tile::pulse(std::span<const PulseRequest> requests, std::uint64_t step) {
  for (const PulseRequest& request : requests) {
    const int side = request.count > 0 ? 0 : 1;
    const int count = std::min(std::abs(request.count), kMostPulsesPerStep / 2);
    for (int k = 0; k < count; ++k) {
      set_cell(request.crossing, side, step * kMostPulsesPerStep + static_cast<std::uint64_t>(k));
    }
    evaluate(request.crossing);
  }
}

void Tile::reset_pair(std::uint32_t crossing, std::uint64_t key) {
  const RandomStream stream(spec_.seed, Purpose::reset_pulse, spec_.unit, key);
  for (std::uint32_t side = 0; side < 2; ++side) {
    const std::uint32_t cell = 2 * crossing + side;
    pairs_[crossing].conductance_us[side] = cell_->reset(random_gaussian(stream, cell));
    pairs_[crossing].last_pulse_s[side] = static_cast<float>(now_s_);
    pulse_counts_[cell] = 0;
    schedule_.pulsed(cell, now_s_);
    ++counters_.reset_pulses;
  }
}

void Tile::note_high(std::uint32_t crossing) {
  const auto& g = pairs_[crossing].conductance_us;
  if (is_high_[crossing] || std::max(g[0], g[1]) <= high_threshold_us_) return;
  is_high_[crossing] = true;
  high_pairs_.push_back(crossing);
}

// A cell can be above `high_us` only if its conductance, young as can be, is.
void Tile::find_high_pairs(double high_us) {
  if (high_us != high_us_) {
    high_us_ = high_us;
    high_threshold_us_ = static_cast<float>(high_us / std::max(drift_table_.factor(0), 1.0f));
    for (std::uint32_t p = 0; p < pairs_.size(); ++p) note_high(p);
  }
  std::erase_if(high_pairs_, [this](std::uint32_t p) {
    const auto& g = pairs_[p].conductance_us;
    if (std::max(g[0], g[1]) > high_threshold_us_) return false;
    is_high_[p] = false;
    return true;
  });
}

void Tile::write_difference(std::uint32_t crossing, double difference_us, int pulses, std::uint64_t step) {
  constexpr std::uint64_t kFirstKey = 128;  // keys below belong to `pulse`
  reset_pair(crossing, step);
  for (int k = 0; k < pulses; ++k) {
    set_cell(crossing, difference_us > 0 ? 0 : 1,
             step * kMostPulsesPerStep + kFirstKey + static_cast<std::uint64_t>(k));
  }
  evaluate(crossing);
}

int Tile::refresh(const RefreshSpec& spec, double pulse_us, std::uint64_t step) {
  find_high_pairs(spec.high_us);
  int rewritten = 0;
  const std::size_t candidates = high_pairs_.size();
  for (std::size_t c = 0; c < candidates; ++c) {
    const std::uint32_t p = high_pairs_[c];
    const double plus = conductance_us(p, 0);
    const double minus = conductance_us(p, 1);
    if (std::max(plus, minus) <= spec.high_us || std::abs(plus - minus) >= spec.difference_us) continue;
    const double pulses =
        std::min(std::floor(std::abs(plus - minus) / pulse_us), static_cast<double>(spec.most_pulses));
    write_difference(p, plus - minus, static_cast<int>(pulses), step);
    ++rewritten;
  }
  counters_.cell_reads += 2 * pairs_.size();
  counters_.refreshes += static_cast<std::uint64_t>(rewritten);
  return rewritten;
}

void Tile::program(MatrixView<const float> weights, std::uint64_t step) {
  OHMIC_EXPECT(weights.rows == static_cast<std::size_t>(inputs()));
  OHMIC_EXPECT(weights.columns == static_cast<std::size_t>(outputs()));
  for (std::uint32_t p = 0; p < pairs_.size(); ++p) {
    const double difference = weights.data[p] * spec_.synapse.weight_conductance_us;
    const int pulses = std::min(static_cast<int>(cell_->pulses_for(std::abs(difference))), kMostPulsesPerStep / 2 - 1);
    write_difference(p, difference, pulses, step);
  }
  log_all_pulses();
}

void Tile::advance_to(double now_s) {
  OHMIC_EXPECT(now_s >= now_s_);
  now_s_ = now_s;
  if (!drift_table_.drifts()) return;
  if (schedule_.sweep_due(now_s)) {
    sweep();
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
      evaluate_all();
    } else if (pairs_[cell / 2].last_pulse_s[cell % 2] == time_s) {
      evaluate(cell / 2);
    }
  }
}

// Evaluates every cell at its present age.
void Tile::sweep() {
  schedule_.swept(now_s_);
  schedule_.advance(now_s_, [](std::uint32_t, float) {});
  evaluate_all();
}

void Tile::age(double seconds) {
  now_s_ += seconds;
  sweep();
}

float Tile::effective_weight(int input, int output) const { return forward_->digits().weight(input, output); }

float Tile::effective_variance(int input, int output) const {
  return is_noisy(*cell_) ? forward_->digits().variance(input, output) : 0;
}

namespace {

std::vector<std::uint64_t> counter_values(const Counters& counters) {
  std::vector<std::uint64_t> values;
  Counters::each(counters, [&](std::string_view, const std::uint64_t& value) { values.push_back(value); });
  return values;
}

}  // namespace

void Tile::save(const std::string& prefix, SafetensorsWriter& out) const {
  const std::span<const float> cells(reinterpret_cast<const float*>(pairs_.data()), pairs_.size() * 4);
  out.add(prefix + ".pairs", cells, {spec_.inputs, spec_.outputs, 4});
  out.add(prefix + ".pulse_counts", std::span<const std::uint8_t>(pulse_counts_), {spec_.inputs, spec_.outputs, 2});
  out.keep(prefix + ".times_s", std::vector<double>{now_s_, schedule_.last_sweep_s()});
  out.keep(prefix + ".counters", counter_values(counters_));
  std::vector<double> ranges;
  for (const auto* reader : {&forward_, &backward_}) {
    if (!*reader) continue;
    for (const ConverterRange* range : {&(*reader)->dac_range(), &(*reader)->adc_range()}) {
      ranges.push_back(static_cast<double>(range->full_scale()));
      ranges.push_back(static_cast<double>(range->seen()));
    }
  }
  out.keep(prefix + ".converter_ranges", ranges);
}

void Tile::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".pairs", std::span<float>(reinterpret_cast<float*>(pairs_.data()), pairs_.size() * 4));
  in.read(prefix + ".pulse_counts", std::span<std::uint8_t>(pulse_counts_));
  std::array<double, 2> times{};
  in.read(prefix + ".times_s", std::span<double>(times));
  now_s_ = times[0];
  schedule_.swept(times[1]);
  std::vector<std::uint64_t> counts = counter_values(counters_);
  in.read(prefix + ".counters", std::span<std::uint64_t>(counts));
  std::size_t next = 0;
  Counters::each(counters_, [&](std::string_view, std::uint64_t& value) { value = counts[next++]; });
  const auto ranges = in.read<double>(prefix + ".converter_ranges");
  const auto restore = [](ArrayReader& reader, std::span<const double> r) {
    reader.dac_range().restore(static_cast<float>(r[0]), static_cast<std::int64_t>(r[1]));
    reader.adc_range().restore(static_cast<float>(r[2]), static_cast<std::int64_t>(r[3]));
  };
  if (ranges.size() != 4 && ranges.size() != 8)
    fail("{}.converter_ranges has {} numbers; 4 or 8 are wanted", prefix, ranges.size());
  restore(*forward_, std::span(ranges).first(4));
  if (ranges.size() == 8) restore(backward_reader(), std::span(ranges).last(4));
  high_us_ = -1;
  high_pairs_.clear();
  is_high_.assign(pairs_.size(), false);
  log_all_pulses();
  evaluate_all();
}

std::size_t Tile::bytes() const {
  std::size_t total = pairs_.capacity() * sizeof(CellPair) + pulse_counts_.capacity() + schedule_.bytes() +
                      high_pairs_.capacity() * sizeof(std::uint32_t) + is_high_.size() / 8;
  for (const auto* reader : {&forward_, &backward_}) total += *reader ? (*reader)->bytes() : 0;
  return total;
}

}  // namespace ohmic
