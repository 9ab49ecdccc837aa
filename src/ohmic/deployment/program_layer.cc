#include "ohmic/deployment/program_layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

// Of the other sections nothing is left when weights are written.
void require_setting_of_chips(const std::string& setting) {
  constexpr std::array<std::string_view, 9> kOfChips = {"seed",  "device",      "synapse", "periphery", "faults",
                                                        "wires", "programming", "drift",   "clock"};
  const std::string section = setting.substr(0, setting.find_first_of(".="));
  if (std::find(kOfChips.begin(), kOfChips.end(), section) != kOfChips.end()) return;
  fail("the setting \"{}\" says nothing about a chip that trained weights are written onto; such settings are {}",
       setting, fmt::join(kOfChips, ", "));
}

}  // namespace

ExperimentSpec chip_settings(const ExperimentSpec& trained, const std::string& device,
                             std::span<const std::string> settings) {
  ExperimentSpec base = trained;
  if (!device.empty()) base.device = DeviceSpec(device);
  if (base.training.rule == RuleKind::sgd) {  // analog layers
    base.training.rule = RuleKind::mixed_precision;
    base.training.noise_injection = {};
  }
  ConfigDocument document = ConfigDocument::parse(to_toml(base), "the run's settings");
  for (const std::string& setting : settings) {
    require_setting_of_chips(setting);
    document.set(setting);
  }
  ExperimentSpec result;
  read_fields(document, "experiment", result);
  return result;
}

ProgrammedLayer program_layer(const std::string& name, const Matrix& weights, Tile& tile, const ProgrammingSpec& spec) {
  ProgrammedLayer layer;
  layer.name = name;
  layer.inputs = tile.inputs();
  layer.outputs = tile.outputs();
  layer.largest_weight = static_cast<double>(max_abs(weights.values()));
  layer.range_us = spec.range_us > 0 ? spec.range_us : tile.programmable_range_us();
  if (layer.range_us <= 0) {
    fail(
        "synapse.reference_us = {} leaves no room for weights below and above it in a cell of at most {} uS; choose "
        "half of that",
        tile.spec().synapse.reference_us, tile.cell().conductance_max_us());
  }
  const double stored_most = layer.range_us / tile.spec().synapse.weight_conductance_us;
  const double scale = layer.largest_weight > 0 ? layer.largest_weight / stored_most : 1;
  tile.set_weight_scale(static_cast<float>(scale));
  layer.result = tile.program(weights.view(), spec, 0, scale);
  layer.error_stddev_us = std::sqrt(layer.result.squared_error_us2 / static_cast<double>(layer.result.cells));
  return layer;
}

std::vector<std::vector<std::string>> programming_table(std::span<const ProgrammedLayer> layers) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "weights", "range", "cells", "converged", "non-zero", "error", "pulses/cell", "reads/cell"}};
  const bool has_faults = std::any_of(layers.begin(), layers.end(), [](const ProgrammedLayer& layer) {
    return layer.result.fault_error_unmapped_us2 > 0;
  });
  if (has_faults) rows.front().insert(rows.front().end(), {"of faults", "in place"});
  for (const ProgrammedLayer& layer : layers) {
    const ProgrammingResult& r = layer.result;
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return whole > 0 ? fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole)) : "-";
    };
    const auto per_cell = [&](std::uint64_t count) {
      return fmt::format("{:.2f}", static_cast<double>(count) / static_cast<double>(r.cells));
    };
    rows.push_back({layer.name, fmt::format("{} x {}", layer.inputs, layer.outputs),
                    fmt::format("{:.3g} uS", layer.range_us), fmt::format("{}", r.cells), share(r.converged, r.cells),
                    share(r.nonzero_converged, r.nonzero_cells), fmt::format("{:.2f} uS", layer.error_stddev_us),
                    per_cell(r.set_pulses + r.depression_pulses + r.resets), per_cell(r.reads)});
    if (!has_faults) continue;
    // As the error: root mean square over all cells. "In place": had no lines been exchanged.
    for (const double squares : {r.fault_error_us2, r.fault_error_unmapped_us2}) {
      rows.back().push_back(fmt::format("{:.2f} uS", std::sqrt(squares / static_cast<double>(r.cells))));
    }
  }
  return rows;
}

}  // namespace ohmic
