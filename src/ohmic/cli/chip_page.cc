#include "ohmic/cli/chip_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "ohmic/cli/plan_output.h"
#include "ohmic/core/version.h"
#include "ohmic/report/axis.h"
#include "ohmic/report/chip_charts.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

constexpr std::size_t kMostShownSamples = 6;
constexpr std::size_t kMostShownLinks = 4000;

std::string page_of(const std::string& title, const std::string& summary, const std::string& sections) {
  std::string lines;
  for (std::size_t at = 0; at < summary.size();) {
    const std::size_t end = std::min(summary.find('\n', at), summary.size());
    lines += fmt::format("<p>{}</p>\n", report::escape_html(summary.substr(at, end - at)));
    at = end + 1;
  }
  const std::string head = fmt::format("<header><h1>{}</h1>\n{}<p class=\"meta\">ohmic {}</p></header>\n",
                                       report::escape_html(title), lines, kVersion);
  return report::html_page(title, "<main>" + head + sections + "</main>");
}

std::string rows_html(const std::string& caption, const std::vector<std::vector<std::string>>& rows) {
  std::vector<report::TableColumn> columns;
  for (const std::string& heading : rows.front()) {
    columns.push_back({heading, columns.empty() ? report::Alignment::left : report::Alignment::right});
  }
  std::vector<std::vector<std::string>> cells(rows.begin() + 1, rows.end());
  for (auto& row : cells) {
    for (std::string& cell : row) cell = report::escape_html(cell);
  }
  return report::html_table(caption, columns, cells);
}

std::string gantt_section(const Plan& plan, const SimulationResult& result) {
  report::GanttChart chart;
  const std::size_t samples = std::min(kMostShownSamples, result.last_output.size());
  chart.label = {"gantt", "What each stage does when",
                 fmt::format("Bars from the first to the last product of each stage for {} samples", samples)};
  chart.end = static_cast<double>(result.last_output[samples - 1] + 1);
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    report::GanttRow row{plan.graph.stages[s].name, {}};
    for (std::size_t m = 0; m < samples; ++m) {
      const SampleSpan& span = result.stages[s].spans[m];
      row.bars.push_back({static_cast<double>(span.first), static_cast<double>(span.last + 1), static_cast<int>(m),
                          fmt::format("{}, sample {}: ticks {} to {}", row.name, m + 1, span.first, span.last)});
    }
    chart.rows.push_back(std::move(row));
  }
  return report::html_section(
      "Stages over time", report::render_gantt(chart) +
                              report::html_note("One colour per sample. A stage works on a sample from its first to "
                                                "its last product; samples follow each other at the plan's rate."));
}

std::string floor_section(const Plan& plan) {
  const Fabric fabric = plan_fabric(plan);
  const Traffic traffic = plan_traffic(plan, fabric);
  report::FloorPlan floor;
  floor.label = {"floor", "Where stages stand", "Cores of the chip, and links between them with their load"};
  constexpr int kCoresInARow = 24;
  floor.columns = fabric.topology() == Topology::mesh ? fabric.columns() : std::min(fabric.cores(), kCoresInARow);
  std::map<int, std::pair<int, std::string>> held;  // per core: first stage, names
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    if (plan.stages[s].arrays_per_copy == 0) continue;
    for (const int core : plan.stages[s].cores) {
      auto& [stage, names] = held.try_emplace(core, static_cast<int>(s), "").first->second;
      names += (names.empty() ? "" : ", ") + plan.graph.stages[s].name;
    }
  }
  for (int core = 0; core < fabric.cores(); ++core) {
    const auto found = held.find(core);
    floor.cores.push_back(
        found == held.end()
            ? report::FloorCore{-1, fmt::format("core {}: not in use", core)}
            : report::FloorCore{found->second.first, fmt::format("core {}: {}", core, found->second.second)});
  }
  if (traffic.loads.size() <= kMostShownLinks) {
    for (const auto& [link, bits] : traffic.loads) {
      floor.links.push_back({link.from, link.to, bits / traffic.busiest_bits,
                             fmt::format("{} to {}: {} per sample", link.from, link.to, format_bytes(bits / 8))});
    }
  }
  return report::html_section(
      "Floor plan",
      report::render_floor_plan(floor) +
          report::html_note(
              "Cores of one stage have a colour; neighbours in the network differ. The width of a link is "
              "its load, both directions drawn over each other; names show under the pointer."));
}

report::Series series_of(BufferScheme scheme, const std::vector<ExploredPlan>& plans, double tick_ns) {
  report::Series series;
  const auto number = static_cast<std::size_t>(scheme);
  series.label = std::string(kBufferSchemes[number]);
  series.colour = static_cast<int>(number);
  series.marker = static_cast<report::Marker>(number);
  // The best latency for each amount of memory, rising.
  std::vector<const ExploredPlan*> sorted;
  for (const ExploredPlan& p : plans) {
    if (p.scheme == scheme) sorted.push_back(&p);
  }
  std::sort(sorted.begin(), sorted.end(), [](const ExploredPlan* a, const ExploredPlan* b) {
    return std::pair(a->sram_bytes, a->latency) < std::pair(b->sram_bytes, b->latency);
  });
  Tick best = std::numeric_limits<Tick>::max();
  for (const ExploredPlan* p : sorted) {
    if (p->latency >= best) continue;
    best = p->latency;
    report::ChartPoint point{p->sram_bytes / 1024, static_cast<double>(p->latency) * tick_ns / 1000};
    point.tooltip = fmt::format("{} arrays of {}: {}, {} ticks per sample, latency {} ticks", p->arrays, p->array_size,
                                format_bytes(p->sram_bytes), p->ticks_per_sample, p->latency);
    series.points.push_back(point);
  }
  return series;
}

std::string trade_off_section(const std::vector<ExploredPlan>& plans, double tick_ns) {
  report::LineChart chart;
  chart.label = {"trade-off", "Latency against activation memory", "One line per kind of buffers"};
  double least = 1e300, most = 0, fast = 1e300, slow = 0;
  for (std::size_t k = 0; k < kBufferSchemes.size(); ++k) {
    chart.series.push_back(series_of(static_cast<BufferScheme>(k), plans, tick_ns));
    for (const report::ChartPoint& p : chart.series.back().points) {
      least = std::min(least, p.x);
      most = std::max(most, p.x);
      fast = std::min(fast, p.y);
      slow = std::max(slow, p.y);
    }
  }
  chart.x = report::log_axis("activation memory, KiB", least, most);
  chart.y = report::log_axis("latency, us", fast, slow);
  return report::html_section(
      "Memory against latency",
      report::render_line_chart(chart, report::ChartSize::wide) +
          report::render_line_chart(chart, report::ChartSize::narrow) +
          report::html_note("For each kind of buffers the plans that no other one with less memory beats in latency, "
                            "over copies, packing and array sizes."));
}

}  // namespace

std::string plan_page(const Plan& plan) {
  return page_of(fmt::format("{} on {}", plan.network, plan.chip.name), plan_summary(plan),
                 floor_section(plan) + report::html_section("Stages", rows_html("Stages", plan_table(plan))));
}

std::string simulation_page(const Plan& plan, const SimulationResult& result) {
  return page_of(fmt::format("{} on {}", plan.network, plan.chip.name),
                 plan_summary(plan) + simulation_summary(plan, result),
                 gantt_section(plan, result) + floor_section(plan) +
                     report::html_section("Run", rows_html("Run", simulation_table(plan, result))) +
                     report::html_section("Stages", rows_html("Stages", plan_table(plan))));
}

std::vector<std::vector<std::string>> exploration_table(const std::vector<ExploredPlan>& plans, double tick_ns) {
  std::vector<const ExploredPlan*> best;
  for (const ExploredPlan& p : plans) {
    if (p.is_best) best.push_back(&p);
  }
  std::stable_sort(best.begin(), best.end(), [](const ExploredPlan* a, const ExploredPlan* b) {
    return std::pair(-a->ticks_per_sample, a->sram_bytes) < std::pair(-b->ticks_per_sample, b->sram_bytes);
  });
  std::vector<std::vector<std::string>> rows = {
      {"array", "pack", "buffers", "arrays", "memory", "ticks/sample", "samples/s", "latency, ticks", "us"}};
  for (const ExploredPlan* p : best) {
    rows.push_back({fmt::format("{0} x {0}", p->array_size), p->packing == WindowPacking::on ? "yes" : "no",
                    std::string(kBufferSchemes[static_cast<std::size_t>(p->scheme)]), fmt::format("{}", p->arrays),
                    format_bytes(p->sram_bytes), fmt::format("{}", p->ticks_per_sample),
                    fmt::format("{:.0f}", 1e9 / (static_cast<double>(p->ticks_per_sample) * tick_ns)),
                    fmt::format("{}", p->latency),
                    fmt::format("{:.1f}", static_cast<double>(p->latency) * tick_ns / 1000)});
  }
  return rows;
}

std::string exploration_page(const std::string& network, const std::vector<ExploredPlan>& plans, double tick_ns) {
  return page_of(fmt::format("{}: memory against latency", network), fmt::format("{} plans\n", plans.size()),
                 trade_off_section(plans, tick_ns) +
                     report::html_section("Plans that no other beats in everything",
                                          rows_html("Best plans", exploration_table(plans, tick_ns))));
}

}  // namespace ohmic
