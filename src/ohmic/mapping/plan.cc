#include "ohmic/mapping/plan.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

std::int64_t ceil_divide(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

bool uses_arrays(const Plan& plan, const Stage& stage) {
  const bool is_depthwise = stage.groups > 1 && stage.columns <= stage.rows && stage.groups == stage.output.channels;
  return stage.on_cells && !(is_depthwise && plan.depthwise == DepthwisePlace::digital);
}

// Matrix of a convolution that makes several pixels at once.
std::int64_t packed_rows(const Stage& stage, const Packing& p) {
  if (p == Packing()) return stage.rows;
  const std::int64_t kernel = static_cast<std::int64_t>(stage.kernel_height) * stage.kernel_width;
  return (stage.kernel_height + stage.stride * (p.rows - 1)) * (stage.kernel_width + stage.stride * (p.columns - 1)) *
         (stage.rows / kernel);
}

std::int64_t packed_columns(const Stage& stage, const Packing& p) { return stage.columns * p.rows * p.columns; }

// A kernel with gaps reads fewer rows than its extent has pixels; packing it is left out.
bool can_pack(const Stage& stage) {
  return stage.kind == StageKind::convolution && stage.groups == 1 &&
         stage.rows % (static_cast<std::int64_t>(stage.kernel_height) * stage.kernel_width) == 0;
}

// Ticks between two products of one copy: its cores read the inputs of all their arrays through their ports meanwhile.
Tick read_interval(const ChipConstants& c, std::int64_t rows_per_array, std::int64_t arrays) {
  const double arrays_in_core = std::min(c.arrays_per_core, static_cast<double>(arrays));
  const double bits = static_cast<double>(rows_per_array) * arrays_in_core * c.activation_bits;
  const double clocks = std::ceil(bits / (c.sram_port_bits * c.sram_banks));
  return std::max<Tick>(1, static_cast<Tick>(std::ceil(clocks / c.clock_ghz / c.mvm_ns - 1e-9)));
}

void resize_stage(const Plan& plan, std::size_t s, StagePlan& p) {
  const Stage& stage = plan.graph.stages[s];
  p.iterations = stage_access(plan.graph, s, p.packing).iterations();
  p.arrays_per_copy = 0;
  p.utilisation = 0;
  p.interval = 1;
  if (!uses_arrays(plan, stage)) return;
  const std::int64_t rows = plan.chip.array_rows(), columns = plan.chip.array_columns();
  p.arrays_per_copy = arrays_of(stage, p.packing, rows, columns);
  const double cells =
      static_cast<double>(p.arrays_per_copy) * static_cast<double>(rows) * static_cast<double>(columns);
  const double weights =
      static_cast<double>(stage.rows * stage.columns * stage.groups) * p.packing.rows * p.packing.columns;
  p.utilisation = weights / cells;
  p.interval = read_interval(plan.chip.constants, std::min(rows, packed_rows(stage, p.packing)), p.arrays_per_copy);
}

bool is_recurrent(const Stage& stage) { return stage.kind == StageKind::lstm; }

Tick slowest_ticks(const Plan& plan) {
  Tick slowest = 1;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    slowest = std::max(slowest, plan.stages[s].iterations * plan.stages[s].interval);
  }
  return slowest;
}

// The fewest ticks per sample that copies can bring: a recurrent stage has one copy only, and any stage takes its
// interval.
Tick fastest_ticks(const Plan& plan) {
  Tick fastest = 1;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const StagePlan& p = plan.stages[s];
    fastest = std::max(fastest, is_recurrent(plan.graph.stages[s]) ? p.iterations * p.interval : p.interval);
  }
  return fastest;
}

// Digital units keep pace with what feeds them.
int digital_lanes(const Plan& plan, std::size_t s) {
  int lanes = static_cast<int>(ceil_divide(plan.stages[s].iterations, plan.ticks_per_sample));
  for (const StageInput& in : plan.graph.stages[s].inputs) {
    lanes = std::max(lanes, plan.stages[static_cast<std::size_t>(in.from)].copies);
  }
  return lanes;
}

std::int64_t pixels_of(BufferScheme scheme, const BufferNeeds& needs, const Shape& from) {
  const std::int64_t row = from.width;
  switch (scheme) {
    case BufferScheme::least:
      return needs.least;
    case BufferScheme::full_rate:
      return needs.full_rate;
    case BufferScheme::rows:
      return ceil_divide(needs.full_rate, row) * row;
    case BufferScheme::full_map:
      return std::max(stream_pixels(from), needs.full_rate);
  }
  return needs.full_rate;
}

std::int64_t arrays_at(const Plan& plan, Tick ticks) { return replicate_to_ticks(plan, ticks).arrays(); }

}  // namespace

std::int64_t Plan::arrays() const {
  std::int64_t sum = 0;
  for (const StagePlan& p : stages) sum += p.arrays();
  return sum;
}

double Plan::sram_bytes() const {
  double sum = 0;
  for (const StagePlan& p : stages) {
    for (const BufferPlan& b : p.buffers) sum += b.bytes;
  }
  return sum;
}

double Plan::utilisation() const {
  double used = 0;
  for (const StagePlan& p : stages) used += p.utilisation * static_cast<double>(p.arrays_per_copy * p.copies);
  return arrays() > 0 ? used / static_cast<double>(arrays()) : 0;
}

std::int64_t Plan::serial_products() const {
  const auto readers = graph.readers();
  const auto runs_beside = [&](std::size_t s) {
    return !readers[s].empty() && std::all_of(readers[s].begin(), readers[s].end(), [&](const StageGraph::Reader& r) {
      return graph.stages[static_cast<std::size_t>(r.stage)].inputs[static_cast<std::size_t>(r.input)].is_added;
    });
  };
  std::int64_t sum = 0;
  for (std::size_t s = 1; s < stages.size(); ++s) {
    if (stages[s].arrays_per_copy > 0 && !runs_beside(s)) sum += stages[s].iterations;
  }
  return sum;
}

std::int64_t arrays_of(const Stage& stage, const Packing& packing, std::int64_t array_rows,
                       std::int64_t array_columns) {
  const std::int64_t rows = packed_rows(stage, packing), columns = packed_columns(stage, packing);
  const std::int64_t side_by_side = std::min(array_rows / rows, array_columns / columns);
  if (side_by_side >= 1) return ceil_divide(stage.groups, side_by_side);
  return stage.groups * ceil_divide(rows, array_rows) * ceil_divide(columns, array_columns);
}

Plan derive(Plan plan) {
  plan.ticks_per_sample = 1;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    StagePlan& p = plan.stages[s];
    resize_stage(plan, s, p);
    if (p.arrays_per_copy == 0) continue;
    p.ticks_per_sample = ceil_divide(p.iterations, p.copies) * std::max(p.interval, p.slots);
    plan.ticks_per_sample = std::max(plan.ticks_per_sample, p.ticks_per_sample);
  }
  // Without any array, a digital unit does a pixel per tick.
  if (plan.arrays() == 0) plan.ticks_per_sample = slowest_ticks(plan);
  plan.stages[0].copies = static_cast<int>(ceil_divide(plan.stages[0].iterations, plan.ticks_per_sample));
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy > 0) continue;
    p.copies = is_recurrent(plan.graph.stages[s]) ? 1 : digital_lanes(plan, s);
    p.ticks_per_sample = ceil_divide(p.iterations, p.copies);
  }
  return plan;
}

Plan split(std::string network, StageGraph graph, const ChipSpec& chip, DepthwisePlace depthwise) {
  Plan plan;
  plan.network = std::move(network);
  plan.chip = chip;
  plan.graph = std::move(graph);
  plan.depthwise = depthwise;
  plan.stages.resize(plan.graph.stages.size());
  for (std::size_t s = 0; s < plan.stages.size(); ++s) resize_stage(plan, s, plan.stages[s]);
  return replicate_to_ticks(plan, slowest_ticks(plan));
}

std::pair<std::int64_t, std::int64_t> block_of(const Stage& stage, const Packing& packing) {
  return {packed_rows(stage, packing) * stage.groups, packed_columns(stage, packing) * stage.groups};
}

Plan pack_windows(Plan plan) {
  constexpr int kMostPixels = 8;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy == 0 || !can_pack(stage)) continue;
    const std::int64_t arrays = p.arrays_per_copy;
    Packing best;
    // Rows of pixels cost buffers and order, so that they come last.
    for (int rows = 1; rows <= std::min(kMostPixels, stage.output.height); ++rows) {
      for (int columns = 1; columns <= std::min(kMostPixels, stage.output.width); ++columns) {
        const Packing packing{rows, columns};
        if (rows * columns <= best.rows * best.columns) continue;
        if (arrays_of(stage, packing, plan.chip.array_rows(), plan.chip.array_columns()) > arrays) continue;
        best = packing;
      }
    }
    p.packing = best;
    resize_stage(plan, s, p);
  }
  return replicate_to_ticks(plan, slowest_ticks(plan));
}

Plan replicate_to_ticks(Plan plan, Tick ticks) {
  if (const Tick fastest = fastest_ticks(plan); ticks < fastest) {
    fail("{} on {}: a sample every {} ticks is too fast; with copies of all layers it takes {} at least: ask for that",
         plan.network, plan.chip.name, ticks, fastest);
  }
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy > 0) p.copies = static_cast<int>(ceil_divide(p.iterations, ticks / p.interval));
  }
  return derive(std::move(plan));
}

Plan replicate_to_arrays(Plan plan, std::int64_t arrays) {
  Tick slow = slowest_ticks(plan), fast = fastest_ticks(plan);
  if (const std::int64_t needed = arrays_at(plan, slow); needed > arrays) {
    fail(
        "{} needs {} arrays of {} x {} with one copy of each layer, {} more than the {} that are allowed; allow {}, or "
        "take larger arrays",
        plan.network, needed, plan.chip.array_rows(), plan.chip.array_columns(), needed - arrays, arrays, needed);
  }
  while (fast < slow) {
    const Tick middle = fast + (slow - fast) / 2;
    if (arrays_at(plan, middle) <= arrays) {
      slow = middle;
    } else {
      fast = middle + 1;
    }
  }
  return replicate_to_ticks(std::move(plan), slow);
}

Plan replicate_to_latency(Plan plan, Tick latency) {
  const auto latency_at = [&](Tick ticks) {
    return unbounded_schedule(make_pipeline(replicate_to_ticks(plan, ticks), BufferBounds::unbounded), 1).latency(0);
  };
  Tick fast = fastest_ticks(plan), slow = slowest_ticks(plan);
  if (const Tick least = latency_at(fast); least > latency) {
    fail("{} on {}: a latency of {} ticks is out of reach; with a copy for every product it is {}", plan.network,
         plan.chip.name, latency, least);
  }
  while (fast < slow) {
    const Tick middle = fast + (slow - fast + 1) / 2;
    if (latency_at(middle) <= latency) {
      fast = middle;
    } else {
      slow = middle - 1;
    }
  }
  return replicate_to_ticks(std::move(plan), fast);
}

Plan size_buffers(Plan plan, BufferScheme scheme, LeastBuffers least) {
  plan.scheme = scheme;
  const auto needs = buffer_needs(make_pipeline(plan, BufferBounds::unbounded), least);
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    plan.stages[s].buffers.resize(needs[s].size());
    for (std::size_t k = 0; k < needs[s].size(); ++k) plan.stages[s].buffers[k].needs = needs[s][k];
  }
  return apply_scheme(std::move(plan));
}

Plan apply_scheme(Plan plan) {
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (std::size_t k = 0; k < plan.stages[s].buffers.size(); ++k) {
      const auto writer = static_cast<std::size_t>(plan.graph.stages[s].inputs[k].from);
      const Shape& from = plan.graph.stages[writer].output;
      BufferPlan& b = plan.stages[s].buffers[k];
      b.pixels = pixels_of(plan.scheme, b.needs, from);
      b.bytes = static_cast<double>(b.pixels) * plan.chip.pixel_bytes(from.channels);
    }
  }
  return plan;
}

Pipeline make_pipeline(const Plan& plan, BufferBounds bounds) {
  Pipeline pipeline;
  pipeline.ticks_per_sample = plan.ticks_per_sample;
  const Fabric fabric = plan_fabric(plan);
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    const StagePlan& p = plan.stages[s];
    const StageAccess access = stage_access(plan.graph, s, p.packing);
    PipelineStage q;
    q.name = stage.name;
    q.rows = access.rows;
    q.columns = access.columns;
    q.output = access.output;
    q.lanes = p.copies;
    q.interval = p.interval;
    q.slots = p.slots;
    q.slot = p.slot;
    q.latency = stage.kind == StageKind::add || stage.kind == StageKind::concat ? 0 : p.interval;
    for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
      PipelineBuffer b;
      b.from = stage.inputs[k].from;
      b.access = access.inputs[k];
      if (bounds == BufferBounds::bounded) b.capacity = p.buffers.at(k).pixels;
      const auto& from = plan.stages[static_cast<std::size_t>(b.from)].cores;
      if (!from.empty() && !p.cores.empty() && plan.chip.constants.hop_ns > 0) {
        int hops = 0;
        for (const int a : from) {
          for (const int c : p.cores) hops = std::max(hops, fabric.hops(a, c));
        }
        b.delay = static_cast<Tick>(std::ceil(hops * plan.chip.constants.hop_ns / plan.chip.constants.mvm_ns));
      }
      q.inputs.push_back(b);
    }
    pipeline.stages.push_back(std::move(q));
  }
  return pipeline;
}

Plan map_network(std::string network, StageGraph graph, const ChipSpec& chip, const MapRequest& request) {
  if (request.ticks.has_value() + request.arrays.has_value() + request.latency.has_value() > 1) {
    fail("--ticks, --arrays and --latency ask for different numbers of copies; give one of them");
  }
  Plan plan = split(std::move(network), std::move(graph), chip, request.depthwise);
  if (request.packing == WindowPacking::on) plan = pack_windows(std::move(plan));
  if (request.ticks) plan = replicate_to_ticks(std::move(plan), *request.ticks);
  if (request.arrays) plan = replicate_to_arrays(std::move(plan), *request.arrays);
  if (request.latency) plan = replicate_to_latency(std::move(plan), *request.latency);
  if (request.sharing == ArraySharing::on) plan = share_arrays(std::move(plan));
  plan = place(std::move(plan), request.placement);
  return size_buffers(std::move(plan), request.scheme);
}

}  // namespace ohmic
