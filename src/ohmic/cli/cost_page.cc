#include "ohmic/cli/cost_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/version.h"
#include "ohmic/report/axis.h"
#include "ohmic/report/cost_charts.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

constexpr std::size_t kMostShownLayers = 60;

std::string cost_page_of(const std::string& title, const std::string& summary, const std::string& sections) {
  std::string lines;
  for (std::size_t at = 0; at < summary.size();) {
    const std::size_t end = std::min(summary.find('\n', at), summary.size());
    lines += fmt::format("<p>{}</p>\n", report::escape_html(summary.substr(at, end - at)));
    at = end + 1;
  }
  return report::html_page(title, fmt::format("<header><h1>{}</h1>\n{}<p class=\"meta\">ohmic {}</p></header>\n{}",
                                              report::escape_html(title), lines, kVersion, sections));
}

std::string cost_table_of(const std::string& caption, const TextRows& rows) {
  std::vector<report::TableColumn> columns;
  for (const std::string& heading : rows.front()) {
    columns.push_back({heading, columns.empty() ? report::Alignment::left : report::Alignment::right});
  }
  TextRows cells(rows.begin() + 1, rows.end());
  for (auto& row : cells) {
    for (std::string& cell : row) cell = report::escape_html(cell);
  }
  return report::html_table(caption, columns, cells);
}

// The unit in which the largest value is between 1 and 1000.
struct EnergyUnit {
  const char* name;
  double joules;
};
EnergyUnit unit_for(double most_joules) {
  for (const EnergyUnit unit : {EnergyUnit{"J", 1}, {"mJ", 1e-3}, {"uJ", 1e-6}, {"nJ", 1e-9}, {"pJ", 1e-12}}) {
    if (most_joules >= unit.joules) return unit;
  }
  return {"fJ", 1e-15};
}

std::vector<std::pair<int, std::string>> component_legend(const CostTable& table) {
  std::vector<std::pair<int, std::string>> legend;
  for (const Component c : table.components()) {
    legend.emplace_back(static_cast<int>(c), std::string(kComponents[static_cast<std::size_t>(c)]));
  }
  return legend;
}

// A bar of components; `part` gives what each takes in J per sample.
template <class Part>
report::StackedBar component_bar(const CostTable& table, const std::string& name, double unit, double total,
                                 const Part& part) {
  report::StackedBar bar{name, format_energy(total), {}};
  for (const Component c : table.components()) {
    const double joules = part(c);
    bar.parts.push_back(
        {joules / unit, static_cast<int>(c),
         fmt::format("{}: {}, {}", name, kComponents[static_cast<std::size_t>(c)], format_energy(joules))});
  }
  return bar;
}

std::string phase_bars(const CostReport& r, const std::string& id) {
  report::StackedBars chart;
  double most = 0;
  for (const Phase p : r.table.phases()) most = std::max(most, r.table.of_phase(p).value.joules() / r.samples);
  const EnergyUnit unit = unit_for(most);
  chart.label = {id + "-phases", "Energy by phase", "A bar per phase, a part per component"};
  chart.axis = fmt::format("{} per {}", unit.name, r.unit);
  chart.legend = component_legend(r.table);
  for (const Phase p : r.table.phases()) {
    chart.bars.push_back(component_bar(r.table, std::string(kPhases[static_cast<std::size_t>(p)]), unit.joules,
                                       r.table.of_phase(p).value.joules() / r.samples,
                                       [&](Component c) { return r.table.of(c, p).value.joules() / r.samples; }));
  }
  return report::render_stacked_bars(chart);
}

std::string layer_bars(const CostReport& r, const std::string& id) {
  std::vector<std::size_t> layers;
  double most = 0;
  for (std::size_t l = 0; l < r.table.layers().size(); ++l) {
    const double joules = r.table.of_layer(l).value.joules() / r.samples;
    most = std::max(most, joules);
    if (joules > 0 && layers.size() < kMostShownLayers) layers.push_back(l);
  }
  const EnergyUnit unit = unit_for(most);
  report::StackedBars chart;
  chart.label = {id + "-layers", "Energy by layer", "A bar per layer, a part per component"};
  chart.axis = fmt::format("{} per {}", unit.name, r.unit);
  chart.legend = component_legend(r.table);
  for (const std::size_t l : layers) {
    chart.bars.push_back(component_bar(r.table, r.table.layers()[l], unit.joules,
                                       r.table.of_layer(l).value.joules() / r.samples,
                                       [&](Component c) { return r.table.of(l, c).value.joules() / r.samples; }));
  }
  return report::render_stacked_bars(chart);
}

std::string flow(const CostReport& r, const std::string& id) {
  report::FlowChart chart;
  chart.label = {id + "-flow", "From component to phase", "Bands as thick as the energy"};
  const std::vector<Component> components = r.table.components();
  const std::vector<Phase> phases = r.table.phases();
  for (const Component c : components) {
    chart.from.push_back({std::string(kComponents[static_cast<std::size_t>(c)]),
                          format_energy(r.table.of_component(c).value.joules() / r.samples), static_cast<int>(c)});
  }
  for (const Phase p : phases) {
    chart.to.push_back({std::string(kPhases[static_cast<std::size_t>(p)]),
                        format_energy(r.table.of_phase(p).value.joules() / r.samples), 6});
  }
  for (std::size_t a = 0; a < components.size(); ++a) {
    for (std::size_t b = 0; b < phases.size(); ++b) {
      const double joules = r.table.of(components[a], phases[b]).value.joules() / r.samples;
      chart.bands.push_back(
          {a, b, joules, fmt::format("{}, {}: {}", chart.from[a].name, chart.to[b].name, format_energy(joules))});
    }
  }
  return report::render_flow(chart);
}

std::string report_sections(const CostReport& r, const std::string& id, bool named) {
  const std::string of = named ? " of " + r.title : "";
  std::string html = report::html_section("In sum" + of, cost_table_of("Summary", summary_rows(r)));
  html += report::html_section("By phase" + of, phase_bars(r, id) + cost_table_of("By phase", phase_rows(r)));
  html += report::html_section(
      "From component to phase" + of,
      flow(r, id) + report::html_note("A band is as thick as the energy that a component takes in a phase.") +
          cost_table_of("By component", component_rows(r)));
  html += report::html_section("By layer" + of, layer_bars(r, id) + cost_table_of("By layer", layer_rows(r)));
  std::string notes;
  for (const std::string& note : r.notes) notes += report::html_note(note);
  return html + report::html_section("Figures used" + of, cost_table_of("Figures", figure_rows(r)) + notes);
}

std::string comparison_section(const std::vector<CostReport>& reports) {
  if (reports.size() < 2) return {};
  return report::html_section("Side by side", cost_table_of("Side by side", cost_comparison_rows(reports)));
}

std::string design_bars(const CostStudyResult& study) {
  report::StackedBars chart;
  double most = 0;
  for (const StudyDesign& d : study.designs) most = std::max(most, d.compared_nj() * 1e-9);
  const EnergyUnit unit = unit_for(most);
  chart.label = {"designs", "Energy per training image", "A bar per design, a part per phase"};
  chart.axis = fmt::format("{} per training image", unit.name);
  for (const Phase p : kStudyPhases) {
    chart.legend.emplace_back(static_cast<int>(p), std::string(kPhases[static_cast<std::size_t>(p)]));
  }
  for (const StudyDesign& d : study.designs) {
    report::StackedBar bar{d.name, format_energy(d.compared_nj() * 1e-9), {}};
    for (const Phase p : kStudyPhases) {
      const double joules = d.phase_nj(p) * 1e-9;
      bar.parts.push_back(
          {joules / unit.joules, static_cast<int>(p),
           fmt::format("{}: {}, {}", d.name, kPhases[static_cast<std::size_t>(p)], format_energy(joules))});
    }
    chart.bars.push_back(std::move(bar));
  }
  return report::render_stacked_bars(chart);
}

std::string tornado(const CostStudyResult& study) {
  report::TornadoChart chart;
  chart.label = {"tornado", "What swings the ratio", "Ratio with one figure at the ends of its interval"};
  chart.axis = "energy of the 32-bit design over that of computational memory";
  chart.middle = study.ratio();
  chart.references = {{study.published.ratio(), fmt::format("published {:.1f}", study.published.ratio())}};
  for (const Swing& s : study.swings) {
    if (std::abs(s.at_high - s.at_low) < 0.005 * study.ratio()) continue;
    const std::string name(traits_of(s.name).name);
    chart.bars.push_back({name, s.at_low, s.at_high,
                          fmt::format("{}: {:.1f} at its low end, {:.1f} at its high end", name, s.at_low, s.at_high)});
  }
  return report::render_tornado(chart) +
         report::html_note("One figure at a time at an end of its interval, which covers every source of it.");
}

}  // namespace

std::string cost_page(const std::vector<CostReport>& reports) {
  const CostReport& first = reports.front();
  std::string sections = comparison_section(reports);
  for (std::size_t r = 0; r < reports.size(); ++r) {
    sections += report_sections(reports[r], fmt::format("r{}", r), reports.size() > 1);
  }
  sections += report::html_section("Published systems", cost_table_of("Published systems", published_rows()));
  const std::string head =
      fmt::format("{}: {} per {}", first.title, format_interval(first.summary.energy_j), first.unit);
  return cost_page_of("What it costs", head, sections);
}

std::string study_page(const CostStudyResult& study) {
  return cost_page_of(
      "Training on computational memory and in digital designs", study_summary(study),
      report::html_section("Designs", design_bars(study) + cost_table_of("Designs", study_rows(study))) +
          report::html_section("What swings the ratio", tornado(study) + cost_table_of("Swings", swing_rows(study))) +
          report::html_section("What figures would have to be", cost_table_of("Needs", needs_rows(study))));
}

std::string sweep_page(const SweepResult& sweep) {
  report::LineChart chart;
  chart.label = {"sweep", "Accuracy against energy", "Points that no other beats in both are joined"};
  report::Series best, others;
  best.label = "not beaten";
  others.label = "others";
  others.colour = report::kNeutralColour;
  others.marker = report::Marker::square;
  double least = 1e300, most = 0, low = 1, high = 0;
  std::vector<const SweepPoint*> points;
  for (const SweepPoint& p : sweep.points) points.push_back(&p);
  std::sort(points.begin(), points.end(),
            [](const SweepPoint* a, const SweepPoint* b) { return a->energy_j.value < b->energy_j.value; });
  const EnergyUnit unit = unit_for(points.back()->energy_j.value);
  for (const SweepPoint* p : points) {
    const double x = p->energy_j.value / unit.joules;
    report::ChartPoint point{x, 100 * p->accuracy};
    point.tooltip = fmt::format("{}: {:.2f} %, {}", p->name, 100 * p->accuracy, format_energy(p->energy_j.value));
    (p->is_best ? best : others).points.push_back(point);
    // Points that are beaten stand alone.
    if (!p->is_best) others.points.push_back({x, std::numeric_limits<double>::quiet_NaN()});
    least = std::min(least, x);
    most = std::max(most, x);
    low = std::min(low, p->accuracy);
    high = std::max(high, p->accuracy);
  }
  chart.series.push_back(std::move(best));
  if (!others.points.empty()) chart.series.push_back(std::move(others));
  chart.x = report::log_axis(fmt::format("energy, {} per sample", unit.name), least, most * 1.001);
  chart.y = report::linear_axis("test accuracy, %", 100 * low, 100 * high, 7);
  return cost_page_of(
      fmt::format("{}: accuracy beside energy", sweep.run), fmt::format("{} settings\n", sweep.points.size()),
      report::html_section("Accuracy against energy", report::render_line_chart(chart, report::ChartSize::wide) +
                                                          report::render_line_chart(chart, report::ChartSize::narrow)) +
          report::html_section("Points", cost_table_of("Points", sweep_rows(sweep))));
}

}  // namespace ohmic
