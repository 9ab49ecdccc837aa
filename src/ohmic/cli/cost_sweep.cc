#include "ohmic/cli/cost_sweep.h"

#include <fmt/format.h>

#include <cmath>

#include "ohmic/cli/network_source.h"
#include "ohmic/core/error.h"
#include "ohmic/deployment/network_on_cells.h"

namespace ohmic {
namespace {

// The settings of the run that an axis changes.
std::vector<std::string> run_settings(const SweepAxis& axis, std::int64_t value) {
  if (axis.key != "array") return {fmt::format("periphery.{}={}", axis.key, value)};
  return {fmt::format("periphery.array_rows={}", value), fmt::format("periphery.array_columns={}", value)};
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
  point.rate_gs = conversion_rate_gs(technology.spec(), chip);
}

}  // namespace

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
  for (const char* heading : {"accuracy", "energy per image", "low", "high", "area, mm2", "conversions, GS/s", ""}) {
    rows[0].emplace_back(heading);
  }
  for (const SweepPoint& p : sweep.points) {
    std::vector<std::string> row;
    for (const std::int64_t value : p.values) row.push_back(fmt::format("{}", value));
    row.insert(row.end(), {fmt::format("{:.2f} %", 100 * p.accuracy), format_energy(p.energy_j.value),
                           format_energy(p.energy_j.low), format_energy(p.energy_j.high),
                           std::isfinite(p.area_mm2.value) ? fmt::format("{:.3g}", p.area_mm2.value) : "-",
                           fmt::format("{:.3g}", p.rate_gs), p.is_best ? "not beaten" : ""});
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
    row["conversion_rate_gs"] = p.rate_gs;
    row["is_best"] = p.is_best;
    json["points"].push_back(std::move(row));
  }
  return json;
}

}  // namespace ohmic
