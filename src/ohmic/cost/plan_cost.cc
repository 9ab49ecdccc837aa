#include "ohmic/cost/plan_cost.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr double kKibBytes = 1024;
constexpr double kCoreMemoryKib = 32;  // where a chip has as much as needed

std::uint64_t positive(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint64_t blocks_of(std::uint64_t whole, std::uint64_t part) { return (whole + part - 1) / part; }

std::uint64_t activation_bits(const Plan& plan) {
  return static_cast<std::uint64_t>(plan.chip.constants.activation_bits);
}

// What one iteration of a stage drives and converts; groups stand side by side.
void add_products(const Plan& plan, std::size_t s, std::uint64_t iterations, StageEvents& e) {
  const Stage& stage = plan.graph.stages[s];
  const StagePlan& p = plan.stages[s];
  const auto groups = static_cast<std::uint64_t>(stage.groups);
  const auto [all_rows, all_columns] = block_of(stage, p.packing);
  const std::uint64_t rows = positive(all_rows) / groups, columns = positive(all_columns) / groups;
  const std::uint64_t row_blocks = blocks_of(rows, positive(plan.chip.array_rows()));
  const std::uint64_t column_blocks = blocks_of(columns, positive(plan.chip.array_columns()));
  e.mvm = iterations * positive(p.arrays_per_copy);
  e.dac = iterations * rows * groups * column_blocks;
  e.adc = iterations * columns * groups * row_blocks;
  e.crossing_reads = iterations * rows * columns * groups;
  e.partial_sums = iterations * columns * groups * (row_blocks - 1);
  e.read_bits += iterations * rows * groups * activation_bits(plan);
}

std::uint64_t numbers_of(const Shape& shape) { return positive(static_cast<std::int64_t>(shape.size())); }

// A digital stage reads its window of each input once per iteration.
void add_digital_reads(const Plan& plan, std::size_t s, std::uint64_t iterations, StageEvents& e) {
  const Stage& stage = plan.graph.stages[s];
  if (stage.rows > 0) {
    e.macs = iterations * positive(stage.rows * stage.columns) * static_cast<std::uint64_t>(stage.groups);
    e.read_bits += iterations * positive(stage.rows) * static_cast<std::uint64_t>(stage.groups) * activation_bits(plan);
    return;
  }
  const auto window = static_cast<std::uint64_t>(stage.kernel_height) * static_cast<std::uint64_t>(stage.kernel_width);
  const bool has_window = stage.kind == StageKind::pool;
  for (const StageInput& in : stage.inputs) {
    const Shape& from = plan.graph.stages[static_cast<std::size_t>(in.from)].output;
    const auto channels = static_cast<std::uint64_t>(from.channels);
    if (has_window) {
      e.read_bits += iterations * window * channels * activation_bits(plan);
      e.partial_sums += iterations * (window - 1) * channels;
    } else {
      e.read_bits += numbers_of(from) * activation_bits(plan);
    }
  }
}

// Mean hops from the cores of one stage to those of another.
double hops_between(const Plan& plan, const Fabric& fabric, int from, std::size_t to) {
  const auto& a = plan.stages[static_cast<std::size_t>(from)].cores;
  const auto& b = plan.stages[to].cores;
  if (from == 0 || a.empty() || b.empty()) return 0;
  double hops = 0;
  for (const int x : a) {
    for (const int y : b) hops += fabric.hops(x, y);
  }
  return hops / static_cast<double>(a.size() * b.size());
}

// A flit is as wide as a link.
std::uint64_t flit_bits(const ChipSpec& chip) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(chip.constants.link_bits));
}

// Packets of the stream that a stage reads as `in`, one per pixel that its writer made. `made`: iterations, per stage.
void add_links(const Plan& plan, const Fabric& fabric, std::size_t s, const StageInput& in,
               const std::vector<std::uint64_t>& made, StageEvents& e) {
  const double hops = hops_between(plan, fabric, in.from, s);
  if (hops == 0) return;
  const auto from = static_cast<std::size_t>(in.from);
  const Shape& shape = plan.graph.stages[from].output;
  const auto channels = static_cast<std::uint64_t>(shape.channels);
  const std::uint64_t pixels = numbers_of(shape) / channels * made[from] / positive(plan.stages[from].iterations);
  const std::uint64_t flits = pixels * flits_of_pixel(plan.chip, shape.channels);
  e.link_flits += flits;
  e.link_flit_hops += static_cast<std::uint64_t>(std::llround(static_cast<double>(flits) * hops));
}

StageEvents stage_events(const Plan& plan, const Fabric& fabric, std::size_t s, const std::vector<std::uint64_t>& made,
                         std::uint64_t samples) {
  const Stage& stage = plan.graph.stages[s];
  StageEvents e;
  if (plan.stages[s].arrays_per_copy > 0) {
    add_products(plan, s, made[s], e);
  } else {
    StageEvents of_one;
    add_digital_reads(plan, s, made[s] / samples, of_one);
    for (std::uint64_t k = 0; k < samples; ++k) e += of_one;
  }
  e.outputs = samples * numbers_of(stage.output);
  for (const StageInput& in : stage.inputs) {
    const std::uint64_t numbers = samples * numbers_of(plan.graph.stages[static_cast<std::size_t>(in.from)].output);
    const std::uint64_t bits = numbers * activation_bits(plan);
    e.written_bits += bits;
    add_links(plan, fabric, s, in, made, e);
    if (in.is_added) {
      e.partial_sums += numbers;
      e.read_bits += bits;
    }
  }
  return e;
}

// Of all stages, from the iterations of each.
std::vector<StageEvents> events_of_stages(const Plan& plan, const std::vector<std::uint64_t>& made,
                                          std::uint64_t samples) {
  const Fabric fabric = plan_fabric(plan);
  std::vector<StageEvents> events(plan.stages.size());
  for (std::size_t s = 1; s < plan.stages.size(); ++s) events[s] = stage_events(plan, fabric, s, made, samples);
  return events;
}

double chip_memory_kib(const ChipSpec& chip) {
  return chip.constants.sram_kib > 0 ? chip.constants.sram_kib : kCoreMemoryKib;
}

// How the figures are used by a stage's events. `drive`: of the cells, over full scale.
void add_stage(const StageEvents& e, std::size_t layer, double drive, const Technology& technology,
               const PlanCostOptions& options, const ChipSpec& chip, CostTable& table) {
  const TechnologySpec& t = technology.spec();
  const auto steps = static_cast<std::uint64_t>(t.input_steps) * static_cast<std::uint64_t>(t.weight_slices) *
                     static_cast<std::uint64_t>(options.reads_per_mvm);
  const auto put = [&](FigureName name, std::uint64_t count, const FigureQuery& query = {}) {
    if (count > 0) table.add(layer, Phase::forward, technology.figure(name, query), count);
  };
  if (e.crossing_reads > 0) {
    const CostFigure full = technology.figure(FigureName::array_cell);
    CostFigure typical = full.times(drive);
    typical.high = full.high;
    table.add(layer, Phase::forward, typical,
              e.crossing_reads * static_cast<std::uint64_t>(t.cells_per_crossing) * steps);
  }
  put(FigureName::dac, e.dac * steps);
  put(FigureName::adc, e.adc * steps, converter_query(t, chip, options.adc_bits));
  put(FigureName::partial_sum, e.partial_sums + e.adc * (steps - 1));
  put(FigureName::activation, e.outputs);
  put(FigureName::mac, e.macs, {static_cast<int>(chip.constants.activation_bits), 0});
  put(FigureName::memory_bit, e.read_bits + e.written_bits, {0, chip_memory_kib(chip)});
  put(FigureName::link_bit_hop, e.link_flit_hops * flit_bits(chip));
}

double tick_seconds(const ChipSpec& chip, const PlanCostOptions& options) {
  return chip.constants.mvm_ns * 1e-9 * options.reads_per_mvm;
}

// What cores take all the time, for as long as a sample keeps them.
void add_shared(CostTable& table, std::size_t layer, const Technology& technology, double cores, double seconds) {
  if (!technology.has(FigureName::core_static)) return;
  const auto core_ns = static_cast<std::uint64_t>(std::llround(cores * seconds * 1e9));
  if (core_ns > 0) table.add(layer, Phase::forward, technology.figure(FigureName::core_static), core_ns);
}

double drive_of(const std::string& stage, const Technology& technology, std::span<const MeasuredActivity> measured) {
  for (const MeasuredActivity& m : measured) {
    if (m.matrix == stage) return m.share;
  }
  return technology.spec().input_activity * technology.spec().conductance_share;
}

}  // namespace

StageEvents& StageEvents::operator+=(const StageEvents& o) {
  mvm += o.mvm;
  dac += o.dac;
  adc += o.adc;
  crossing_reads += o.crossing_reads;
  macs += o.macs;
  outputs += o.outputs;
  partial_sums += o.partial_sums;
  read_bits += o.read_bits;
  written_bits += o.written_bits;
  link_flits += o.link_flits;
  link_flit_hops += o.link_flit_hops;
  return *this;
}

std::uint64_t flits_of_pixel(const ChipSpec& chip, int channels) {
  const auto bits = static_cast<std::uint64_t>(channels) * static_cast<std::uint64_t>(chip.constants.activation_bits);
  return static_cast<std::uint64_t>(chip.constants.head_flits) + blocks_of(bits, flit_bits(chip));
}

std::vector<StageEvents> plan_events(const Plan& plan, std::uint64_t samples) {
  std::vector<std::uint64_t> made;
  for (const StagePlan& p : plan.stages) made.push_back(samples * positive(p.iterations));
  return events_of_stages(plan, made, samples);
}

std::vector<StageEvents> simulated_events(const Plan& plan, const SimulationResult& run) {
  std::vector<std::uint64_t> made;
  for (const StageRun& stage : run.stages) made.push_back(positive(stage.iterations));
  return events_of_stages(plan, made, static_cast<std::uint64_t>(run.last_output.size()));
}

CostTable cost_of_plan(const Plan& plan, const Technology& technology, const PlanCostOptions& options,
                       std::span<const MeasuredActivity> measured) {
  std::vector<std::string> names;
  for (const Stage& stage : plan.graph.stages) names.push_back(stage.name);
  names.emplace_back("whole chip");
  CostTable table(std::move(names));
  const std::vector<StageEvents> events = plan_events(plan, 1);
  for (std::size_t s = 1; s < events.size(); ++s) {
    add_stage(events[s], s, drive_of(plan.graph.stages[s].name, technology, measured), technology, options, plan.chip,
              table);
  }
  const double seconds = static_cast<double>(plan.ticks_per_sample) * tick_seconds(plan.chip, options);
  add_shared(table, plan.stages.size(), technology, std::max(1.0 * plan.cores, plan.chip.constants.cores), seconds);
  return table;
}

CostSummary summary_of_plan(const Plan& plan, const CostTable& table, const Technology& technology,
                            const PlanCostOptions& options) {
  CostSummary summary;
  summary.energy_j = interval_of(table.total());
  summary.seconds = static_cast<double>(plan.ticks_per_sample) * tick_seconds(plan.chip, options);
  summary.latency_s =
      static_cast<double>(unbounded_schedule(make_pipeline(plan, BufferBounds::unbounded), 1).latency(0)) *
      tick_seconds(plan.chip, options);
  for (const StageEvents& e : plan_events(plan, 1)) {
    summary.operations += 2 * static_cast<double>(e.crossing_reads + e.macs);
  }
  // Packed windows compute zeros as well: only products with a weight count.
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    const StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy == 0 || p.packing == Packing()) continue;
    const auto [rows, columns] = block_of(stage, p.packing);
    const double pixels = 1.0 * p.packing.rows * p.packing.columns;
    const double useful = static_cast<double>(stage.rows * stage.columns * stage.groups) * pixels;
    const double all = static_cast<double>(rows) * static_cast<double>(columns) / stage.groups;
    summary.operations -= 2 * static_cast<double>(p.iterations) * (all - useful);
  }
  const double cores = std::max(1.0 * plan.cores, plan.chip.constants.cores);
  const double bytes =
      plan.chip.constants.sram_kib > 0 ? plan.chip.constants.sram_kib * kKibBytes * cores : plan.sram_bytes();
  summary.area_mm2 = core_area_mm2(technology, plan.chip, options.adc_bits, bytes / cores).times(cores);
  return summary;
}

Interval whole_array_energy_j(const Plan& plan, const Technology& technology, const PlanCostOptions& options) {
  double products = 0;
  for (const StageEvents& e : plan_events(plan, 1)) products += static_cast<double>(e.mvm);
  return interval_of(peak_of_chip(plan.chip, technology, options).table.total()).times(products);
}

PeakCost peak_of_chip(const ChipSpec& chip, const Technology& technology, const PlanCostOptions& options) {
  PeakCost peak;
  const double rows = chip.constants.array_rows, columns = chip.constants.array_columns;
  StageEvents e;
  e.mvm = 1;
  e.dac = static_cast<std::uint64_t>(rows);
  e.adc = e.outputs = static_cast<std::uint64_t>(columns);
  e.crossing_reads = e.dac * e.adc;
  add_stage(e, 0, 1, technology, options, chip, peak.table);
  const double cores = std::max(1.0, chip.constants.cores);
  peak.arrays = cores * chip.constants.arrays_per_core;
  const double seconds = tick_seconds(chip, options);
  add_shared(peak.table, 0, technology, 1 / chip.constants.arrays_per_core, seconds);
  CostSummary& s = peak.summary;
  s.energy_j = interval_of(peak.table.total()).times(peak.arrays);
  s.seconds = s.latency_s = seconds;
  s.operations = 2 * rows * columns * peak.arrays;
  s.area_mm2 = core_area_mm2(technology, chip, options.adc_bits, 0).times(cores);
  return peak;
}

}  // namespace ohmic
