#include "ohmic/report/axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;
constexpr double kYear = 365 * kDay;

struct Range {
  double low;
  double high;
};

/// A range with an extent: wide enough that doubles tell its ticks apart, and far from overflow and underflow.
Range mended(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high)) return {0, 1};
  if (low > high) std::swap(low, high);
  const double magnitude = std::max(std::abs(low), std::abs(high));
  if (magnitude > 1e250) return {0, 1};
  if (magnitude < 1e-250) return {-0.5, 0.5};
  if (high - low > 1e-9 * magnitude) return {low, high};
  return {low - 0.05 * magnitude, high + 0.05 * magnitude};
}

double nice_step(Range range, int max_count) {
  const double rough = (range.high - range.low) / std::max(1, max_count - 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<double> multiples(Range range, double step) {
  const double first = std::ceil(range.low / step - 1e-6);
  const double last = std::floor(range.high / step + 1e-6);
  std::vector<double> values;
  // A counted loop: adding 1 to a double beyond 2^53 would never end.
  for (int k = 0, count = static_cast<int>(std::min(last - first, 1000.0)); k <= count; ++k) {
    values.push_back((first + k) * step);
  }
  return values;
}

std::vector<Tick> labelled(const std::vector<double>& values) {
  const double step = values.size() > 1 ? values[1] - values[0] : values.front();
  std::vector<Tick> ticks;
  for (const double value : values) ticks.push_back({value, format_tick(value, step)});
  return ticks;
}

std::vector<double> powers_times(std::initializer_list<double> factors, Range range) {
  std::vector<double> values;
  const int first = static_cast<int>(std::floor(std::log10(range.low) - 1e-9));
  const int last = static_cast<int>(std::ceil(std::log10(range.high) + 1e-9));
  const int stride = std::max(1, (last - first) / 10);
  for (int exponent = first; exponent <= last; exponent += stride) {
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, exponent);
      if (value >= range.low * (1 - 1e-9) && value <= range.high * (1 + 1e-9)) values.push_back(value);
    }
  }
  return values;
}

/// Positive bounds with low < high.
Range mended_positive(double low, double high) {
  const bool usable = std::isfinite(low) && std::isfinite(high) && low > 1e-250 && high >= low && high < 1e250;
  if (!usable) return {0.1, 10};
  return high > low * 1.001 ? Range{low, high} : Range{low / 2, high * 2};
}

constexpr std::array<std::pair<double, std::string_view>, 6> kCoarseTimes = {
    {{1, "1 s"}, {60, "1 min"}, {kHour, "1 h"}, {kDay, "1 d"}, {30 * kDay, "1 mo"}, {kYear, "1 y"}}};
constexpr std::array<std::pair<double, std::string_view>, 17> kFineTimes = {{{1e-6, "1 µs"},
                                                                             {1e-3, "1 ms"},
                                                                             {0.1, "100 ms"},
                                                                             {1, "1 s"},
                                                                             {10, "10 s"},
                                                                             {30, "30 s"},
                                                                             {60, "1 min"},
                                                                             {600, "10 min"},
                                                                             {kHour, "1 h"},
                                                                             {6 * kHour, "6 h"},
                                                                             {kDay, "1 d"},
                                                                             {7 * kDay, "1 wk"},
                                                                             {30 * kDay, "1 mo"},
                                                                             {120 * kDay, "4 mo"},
                                                                             {kYear, "1 y"},
                                                                             {3 * kYear, "3 y"},
                                                                             {10 * kYear, "10 y"}}};

template <class Table>
std::vector<Tick> time_ticks(const Table& table, Range range) {
  std::vector<Tick> ticks;
  for (const auto& [seconds, label] : table) {
    if (seconds >= range.low && seconds <= range.high) ticks.push_back({seconds, std::string(label)});
  }
  return ticks;
}

}  // namespace

double Axis::fraction(double value) const {
  if (scale == Scale::linear) return (value - low) / (high - low);
  if (!(value > 0)) return std::nan("");
  return std::log(value / low) / std::log(high / low);
}

std::vector<double> nice_ticks(double low, double high, int max_count) {
  const Range range = mended(low, high);
  double step = nice_step(range, max_count);
  std::vector<double> values = multiples(range, step);
  // A range that straddles no multiple of a wide step gets a narrower one.
  while (values.size() < 2) values = multiples(range, step /= 2);
  return values;
}

std::vector<double> log_ticks(double low, double high) {
  const Range range = mended_positive(low, high);
  std::vector<double> values = powers_times({1}, range);
  if (values.size() < 3) values = powers_times({1, 2, 5}, range);
  return values.size() < 2 ? nice_ticks(range.low, range.high, 4) : values;
}

Axis linear_axis(std::string title, double low, double high, int max_ticks) {
  const Range range = mended(low, high);
  const double step = nice_step(range, max_ticks);
  const Range outward = {std::floor(range.low / step + 1e-6) * step, std::ceil(range.high / step - 1e-6) * step};
  return {std::move(title), Scale::linear, outward.low, outward.high, labelled(multiples(outward, step))};
}

Axis integer_axis(std::string title, double low, double high, int max_ticks) {
  const Range range = high > low ? Range{low, high} : Range{low - 0.5, low + 0.5};
  const double step = std::max(1.0, std::ceil(nice_step(range, max_ticks)));
  std::vector<double> values = multiples(range, step);
  if (values.empty()) values = {low};
  return {std::move(title), Scale::linear, range.low, range.high, labelled(values)};
}

Axis log_axis(std::string title, double low, double high) {
  const Range range = mended_positive(low, high);
  const bool few_decades = range.high < 300 * range.low;
  const auto grid = few_decades ? powers_times({1, 2, 5}, {range.low / 5, range.high * 5})
                                : powers_times({1}, {range.low / 10, range.high * 10});
  const auto above = std::upper_bound(grid.begin(), grid.end(), range.low * (1 + 1e-9));
  const double start = above == grid.begin() ? range.low : *(above - 1);
  const auto end_tick = std::lower_bound(grid.begin(), grid.end(), range.high * (1 - 1e-9));
  const double end = end_tick == grid.end() ? range.high : *end_tick;
  Axis axis{std::move(title), Scale::logarithmic, start, end, {}};
  for (const double value : grid) {
    if (value < start * (1 - 1e-9) || value > end * (1 + 1e-9)) continue;
    axis.ticks.push_back({value, value < 1000 ? format_significant(value, 1) : format_compact(value)});
  }
  return axis;
}

Axis time_axis(std::string title, double low, double high) {
  const Range range = mended_positive(low, high);
  const double margin = std::pow(range.high / range.low, 0.04);
  const Range padded = {range.low / margin, range.high * margin};
  std::vector<Tick> ticks = time_ticks(kCoarseTimes, padded);
  if (ticks.size() < 3) ticks = time_ticks(kFineTimes, padded);
  if (ticks.empty()) {
    for (const double value : {range.low, range.high}) ticks.push_back({value, format_duration(value)});
  }
  return {std::move(title), Scale::logarithmic, padded.low, padded.high, std::move(ticks)};
}

}  // namespace ohmic::report
