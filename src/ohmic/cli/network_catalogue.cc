#include "ohmic/cli/network_catalogue.h"

#include <fmt/format.h>

#include "ohmic/chip/simulator.h"
#include "ohmic/cli/plan_output.h"
#include "ohmic/core/error.h"
#include "ohmic/mapping/networks.h"

namespace ohmic {
namespace {

constexpr std::string_view kNetworksHead =
    R"(<!-- Made by `ohmic list networks --markdown`; change the program instead, then make it again. -->

# Networks on a chip

Every network that ships with `ohmic` on the chip `paper`: arrays of 256 x 256, 100 ns per product, one copy of each
layer, one array per core on a mesh, in places found by search. Times are those of a simulated run of four images whose
buffers have the sizes in the column "memory"; "least" is what the same plan gets through with, more slowly. The busiest
link is given in KiB per image and as a share of its bandwidth. [chip.md](chip.md) says what is meant by all of this.

)";

constexpr std::string_view kFabricsHead = R"(
## On other fabrics

The same plans on each topology, each stage in one place of its own: hops of the longest way, the load of the busiest
channel in KiB per image, and how many channels carry several streams. Places are those with the fewest bits x hops that
a search found from a snake on (mesh), a row (ring) or the prism's order, without a busier channel. `prism` is the
assumed reading of 5 Parallel Prism: every core reaches the next five; "reach" is the smallest for which there is an
order of the stages that keeps every edge on a direct channel (`exact` where smaller ones were ruled out).

)";

std::string markdown_row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

Plan default_plan(const std::string& name, BufferScheme scheme) {
  const NamedNetwork n = make_named_network(name);
  MapRequest request;
  request.scheme = scheme;
  return map_network(name, make_stage_graph(n.network, n.input, n.classes), load_chip("paper"), request);
}

std::string network_row(const Plan& plan) {
  double least = 0;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (std::size_t k = 0; k < plan.stages[s].buffers.size(); ++k) {
      const BufferPlan& b = plan.stages[s].buffers[k];
      least += b.bytes / static_cast<double>(b.pixels) * static_cast<double>(b.needs.least);
    }
  }
  const SimulationResult run = simulate(make_pipeline(plan, BufferBounds::bounded), 4);
  if (!run.deadlock.empty()) throw std::logic_error(plan.network + " stands still");
  const Traffic traffic = plan_traffic(plan, plan_fabric(plan));
  const double per_second = 1e9 / (static_cast<double>(run.ticks_per_sample()) * plan.chip.constants.mvm_ns);
  return markdown_row(
      {fmt::format("`{}`", plan.network), fmt::format("{}", plan.stages.size() - 1), fmt::format("{}", plan.arrays()),
       fmt::format("{:.1f} %", 100 * plan.utilisation()), fmt::format("{:.0f}", per_second),
       fmt::format("{}", run.latency(0)), format_chip_time(plan, run.latency(0)), format_bytes(plan.sram_bytes()),
       format_bytes(least), fmt::format("{:.0f}", traffic.busiest_bits / 8192),
       fmt::format("{:.1f} %", 100 * link_ticks(plan, traffic) / static_cast<double>(plan.ticks_per_sample))});
}

std::string fabric_row(const Plan& plan) {
  const FabricStudy study = study_fabrics(plan, CoreTraffic::left_out);
  std::vector<std::string> cells = {fmt::format("`{}`", plan.network)};
  for (const FabricStudy::Row& row : study.rows) {
    cells.push_back(
        fmt::format("{} / {:.0f} / {}", row.stages.most_hops, row.stages.busiest_bits / 8192, row.stages.shared_links));
  }
  cells.push_back(fmt::format("{}{}", study.prism.reach, study.prism.is_exact ? ", exact" : ", not proven"));
  return markdown_row(cells);
}

}  // namespace

std::string network_catalogue_markdown() {
  std::string text(kNetworksHead);
  text += markdown_row({"network", "stages", "arrays", "in use", "images/s", "latency, ticks", "latency", "memory",
                        "least", "busiest link, KiB", "of its bandwidth"});
  text += "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  std::vector<Plan> plans;
  for (const std::string& name : network_names()) plans.push_back(default_plan(name, BufferScheme::full_rate));
  for (const Plan& plan : plans) text += network_row(plan);
  text += "\n";
  for (const std::string& name : network_names()) {
    text += fmt::format("- `{}`: {}\n", name, make_named_network(name).description);
  }
  text += kFabricsHead;
  text += markdown_row({"network", "mesh: hops / KiB / shared", "ring", "full", "prism", "reach"});
  text += "|---|--:|--:|--:|--:|--:|\n";
  for (const Plan& plan : plans) text += fabric_row(plan);
  return text;
}

std::string chip_catalogue_markdown() {
  std::string text =
      "<!-- Made by `ohmic list chips --markdown`; change presets/chips instead, then make it again. -->\n\n"
      "# Chips\n\n"
      "The chips that ship with `ohmic`, and where each constant comes from: `published` in the source that is named, "
      "`derived`\nfrom it, or `assumed`, with a reason. `--chip-set CONSTANT=VALUE` changes one.\n";
  for (const std::string& name : chip_names()) {
    const ChipSpec chip = load_chip(name);
    text += fmt::format("\n## {}\n\n{}. Topology: `{}`.\n\n", name, chip.description,
                        kTopologies[static_cast<std::size_t>(chip.topology)]);
    text += "| constant | value | | meaning | status | source |\n|---|--:|---|---|---|---|\n";
    for (const ChipConstant& c : chip_constants(name)) {
      text += markdown_row(
          {fmt::format("`{}`", c.name), fmt::format("{}", c.value), c.unit, c.meaning, c.status, c.source});
    }
  }
  return text;
}

std::vector<std::vector<std::string>> fabric_table(const Plan& plan, const FabricStudy& study) {
  std::vector<std::vector<std::string>> rows = {{"fabric", "hops, most", "mean", "busiest channel", "of its bandwidth",
                                                 "channels", "shared", "stages: hops, most", "busiest channel",
                                                 "shared"}};
  for (const FabricStudy::Row& row : study.rows) {
    const Traffic& t = row.cores;
    const double share = link_ticks(plan, t) / static_cast<double>(plan.ticks_per_sample);
    rows.push_back({std::string(kTopologies[static_cast<std::size_t>(row.topology)]), fmt::format("{}", t.most_hops),
                    fmt::format("{:.2f}", t.bits > 0 ? t.bit_hops / t.bits : 0), format_bytes(t.busiest_bits / 8),
                    fmt::format("{:.1f} %", 100 * share), fmt::format("{}", t.used_links),
                    fmt::format("{}", t.shared_links), fmt::format("{}", row.stages.most_hops),
                    format_bytes(row.stages.busiest_bits / 8), fmt::format("{}", row.stages.shared_links)});
  }
  return rows;
}

std::string prism_text(const Plan& plan, const FabricStudy& study) {
  const auto reach = static_cast<int>(plan.chip.constants.reach);
  const std::string proof = study.prism.is_exact ? "proven by complete search" : "the search was cut short";
  if (study.prism.reach <= reach) {
    return fmt::format(
        "prism: an order of the {} stages keeps all {} edges on direct channels of reach {}; the smallest "
        "reach is {} ({}, {} states)",
        plan.stages.size() - 1, study.edges, reach, study.prism.reach, proof, study.prism.states);
  }
  return fmt::format(
      "prism: no order of the {} stages keeps all {} edges on direct channels of reach {}{}; a reach of {} "
      "would do ({}, {} states)",
      plan.stages.size() - 1, study.edges, reach,
      study.prism.blocking_stage < 0
          ? ""
          : fmt::format(": {} alone has more neighbours than that",
                        plan.graph.stages[static_cast<std::size_t>(study.prism.blocking_stage)].name),
      study.prism.reach, proof, study.prism.states);
}

}  // namespace ohmic
