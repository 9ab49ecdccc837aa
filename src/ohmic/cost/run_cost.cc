#include "ohmic/cost/run_cost.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr int kFloatWordBits = 32, kNarrowBits = 8;
constexpr double kBytesPerKib = 1024, kBitsPerByte = 8;
constexpr double kDefaultMemoryKib = 32;  // of a core without a size
constexpr double kUpdateLanes = 256;      // [assumed] words of the accumulator changed per clock, and of layers
// [assumed] rows and columns of the gradient that units sum up at the same time, a product each per clock
constexpr std::int64_t kGradientBlock = 32;

std::uint64_t natural(std::int64_t value) { return static_cast<std::uint64_t>(value); }

double memory_kib(const ChipSpec& chip) {
  return chip.constants.sram_kib > 0 ? chip.constants.sram_kib : kDefaultMemoryKib;
}

double weight_count(const RunEvents& run) {
  double all = 0;
  for (const MatrixEvents& m : run.matrices) all += static_cast<double>(m.rows * m.columns);
  return all;
}

std::uint64_t vectors_of(const MatrixEvents& m, const Counters& c) {
  return c.crossing_reads / (natural(m.rows) * natural(m.columns) * static_cast<std::uint64_t>(m.arrays));
}

// Adds the events of one matrix, phase by phase.
class MatrixCost {
 public:
  MatrixCost(const RunEvents& run, std::size_t layer, const Technology& technology, const ChipSpec& chip,
             std::optional<double> share, CostTable& table)
      : run_(run),
        m_(run.matrices[layer]),
        layer_(layer),
        technology_(technology),
        chip_(chip),
        share_(share),
        table_(table) {}

  void add(Phase phase) {
    const Counters& c = m_.counters[phase];
    if (c == Counters()) return;
    phase_ = phase;
    c_ = &c;
    if (m_.on_cells) add_products();
    add_cell_reads();
    add_digital();
    add_writes();
  }

 private:
  void put(FigureName name, std::uint64_t count, const FigureQuery& query = {}) {
    if (count > 0) table_.add(layer_, phase_, technology_.figure(name, query), count);
  }
  FigureQuery adc_query() const { return converter_query(technology_.spec(), chip_, run_.adc_bits); }

  void add_products() {
    const TechnologySpec& t = technology_.spec();
    const auto steps = static_cast<std::uint64_t>(t.input_steps) * static_cast<std::uint64_t>(t.weight_slices);
    add_array(c_->crossing_reads * static_cast<std::uint64_t>(m_.cells_per_crossing) * steps);
    put(FigureName::dac, c_->dac_conversions * steps);
    put(FigureName::adc, c_->adc_conversions * steps, adc_query());
    const std::uint64_t vectors = vectors_of(m_, *c_);
    const bool is_back = phase_ == Phase::backward;
    const std::uint64_t inputs = vectors * natural(is_back ? m_.columns : m_.rows);
    const std::uint64_t outputs = vectors * natural(is_back ? m_.rows : m_.columns);
    put(FigureName::partial_sum, c_->adc_conversions * steps - std::min(outputs, c_->adc_conversions * steps));
    put(FigureName::activation, outputs);
    put(FigureName::memory_bit, (inputs + outputs) * kNarrowBits, {0, memory_kib(chip_)});
  }

  // The data are measured, or an activity is assumed; the upper end is every input and cell at full scale.
  void add_array(std::uint64_t cells) {
    if (cells == 0) return;
    const CostFigure full = technology_.figure(FigureName::array_cell);
    if (share_ && phase_ != Phase::backward) {
      table_.add_measured(layer_, phase_, full, cells, static_cast<double>(cells) * full.value * *share_ * 1e-18);
      return;
    }
    const double activity = technology_.spec().input_activity * technology_.spec().conductance_share;
    CostFigure typical = full.times(activity);
    typical.high = full.high;
    table_.add(layer_, phase_, typical, cells);
  }

  void add_cell_reads() {
    put(FigureName::array_cell, c_->cell_reads);
    put(FigureName::adc, c_->cell_reads, adc_query());
  }

  void add_digital() {
    add_gradient();
    const std::uint64_t direct = c_->digital_macs - c_->gradient_macs;
    if (!m_.on_cells) {
      put(FigureName::mac, direct, {kFloatWordBits, 0});
      put(FigureName::memory_bit, direct * kFloatWordBits * (phase_ == Phase::update ? 2u : 1u),
          {0, state_kib(kFloatWordBits)});
      return;
    }
    put_products(c_->accumulator_updates > 0 ? c_->accumulator_updates : direct);
    const auto word = static_cast<std::uint64_t>(run_.accumulator_bits);
    put(FigureName::memory_bit, c_->accumulator_updates * 2 * word, {0, state_kib(run_.accumulator_bits)});
  }

  // Of a batch, and what the optimiser makes of it.
  void add_gradient() {
    put_products(c_->gradient_macs);
    put(FigureName::memory_bit, operand_words() * (m_.on_cells ? kNarrowBits : kFloatWordBits), {0, memory_kib(chip_)});
    put(FigureName::mac, c_->optimizer_macs, {kFloatWordBits, 0});
    put(FigureName::memory_bit, c_->state_words * kFloatWordBits, {0, state_kib(kFloatWordBits)});
  }

  // Inputs are read again for each block of columns, deltas for each block of rows.
  std::uint64_t operand_words() const {
    const std::uint64_t vectors = c_->operand_words / natural(m_.rows + m_.columns);
    const auto blocks = [](std::int64_t whole) { return natural((whole + kGradientBlock - 1) / kGradientBlock); };
    return vectors * (natural(m_.rows) * blocks(m_.columns) + natural(m_.columns) * blocks(m_.rows));
  }

  void put_products(std::uint64_t count) {
    const bool is_narrow = m_.on_cells && run_.arithmetic == UpdateArithmetic::narrow;
    if (m_.on_cells && run_.arithmetic == UpdateArithmetic::stochastic) {
      put(FigureName::stochastic_product, count);
    } else {
      put(FigureName::mac, count, {is_narrow ? kNarrowBits : kFloatWordBits, 0});
    }
  }

  // A memory of one word for each weight.
  double state_kib(int bits) const { return weight_count(run_) * bits / kBitsPerByte / kBytesPerKib; }

  void add_writes() {
    put(FigureName::set_pulse, c_->set_pulses);
    put(FigureName::depression_pulse, c_->depression_pulses);
    put(FigureName::reset_pulse, c_->reset_pulses);
    put(FigureName::bit_read, c_->bit_reads);
    put(FigureName::bit_set, c_->bit_sets);
    put(FigureName::bit_reset, c_->bit_resets);
  }

  const RunEvents& run_;
  const MatrixEvents& m_;
  std::size_t layer_;
  const Technology& technology_;
  const ChipSpec& chip_;
  std::optional<double> share_;
  CostTable& table_;
  Phase phase_ = Phase::forward;
  const Counters* c_ = nullptr;
};

// A layer beside its matrix stands apart from it.
std::vector<std::string> names_of(const RunEvents& run) {
  std::vector<std::string> names;
  for (const MatrixEvents& m : run.matrices) names.push_back(m.name);
  for (const LayerEvents& l : run.layers) {
    const bool is_taken = std::find(names.begin(), names.end(), l.name) != names.end();
    names.push_back(is_taken ? l.name + ", digital" : l.name);
  }
  return names;
}

void add_layer(const LayerEvents& layer, std::size_t place, const Technology& technology, const ChipSpec& chip,
               CostTable& table) {
  const CostFigure mac = technology.figure(FigureName::mac, {kFloatWordBits, 0});
  const CostFigure bit = technology.figure(FigureName::memory_bit, {0, memory_kib(chip)});
  for (std::size_t p = 0; p < kPhases.size(); ++p) {
    const auto phase = static_cast<Phase>(p);
    const Counters& c = layer.counters[phase];
    table.add(place, phase, mac, c.digital_macs + c.optimizer_macs);
    table.add(place, phase, bit, c.operand_words * kNarrowBits + c.state_words * kFloatWordBits);
  }
}

bool belongs_to_training(Phase phase) { return phase != Phase::evaluation && phase != Phase::programming; }

double training_vectors(const MatrixEvents& m) {
  double all = 0;
  for (const Phase phase : {Phase::forward, Phase::backward, Phase::unsplit}) {
    all += static_cast<double>(vectors_of(m, m.counters[phase]));
  }
  return all;
}

double seconds_of(const RunEvents& run, const ChipSpec& chip) {
  double ticks = 0, words = 0, products = 0;
  for (const MatrixEvents& m : run.matrices) {
    if (m.on_cells) ticks += training_vectors(m);
    const Counters& update = m.counters[Phase::update];
    words += static_cast<double>(m.on_cells ? update.accumulator_updates : update.digital_macs - update.gradient_macs);
    products += static_cast<double>(update.gradient_macs);
  }
  for (const LayerEvents& l : run.layers) {
    const Counters all = l.counters.total();
    words += static_cast<double>(all.digital_macs - l.counters[Phase::evaluation].digital_macs + all.optimizer_macs);
  }
  const double clocks = words / kUpdateLanes + products / static_cast<double>(kGradientBlock * kGradientBlock);
  return ticks * chip.constants.mvm_ns * 1e-9 + clocks / chip.constants.clock_ghz * 1e-9;
}

// Products on cells and the accumulation.
double operations_of(const RunEvents& run) {
  double macs = 0;
  for (const MatrixEvents& m : run.matrices) {
    for (std::size_t p = 0; p < kPhases.size(); ++p) {
      const auto phase = static_cast<Phase>(p);
      if (!belongs_to_training(phase)) continue;
      const Counters& c = m.counters[phase];
      macs += static_cast<double>(c.crossing_reads) / m.arrays + static_cast<double>(c.digital_macs);
    }
  }
  return 2 * macs;
}

double arrays_of_run(const RunEvents& run) {
  double arrays = 0;
  for (const MatrixEvents& m : run.matrices) {
    if (!m.on_cells) continue;
    const auto blocks = [](std::int64_t whole, std::int64_t part) {
      return std::ceil(static_cast<double>(whole) / static_cast<double>(part));
    };
    arrays += m.arrays * blocks(m.rows, run.array_rows) * blocks(m.columns, run.array_columns);
  }
  return arrays;
}

// By the cell that is written most where that is counted, else by the mean cell.
double lifetime_samples(const RunEvents& run, double endurance) {
  double writes = 0, cells = 0;
  for (const MatrixEvents& m : run.matrices) {
    if (!m.on_cells) continue;
    const Counters all = m.counters.total();
    writes += static_cast<double>(all.set_pulses + all.reset_pulses + all.depression_pulses);
    cells += static_cast<double>(m.rows * m.columns * m.cells_per_crossing * m.arrays);
  }
  const double most = run.most_writes > 0 ? static_cast<double>(run.most_writes) : (cells > 0 ? writes / cells : 0);
  if (most == 0) return std::numeric_limits<double>::infinity();
  return endurance / most * static_cast<double>(run.samples);
}

}  // namespace

CostTable cost_of_run(const RunEvents& run, const Technology& technology, const ChipSpec& chip,
                      std::span<const MeasuredActivity> measured) {
  CostTable table(names_of(run));
  for (std::size_t layer = 0; layer < run.matrices.size(); ++layer) {
    std::optional<double> share;
    for (const MeasuredActivity& m : measured) {
      if (m.matrix == run.matrices[layer].name) share = m.share;
    }
    MatrixCost cost(run, layer, technology, chip, share, table);
    for (std::size_t p = 0; p < kPhases.size(); ++p) cost.add(static_cast<Phase>(p));
  }
  for (std::size_t l = 0; l < run.layers.size(); ++l) {
    add_layer(run.layers[l], run.matrices.size() + l, technology, chip, table);
  }
  return table;
}

CostSummary summary_of_run(const RunEvents& run, const CostTable& table, const Technology& technology,
                           const ChipSpec& chip) {
  if (run.samples == 0) fail("run {} has not trained on any sample yet; train it further", run.name);
  const double samples = static_cast<double>(run.samples);
  Energy training;
  for (const Phase phase : table.phases()) {
    if (belongs_to_training(phase)) training += table.of_phase(phase);
  }
  CostSummary summary;
  summary.energy_j = interval_of(training).times(1 / samples);
  summary.seconds = seconds_of(run, chip) / samples;
  summary.operations = operations_of(run) / samples;
  const double cores = std::ceil(arrays_of_run(run) / chip.constants.arrays_per_core);
  summary.area_mm2 = core_area_mm2(technology, chip, run.adc_bits, chip.constants.sram_kib * kBytesPerKib).times(cores);
  const CostFigure byte = technology.figure(FigureName::memory_area_byte);
  const double bytes = weight_count(run) * run.accumulator_bits / kBitsPerByte;
  summary.area_mm2.value += bytes * byte.value * 1e-6;
  summary.area_mm2.low += bytes * byte.low * 1e-6;
  summary.area_mm2.high += bytes * byte.high * 1e-6;
  summary.lifetime_samples = lifetime_samples(run, technology.spec().endurance);
  return summary;
}

}  // namespace ohmic
