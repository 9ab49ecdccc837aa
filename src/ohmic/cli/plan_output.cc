#include "ohmic/cli/plan_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "ohmic/cli/terminal.h"

namespace ohmic {
namespace {

std::string percent_text(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string_view kind_name(const Stage& stage) { return kStageKinds[static_cast<std::size_t>(stage.kind)]; }

std::string matrix_text(const Stage& stage) {
  if (stage.rows == 0) return "";
  const std::string groups = stage.groups > 1 ? fmt::format("{} of ", stage.groups) : "";
  return fmt::format("{}{} x {}", groups, stage.rows, stage.columns);
}

std::string buffers_text(const StagePlan& p) {
  std::string text;
  for (const BufferPlan& b : p.buffers) text += fmt::format("{}{}", text.empty() ? "" : " + ", b.pixels);
  return text;
}

std::string least_text(const StagePlan& p) {
  std::string text;
  for (const BufferPlan& b : p.buffers) text += fmt::format("{}{}", text.empty() ? "" : " + ", b.needs.least);
  return text;
}

std::string arrays_text(const Plan& plan, const StagePlan& p) {
  if (p.leader < 0) return fmt::format("{}", p.arrays());
  return fmt::format("that of {}", plan.graph.stages[static_cast<std::size_t>(p.leader)].name);
}

// Cores as the first and how many there are.
std::string cores_text(const StagePlan& p) {
  if (p.cores.size() == 1) return fmt::format("{}", p.cores[0]);
  return fmt::format("{} cores from {}", p.cores.size(), p.cores.empty() ? 0 : p.cores[0]);
}

double stage_bytes(const StagePlan& p) {
  double sum = 0;
  for (const BufferPlan& b : p.buffers) sum += b.bytes;
  return sum;
}

double per_second(const Plan& plan, Tick ticks) {
  return 1e9 / (static_cast<double>(ticks) * plan.chip.constants.mvm_ns);
}

Tick unhindered_latency(const Plan& plan) {
  return unbounded_schedule(make_pipeline(plan, BufferBounds::unbounded), 1).latency(0);
}

struct PlanTimes {
  Tick ticks_per_sample = 0, latency = 0;
  bool waits = false;  // for room
};

// Where buffers are smaller than full rate needs, or pixels queue for links, a run of a few samples shows what that
// costs.
PlanTimes times_of(const Plan& plan) {
  constexpr int kSamplesToSettle = 4;
  const bool has_links = plan.links == LinkWidth::of_chip;
  if (plan.scheme != BufferScheme::least && !has_links) return {plan.ticks_per_sample, unhindered_latency(plan)};
  Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  if (has_links) pipeline = with_links(std::move(pipeline), plan);
  const SimulationResult run = simulate(pipeline, kSamplesToSettle);
  const bool waits = std::any_of(run.stages.begin(), run.stages.end(),
                                 [](const StageRun& stage) { return stage.waited_for_room > 0; });
  return {run.ticks_per_sample(), run.latency(0), waits};
}

std::string topology_name(const Plan& plan) {
  const auto name = kTopologies[static_cast<std::size_t>(plan.chip.topology)];
  const Fabric fabric = plan_fabric(plan);
  if (plan.chip.topology != Topology::mesh) return fmt::format("{} of {} cores", name, fabric.cores());
  return fmt::format("mesh of {} columns", fabric.columns());
}

// 1234567 -> "1.23 Mbit".
std::string bits_text(double bits) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"", "k", "M", "G", "T"};
  std::size_t p = 0;
  for (; bits >= 1000 && p + 1 < kPrefixes.size(); ++p) bits /= 1000;
  return fmt::format("{:.3g} {}bit", bits, kPrefixes[p]);
}

std::string placement_summary(const Plan& plan) {
  if (plan.bit_hops == 0) return "";
  constexpr double kProven = 5e-4;  // as far as is printed
  const double above = plan.bit_hops / plan.least_bit_hops - 1;
  return fmt::format(
      "placement ({}): {}-hops per sample, {}\n", kPlacements[static_cast<std::size_t>(plan.placement)],
      bits_text(plan.bit_hops),
      above < kProven ? "the least possible" : fmt::format("at most {} above the least possible", percent_text(above)));
}

}  // namespace

std::string format_bytes(double bytes) {
  if (bytes < 1024) return fmt::format("{:.0f} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", bytes / 1024);
  return fmt::format("{:.2f} MiB", bytes / (1024 * 1024));
}

std::string format_chip_time(const Plan& plan, Tick ticks) {
  const double us = static_cast<double>(ticks) * plan.chip.constants.mvm_ns / 1000;
  return us < 1000 ? fmt::format("{:.1f} us", us) : fmt::format("{:.3f} ms", us / 1000);
}

std::string link_summary(const Plan& plan) {
  const Traffic traffic = plan_traffic(plan, plan_fabric(plan));
  const double busiest = link_ticks(plan, traffic) / static_cast<double>(plan.ticks_per_sample);
  if (traffic.used_links == 0) return "no links are used\n";
  return fmt::format("busiest link {} to {}: {} per sample, {} of its bandwidth{}; at most {} hops\n",
                     traffic.busiest.from, traffic.busiest.to, format_bytes(traffic.busiest_bits / 8),
                     percent_text(busiest),
                     busiest > 1 ? fmt::format(", so that samples take {:.0f} ticks", link_ticks(plan, traffic)) : "",
                     traffic.most_hops);
}

std::string plan_summary(const Plan& plan) {
  std::string text = fmt::format(
      "{} on {}: {} arrays of {} x {}, {} of their cells in use, on {} core{} ({})\n", plan.network, plan.chip.name,
      with_thousands(static_cast<std::uint64_t>(plan.arrays())), plan.chip.array_rows(), plan.chip.array_columns(),
      percent_text(plan.utilisation()), plan.cores, plan.cores == 1 ? "" : "s", topology_name(plan));
  const PlanTimes times = times_of(plan);
  text += fmt::format("{} ticks of {} ns per sample: {:.0f} samples/s; latency {} ticks, {}\n", times.ticks_per_sample,
                      plan.chip.constants.mvm_ns, per_second(plan, times.ticks_per_sample), times.latency,
                      format_chip_time(plan, times.latency));
  if (times.waits) {
    text += fmt::format("without waiting for room in buffers: {} ticks per sample, latency {} ticks\n",
                        plan.ticks_per_sample, unhindered_latency(plan));
  }
  text += fmt::format("layer by layer without copies: {} products, {}\n",
                      with_thousands(static_cast<std::uint64_t>(plan.serial_products())),
                      format_chip_time(plan, plan.serial_products()));
  text += fmt::format("activation memory {} ({} buffers{})\n", format_bytes(plan.sram_bytes()),
                      kBufferSchemes[static_cast<std::size_t>(plan.scheme)],
                      plan.links == LinkWidth::of_chip ? ", for links of the chip's bandwidth" : "");
  return text + placement_summary(plan) + link_summary(plan);
}

std::vector<std::vector<std::string>> plan_table(const Plan& plan) {
  std::vector<std::vector<std::string>> rows = {{"stage", "kind", "matrix", "pixels/product", "copies", "arrays",
                                                 "in use", "products", "ticks", "buffer pixels", "least", "bytes",
                                                 "cores"}};
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    const StagePlan& p = plan.stages[s];
    const bool on_arrays = p.arrays_per_copy > 0;
    rows.push_back({stage.name, std::string(kind_name(stage)), matrix_text(stage),
                    on_arrays ? fmt::format("{}", p.packing.rows * p.packing.columns) : "", fmt::format("{}", p.copies),
                    on_arrays ? arrays_text(plan, p) : "", on_arrays ? percent_text(p.utilisation) : "",
                    on_arrays ? fmt::format("{}", p.iterations) : "", fmt::format("{}", p.ticks_per_sample),
                    buffers_text(p), least_text(p), fmt::format("{:.0f}", stage_bytes(p)), cores_text(p)});
  }
  return rows;
}

nlohmann::ordered_json plan_json(const Plan& plan) {
  const Traffic traffic = plan_traffic(plan, plan_fabric(plan));
  const PlanTimes times = times_of(plan);
  nlohmann::ordered_json json = {{"network", plan.network},
                                 {"chip", plan.chip.name},
                                 {"arrays", plan.arrays()},
                                 {"utilisation", plan.utilisation()},
                                 {"cores", plan.cores},
                                 {"ticks_per_sample", times.ticks_per_sample},
                                 {"tick_ns", plan.chip.constants.mvm_ns},
                                 {"samples_per_second", per_second(plan, times.ticks_per_sample)},
                                 {"latency_ticks", times.latency},
                                 {"serial_products", plan.serial_products()},
                                 {"sram_bytes", plan.sram_bytes()},
                                 {"has_links", plan.links == LinkWidth::of_chip},
                                 {"placement", kPlacements[static_cast<std::size_t>(plan.placement)]},
                                 {"bit_hops_per_sample", plan.bit_hops},
                                 {"least_bit_hops_per_sample", plan.least_bit_hops},
                                 {"busiest_link", {traffic.busiest.from, traffic.busiest.to}},
                                 {"busiest_link_bits_per_sample", traffic.busiest_bits},
                                 {"busiest_link_ticks", link_ticks(plan, traffic)},
                                 {"most_hops", traffic.most_hops}};
  json["stages"] = nlohmann::ordered_json::array();
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    const StagePlan& p = plan.stages[s];
    nlohmann::ordered_json row = {{"name", stage.name},
                                  {"kind", kind_name(stage)},
                                  {"rows", stage.rows},
                                  {"columns", stage.columns},
                                  {"groups", stage.groups},
                                  {"pixels_per_product", p.packing.rows * p.packing.columns},
                                  {"copies", p.copies},
                                  {"arrays", p.arrays()},
                                  {"utilisation", p.utilisation},
                                  {"iterations", p.iterations},
                                  {"ticks_per_sample", p.ticks_per_sample},
                                  {"cores", p.cores}};
    for (std::size_t k = 0; k < p.buffers.size(); ++k) {
      const BufferPlan& b = p.buffers[k];
      row["buffers"].push_back({{"from", plan.graph.stages[static_cast<std::size_t>(stage.inputs[k].from)].name},
                                {"pixels", b.pixels},
                                {"full_rate_pixels", b.needs.full_rate},
                                {"least_pixels", b.needs.least},
                                {"bytes", b.bytes}});
    }
    json["stages"].push_back(std::move(row));
  }
  return json;
}

std::string simulation_summary(const Plan& plan, const SimulationResult& result) {
  const std::size_t samples = result.last_output.size();
  std::string text = fmt::format("{} on {}: {} sample{} in {} ticks, {}\n", plan.network, plan.chip.name, samples,
                                 samples == 1 ? "" : "s", result.ticks, format_chip_time(plan, result.ticks));
  text += fmt::format("latency of the first sample {} ticks, {}", result.latency(0),
                      format_chip_time(plan, result.latency(0)));
  if (samples > 1) {
    text += fmt::format("; of the last {} ticks, {}\nthen a sample every {} ticks: {:.0f} samples/s",
                        result.latency(samples - 1), format_chip_time(plan, result.latency(samples - 1)),
                        result.ticks_per_sample(), per_second(plan, result.ticks_per_sample()));
  }
  return text + "\n";
}

std::vector<std::vector<std::string>> simulation_table(const Plan& plan, const SimulationResult& result) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "copies", "products", "first", "last", "busy", "waited for data", "for room", "buffers held", "of"}};
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const StageRun& run = result.stages[s];
    const StagePlan& p = plan.stages[s];
    std::string held;
    for (const BufferRun& b : result.buffers[s]) held += fmt::format("{}{}", held.empty() ? "" : " + ", b.most);
    const double span = static_cast<double>(std::max<Tick>(1, run.last - run.first + p.interval)) * p.copies;
    rows.push_back({plan.graph.stages[s].name, fmt::format("{}", p.copies), fmt::format("{}", run.iterations),
                    fmt::format("{}", run.first), fmt::format("{}", run.last),
                    percent_text(static_cast<double>(run.busy) / span), fmt::format("{}", run.waited_for_data),
                    fmt::format("{}", run.waited_for_room), held, buffers_text(p)});
  }
  return rows;
}

nlohmann::ordered_json simulation_json(const Plan& plan, const SimulationResult& result) {
  nlohmann::ordered_json json = {{"network", plan.network},
                                 {"chip", plan.chip.name},
                                 {"samples", result.last_output.size()},
                                 {"ticks", result.ticks},
                                 {"tick_ns", plan.chip.constants.mvm_ns},
                                 {"first_latency_ticks", result.latency(0)},
                                 {"last_latency_ticks", result.latency(result.last_output.size() - 1)},
                                 {"ticks_per_sample", result.ticks_per_sample()}};
  json["stages"] = nlohmann::ordered_json::array();
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const StageRun& run = result.stages[s];
    nlohmann::ordered_json row = {{"name", plan.graph.stages[s].name},
                                  {"iterations", run.iterations},
                                  {"first_tick", run.first},
                                  {"last_tick", run.last},
                                  {"busy_ticks", run.busy},
                                  {"waited_for_data_ticks", run.waited_for_data},
                                  {"waited_for_room_ticks", run.waited_for_room}};
    for (const BufferRun& b : result.buffers[s]) row["most_pixels_held"].push_back(b.most);
    json["stages"].push_back(std::move(row));
  }
  return json;
}

}  // namespace ohmic
