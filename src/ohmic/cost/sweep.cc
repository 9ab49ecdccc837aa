#include "ohmic/cost/sweep.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::array<std::string_view, 3> kSweepKeys = {"adc_bits", "dac_bits", "array"};
constexpr std::size_t kMostPoints = 1000;

std::int64_t whole_number(std::string_view text, const std::string& all) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, value).ptr != end || value < 1 || value > 65536) {
    fail("--sweep {}: \"{}\" is no whole number from 1 to 65536; write e.g. tile.adc_bits=4..9 array=64,128", all,
         text);
  }
  return value;
}

std::vector<std::int64_t> values_of(std::string_view text, const std::string& all) {
  std::vector<std::int64_t> values;
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    const std::int64_t from = whole_number(text.substr(0, dots), all), to = whole_number(text.substr(dots + 2), all);
    if (from > to || to - from >= static_cast<std::int64_t>(kMostPoints)) {
      fail("--sweep {}: {} to {} is no rising range of at most {} values", all, from, to, kMostPoints);
    }
    for (std::int64_t v = from; v <= to; ++v) values.push_back(v);
    return values;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    values.push_back(whole_number(text.substr(at, comma - at), all));
    at = comma + 1;
  }
  return values;
}

}  // namespace

SweepAxis parse_sweep_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  SweepAxis axis;
  axis.key = text.substr(0, equals);
  for (const std::string_view prefix : {"tile.", "periphery."}) {
    if (axis.key.starts_with(prefix)) axis.key = axis.key.substr(prefix.size());
  }
  const bool is_known = std::find(kSweepKeys.begin(), kSweepKeys.end(), axis.key) != kSweepKeys.end();
  if (equals == std::string::npos || !is_known) {
    fail("--sweep {}: write SETTING=4..9 or SETTING=64,128, SETTING being one of tile.adc_bits, tile.dac_bits, array",
         text);
  }
  axis.values = values_of(std::string_view(text).substr(equals + 1), text);
  return axis;
}

std::vector<std::vector<std::int64_t>> combinations(const std::vector<SweepAxis>& axes) {
  std::vector<std::vector<std::int64_t>> all = {{}};
  for (const SweepAxis& axis : axes) {
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto& head : all) {
      for (const std::int64_t value : axis.values) {
        longer.push_back(head);
        longer.back().push_back(value);
      }
    }
    all = std::move(longer);
    if (all.size() > kMostPoints) fail("--sweep: makes more than {} points; ask for fewer values", kMostPoints);
  }
  return all;
}

void mark_best(std::vector<SweepPoint>& points) {
  for (SweepPoint& p : points) {
    p.is_best = std::none_of(points.begin(), points.end(), [&](const SweepPoint& q) {
      const bool no_worse = q.accuracy >= p.accuracy && q.energy_j.value <= p.energy_j.value;
      return no_worse && (q.accuracy > p.accuracy || q.energy_j.value < p.energy_j.value);
    });
  }
}

}  // namespace ohmic
