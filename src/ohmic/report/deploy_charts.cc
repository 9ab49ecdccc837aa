#include "ohmic/report/deploy_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/bar_chart.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kHundred = 100;

bool has_sensitivity(const RunRecord& run) {
  return std::any_of(run.layers.begin(), run.layers.end(),
                     [](const LayerRecord& layer) { return std::isfinite(layer.output_error); });
}

// The first, and all of the last time; batch norm's statistics do nothing to the cells.
std::vector<std::size_t> shown_snr(const LayerRecord& layer) {
  std::vector<std::size_t> shown;
  for (std::size_t k = 0; k < layer.snr.size(); ++k) {
    const bool is_last = layer.snr[k].at == layer.snr.back().at;
    if (k == 0 || (is_last && layer.snr[k].compensate != "adabs")) shown.push_back(k);
  }
  return shown;
}

std::string snr_chart(const RunRecord& run, std::size_t number) {
  const auto with = std::find_if(run.layers.begin(), run.layers.end(), [](const auto& l) { return !l.snr.empty(); });
  if (with == run.layers.end()) return {};
  BarChart chart;
  chart.label = {fmt::format("snr{}", number), "Signal-to-noise ratio of each layer",
                 "Outputs of the cells against those of the weights on the same inputs, in decibels"};
  chart.title = "signal-to-noise ratio, dB";
  const std::vector<std::size_t> shown = shown_snr(*with);
  for (const std::size_t k : shown) {
    chart.quantities.push_back(with->snr[k].at + ", " + compensation_name(with->snr[k].compensate));
  }
  for (const LayerRecord& layer : run.layers) {
    BarRow row;
    row.name = layer.name;
    for (const std::size_t k : shown) {
      if (k >= layer.snr.size()) continue;
      row.values.push_back(layer.snr[k].db);
      row.tooltips.push_back(fmt::format("{}, {}: {:.1f} dB", layer.name, layer.snr[k].at, layer.snr[k].db));
    }
    chart.rows.push_back(std::move(row));
  }
  return render_bars(chart) +
         html_note(
             "Outputs of each layer's cells against those of its fp32 weights, both given the inputs of the fp32 "
             "network. 20 dB is an error of a tenth.");
}

std::string sensitivity_chart(const RunRecord& run, std::size_t number) {
  if (!has_sensitivity(run)) return {};
  BarChart chart;
  chart.label = {fmt::format("sensitivity{}", number), "Which layers hurt most",
                 "Loss of accuracy with one layer alone on cells"};
  chart.title = "percent";
  chart.quantities = {"loss of accuracy, points", "change of the network's outputs, % of their variance"};
  for (const LayerRecord& layer : run.layers) {
    const double loss = kHundred * layer.accuracy_loss, change = kHundred * layer.output_error;
    chart.rows.push_back({layer.name + (layer.on_cells ? "" : " (digital)"),
                          {loss, change},
                          {fmt::format("{}: {:.2f} points", layer.name, loss),
                           fmt::format("{}: {:.3f} % of the variance", layer.name, change)}});
  }
  return render_bars(chart) +
         html_note(
             "Each layer alone on cells, the rest in fp32, on training images. A digital budget goes to the layers "
             "with the largest change of the outputs per weight.");
}

// The accuracy of a rung at the last time.
const LadderResult* last_result(const LadderRung& rung) {
  return rung.results.empty() ? nullptr : &rung.results.back();
}

std::string ladder_chart(const RunRecord& run, const SvgLabel& label, const std::string& title,
                         double LadderRung::*quantity) {
  LineChart chart;
  chart.label = label;
  std::vector<std::string> measures;
  double low = 1e300, high = 0, least = 100, most = 0;
  for (const LadderRung& rung : run.ladder) {
    const LadderResult* result = last_result(rung);
    const double x = rung.*quantity;
    if (result == nullptr || !(x > 0)) continue;
    auto found = std::find(measures.begin(), measures.end(), rung.measure);
    if (found == measures.end()) {
      Series series;
      series.label = rung.measure;
      series.colour = static_cast<int>(measures.size()) % 6;
      series.marker = static_cast<Marker>(measures.size() % 4);
      series.extent = Extent::error_bars;
      chart.series.push_back(series);
      measures.push_back(rung.measure);
      found = measures.end() - 1;
    }
    ChartPoint point{x, kHundred * result->accuracy_mean};
    point.low = point.y - kHundred * result->accuracy_std;
    point.high = point.y + kHundred * result->accuracy_std;
    point.tooltip = fmt::format("{}: {:.2f} % with {:.0f} cells per weight, weight error {:.2f} %", rung.name, point.y,
                                rung.cells_per_weight, kHundred * rung.weight_error);
    low = std::min(low, x);
    high = std::max(high, x);
    least = std::min(least, point.low);
    most = std::max(most, point.high);
    chart.series[static_cast<std::size_t>(found - measures.begin())].points.push_back(point);
  }
  if (chart.series.empty()) return {};
  for (Series& series : chart.series) {
    std::sort(series.points.begin(), series.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  }
  chart.x = log_axis(title, low, std::max(high, 2 * low));
  chart.y = linear_axis("test accuracy, %", std::max(0.0, least - 0.1), std::min(100.0, most + 0.1), 8);
  return render_line_chart(chart, ChartSize::wide);
}

std::string ladder_numbers(const RunRecord& run) {
  std::vector<TableColumn> columns = {{"rung", Alignment::left},
                                      {"measure", Alignment::left},
                                      {"cells per weight", Alignment::right},
                                      {"pulses per cell", Alignment::right},
                                      {"reads per cell", Alignment::right},
                                      {"weight error", Alignment::right}};
  if (!run.ladder.empty()) {
    for (const LadderResult& r : run.ladder.front().results) {
      columns.push_back({r.at + ", " + compensation_name(r.compensate), Alignment::right});
    }
  }
  std::vector<std::vector<std::string>> rows;
  for (const LadderRung& rung : run.ladder) {
    std::vector<std::string> row = {escape_html(rung.name),
                                    escape_html(rung.measure),
                                    fmt::format("{:.0f}", rung.cells_per_weight),
                                    fmt::format("{:.1f}", rung.pulses_per_cell),
                                    fmt::format("{:.1f}", rung.reads_per_cell),
                                    format_percent(rung.weight_error)};
    for (const LadderResult& r : rung.results) {
      row.push_back(format_percent(r.accuracy_mean) + " ± " + format_percent(r.accuracy_std));
    }
    row.resize(columns.size());
    rows.push_back(std::move(row));
  }
  return html_table("The ladder of precision", columns, rows);
}

}  // namespace

std::string layer_charts(std::span<const RunGroup> groups) {
  std::string html;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::string charts = snr_chart(groups[g].first(), g) + sensitivity_chart(groups[g].first(), g);
    if (charts.empty()) continue;
    if (groups.size() > 1) html += html_note(groups[g].label);
    html += charts;
  }
  return html;
}

std::string ladder_charts(std::span<const RunGroup> groups) {
  std::string html;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const RunRecord& run = groups[g].first();
    if (run.ladder.empty()) continue;
    if (groups.size() > 1) html += html_note(groups[g].label);
    html += ladder_chart(run, {fmt::format("ladder_cells{}", g), "Accuracy against cells per weight", "A point a rung"},
                         "cells per weight", &LadderRung::cells_per_weight);
    html +=
        ladder_chart(run, {fmt::format("ladder_effort{}", g), "Accuracy against programming effort", "A point a rung"},
                     "programming pulses per weight", &LadderRung::pulses_per_weight);
    html += html_note("At the last time; error bars are the spread between chips.") + ladder_numbers(run);
  }
  return html;
}

}  // namespace ohmic::report
