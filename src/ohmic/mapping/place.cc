// Grouping into cores, their places, and what a plan must obey.

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "ohmic/core/error.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {
namespace {

int core_count(const ChipSpec& chip, int used) { return chip.cores() > 0 ? static_cast<int>(chip.cores()) : used; }

// Cores of each stage by number, in the order of the stages.
int group_into_cores(Plan& plan, std::span<const int> order) {
  const std::int64_t per_core = plan.chip.arrays_per_core();
  std::int64_t next = 0;  // array
  for (const int s : order) {
    StagePlan& p = plan.stages[static_cast<std::size_t>(s)];
    p.cores.clear();
    if (p.arrays() == 0) continue;
    for (std::int64_t core = next / per_core; core <= (next + p.arrays() - 1) / per_core; ++core) {
      p.cores.push_back(static_cast<int>(core));
    }
    next += p.arrays();
  }
  return static_cast<int>(std::max<std::int64_t>(1, (next + per_core - 1) / per_core));
}

// What shares an array stands with its leader, what has none uses the digital units of what feeds it.
void join_digital_stages(Plan& plan) {
  for (StagePlan& p : plan.stages) {
    if (p.leader >= 0) p.cores = plan.stages[static_cast<std::size_t>(p.leader)].cores;
  }
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy > 0) continue;
    for (const StageInput& in : plan.graph.stages[s].inputs) {
      p.cores = plan.stages[static_cast<std::size_t>(in.from)].cores;
      if (!p.cores.empty()) break;
    }
    if (p.cores.empty()) p.cores = {0};
  }
}

std::vector<double> bytes_per_core(const Plan& plan) {
  std::vector<double> bytes(static_cast<std::size_t>(core_count(plan.chip, plan.cores)), 0.0);
  for (const StagePlan& p : plan.stages) {
    for (const BufferPlan& b : p.buffers) {
      for (const int core : p.cores)
        bytes.at(static_cast<std::size_t>(core)) += b.bytes / static_cast<double>(p.cores.size());
    }
  }
  return bytes;
}

// Stages on one array fit on it side by side and never start in the same tick.
void check_sharing(const Plan& plan, std::vector<std::string>& broken) {
  std::map<int, std::vector<std::size_t>> groups;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const int leader = plan.stages[s].leader;
    if (leader >= 0) groups[leader].push_back(s);
  }
  for (auto& [leader, members] : groups) {
    const std::string& name = plan.graph.stages[static_cast<std::size_t>(leader)].name;
    members.push_back(static_cast<std::size_t>(leader));
    std::int64_t rows = 0, columns = 0;
    std::set<Tick> slots;
    for (const std::size_t s : members) {
      const StagePlan& p = plan.stages[s];
      const auto [block_rows, block_columns] = block_of(plan.graph.stages[s], p.packing);
      rows += block_rows;
      columns += block_columns;
      if (p.copies != 1 || p.arrays_per_copy != 1 || p.slots != static_cast<Tick>(members.size())) {
        broken.push_back(
            fmt::format("{}: is one of {} stages on an array, but has {} copies of {} arrays and one turn in {}",
                        plan.graph.stages[s].name, members.size(), p.copies, p.arrays_per_copy, p.slots));
      }
      slots.insert(p.slot);
    }
    if (slots.size() != members.size())
      broken.push_back(fmt::format("{}: two stages have the same turn on its array", name));
    if (rows > plan.chip.array_rows() || columns > plan.chip.array_columns()) {
      broken.push_back(fmt::format("{}: the stages on its array take {} x {} cells, but it has {} x {}", name, rows,
                                   columns, plan.chip.array_rows(), plan.chip.array_columns()));
    }
  }
}

std::vector<int> stage_order(const Plan& plan) {
  std::vector<int> order(plan.stages.size());
  std::iota(order.begin(), order.end(), 0);
  if (plan.chip.topology != Topology::prism) return order;
  const auto edges = placed_edges(plan);
  constexpr std::int64_t kMostStates = 100'000;
  return find_prism_order(static_cast<int>(order.size()), edges, static_cast<int>(plan.chip.constants.reach),
                          kMostStates)
      .order;
}

}  // namespace

std::vector<std::pair<int, int>> placed_edges(const Plan& plan) {
  std::set<std::pair<int, int>> edges;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (const StageInput& in : plan.graph.stages[s].inputs) {
      if (in.from != 0) edges.emplace(in.from, static_cast<int>(s));
    }
  }
  return {edges.begin(), edges.end()};
}

Plan place(Plan plan, Placement placement) {
  const std::int64_t room = plan.chip.cores() * plan.chip.arrays_per_core();
  if (const std::int64_t needed = plan.arrays(); room > 0 && needed > room) {
    const std::int64_t cores = (needed + plan.chip.arrays_per_core() - 1) / plan.chip.arrays_per_core();
    const bool has_copies = std::any_of(plan.stages.begin(), plan.stages.end(),
                                        [](const StagePlan& p) { return p.arrays() > p.arrays_per_copy; });
    fail("{} needs {} arrays of {} x {}, but {} has {}: {} are missing; {} cores would do (--chip-set cores={}){}",
         plan.network, needed, plan.chip.array_rows(), plan.chip.array_columns(), plan.chip.name, room, needed - room,
         cores, cores, has_copies ? ", or fewer copies" : "");
  }
  plan.cores = group_into_cores(plan, stage_order(plan));
  const Fabric fabric = plan_fabric(plan);
  if (fabric.topology() == Topology::mesh) {
    for (StagePlan& p : plan.stages) {
      for (int& core : p.cores) core = snake_core(core, fabric);
    }
  }
  join_digital_stages(plan);
  plan.placement = placement;
  return weigh_places(std::move(plan), placement);
}

Plan weigh_places(Plan plan, Placement placement) {
  const PlacedCores placed = place_cores(plan_fabric(plan), plan_flows(plan), placement);
  for (StagePlan& p : plan.stages) {
    for (int& core : p.cores) core = placed.places[static_cast<std::size_t>(core)];
  }
  plan.bit_hops = placed.bit_hops;
  plan.least_bit_hops = placed.least_bit_hops;
  return plan;
}

Fabric plan_fabric(const Plan& plan) {
  return {plan.chip.topology, core_count(plan.chip, plan.cores), static_cast<int>(plan.chip.constants.reach)};
}

namespace {

// The stream into an input of a stage, if both stand on cores.
Flow flow_of(const Plan& plan, std::size_t s, std::size_t k) {
  const auto from = static_cast<std::size_t>(plan.graph.stages[s].inputs[k].from);
  const Shape& shape = plan.graph.stages[from].output;
  return {plan.stages[from].cores, plan.stages[s].cores,
          static_cast<double>(shape.size()) * plan.chip.constants.activation_bits};
}

double link_bits_per_tick(const Plan& plan) {
  const ChipConstants& c = plan.chip.constants;
  return c.link_bits * c.clock_ghz * c.mvm_ns;
}

}  // namespace

std::vector<Flow> plan_flows(const Plan& plan) {
  std::vector<Flow> flows;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (std::size_t k = 0; k < plan.graph.stages[s].inputs.size(); ++k) {
      const Flow flow = flow_of(plan, s, k);
      if (!flow.from.empty()) flows.push_back(flow);
    }
  }
  return flows;
}

Traffic plan_traffic(const Plan& plan, const Fabric& fabric) { return route(fabric, plan_flows(plan)); }

Pipeline with_links(Pipeline pipeline, const Plan& plan) {
  const Fabric fabric = plan_fabric(plan);
  std::map<Link, std::pair<int, double>> all;  // number and load of each link
  for (const Traffic::Load& load : plan_traffic(plan, fabric).loads) {
    all.emplace(load.link, std::pair(static_cast<int>(all.size()), load.bits));
  }
  std::vector<double> busy(all.size(), 0.0);  // ticks per sample
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    for (std::size_t k = 0; k < pipeline.stages[s].inputs.size(); ++k) {
      const Flow flow = flow_of(plan, s, k);
      if (flow.from.empty()) continue;
      PipelineBuffer& b = pipeline.stages[s].inputs[k];
      double busiest = 0;
      for (const Traffic::Load& own : route(fabric, std::span(&flow, 1)).loads) {
        const auto& [number, bits] = all.at(own.link);
        if (bits <= busiest) continue;
        busiest = bits;
        b.link = number;
        const double ticks = own.bits / static_cast<double>(b.access.pixels()) / link_bits_per_tick(plan);
        b.link_time = static_cast<std::int64_t>(std::ceil(ticks * static_cast<double>(kLinkUnits)));
      }
      if (b.link < 0) continue;
      double& ticks = busy[static_cast<std::size_t>(b.link)];
      ticks += static_cast<double>(b.link_time) * static_cast<double>(b.access.pixels()) / kLinkUnits;
      pipeline.ticks_per_sample = std::max(pipeline.ticks_per_sample, static_cast<Tick>(std::ceil(ticks)));
    }
  }
  return pipeline;
}

double link_ticks(const Plan& plan, const Traffic& traffic) { return traffic.busiest_bits / link_bits_per_tick(plan); }

std::vector<std::string> check(const Plan& plan) {
  std::vector<std::string> broken;
  const auto rule = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    broken.push_back(fmt::format(format, std::forward<Args>(args)...));
  };
  const ChipSpec& chip = plan.chip;
  const int cores = core_count(chip, plan.cores);
  if (plan.stages.size() != plan.graph.stages.size()) {
    rule("the plan has {} stages, but {} has {}", plan.stages.size(), plan.network, plan.graph.stages.size());
    return broken;
  }
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    const StagePlan& p = plan.stages[s];
    if (p.copies < 1 || p.copies > p.iterations + 1000000) rule("{}: {} copies", stage.name, p.copies);
    if (p.packing != Packing() && stage.kind != StageKind::convolution) {
      rule("{}: {} x {} pixels per product, but it is no convolution", stage.name, p.packing.rows, p.packing.columns);
    }
    if (p.arrays_per_copy > 0) {
      const std::int64_t needed = arrays_of(stage, p.packing, chip.array_rows(), chip.array_columns());
      if (p.arrays_per_copy != needed) {
        rule("{}: {} arrays per copy, but its matrix takes {}", stage.name, p.arrays_per_copy, needed);
      }
    }
    if (p.arrays_per_copy > 0 && p.ticks_per_sample > plan.ticks_per_sample) {
      rule("{}: takes {} ticks per sample, more than the {} of the plan", stage.name, p.ticks_per_sample,
           plan.ticks_per_sample);
    }
    if (p.buffers.size() != stage.inputs.size()) {
      rule("{}: {} buffers for {} inputs", stage.name, p.buffers.size(), stage.inputs.size());
      continue;
    }
    if (p.cores.empty()) rule("{}: stands on no core", stage.name);
    for (const int core : p.cores) {
      if (core < 0 || core >= cores) rule("{}: core {} is not one of the {} of the chip", stage.name, core, cores);
    }
    if (std::set<int>(p.cores.begin(), p.cores.end()).size() != p.cores.size()) {
      rule("{}: names a core twice", stage.name);
    }
    const auto room = static_cast<std::int64_t>(p.cores.size()) * chip.arrays_per_core();
    if (p.arrays() > room)
      rule("{}: {} arrays, but its {} cores have {}", stage.name, p.arrays(), p.cores.size(), room);
  }
  check_sharing(plan, broken);
  if (!broken.empty()) return broken;
  if (const std::int64_t room = cores * chip.arrays_per_core(); plan.arrays() > room) {
    rule("{} arrays are planned, but the chip has {}", plan.arrays(), room);
  }
  if (chip.core_sram_bytes() > 0) {
    const std::vector<double> bytes = bytes_per_core(plan);
    for (std::size_t core = 0; core < bytes.size(); ++core) {
      if (bytes[core] <= chip.core_sram_bytes()) continue;
      rule("core {}: buffers take {:.0f} bytes, {:.0f} more than its memory of {:.0f}", core, bytes[core],
           bytes[core] - chip.core_sram_bytes(), chip.core_sram_bytes());
    }
  }
  return broken;
}

}  // namespace ohmic
