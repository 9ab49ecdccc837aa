#pragma once

// Axes of a chart: which numbers get a tick, what the tick says, and where a value lies.

#include <string>
#include <string_view>
#include <vector>

namespace ohmic::report {

enum class Scale { linear, logarithmic };

struct Tick {
  double value;
  std::string label;
};

/// One axis; low < high, both positive on a logarithmic scale.
struct Axis {
  std::string title;  ///< quantity and unit, "test accuracy, %"
  Scale scale = Scale::linear;
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks = {};

  /// 0 at `low`, 1 at `high`; outside values lie outside [0, 1], NaN stays NaN. A value that a logarithmic scale cannot
  /// show (zero, negative) is NaN.
  double fraction(double value) const;
};

/// At most `max_count` multiples of 1, 2, 2.5 or 5 times a power of ten within [low, high]. Bounds that are equal,
/// reversed or not finite are mended first, so the result is never empty.
std::vector<double> nice_ticks(double low, double high, int max_count);

/// Powers of ten within [low, high], with 2 and 5 times them where fewer than three powers fit.
std::vector<double> log_ticks(double low, double high);

/// A linear axis whose ends are moved outward to ticks, so that the outermost grid lines frame the data.
Axis linear_axis(std::string title, double low, double high, int max_ticks);

/// A linear axis over whole numbers (epochs) that ends at the data.
Axis integer_axis(std::string title, double low, double high, int max_ticks);

/// A logarithmic axis for positive bounds, ends moved outward to the next tick.
Axis log_axis(std::string title, double low, double high);

/// A logarithmic axis of time in seconds with ticks 1 s, 1 min, 1 h, 1 d, 1 mo, 1 y (30 and 365 days), and finer ones
/// where fewer than three of these fit.
Axis time_axis(std::string title, double low, double high);

}  // namespace ohmic::report
