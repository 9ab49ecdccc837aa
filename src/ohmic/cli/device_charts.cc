#include "ohmic/cli/device_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/palette.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

using namespace report;

constexpr std::size_t kMostMarkers = 31;
constexpr double kPercent = 100;

// One cell is drawn in uS, several in percent of what each can use: their ranges differ.
struct Unit {
  bool is_relative;

  double of(const DeviceStudy& study) const { return is_relative ? kPercent / study.figures.usable_us : 1; }
  std::string title(std::string_view quantity) const {
    return fmt::format("{}, {}", quantity, is_relative ? "% of the usable conductance" : "µS");
  }
  std::string text(double value) const {
    return fmt::format("{} {}", format_significant(value, 3), is_relative ? "%" : "µS");
  }
};

Unit unit_of(Studies studies) { return {studies.size() > 1}; }

struct Extremes {
  double low = 0;
  double high = 0;
};

/// Of all points and the ends of their bands, and 0.
Extremes extremes(const std::vector<Series>& all) {
  Extremes e;
  for (const Series& series : all) {
    for (const ChartPoint& point : series.points) {
      for (const double value : {point.y, point.low, point.high}) {
        if (!std::isfinite(value)) continue;
        e.low = std::min(e.low, value);
        e.high = std::max(e.high, value);
      }
    }
  }
  return e;
}

std::string drawn(std::string id, std::string title, Axis x, std::string y_title, std::vector<Series> series) {
  const Extremes y = extremes(series);
  for (Series& s : series) s.has_markers = s.has_markers && s.points.size() <= kMostMarkers;
  const LineChart chart{{std::move(id), title, title}, std::move(x), linear_axis(y_title, y.low, y.high, 7), series};
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

Series new_series(std::string label, std::size_t colour, Extent extent = Extent::none) {
  Series series;
  series.label = std::move(label);
  series.colour = static_cast<int>(colour);
  series.marker = static_cast<Marker>(colour % 4);
  series.extent = extent;
  return series;
}

Series without_markers(Series series, LineStyle line) {
  series.has_markers = false;
  series.line = line;
  return series;
}

std::vector<PulseOutcome> all_pulses(const Characterisation& f) {
  std::vector<PulseOutcome> all = f.potentiation;
  all.insert(all.end(), f.depression.begin(), f.depression.end());
  return all;
}

Series mean_series(const DeviceStudy& study, std::string label, std::size_t colour, Unit unit) {
  Series series = new_series(std::move(label), colour, Extent::band);
  const double scale = unit.of(study);
  for (const PulseOutcome& outcome : all_pulses(study.figures)) {
    const ConductanceSpread& g = outcome.conductance;
    ChartPoint point{static_cast<double>(outcome.pulse), scale * g.mean_us, scale * g.quantiles_us.front(),
                     scale * g.quantiles_us.back()};
    point.tooltip = fmt::format("{}, pulse {}: mean {}, 90 % of the cells from {} to {}", study.label, outcome.pulse,
                                unit.text(point.y), unit.text(point.low), unit.text(point.high));
    series.points.push_back(std::move(point));
  }
  return series;
}

Series noise_free_series(const DeviceStudy& study) {
  Series series = without_markers(new_series("without noise", kNeutralColour), LineStyle::dashed);
  for (const PulseOutcome& outcome : all_pulses(study.figures)) {
    series.points.push_back({static_cast<double>(outcome.pulse), outcome.noise_free_us});
  }
  return series;
}

Series example_series(const DeviceStudy& study, std::size_t cell) {
  Series series = without_markers(new_series(fmt::format("cell {}", cell + 1), cell + 1), LineStyle::dotted);
  const std::vector<float>& trace = study.figures.examples[cell];
  for (std::size_t n = 0; n < trace.size(); ++n) series.points.push_back({static_cast<double>(n), trace[n]});
  return series;
}

double last_pulse(Studies studies) {
  std::int64_t last = 0;
  for (const DeviceStudy& study : studies) {
    last = std::max(last, study.figures.pulses * (study.figures.depression.empty() ? 1 : 2));
  }
  return static_cast<double>(last);
}

Series step_series(const DeviceStudy& study, const std::vector<PulseOutcome>& outcomes, std::string label,
                   std::size_t colour, Unit unit) {
  Series series = new_series(std::move(label), colour, Extent::band);
  const double scale = unit.of(study);
  double number = 0;
  for (const PulseOutcome& outcome : outcomes) {
    if (outcome.pulse == 0) continue;
    const double mean = scale * outcome.mean_step_us;
    const double spread = scale * outcome.step_stddev_us;
    ChartPoint point{++number, mean, mean - spread, mean + spread};
    point.tooltip = fmt::format("{}, pulse {:.0f}: {} ± {}; {} of the steps lead down", series.label, number,
                                unit.text(mean), unit.text(spread), format_percent(outcome.share_negative, 1));
    series.points.push_back(std::move(point));
  }
  return series;
}

/// The histogram as an outline.
Series outline(const ConductanceHistogram& histogram, std::string label, std::size_t colour, double scale) {
  Series series = without_markers(new_series(std::move(label), colour), LineStyle::solid);
  double cells = 0;
  for (const std::uint64_t count : histogram.counts) cells += static_cast<double>(count);
  const std::vector<double>& edges = histogram.edges_us;
  series.points.push_back({scale * edges.front(), 0});
  for (std::size_t k = 0; k < histogram.counts.size(); ++k) {
    const double share = kPercent * static_cast<double>(histogram.counts[k]) / cells;
    series.points.push_back({scale * edges[k], share});
    series.points.push_back({scale * edges[k + 1], share});
  }
  series.points.push_back({scale * edges.back(), 0});
  return series;
}

double last_x(const std::vector<Series>& all) {
  double last = 0;
  for (const Series& series : all) {
    for (const ChartPoint& point : series.points) last = std::max(last, point.x);
  }
  return last;
}

Series drift_series(const DriftCurve& curve, std::string label, std::size_t colour, double scale, Unit unit) {
  Series series = new_series(std::move(label), colour, Extent::band);
  for (const AgedConductance& aged : curve.ages) {
    const double mean = scale * aged.mean_us;
    const double spread = scale * aged.stddev_us;
    ChartPoint point{aged.age_s, mean, mean - spread, mean + spread};
    point.tooltip = fmt::format("{}, after {}: {} ± {}", series.label, format_duration(aged.age_s), unit.text(mean),
                                unit.text(spread));
    series.points.push_back(std::move(point));
  }
  return series;
}

std::string level_label(const DriftCurve& curve) {
  return fmt::format("from {} µS", format_significant(curve.level_us, 3));
}

Series noise_series(const DeviceStudy& study, std::string label, std::size_t colour, Unit unit) {
  Series series = new_series(std::move(label), colour);
  const double scale = unit.of(study);
  for (const ReadNoisePoint& noise : study.figures.read_noise) {
    ChartPoint point{scale * noise.conductance_us, scale * noise.stddev_us};
    point.tooltip = fmt::format("{} at {}", unit.text(point.y), unit.text(point.x));
    series.points.push_back(std::move(point));
  }
  return series;
}

Series flicker_series(const DriftCurve& curve, std::string label, std::size_t colour, double scale, Unit unit) {
  Series series = new_series(std::move(label), colour);
  for (const AgedConductance& aged : curve.ages) {
    ChartPoint point{aged.age_s, scale * aged.read_noise_us};
    point.tooltip = fmt::format("{}, after {}: {}", series.label, format_duration(aged.age_s), unit.text(point.y));
    series.points.push_back(std::move(point));
  }
  return series;
}

Series error_series(const DeviceStudy& study, std::string label, std::size_t colour, Unit unit) {
  Series series = new_series(std::move(label), colour, Extent::error_bars);
  const double scale = unit.of(study);
  for (const TargetOutcome& t : study.figures.targets) {
    const double error = scale * (t.achieved.mean_us - t.target_us);
    const double spread = scale * t.achieved.stddev_us;
    ChartPoint point{scale * t.target_us, error, error - spread, error + spread};
    point.tooltip = fmt::format("{}, target {}: {} ± {}; {} within the tolerance", series.label, unit.text(point.x),
                                unit.text(error), unit.text(spread), format_percent(t.share_converged, 1));
    series.points.push_back(std::move(point));
  }
  return series;
}

Series tolerance_series(const DeviceStudy& study, double sign) {
  Series series =
      without_markers(new_series(sign > 0 ? "tolerance" : "− tolerance", kNeutralColour), LineStyle::dashed);
  const double tolerance = sign * study.programming.tolerance_us;
  series.points = {{study.figures.lowest_us, tolerance}, {study.figures.usable_us, tolerance}};
  return series;
}

Series effort_series(const DeviceStudy& study, std::string label, std::size_t colour, double TargetOutcome::*count,
                     Unit unit) {
  Series series = new_series(std::move(label), colour);
  for (const TargetOutcome& t : study.figures.targets) {
    ChartPoint point{unit.of(study) * t.target_us, t.*count};
    point.tooltip =
        fmt::format("{}, target {}: {} per cell", series.label, unit.text(point.x), format_significant(point.y, 3));
    series.points.push_back(std::move(point));
  }
  return series;
}

Axis conductance_axis(std::string_view quantity, const std::vector<Series>& all, Unit unit) {
  return linear_axis(unit.title(quantity), 0, last_x(all), 10);
}

Axis ages_axis() { return time_axis("time after the last pulse", 1, kYearSeconds); }

bool any(Studies studies, bool Characterisation::*property) {
  return std::any_of(studies.begin(), studies.end(), [&](const DeviceStudy& s) { return s.figures.*property; });
}

/// The curve from half of the usable conductance.
const DriftCurve& half_scale(const DeviceStudy& study) { return study.figures.drift[2]; }

}  // namespace

std::string pulse_chart(Studies studies) {
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  if (!unit.is_relative) {
    constexpr std::size_t kShownExamples = 3;
    const std::size_t shown = std::min(kShownExamples, studies.front().figures.examples.size());
    for (std::size_t cell = 0; cell < shown; ++cell) all.push_back(example_series(studies.front(), cell));
    all.push_back(noise_free_series(studies.front()));
    all.push_back(mean_series(studies.front(), "mean, 90 % of cells", 0, unit));
  } else {
    for (std::size_t k = 0; k < studies.size(); ++k) all.push_back(mean_series(studies[k], studies[k].label, k, unit));
  }
  const std::int64_t up = studies.front().figures.pulses;
  const bool goes_down = last_pulse(studies) > static_cast<double>(up);
  const std::string x = goes_down ? fmt::format("pulse: {} SET, then {} depression", up, up) : "SET pulse after RESET";
  return drawn("pulses", "Conductance against the number of pulses", integer_axis(x, 0, last_pulse(studies), 12),
               unit.title("conductance"), std::move(all));
}

std::string step_chart(Studies studies) {
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    const Characterisation& f = studies[k].figures;
    all.push_back(step_series(studies[k], f.potentiation, unit.is_relative ? studies[k].label : "SET", k, unit));
    if (unit.is_relative || f.depression.empty()) continue;
    all.push_back(step_series(studies[k], f.depression, "depression", 1, unit));
  }
  const bool goes_down = all.size() > studies.size();
  Axis x = integer_axis(goes_down ? "pulse of its kind" : "SET pulse after RESET", 1, last_x(all), 12);
  return drawn("steps", "Step of one pulse against its number", std::move(x), unit.title("step"), std::move(all));
}

std::string distribution_chart(Studies studies) {
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    const std::vector<ConductanceHistogram>& histograms = studies[k].figures.histograms;
    if (unit.is_relative) {
      all.push_back(outline(histograms.back(), studies[k].label, k, unit.of(studies[k])));
      continue;
    }
    for (std::size_t h = 0; h < histograms.size(); ++h) {
      const std::int64_t pulses = histograms[h].pulses;
      all.push_back(outline(histograms[h], fmt::format("{} pulse{}", pulses, pulses == 1 ? "" : "s"), h, 1));
    }
  }
  Axis x = conductance_axis("conductance", all, unit);
  return drawn("distribution", "Distribution of the conductance over the cells", std::move(x), "cells per bin, %",
               std::move(all));
}

std::string drift_chart(Studies studies) {
  if (!any(studies, &Characterisation::drifts)) return {};
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    if (unit.is_relative) {
      const DriftCurve& half = half_scale(studies[k]);
      all.push_back(drift_series(half, studies[k].label, k, kPercent / half.level_us, unit));
      continue;
    }
    for (std::size_t level = 0; level < studies[k].figures.drift.size(); ++level) {
      const DriftCurve& curve = studies[k].figures.drift[level];
      all.push_back(drift_series(curve, level_label(curve), level, 1, unit));
    }
  }
  return drawn("drift", "Conductance against time", ages_axis(),
               unit.is_relative ? "conductance, % of the programmed one" : unit.title("conductance"), std::move(all));
}

std::string read_noise_chart(Studies studies) {
  if (!any(studies, &Characterisation::is_noisy)) return {};
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    all.push_back(noise_series(studies[k], unit.is_relative ? studies[k].label : "noise of one read", k, unit));
  }
  Axis x = conductance_axis("conductance", all, unit);
  return drawn("read-noise", "Noise of a read against conductance", std::move(x), unit.title("standard deviation"),
               std::move(all));
}

std::string flicker_chart(Studies studies) {
  if (!any(studies, &Characterisation::has_flicker)) return {};
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    if (unit.is_relative) {
      all.push_back(flicker_series(half_scale(studies[k]), studies[k].label, k, unit.of(studies[k]), unit));
      continue;
    }
    for (std::size_t level = 0; level < studies[k].figures.drift.size(); ++level) {
      const DriftCurve& curve = studies[k].figures.drift[level];
      all.push_back(flicker_series(curve, level_label(curve), level, 1, unit));
    }
  }
  return drawn("flicker", "Noise of a read against time", ages_axis(), unit.title("standard deviation"),
               std::move(all));
}

std::string error_chart(Studies studies) {
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    all.push_back(error_series(studies[k], unit.is_relative ? studies[k].label : "mean ± spread", k, unit));
    all.back().shift = unit.is_relative ? 3 * (static_cast<double>(k) - static_cast<double>(studies.size()) / 2) : 0;
  }
  if (!unit.is_relative && studies.front().figures.programming_method == ProgrammingMethod::verify) {
    for (const double sign : {1.0, -1.0}) all.push_back(tolerance_series(studies.front(), sign));
  }
  Axis x = conductance_axis("target", all, unit);
  return drawn("errors", "Programming error against target", std::move(x), unit.title("achieved − target"),
               std::move(all));
}

std::string effort_chart(Studies studies) {
  const bool verified = std::any_of(studies.begin(), studies.end(), [](const DeviceStudy& s) {
    return s.figures.programming_method == ProgrammingMethod::verify;
  });
  if (!verified) return {};
  const Unit unit = unit_of(studies);
  std::vector<Series> all;
  for (std::size_t k = 0; k < studies.size(); ++k) {
    if (unit.is_relative) {
      all.push_back(effort_series(studies[k], studies[k].label, k, &TargetOutcome::pulses, unit));
      continue;
    }
    all.push_back(effort_series(studies[k], "pulses", 0, &TargetOutcome::pulses, unit));
    all.push_back(effort_series(studies[k], "reads", 1, &TargetOutcome::reads, unit));
    all.push_back(effort_series(studies[k], "RESETs", 2, &TargetOutcome::resets, unit));
  }
  Axis x = conductance_axis("target", all, unit);
  return drawn("effort", "Effort of programming against target", std::move(x),
               unit.is_relative ? "pulses per cell" : "number per cell", std::move(all));
}

}  // namespace ohmic
