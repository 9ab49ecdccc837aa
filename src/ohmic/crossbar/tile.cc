#include "ohmic/crossbar/tile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Tile and block share the 24 bits that key a read's noise.
constexpr std::uint32_t kMostUnits = 1u << 14;
constexpr int kMostPulsesPerStep = 256;  // one step's pulses at one cell have the keys step * 256 + 0 .. 255
constexpr std::size_t kGroupsPerChunk = 4;

// The digit ranges cover every weight and variance that a weight's cells can have at any age.
DigitScale digit_scale(const CellArray& cells, const SynapseSpec& synapse) {
  const auto per_weight = static_cast<float>(1 / synapse.weight_conductance_us);
  const auto reference = static_cast<float>(synapse.reference_us);
  const float highest = cells.is_single() ? std::max(cells.highest_us() - reference, reference) : cells.highest_us();
  float shares = 0;  // of independent noise
  for (int k = 0; k < cells.layout().cells(); ++k) shares += cells.layout().share(k) * cells.layout().share(k);
  const float sides = cells.is_single() ? 1 : 2;
  const auto [least, most] = cells.variance_bounds_us2();
  const float lowest_variance = sides * shares * least * per_weight * per_weight;
  const float highest_variance = sides * shares * most * per_weight * per_weight;
  return {highest * per_weight / DigitScale::kMostSteps, (highest_variance - lowest_variance) / 255,
          0.5f * (lowest_variance + highest_variance)};
}

}  // namespace

Tile::Tile(const TileSpec& spec, std::shared_ptr<const CellModel> cell) : spec_(spec), wires_(spec) {
  check_spec();
  cells_ = std::make_unique<CellArray>(spec_, std::move(cell));
  build_readers();
  if (spec_.write_once) return;  // nothing is there to be read yet
  wires_.renew(*cells_);
  evaluate_all();
}

void Tile::check_spec() const {
  const auto most = static_cast<std::int64_t>(1) << 30;
  const std::int64_t lanes = spec_.synapse.cells * spec_.synapse.slices * spec_.synapse.copies;
  const std::int64_t weights = static_cast<std::int64_t>(spec_.inputs) * spec_.outputs;
  if (spec_.inputs < 1 || spec_.outputs < 1 || weights > most) {
    fail("a tile of {} x {} weights cannot be made: it needs 1 to {} of them; split the layer", spec_.inputs,
         spec_.outputs, most);
  }
  if (weights * lanes > most) {
    fail(
        "a tile of {} x {} weights with {} units each (synapse.cells x slices x copies) needs more than {} units; "
        "lower one of them or split the layer",
        spec_.inputs, spec_.outputs, lanes, most);
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
  if (blocks() * spec_.synapse.slices * spec_.synapse.copies > ReadKey::kMostBlocks) {
    fail(
        "a tile of {} x {} weights falls into {} arrays in one direction, times synapse.slices x copies; at most {} "
        "are "
        "possible: choose larger periphery.array_rows and array_columns",
        spec_.inputs, spec_.outputs, blocks(), ReadKey::kMostBlocks);
  }
  if (spec_.faults.remap && spec_.wires.model != WireModel::none) {
    fail(
        "faults.remap exchanges lines as if their place did not matter, but wires.model makes it matter; switch off "
        "one "
        "of them");
  }
  if (spec_.unit >= kMostUnits) fail("a network can have at most {} tiles", kMostUnits);
}

int Tile::blocks() const {
  const std::int64_t rows = (spec_.inputs - 1) / spec_.periphery.array_rows;
  const std::int64_t columns = (spec_.outputs - 1) / spec_.periphery.array_columns;
  return static_cast<int>(std::max(rows, columns)) + 1;
}

void Tile::build_readers() {
  const DigitScale scale = digit_scale(*cells_, spec_.synapse);
  const ReadNoiseLaw noise = cells_->model().read_noise();
  digit_rule_ = {static_cast<float>(1 / spec_.synapse.weight_conductance_us),
                 static_cast<float>(noise.slope),
                 static_cast<float>(noise.offset_us),
                 1 / scale.weight_step,
                 static_cast<float>(DigitScale::kMostSteps),
                 scale.variance_middle,
                 scale.variance_step > 0 ? 1 / scale.variance_step : 0};
  const auto rows = static_cast<int>(spec_.periphery.array_rows);
  const auto columns = static_cast<int>(spec_.periphery.array_columns);
  for (int array = 0; array < cells_->layout().arrays(); ++array) {
    readers_.push_back({make_reader(spec_.inputs, spec_.outputs, rows, columns, scale), std::nullopt, {}, {}});
  }
}

ArrayReader Tile::make_reader(int rows, int columns, int block_rows, int block_columns, const DigitScale& scale) const {
  return {rows, columns, block_rows, block_columns, spec_.periphery, scale, cells_->model().read_noise().is_noisy()};
}

// The transposed digits cost memory, so they are made when first needed.
void Tile::make_backward_readers() {
  const auto rows = static_cast<int>(spec_.periphery.array_rows);
  const auto columns = static_cast<int>(spec_.periphery.array_columns);
  for (Readers& readers : readers_) {
    const DigitMatrix& digits = readers.forward.digits();
    readers.backward = make_reader(spec_.outputs, spec_.inputs, columns, rows, digits.scale());
    readers.backward->digits().assign_transposed(digits);
    readers.backward_patches = PatchReader();
  }
}

// ------------------------------------------------------------------------------------------------------- evaluation

// Weights and variances, in weight units, of crossings [first, first + count) in one array.
void Tile::effective(int array, std::uint32_t first, std::size_t count, float* weight, float* variance) const {
  thread_local std::vector<float> scratch;
  scratch.resize(4 * count);
  const CellsOut plus{scratch.data(), scratch.data() + count};
  const CellsOut minus{scratch.data() + 2 * count, scratch.data() + 3 * count};
  std::fill_n(weight, count, 0.0f);
  std::fill_n(variance, count, 0.0f);
  const LaneLayout& layout = cells_->layout();
  if (count == 1 && layout.cells() > 1 && !wires_.any() && effective_of_one(array, first, weight, variance)) return;
  for (int lane = layout.first_lane(array); lane < layout.first_lane(array + 1); ++lane) {
    cells_->values(static_cast<std::uint32_t>(lane) * cells_->crossings() + first, count, plus, minus);
    if (wires_.any()) wires_.apply(static_cast<std::uint32_t>(lane) * cells_->crossings() + first, count, plus, minus);
    const float share = layout.share(lane) * digit_rule_.per_weight;
    for (std::size_t i = 0; i < count; ++i) {
      weight[i] += share * (plus.conductance_us[i] - minus.conductance_us[i]);
      variance[i] += share * share * (plus.variance_us2[i] + minus.variance_us2[i]);
    }
  }
}

// `effective` of one crossing with its lanes side by side; the same bits.
bool Tile::effective_of_one(int array, std::uint32_t crossing, float* weight, float* variance) const {
  const LaneLayout& layout = cells_->layout();
  const auto lanes = static_cast<std::size_t>(layout.cells());
  thread_local std::vector<float> scratch;
  scratch.resize(4 * lanes);
  const CellsOut plus{scratch.data(), scratch.data() + lanes};
  const CellsOut minus{scratch.data() + 2 * lanes, scratch.data() + 3 * lanes};
  if (!cells_->lane_values(layout.first_lane(array), layout.cells(), crossing, plus, minus)) return false;
  for (std::size_t k = 0; k < lanes; ++k) {
    const float share = layout.share(layout.first_lane(array) + static_cast<int>(k)) * digit_rule_.per_weight;
    *weight += share * (plus.conductance_us[k] - minus.conductance_us[k]);
    *variance += share * share * (plus.variance_us2[k] + minus.variance_us2[k]);
  }
  return true;
}

PairDigits Tile::digits(int array, std::uint32_t crossing) const {
  if (cells_->is_plain()) {
    return digits_of_pair(cells_->value(crossing, 0).conductance_us, cells_->value(crossing, 1).conductance_us,
                          digit_rule_);
  }
  float weight, variance;
  effective(array, crossing, 1, &weight, &variance);
  return digits_of_weight(weight, variance, digit_rule_);
}

void Tile::evaluate(std::uint32_t unit) {
  const std::uint32_t crossing = unit % cells_->crossings();
  const int array = cells_->layout().array_of(static_cast<int>(unit / cells_->crossings()));
  const PairDigits d = digits(array, crossing);
  const auto input = static_cast<int>(crossing / static_cast<std::uint32_t>(spec_.outputs));
  const auto output = static_cast<int>(crossing % static_cast<std::uint32_t>(spec_.outputs));
  Readers& readers = readers_[static_cast<std::size_t>(array)];
  readers.forward.digits().set(input, output, d);
  if (readers.backward) readers.backward->digits().set(output, input, d);
}

void Tile::evaluate_group(int array, int group, const DigitGroup& to) const {
  const auto columns = static_cast<std::size_t>(spec_.outputs);
  const int rows = std::min(4, spec_.inputs - 4 * group);
  const auto first = static_cast<std::size_t>(4 * group) * columns;
  if (cells_->is_plain()) {
    const float* states[4] = {};
    for (int k = 0; k < rows; ++k) {
      states[k] = cells_->pairs()[first + static_cast<std::size_t>(k) * columns].conductance_us.data();
    }
    evaluate_pairs(states, spec_.outputs, cells_->age_table(), cells_->age_rule(), digit_rule_, to);
    return;
  }
  thread_local std::vector<float> weights, variances;
  const std::size_t count = static_cast<std::size_t>(rows) * columns;
  weights.resize(count);
  variances.resize(count);
  effective(array, static_cast<std::uint32_t>(first), count, weights.data(), variances.data());
  for (std::size_t i = 0; i < count; ++i) {
    const PairDigits d = digits_of_weight(weights[i], variances[i], digit_rule_);
    std::int8_t* const at = to.column(static_cast<int>(i % columns)) + i / columns;
    at[0] = d.high;
    at[DigitPanels::kKindBytes] = d.low;
    at[2 * DigitPanels::kKindBytes] = d.variance;
  }
}

void Tile::evaluate_all_or_later() {
  if (spec_.write_once) {
    is_stale_ = true;
  } else {
    evaluate_all();
  }
}

void Tile::evaluate_all() {
  is_stale_ = false;
  const auto groups = static_cast<std::size_t>((spec_.inputs + 3) / 4);
  for (int array = 0; array < cells_->layout().arrays(); ++array) {
    Readers& readers = readers_[static_cast<std::size_t>(array)];
    DigitMatrix& digits = readers.forward.digits();
    std::vector<DigitGroup> to;
    for (std::size_t g = 0; g < groups; ++g) to.push_back(digits.group(static_cast<int>(g)));
    parallel_chunks(groups, kGroupsPerChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t g = begin; g < end; ++g) evaluate_group(array, static_cast<int>(g), to[g]);
    });
    if (readers.backward) readers.backward->digits().assign_transposed(digits);
  }
}

float Tile::effective_weight(int input, int output) const {
  OHMIC_EXPECT(!is_stale_);
  float weight = 0;
  for (int a = 0; a < cells_->layout().arrays(); ++a) {
    const DigitMatrix& digits = readers_[static_cast<std::size_t>(a)].forward.digits();
    weight += cells_->layout().factor(a) * digits.weight(input, output);
  }
  return weight;
}

void Tile::read_weights(MatrixView<float> weights) const {
  OHMIC_EXPECT(weights.rows == static_cast<std::size_t>(inputs()));
  OHMIC_EXPECT(weights.columns == static_cast<std::size_t>(outputs()));
  const std::size_t count = weights.rows * weights.columns;
  std::vector<float> part(2 * count);
  std::fill_n(weights.data, count, 0.0f);
  for (int a = 0; a < cells_->layout().arrays(); ++a) {
    effective(a, 0, count, part.data(), part.data() + count);
    const float factor = weight_scale_ * cells_->layout().factor(a);
    for (std::size_t i = 0; i < count; ++i) weights.data[i] += factor * part[i];
  }
}

float Tile::effective_variance(int input, int output) const {
  OHMIC_EXPECT(!is_stale_);
  if (!cells_->model().read_noise().is_noisy()) return 0;
  float variance = 0;
  for (int a = 0; a < cells_->layout().arrays(); ++a) {
    const float factor = cells_->layout().factor(a);
    variance += factor * factor * readers_[static_cast<std::size_t>(a)].forward.digits().variance(input, output);
  }
  return variance;
}

// ------------------------------------------------------------------------------------------------------------ writes

void Tile::pulse_unit(std::uint32_t unit, bool potentiation, std::uint64_t key) {
  Counters& counters = counters_[Phase::update];
  if (!cells_->is_single()) {
    cells_->set(unit, potentiation ? 0 : 1, key, counters);
  } else if (potentiation) {
    cells_->set(unit, 0, key, counters);
  } else {
    cells_->depress(unit, 0, key, counters);
  }
}

void Tile::pulse_event(const PulseRequest& request, std::uint64_t key) {
  const LaneLayout& layout = cells_->layout();
  const int cell = selection_.next(spec_.synapse, request.count > 0);
  if (cell < 0) return;
  for (int array = 0; array < layout.arrays(); ++array) {
    const auto lane = static_cast<std::uint32_t>(layout.first_lane(array) + cell);
    const std::uint32_t unit = lane * cells_->crossings() + request.crossing;
    pulse_unit(unit, request.count > 0, key);
    evaluate(unit);
  }
}

void Tile::pulse(std::span<const PulseRequest> requests, std::uint64_t step) {
  if (cells_->layout().slices() > 1) {
    fail(
        "synapse.slices = {}: pulses cannot be shared among slices, so such weights are programmed, not trained; "
        "set synapse.slices = 1 for training",
        cells_->layout().slices());
  }
  for (const PulseRequest& request : requests) {
    const int count = std::min(std::abs(request.count), kMostPulsesPerStep / 2);
    for (int k = 0; k < count; ++k) pulse_event(request, step * kMostPulsesPerStep + static_cast<std::uint64_t>(k));
  }
}

void Tile::write_difference(std::uint32_t unit, double difference_us, const RefreshSpec& spec, double pulse_us,
                            std::uint64_t step) {
  constexpr std::uint64_t kFirstKey = 128;  // keys below belong to `pulse`
  const std::uint64_t key = step * kMostPulsesPerStep + kFirstKey;
  const auto most = static_cast<int>(spec.most_pulses);
  Counters& counters = counters_[Phase::refresh];
  cells_->reset(unit, step, counters);
  if (!spec.verify) {
    const int pulses = static_cast<int>(std::min(std::floor(std::abs(difference_us) / pulse_us), 1.0 * most));
    for (int k = 0; k < pulses; ++k) {
      cells_->set(unit, difference_us > 0 ? 0 : 1, key + static_cast<std::uint64_t>(k), counters);
    }
  }
  for (int k = 0; spec.verify && k < most; ++k) {
    const double missing = difference_us - (conductance_us(unit, 0) - conductance_us(unit, 1));
    counters.cell_reads += 2;
    if (std::abs(missing) <= pulse_us / 2) break;
    cells_->set(unit, missing > 0 ? 0 : 1, key + static_cast<std::uint64_t>(k), counters);
  }
  evaluate(unit);
}

RefreshResult Tile::refresh(const RefreshSpec& spec, double pulse_us, std::uint64_t step) {
  RefreshResult result;
  if (cells_->is_single()) return result;
  const LaneLayout& layout = cells_->layout();
  Counters& counters = counters_[Phase::refresh];
  const auto high = cells_->high_units(spec.high_us);
  const std::vector<std::uint32_t> candidates(high.begin(), high.end());
  for (const std::uint32_t unit : candidates) {
    const double plus = conductance_us(unit, 0);
    const double minus = conductance_us(unit, 1);
    if (std::max(plus, minus) <= spec.high_us || std::abs(plus - minus) >= spec.difference_us) continue;
    write_difference(unit, plus - minus, spec, pulse_us, step);
    ++result.rewritten;
    if (!spec.verify) continue;
    const double missed = plus - minus - (conductance_us(unit, 0) - conductance_us(unit, 1));
    const auto lane = static_cast<int>(unit / cells_->crossings());
    const double factor =
        static_cast<double>(layout.share(lane) * layout.factor(layout.array_of(lane)) * weight_scale_);
    result.missed.push_back(
        {unit % cells_->crossings(), static_cast<float>(missed / spec_.synapse.weight_conductance_us * factor)});
    counters.cell_reads += 2;
  }
  counters.cell_reads += 2 * cells_->units();
  counters.refreshes += static_cast<std::uint64_t>(result.rewritten);
  return result;
}

// Target conductances of one unit per weight: G+ and G- above the least that a cell conducts, or the cell and 0.
void Tile::find_targets(std::span<const float> weights, double scale, std::span<float> targets) const {
  const auto least = static_cast<float>(cell().conductance_min_us());
  const auto reference = static_cast<float>(spec_.synapse.reference_us);
  const bool is_single = cells_->is_single();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto weight = static_cast<float>(static_cast<double>(weights[i]) / scale);
    const auto difference = static_cast<float>(static_cast<double>(weight) * spec_.synapse.weight_conductance_us);
    targets[2 * i] = is_single ? reference + difference : least + std::max(difference, 0.0f);
    targets[2 * i + 1] = is_single ? 0 : least + std::max(-difference, 0.0f);
  }
}

double Tile::programmable_range_us() const {
  const SynapseSpec& synapse = spec_.synapse;
  if (!cell().has_target_programming()) return synapse.weight_conductance_us;
  const double most = cell().conductance_max_us();
  return synapse.kind == SynapseKind::single ? std::min(most - synapse.reference_us, synapse.reference_us) : most;
}

// Takes off what an array holds, as many reads of it would show (measured), or what it should (nominal), and scales
// the rest to the next slice.
void Tile::subtract_written(int array, std::span<float> missing, const ProgrammingSpec& spec) {
  const auto count = static_cast<std::size_t>(cells_->crossings());
  std::vector<float> written(count, 0.0f);
  const LaneLayout& layout = cells_->layout();
  for (int lane = layout.first_lane(array); lane < layout.first_lane(array + 1); ++lane) {
    const std::size_t first = static_cast<std::size_t>(lane) * count;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& g = cells_->written_us(static_cast<std::uint32_t>(first + i));
      const float minus = cells_->is_single() ? static_cast<float>(spec_.synapse.reference_us) : g[1];
      written[i] += layout.share(lane) * digit_rule_.per_weight * (g[0] - minus);
    }
  }
  counters_[Phase::programming].cell_reads +=
      2 * count * static_cast<std::uint64_t>(layout.cells() * spec.reads_per_verify);
  const auto ratio = static_cast<float>(spec_.synapse.slice_ratio);
  for (std::size_t i = 0; i < count; ++i) missing[i] = (missing[i] - written[i]) * ratio;
}

ProgrammingResult Tile::program(MatrixView<const float> weights, const ProgrammingSpec& spec, std::uint64_t step,
                                double scale) {
  OHMIC_EXPECT(weights.rows == static_cast<std::size_t>(inputs()));
  OHMIC_EXPECT(weights.columns == static_cast<std::size_t>(outputs()));
  const LaneLayout& layout = cells_->layout();
  const std::span<const float> all(weights.data, weights.rows * weights.columns);
  ProgrammingResult result;
  std::vector<float> missing;  // only slices miss something
  for (int array = 0; array < layout.arrays(); ++array) {
    const bool has_more = layout.slice_of(array) + 1 < layout.slices();
    if (layout.slice_of(array) == 0 && has_more) {
      missing.resize(all.size());
      for (std::size_t i = 0; i < all.size(); ++i) missing[i] = static_cast<float>(static_cast<double>(all[i]) / scale);
    }
    const bool is_sliced = layout.slices() > 1;
    const std::span<const float> wanted = is_sliced ? std::span<const float>(missing) : all;
    const auto targets = [&](std::uint32_t first, std::span<float> out) {
      find_targets(wanted.subspan(first, out.size() / 2), is_sliced ? 1 : scale, out);
    };
    const auto [before, after] = cells_->remap_faults(array, targets);
    for (int lane = layout.first_lane(array); lane < layout.first_lane(array + 1); ++lane) {
      result += cells_->program(lane, targets, spec, step, counters_[Phase::programming]);
    }
    result.fault_error_unmapped_us2 += before;
    result.fault_error_us2 += after;
    if (has_more) subtract_written(array, missing, spec);
  }
  cells_->log_all_pulses();
  wires_.renew(*cells_);
  evaluate_all_or_later();
  return result;
}

// -------------------------------------------------------------------------------------------------------------- time

void Tile::advance_to(double now_s) {
  cells_->advance_to(
      now_s, [this](std::uint32_t unit) { evaluate(unit); }, [this] { evaluate_all(); });
}

void Tile::age(double seconds) {
  cells_->age(seconds);
  wires_.renew(*cells_);
  evaluate_all_or_later();
}

void Tile::renew_wires() {
  if (!wires_.any()) return;
  wires_.renew(*cells_);
  evaluate_all_or_later();
}

// ------------------------------------------------------------------------------------------------------------- files

namespace {

void append_ranges(const ArrayReader& reader, std::vector<double>& ranges) {
  for (const ConverterRange* range : {&reader.dac_range(), &reader.adc_range()}) {
    ranges.push_back(static_cast<double>(range->full_scale()));
    ranges.push_back(static_cast<double>(range->seen()));
  }
}

void restore_ranges(ArrayReader& reader, std::span<const double> r) {
  reader.dac_range().restore(static_cast<float>(r[0]), static_cast<std::int64_t>(r[1]));
  reader.adc_range().restore(static_cast<float>(r[2]), static_cast<std::int64_t>(r[3]));
}

}  // namespace

void Tile::save(const std::string& prefix, SafetensorsWriter& out) const {
  cells_->save(prefix, out);
  wires_.save(prefix, out);
  counters_.save(prefix, out);
  out.keep(prefix + ".selection", selection_.values());
  std::vector<double> ranges;
  for (const Readers& readers : readers_) append_ranges(readers.forward, ranges);
  for (const Readers& readers : readers_) {
    if (readers.backward) append_ranges(*readers.backward, ranges);
  }
  out.keep(prefix + ".converter_ranges", ranges);
}

void Tile::load(const std::string& prefix, const SafetensorsFile& in) {
  cells_->load(prefix, in);
  if (!wires_.load(prefix, in)) wires_.renew(*cells_);
  counters_.load(prefix, in);
  selection_.restore(in.read<std::uint64_t>(prefix + ".selection"));
  const auto ranges = in.read<double>(prefix + ".converter_ranges");
  const std::size_t forward = 4 * readers_.size();
  if (ranges.size() != forward && ranges.size() != 2 * forward) {
    fail("{}.converter_ranges has {} numbers; {} or {} are wanted", prefix, ranges.size(), forward, 2 * forward);
  }
  for (std::size_t a = 0; a < readers_.size(); ++a) {
    restore_ranges(readers_[a].forward, std::span(ranges).subspan(4 * a, 4));
  }
  if (ranges.size() > forward) {
    make_backward_readers();
    for (std::size_t a = 0; a < readers_.size(); ++a) {
      restore_ranges(*readers_[a].backward, std::span(ranges).subspan(forward + 4 * a, 4));
    }
  }
  evaluate_all();
}

std::size_t Tile::bytes() const {
  std::size_t total = cells_->bytes() + wires_.bytes();
  for (const Readers& readers : readers_) {
    total += readers.forward.bytes() + (readers.backward ? readers.backward->bytes() : 0);
    total += readers.forward_patches.bytes() + readers.backward_patches.bytes();
  }
  return total;
}

}  // namespace ohmic
