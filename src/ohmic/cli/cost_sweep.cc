#include "ohmic/cli/cost_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "ohmic/cli/network_source.h"
#include "ohmic/core/error.h"
#include "ohmic/deployment/network_on_cells.h"

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

// The settings of the run that an axis changes.
std::vector<std::string> run_settings(const SweepAxis& axis, std::int64_t value) {
  if (axis.key != "array") return {fmt::format("periphery.{}={}", axis.key, value)};
  return {fmt::format("periphery.array_rows={}", value), fmt::format("periphery.array_columns={}", value)};
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

Split first_images(const Split& split, int images) {
  Split part = split;
  if (images > 0 && images < part.count) part.count = images;
  return part;
}

double deployed_accuracy(const SweepRequest& request, const std::vector<std::string>& settings) {
  LoadedRun run = load_run(request.run, request.data, {});
  if (run.spec.training.task != TaskKind::classification) {
    fail("--sweep measures the accuracy of classifiers of images, but {} is none", request.run);
  }
  NetworkOnCells cells(run.trainer->graph());
  const std::size_t parts = cells.parts().size();
  cells.place(std::vector<bool>(parts, false));
  cells.program(chip_settings(run.spec, request.device, settings), 0, std::vector<bool>(parts, true));
  const ImageDecoder decoder(run.data, run.spec.data.normalise);
  return accuracy(run.trainer->graph(), decoder, first_images(run.data.test, request.images), 0);
}

void cost_point(const SweepRequest& request, const NetworkSource& network, const Technology& technology, ChipSpec chip,
                SweepPoint& point) {
  PlanCostOptions options;
  for (std::size_t a = 0; a < request.axes.size(); ++a) {
    if (request.axes[a].key == "adc_bits") options.adc_bits = static_cast<int>(point.values[a]);
    if (request.axes[a].key != "array") continue;
    chip.constants.array_rows = chip.constants.array_columns = static_cast<double>(point.values[a]);
  }
  chip.constants.cores = 0;  // as many as the network then needs
  const Plan plan = map_network(network.name, network.stages(), chip, {});
  const CostTable table = cost_of_plan(plan, technology, options);
  const CostSummary summary = summary_of_plan(plan, table, technology, options);
  point.energy_j = summary.energy_j;
  point.area_mm2 = summary.area_mm2;
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

void mark_best(std::vector<SweepPoint>& points) {
  for (SweepPoint& p : points) {
    p.is_best = std::none_of(points.begin(), points.end(), [&](const SweepPoint& q) {
      const bool no_worse = q.accuracy >= p.accuracy && q.energy_j.value <= p.energy_j.value;
      return no_worse && (q.accuracy > p.accuracy || q.energy_j.value < p.energy_j.value);
    });
  }
}

SweepResult sweep_run(const SweepRequest& request, const Technology& technology, const ChipSpec& chip) {
  SweepResult result{request.run, technology.spec().name, request.axes, {}};
  const NetworkSource network = load_network(request.run, {});
  const auto all = combinations(request.axes);
  for (const auto& values : all) {
    SweepPoint point;
    point.values = values;
    std::vector<std::string> settings;
    for (std::size_t a = 0; a < request.axes.size(); ++a) {
      point.name += fmt::format("{}{}={}", a > 0 ? " " : "", request.axes[a].key, values[a]);
      for (std::string& setting : run_settings(request.axes[a], values[a])) settings.push_back(std::move(setting));
    }
    point.accuracy = deployed_accuracy(request, settings);
    cost_point(request, network, technology, chip, point);
    result.points.push_back(std::move(point));
    if (request.on_progress) {
      request.on_progress(static_cast<double>(result.points.size()) / static_cast<double>(all.size()));
    }
  }
  mark_best(result.points);
  return result;
}

TextRows sweep_rows(const SweepResult& sweep) {
  TextRows rows = {{}};
  for (const SweepAxis& axis : sweep.axes) rows[0].push_back(axis.key);
  for (const char* heading : {"accuracy", "energy per image", "low", "high", "area, mm2", ""}) {
    rows[0].emplace_back(heading);
  }
  for (const SweepPoint& p : sweep.points) {
    std::vector<std::string> row;
    for (const std::int64_t value : p.values) row.push_back(fmt::format("{}", value));
    row.insert(row.end(), {fmt::format("{:.2f} %", 100 * p.accuracy), format_energy(p.energy_j.value),
                           format_energy(p.energy_j.low), format_energy(p.energy_j.high),
                           std::isfinite(p.area_mm2.value) ? fmt::format("{:.3g}", p.area_mm2.value) : "-",
                           p.is_best ? "not beaten" : ""});
    rows.push_back(std::move(row));
  }
  return rows;
}

nlohmann::ordered_json sweep_json(const SweepResult& sweep) {
  nlohmann::ordered_json json = {{"run", sweep.run}, {"technology", sweep.technology}};
  json["points"] = nlohmann::ordered_json::array();
  for (const SweepPoint& p : sweep.points) {
    nlohmann::ordered_json row;
    for (std::size_t a = 0; a < sweep.axes.size(); ++a) row[sweep.axes[a].key] = p.values[a];
    row["accuracy"] = p.accuracy;
    row["energy_j"] = {{"value", p.energy_j.value}, {"low", p.energy_j.low}, {"high", p.energy_j.high}};
    row["area_mm2"] = p.area_mm2.value;
    row["is_best"] = p.is_best;
    json["points"].push_back(std::move(row));
  }
  return json;
}

}  // namespace ohmic
