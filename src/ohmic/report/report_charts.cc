#include "ohmic/report/report_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "ohmic/report/finding.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/report_tables.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr std::size_t kMostSeriesWithMarkers = 8;
constexpr std::size_t kMostEpochsWithMarkers = 40;
constexpr double kPercent = 100;

std::string both_sizes(const LineChart& chart) {
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

std::string percent_number(double percent) { return fmt::format("{:.2f}", percent); }

/// The quantity of one group over the epochs, times `factor`.
Series epoch_series(const RunGroup& group, double EpochRecord::*quantity, double factor, std::string_view unit) {
  Series series;
  series.label = group.label;
  series.colour = group.colour;
  series.marker = static_cast<Marker>(group.colour % 4);
  if (group.is_digital) series.line = LineStyle::dashed;
  for (const Spread& spread : spread_over_epochs(group, quantity)) {
    ChartPoint point{spread.at, factor * spread.mean};
    point.tooltip = fmt::format("{}, epoch {:.0f}: {}{}", shorten(group.label, 60), spread.at,
                                format_significant(point.y, 4), unit);
    if (spread.count > 1) {
      series.extent = Extent::band;
      point.low = factor * spread.low;
      point.high = factor * spread.high;
      point.tooltip += fmt::format(" (mean of {}; {} to {})", spread.count, format_significant(point.low, 4),
                                   format_significant(point.high, 4));
    }
    series.points.push_back(std::move(point));
  }
  return series;
}

/// Where the points are few enough for markers to stay apart; dashed references do without.
void choose_markers(std::vector<Series>& all) {
  for (Series& series : all) {
    series.has_markers = series.line == LineStyle::solid && all.size() <= kMostSeriesWithMarkers &&
                         series.points.size() <= kMostEpochsWithMarkers;
  }
}

Axis epoch_axis(const std::vector<Series>& all) {
  double low = 1e300;
  double high = -1e300;
  for (const Series& series : all) {
    low = std::min(low, series.points.front().x);
    high = std::max(high, series.points.back().x);
  }
  return integer_axis("epoch", low, high, 12);
}

/// The ends of the bands, or the values where there is none, of all the given series, in rising order.
std::vector<double> sorted_values(const std::vector<Series>& drawn) {
  std::vector<double> values;
  for (const Series& series : drawn) {
    for (const ChartPoint& point : series.points) {
      values.push_back(std::isfinite(point.low) ? point.low : point.y);
      values.push_back(std::isfinite(point.high) ? point.high : point.y);
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

double final_low(const Series& series) {
  const ChartPoint& last = series.points.back();
  return std::isfinite(last.low) ? last.low : last.y;
}

/// Without the few lines that end far below the best one (diverged runs), which would flatten all others.
std::vector<Series> without_stragglers(const std::vector<Series>& all) {
  constexpr double kFar = 20;
  double best = 0;
  for (const Series& series : all) best = std::max(best, series.points.back().y);
  std::vector<Series> kept;
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept),
               [&](const Series& s) { return final_low(s) > best - kFar; });
  return 2 * kept.size() >= all.size() && kept.size() > 1 ? kept : all;
}

/// Zooms in on where the lines end: the first epochs, far below, may leave the frame.
Axis zoomed_percent_axis(std::string title, const std::vector<Series>& all) {
  const std::vector<Series> kept = without_stragglers(all);
  const std::vector<double> values = sorted_values(kept);
  const double high = values.back();
  double low = values[values.size() / 8];
  for (const Series& series : kept) low = std::min(low, final_low(series));
  // A cut that hides little of the height is not worth its footnote.
  if (values.front() > low - 0.35 * (high - low)) low = values.front();
  const double margin = std::max(0.04 * (high - low), 0.02);
  return linear_axis(std::move(title), std::max(0.0, low - margin), std::min(100.0, high + margin), 8);
}

/// Says what the zoom left out.
std::string cut_note(const Axis& axis, const std::vector<Series>& all) {
  if (sorted_values(all).front() >= axis.low) return {};
  const bool ends_below =
      std::any_of(all.begin(), all.end(), [&](const Series& s) { return s.points.back().y < axis.low; });
  return fmt::format(" The axis starts at {} %; {} below it.", axis.ticks.front().label,
                     ends_below ? "early epochs and the runs named at its foot lie" : "earlier epochs lie");
}

bool any_band(const std::vector<Series>& all) {
  return std::any_of(all.begin(), all.end(), [](const Series& series) { return series.extent == Extent::band; });
}

std::string band_note(const std::vector<Series>& all) {
  return any_band(all) ? " Lines are means over seeds, bands reach from the lowest to the highest run." : "";
}

/// A description for those who cannot see the chart: where every line ends.
std::string ends_in_words(const std::vector<Series>& all, std::string_view unit) {
  std::string words;
  for (const Series& series : all) {
    if (!words.empty()) words += "; ";
    words += fmt::format("{} ends at {}{}", series.label, series.value, unit);
  }
  return words + ".";
}

/// One group alone leaves room for its training accuracy.
void add_training_accuracy(std::vector<Series>& all, const RunGroup& group) {
  Series series = epoch_series(group, &EpochRecord::train_accuracy, kPercent, " % on training data");
  if (series.points.empty()) return;
  all.front().label = "test";
  series.label = "training";
  series.colour = kNeutralColour;
  series.line = LineStyle::dashed;
  series.marker = Marker::square;
  series.value = percent_number(series.points.back().y);
  all.push_back(std::move(series));
}

std::vector<Series> accuracy_series(std::span<const RunGroup> groups) {
  std::vector<Series> all;
  for (const RunGroup& group : groups) {
    Series series = epoch_series(group, &EpochRecord::test_accuracy, kPercent, " %");
    if (series.points.empty()) continue;
    series.value = percent_number(series.points.back().y);
    all.push_back(std::move(series));
  }
  if (groups.size() == 1 && !all.empty()) add_training_accuracy(all, groups.front());
  choose_markers(all);
  return all;
}

bool has_pulses(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(), [](const ChartPoint& point) { return point.y > 0; });
}

std::vector<Series> pulses_series(std::span<const RunGroup> groups) {
  std::vector<Series> all;
  for (const RunGroup& group : groups) {
    Series series = epoch_series(group, &EpochRecord::pulses_per_sample, 1, " pulses per image");
    if (group.is_digital || !has_pulses(series)) continue;
    series.value = format_significant(series.points.back().y, 3);
    all.push_back(std::move(series));
  }
  if (groups.size() == 1 && !all.empty()) all.front().label.clear();
  choose_markers(all);
  return all;
}

/// From zero, or logarithmic where the rules differ by more than a linear axis can show.
Axis pulses_axis(const std::vector<Series>& all) {
  constexpr double kSpan = 30;
  const std::vector<double> values = sorted_values(all);
  const auto positive = std::upper_bound(values.begin(), values.end(), 0.0);
  if (values.back() > kSpan * *positive) return log_axis("SET pulses per image", *positive, values.back());
  return linear_axis("SET pulses per image", 0, values.back(), 7);
}

/// Points of one group with one compensation, in percent against seconds.
Series retention_series(const RunGroup& group, const std::string& compensation) {
  Series series;
  series.extent = Extent::error_bars;
  for (const AgedAccuracy& age : aged_accuracy(group, compensation)) {
    // Time zero has no place on a logarithmic axis.
    if (!(age.seconds > 0)) continue;
    ChartPoint point{age.seconds, kPercent * age.mean};
    point.low = std::max(0.0, point.y - kPercent * age.stddev);
    point.high = std::min(100.0, point.y + kPercent * age.stddev);
    point.tooltip = fmt::format("{}, {} at {}: {}", shorten(group.label, 60), compensation_name(compensation),
                                age_text(age.at, age.seconds), format_percent(age.mean));
    if (std::isfinite(age.stddev)) point.tooltip += fmt::format(" ± {}", format_percent(age.stddev));
    if (std::isfinite(age.draws)) point.tooltip += fmt::format(", {:.0f} draws", age.draws);
    series.points.push_back(std::move(point));
  }
  return series;
}

LineStyle compensation_line(std::size_t index) { return static_cast<LineStyle>(index % 3); }

/// One group: a colour per compensation. Several: a colour per group, a dash pattern per compensation.
std::vector<Series> all_retention_series(std::span<const RunGroup> groups) {
  const auto deployed =
      std::count_if(groups.begin(), groups.end(), [](const RunGroup& group) { return !compensations(group).empty(); });
  std::vector<Series> all;
  for (const RunGroup& group : groups) {
    std::size_t index = 0;
    for (const std::string& compensation : compensations(group)) {
      Series series = retention_series(group, compensation);
      const std::size_t place = index++;
      if (series.points.empty()) continue;
      const std::string name = compensation_name(compensation);
      series.label = deployed == 1 ? name : name + ", " + group.short_name;
      series.colour = deployed == 1 ? static_cast<int>(place) % kNeutralColour : group.colour;
      if (deployed > 1) series.line = compensation_line(place);
      series.marker = static_cast<Marker>(place % 4);
      series.value = percent_number(series.points.back().y);
      all.push_back(std::move(series));
    }
  }
  return all;
}

/// Several series have error bars at the same ages.
void set_side_by_side(std::vector<Series>& all) {
  const double count = static_cast<double>(all.size());
  const double step = std::min(5.0, 24 / count);
  for (std::size_t k = 0; k < all.size(); ++k) all[k].shift = step * (static_cast<double>(k) - (count - 1) / 2);
}

std::pair<double, double> age_range(const std::vector<Series>& all) {
  std::pair<double, double> range = {1e300, 0};
  for (const Series& series : all) {
    range.first = std::min(range.first, series.points.front().x);
    range.second = std::max(range.second, series.points.back().x);
  }
  return range;
}

/// The one group in floating point on the same data as all deployed groups, or nullptr.
const RunGroup* digital_reference(std::span<const RunGroup> groups) {
  const auto is_reference = [&](const RunGroup& group) {
    return group.is_digital && final_accuracy(group).count > 0 &&
           std::all_of(groups.begin(), groups.end(), [&](const RunGroup& other) {
             return compensations(other).empty() || have_same_data(other, group);
           });
  };
  const auto found = std::find_if(groups.begin(), groups.end(), is_reference);
  return std::count_if(groups.begin(), groups.end(), is_reference) == 1 ? &*found : nullptr;
}

/// The accuracy in floating point as a level line.
void add_digital_level(std::vector<Series>& all, const RunGroup& group, const Axis& ages) {
  const double percent = kPercent * final_accuracy(group).mean;
  Series series;
  series.label = group.short_name;
  series.value = percent_number(percent);
  series.colour = kNeutralColour;
  series.line = LineStyle::dashed;
  series.has_markers = false;
  series.points = {{ages.low, percent}, {ages.high, percent}};
  all.push_back(std::move(series));
}

/// Axis over error bars and all; unlike training, every point matters here.
Axis retention_axis(const std::vector<Series>& all) {
  const std::vector<double> values = sorted_values(all);
  const double low = values.front();
  const double high = values.back();
  const double margin = std::max(0.04 * (high - low), 0.02);
  return linear_axis("test accuracy, %", std::max(0.0, low - margin), std::min(100.0, high + margin), 8);
}

}  // namespace

std::string accuracy_chart(std::span<const RunGroup> groups) {
  const std::vector<Series> all = accuracy_series(groups);
  if (all.empty()) return {};
  const Axis percent = zoomed_percent_axis(groups.size() == 1 ? "accuracy, %" : "test accuracy, %", all);
  const LineChart chart{
      {"accuracy", "Test accuracy by epoch", ends_in_words(all, " %")}, epoch_axis(all), percent, all};
  return both_sizes(chart) + html_note("Accuracy after each epoch; the number is that after the last one." +
                                       band_note(all) + cut_note(percent, all));
}

namespace {

/// A quantity of which less is better, by epoch.
std::string figure_chart(std::span<const RunGroup> groups, double EpochRecord::*quantity, const char* id,
                         const char* title) {
  std::vector<Series> all;
  for (const RunGroup& group : groups) {
    Series series = epoch_series(group, quantity, 1, "");
    if (series.points.empty()) continue;
    series.value = format_significant(series.points.back().y, 4);
    all.push_back(std::move(series));
  }
  if (all.empty()) return {};
  choose_markers(all);
  const std::vector<double> values = sorted_values(all);
  const double margin = std::max(0.04 * (values.back() - values.front()), 1e-3);
  const LineChart chart{{id, title, ends_in_words(all, "")},
                        epoch_axis(all),
                        linear_axis(title, std::max(0.0, values.front() - margin), values.back() + margin, 7),
                        all};
  return both_sizes(chart) +
         html_note("After each epoch, less is better; the number is that after the last one." + band_note(all));
}

}  // namespace

std::string text_chart(std::span<const RunGroup> groups) {
  return figure_chart(groups, &EpochRecord::bits_per_character, "bits", "bits per character");
}

std::string distance_chart(std::span<const RunGroup> groups) {
  return figure_chart(groups, &EpochRecord::frechet_distance, "distance", "Frechet distance");
}

std::string pulses_chart(std::span<const RunGroup> groups) {
  const std::vector<Series> all = pulses_series(groups);
  if (all.empty()) return {};
  const LineChart chart{
      {"pulses", "SET pulses per image by epoch", ends_in_words(all, "")}, epoch_axis(all), pulses_axis(all), all};
  return both_sizes(chart) +
         html_note("SET pulses applied to all cells together for one training image, mean of each epoch." +
                   band_note(all));
}

std::string retention_chart(std::span<const RunGroup> groups) {
  std::vector<Series> all = all_retention_series(groups);
  if (all.empty()) return {};
  const auto [youngest, oldest] = age_range(all);
  const Axis ages = time_axis("time after training", youngest, oldest);
  const std::string description = ends_in_words(all, " %");
  set_side_by_side(all);
  if (const RunGroup* reference = digital_reference(groups)) add_digital_level(all, *reference, ages);
  const LineChart chart{
      {"retention", "Test accuracy by time after training", description}, ages, retention_axis(all), all};
  return both_sizes(chart) +
         html_note(
             "Mean and standard deviation over the draws of noise, and over seeds where there are several. Points "
             "of one time stand side by side.") +
         html_details("Numbers", retention_table(groups));
}

}  // namespace ohmic::report
