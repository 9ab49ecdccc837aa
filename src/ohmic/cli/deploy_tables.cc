#include "ohmic/cli/deploy_tables.h"

#include <fmt/format.h>

#include <cmath>

#include "ohmic/cli/terminal.h"

namespace ohmic {
namespace {

std::string as_percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string decibels(double db) { return std::isfinite(db) ? fmt::format("{:.1f} dB", db) : "exact"; }

}  // namespace

std::vector<std::vector<std::string>> results_table(std::span<const DeploymentResult> results) {
  const bool are_many = !results.empty() && results.front().chips.size() > 1;
  std::vector<std::vector<std::string>> rows = {{"at", "compensate", "accuracy", "+-", "lowest", "highest", "draws"}};
  if (are_many) rows.front().insert(rows.front().end(), {"chips", "of reads +-"});
  for (const DeploymentResult& r : results) {
    rows.push_back({r.at.label, std::string(kCompensations[static_cast<std::size_t>(r.compensation)]),
                    as_percent(r.mean), as_percent(r.stddev), as_percent(r.lowest), as_percent(r.highest),
                    fmt::format("{}", r.draws)});
    if (!are_many) continue;
    rows.back().push_back(fmt::format("{}", r.chips.size()));
    rows.back().push_back(r.draws > 1 ? as_percent(r.read_stddev) : "-");
  }
  return rows;
}

std::vector<std::vector<std::string>> ladder_table(std::span<const RungResult> rungs) {
  std::vector<std::vector<std::string>> rows = {{"rung", "cells/weight", "pulses/cell", "reads/cell", "weight error"}};
  for (const RungResult& rung : rungs) {
    if (rows.size() == 1) {
      for (const DeploymentResult& r : rung.results) {
        rows.front().push_back(
            fmt::format("{} {}", r.at.label, kCompensations[static_cast<std::size_t>(r.compensation)]));
      }
    }
    rows.push_back({rung.rung.name, fmt::format("{:.0f}", rung.cells_per_weight),
                    fmt::format("{:.1f}", rung.pulses_per_cell), fmt::format("{:.1f}", rung.reads_per_cell),
                    as_percent(rung.weight_error)});
    for (const DeploymentResult& r : rung.results) {
      rows.back().push_back(as_percent(r.mean) + (r.stddev > 0 ? fmt::format(" +- {:.2f}", 100 * r.stddev) : ""));
    }
  }
  return rows;
}

std::vector<std::vector<std::string>> layers_table(std::span<const LayerReport> layers) {
  std::vector<std::string> heading = {"layer", "weights", "on"};
  const LayerReport* with_snr = nullptr;
  bool has_sensitivity = false;
  for (const LayerReport& layer : layers) {
    if (with_snr == nullptr && !layer.snr.empty()) with_snr = &layer;
    has_sensitivity |= layer.has_sensitivity;
  }
  std::vector<std::size_t> shown;
  if (with_snr != nullptr) {
    shown.push_back(0);
    std::size_t last = with_snr->snr.size() - 1;
    while (last > 0 && with_snr->snr[last].compensate == "adabs") --last;  // nothing is done to the cells
    if (last > 0) shown.push_back(last);
    for (const std::size_t k : shown) {
      heading.push_back(fmt::format("S/N {} {}", with_snr->snr[k].at, with_snr->snr[k].compensate));
    }
  }
  if (has_sensitivity) heading.insert(heading.end(), {"accuracy loss alone", "output error alone"});
  std::vector<std::vector<std::string>> rows = {heading};
  for (const LayerReport& layer : layers) {
    std::vector<std::string> row = {layer.name, with_thousands(layer.weights), layer.on_cells ? "cells" : "digital"};
    for (const std::size_t k : shown) row.push_back(k < layer.snr.size() ? decibels(layer.snr[k].db) : "-");
    if (has_sensitivity) {
      row.push_back(as_percent(layer.accuracy_loss));
      row.push_back(fmt::format("{:.4f}", layer.output_error));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace ohmic
