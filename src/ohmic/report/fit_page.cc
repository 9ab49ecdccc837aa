#include "ohmic/report/fit_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/html_page.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/svg_histogram.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

using namespace report;

constexpr int kDataColour = 1;
constexpr int kModelColour = 0;
constexpr std::size_t kMostPanels = 7;  ///< distributions shown, RESET one of them
constexpr std::size_t kMostDrifts = 4;  ///< numbers of pulses in the drift chart
constexpr std::size_t kMostMarkers = 60;

std::string both_sizes(const LineChart& chart) {
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

Series data_series(std::string label) {
  Series series;
  series.label = std::move(label);
  series.colour = kDataColour;
  return series;
}

Series model_series(std::string label) {
  Series series;
  series.label = std::move(label);
  series.colour = kModelColour;
  series.has_markers = false;
  return series;
}

/// Least and greatest y of all points, ends of bands and bars included.
std::pair<double, double> y_range(const std::vector<Series>& all) {
  double low = 1e300, high = -1e300;
  for (const Series& series : all) {
    for (const ChartPoint& p : series.points) {
      for (const double y : {p.y, p.low, p.high}) {
        if (std::isfinite(y)) low = std::min(low, y), high = std::max(high, y);
      }
    }
  }
  return {low, high};
}

std::pair<double, double> x_range(const std::vector<Series>& all) {
  double low = 1e300, high = -1e300;
  for (const Series& series : all) {
    for (const ChartPoint& p : series.points) low = std::min(low, p.x), high = std::max(high, p.x);
  }
  return {low, high};
}

std::string us(double value) { return format_significant(value, 3) + " µS"; }

std::string trajectory_chart(const FitPageData& page) {
  Series data = data_series("measured"), model = model_series("model");
  data.extent = Extent::error_bars, model.extent = Extent::band;
  data.line = LineStyle::dotted;
  data.has_markers = page.pulses.size() <= kMostMarkers;
  for (const auto& p : page.pulses) {
    if (p.cells < 1) continue;
    data.points.push_back({p.pulse, p.data_mean, p.data_mean - p.data_stddev, p.data_mean + p.data_stddev,
                           fmt::format("measured, {:.0f} pulses: {} ± {}, {:.0f} cells", p.pulse, us(p.data_mean),
                                       us(p.data_stddev), p.cells)});
    model.points.push_back(
        {p.pulse, p.model_mean, p.model_mean - p.model_stddev, p.model_mean + p.model_stddev,
         fmt::format("model, {:.0f} pulses: {} ± {}", p.pulse, us(p.model_mean), us(p.model_stddev))});
  }
  std::vector<Series> all = {model, data};
  const auto [low, high] = y_range(all);
  const LineChart chart{{"trajectory", "Conductance by number of SET pulses", page.finding},
                        integer_axis("SET pulses since RESET", x_range(all).first, x_range(all).second, 12),
                        linear_axis("conductance, µS", std::min(0.0, low), high, 8),
                        all};
  return both_sizes(chart) +
         html_note(
             "Mean over cells, and one standard deviation to either side: band and line for the model, bars for "
             "the measurements. The model's cells are simulated and read as the measured ones were, so both hold "
             "read noise.");
}

std::string step_chart(const FitPageData& page, const char* id, const char* title, const char* axis,
                       double FitPageData::Step::*data_value, double FitPageData::Step::*model_value,
                       double (*error)(const FitPageData::Step&)) {
  Series data = data_series("measured"), model = model_series("model");
  data.extent = Extent::error_bars;
  data.line = LineStyle::dotted;
  for (const auto& s : page.steps) {
    const double margin = error(s);
    data.points.push_back(
        {s.conductance, s.*data_value, s.*data_value - margin, s.*data_value + margin,
         fmt::format("measured at {}: {}, {:.0f} steps", us(s.conductance), us(s.*data_value), s.steps)});
    model.points.push_back({s.conductance, s.*model_value});
    model.points.back().tooltip = fmt::format("model at {}: {}", us(s.conductance), us(s.*model_value));
  }
  if (data.points.empty()) return {};
  std::vector<Series> all = {model, data};
  const auto [low, high] = y_range(all);
  const LineChart chart{
      {id, title, title},
      linear_axis("conductance before the pulse, µS", std::min(0.0, x_range(all).first), x_range(all).second, 10),
      linear_axis(axis, std::min(0.0, low), high, 7),
      all};
  return fmt::format("<h3>{}</h3>\n", title) + both_sizes(chart);
}

std::string step_charts(const FitPageData& page) {
  using Step = FitPageData::Step;
  const std::string mean = step_chart(page, "step-mean", "Mean", "mean step, µS", &Step::data_mean, &Step::model_mean,
                                      [](const Step& s) { return 2 * s.data_stddev / std::sqrt(s.steps); });
  const std::string spread =
      step_chart(page, "step-spread", "Spread", "standard deviation of a step, µS", &Step::data_stddev,
                 &Step::model_stddev, [](const Step& s) { return 2 * s.data_stddev / std::sqrt(2 * s.steps); });
  if (mean.empty()) return {};
  return mean + spread +
         html_note(
             "Change from one read to the next, in ranges of the conductance read before; bars are two standard "
             "errors. Both sides hold read noise and the same mixture of pulse numbers, so the slope here is not "
             "that of the law.");
}

/// Places spread evenly over all pulses that were measured, the last one included.
std::vector<const FitPageData::Pulse*> chosen_pulses(const FitPageData& page) {
  std::vector<const FitPageData::Pulse*> measured;
  for (const auto& p : page.pulses) {
    if (p.cells >= 2) measured.push_back(&p);
  }
  if (measured.size() <= kMostPanels) return measured;
  // Early pulses differ most, so places grow like a power.
  std::vector<const FitPageData::Pulse*> chosen;
  for (std::size_t k = 0; k < kMostPanels; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(kMostPanels - 1);
    const auto place =
        static_cast<std::size_t>(std::lround(std::pow(share, 1.7) * static_cast<double>(measured.size() - 1)));
    if (chosen.empty() || chosen.back() != measured[place]) chosen.push_back(measured[place]);
  }
  return chosen;
}

std::vector<double> common_edges(const std::vector<const FitPageData::Pulse*>& pulses) {
  constexpr int kBins = 48;
  double low = 1e300, high = -1e300;
  for (const auto* p : pulses) {
    low = std::min({low, p->data.front(), p->model.front()});
    high = std::max({high, p->data.back(), p->model.back()});
  }
  if (!(high > low)) high = low + std::max(1e-3, 0.1 * std::abs(low));
  std::vector<double> edges;
  for (int k = 0; k <= kBins; ++k) edges.push_back(low + (high - low) * k / kBins);
  return edges;
}

std::vector<double> counts_in(const std::vector<double>& values, const std::vector<double>& edges, double total) {
  std::vector<double> counts(edges.size() - 1, 0.0);
  const double width = edges[1] - edges[0];
  for (const double value : values) {
    const double bin = std::clamp((value - edges[0]) / width, 0.0, static_cast<double>(counts.size()) - 1);
    counts[static_cast<std::size_t>(bin)] += total / static_cast<double>(values.size());
  }
  return counts;
}

std::string distribution_stack(const std::vector<const FitPageData::Pulse*>& pulses, const std::string& id,
                               const std::vector<double>& edges) {
  HistogramStack stack;
  for (const auto* p : pulses) {
    const std::string name = p->pulse == 0 ? "RESET" : format_plural(static_cast<std::size_t>(p->pulse), "pulse");
    stack.panels.push_back({name,
                            fmt::format("KS {:.3f}, bound {:.3f}", p->ks_distance, p->ks_bound),
                            edges,
                            {"measured", "", kDataColour, counts_in(p->data, edges, p->cells)},
                            {"model", "", kModelColour, counts_in(p->model, edges, p->cells)}});
  }
  stack.label = {id, "Distribution of conductances", "Measured above, model below."};
  stack.x_title = "conductance, µS";
  stack.y_title = needs_log_counts(stack.panels) ? "cells per bin (logarithmic)" : "cells per bin";
  return render_histogram_stack(stack);
}

/// Half of the pictures in each of two columns, and RESET, whose cells lie close together, on an axis of its own.
std::string distribution_charts(const FitPageData& page) {
  auto pulses = chosen_pulses(page);
  std::string reset;
  if (!pulses.empty() && pulses.front()->pulse == 0) {
    reset = distribution_stack({pulses.front()}, "distribution-reset", common_edges({pulses.front()}));
    pulses.erase(pulses.begin());
  }
  if (pulses.empty()) return {};
  const std::vector<double> edges = common_edges(pulses);
  const auto middle = pulses.begin() + static_cast<std::ptrdiff_t>(pulses.size() / 2);
  return fmt::format("<div class=\"pair\">\n<div>\n{}{}</div>\n<div>\n{}</div>\n</div>\n", reset,
                     distribution_stack({pulses.begin(), middle}, "distribution-early", edges),
                     distribution_stack({middle, pulses.end()}, "distribution-late", edges)) +
         html_note(
             "Conductances as read: measured above the line, model below it, scaled to as many cells. KS is the "
             "greatest distance of the two cumulative distributions; a right model exceeds the bound once in "
             "twenty.");
}

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto left = static_cast<std::size_t>(place);
  const std::size_t right = std::min(left + 1, sorted.size() - 1);
  return sorted[left] + (place - static_cast<double>(left)) * (sorted[right] - sorted[left]);
}

std::string residual_chart(const FitPageData& page) {
  if (page.data_residuals.size() < 10 || page.model_residuals.size() < 10) return {};
  Series points = data_series("measured"), diagonal = model_series("equal");
  points.line = LineStyle::dotted;
  const std::size_t count = std::min<std::size_t>(60, page.data_residuals.size());
  for (std::size_t k = 0; k < count; ++k) {
    const double share = (static_cast<double>(k) + 0.5) / static_cast<double>(count);
    const double x = quantile(page.model_residuals, share), y = quantile(page.data_residuals, share);
    points.points.push_back({x, y});
    points.points.back().tooltip = fmt::format("{:.1f} % lie below: {} measured, {} model", 100 * share,
                                               format_significant(y, 3), format_significant(x, 3));
  }
  const auto [low, high] = x_range({points});
  diagonal.colour = kNeutralColour, diagonal.line = LineStyle::dashed;
  diagonal.points = {{low, low}, {high, high}};
  std::vector<Series> all = {diagonal, points};
  const auto [bottom, top] = y_range(all);
  const LineChart chart{{"residuals", "Quantiles of prediction errors", "Measured against model."},
                        linear_axis("quantile of the model", low, high, 9),
                        linear_axis("quantile of the measurements", bottom, top, 9),
                        all};
  return both_sizes(chart) +
         html_note(
             "Each read less what the model expects after all reads before it, in expected standard deviations; "
             "quantiles of the measured cells against those of simulated ones. On the dashed line they agree. "
             "Clipping at a bound makes both unlike a normal distribution.");
}

/// Every k-th of the drift curves, the last included.
std::vector<FitPageData::Drift> chosen_drifts(const FitPageData& page) {
  std::vector<FitPageData::Drift> chosen;
  const std::size_t count = std::min(kMostDrifts, page.drift.size());
  for (std::size_t k = 1; k <= count; ++k) chosen.push_back(page.drift[k * page.drift.size() / count - 1]);
  return chosen;
}

std::string drift_chart(const FitPageData& page) {
  std::vector<Series> all;
  for (const auto& drift : chosen_drifts(page)) {
    const int colour = static_cast<int>(all.size() / 2) % kNeutralColour;
    Series data = data_series(format_plural(static_cast<std::size_t>(drift.pulse), "pulse")), model = model_series("");
    data.colour = model.colour = colour;
    data.line = LineStyle::dotted;
    for (std::size_t k = 0; k < drift.times.size(); ++k) {
      data.points.push_back({drift.times[k], drift.data[k]});
      data.points.back().tooltip = fmt::format("{:.0f} pulses, {} later: {}", drift.pulse,
                                               report::format_duration(drift.times[k]), us(drift.data[k]));
      model.points.push_back({drift.times[k], drift.model[k]});
    }
    all.push_back(std::move(model));
    all.push_back(std::move(data));
  }
  if (all.empty()) return {};
  const auto [low, high] = y_range(all);
  const LineChart chart{{"drift", "Mean conductance by time after the pulse", "Measured points, model lines."},
                        time_axis("time after the pulse", x_range(all).first, x_range(all).second),
                        linear_axis("mean conductance, µS", low, high, 7),
                        all};
  return both_sizes(chart) + html_note("Means over cells: measured as points, the fitted power law as lines.");
}

std::string constants_table(const FitPageData& page) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& c : page.constants) {
    rows.push_back({fmt::format("{}<br><span class=\"sub\">{}</span>", escape_html(c.name), escape_html(c.meaning)),
                    escape_html(c.value), escape_html(c.interval), escape_html(c.unit), escape_html(c.status),
                    escape_html(c.remark)});
  }
  return html_table("Constants of the fitted cell",
                    {{"constant"},
                     {"value", Alignment::right},
                     {"95 % interval", Alignment::right},
                     {"unit"},
                     {"status"},
                     {"remark"}},
                    rows);
}

std::string pulses_table(const FitPageData& page) {
  std::vector<std::vector<std::string>> rows;
  const auto number = [](double value) { return format_significant(value, 4); };
  for (const auto& p : page.pulses) {
    if (p.cells < 1) continue;
    rows.push_back({fmt::format("{:.0f}", p.pulse), fmt::format("{:.0f}", p.cells), number(p.data_mean),
                    number(p.model_mean), number(p.data_stddev), number(p.model_stddev),
                    fmt::format("{:.3f}", p.ks_distance), fmt::format("{:.3f}", p.ks_bound),
                    p.chi_square > 0 ? fmt::format("{:.2f}", p.chi_square) : std::string(kNoValue)});
  }
  const auto right = [](const char* heading) { return TableColumn{heading, Alignment::right}; };
  return html_table("Measurements and model by number of pulses",
                    {{"pulses"},
                     right("cells"),
                     right("mean, µS"),
                     right("model, µS"),
                     right("spread, µS"),
                     right("model, µS"),
                     right("KS"),
                     right("bound"),
                     right("chi²")},
                    rows);
}

std::string header(const FitPageData& page) {
  std::string facts, warnings;
  for (const std::string& fact : page.facts) facts += fmt::format("<span>{}</span>", escape_html(fact));
  for (const std::string& warning : page.warnings) {
    warnings += fmt::format("<p class=\"warning\" role=\"note\">{}</p>\n", escape_html(warning));
  }
  return fmt::format("<header>\n<h1>{}</h1>\n<p class=\"finding\">{}</p>\n<p class=\"meta\">{}</p>\n</header>\n{}",
                     escape_html(page.title), escape_html(page.finding), facts, warnings);
}

}  // namespace

std::string render_fit_page(const FitPageData& page) {
  std::string body = header(page);
  body += html_section("Conductance by number of pulses", trajectory_chart(page));
  body += html_section("One step", step_charts(page));
  body += html_section("Distribution of conductances", distribution_charts(page));
  body += html_section("Prediction errors", residual_chart(page));
  body += html_section("Drift", drift_chart(page));
  body += html_section("Constants", constants_table(page));
  body += html_section("Numbers", html_details("Measurements and model by number of pulses", pulses_table(page)));
  return html_page(page.title, body);
}

}  // namespace ohmic
