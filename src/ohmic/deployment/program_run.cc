#include "ohmic/deployment/program_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

ExperimentSpec changed(const ExperimentSpec& spec, const std::string& device, std::span<const std::string> settings) {
  ExperimentSpec base = spec;
  if (!device.empty()) base.device = DeviceSpec(device);
  if (base.training.rule == RuleKind::sgd) base.training.rule = RuleKind::mixed_precision;  // analog layers
  ConfigDocument document = ConfigDocument::parse(to_toml(base), "the run's settings");
  for (const std::string& setting : settings) document.set(setting);
  ExperimentSpec result;
  read_fields(document, "experiment", result);
  return result;
}

Matrix weights_of(const WeightMatrix& matrix) {
  if (const auto* digital = dynamic_cast<const DigitalWeights*>(matrix.weights.get())) return digital->values();
  const Tile& tile = dynamic_cast<const AnalogWeights&>(*matrix.weights).tile();
  Matrix weights(static_cast<std::size_t>(tile.inputs()), static_cast<std::size_t>(tile.outputs()));
  tile.read_weights(weights.view());
  return weights;
}

// What a cell can be programmed to reliably: all of its range where the model says how well, else what the synapse uses
// for a weight of 1.
double automatic_range(const Tile& tile) {
  const SynapseSpec& synapse = tile.spec().synapse;
  if (!tile.cell().has_target_programming()) return synapse.weight_conductance_us;
  const double most = tile.cell().conductance_max_us();
  return synapse.kind == SynapseKind::single ? std::min(most - synapse.reference_us, synapse.reference_us) : most;
}

ProgrammedLayer program_layer(const std::string& name, Matrix weights, Tile& tile, const ProgrammingSpec& spec) {
  ProgrammedLayer layer;
  layer.name = name;
  layer.inputs = tile.inputs();
  layer.outputs = tile.outputs();
  for (const float w : weights.values()) layer.largest_weight = std::max(layer.largest_weight, std::abs(double{w}));
  layer.range_us = spec.range_us > 0 ? spec.range_us : automatic_range(tile);
  if (layer.range_us <= 0) {
    fail(
        "synapse.reference_us = {} leaves no room for weights below and above it in a cell of at most {} uS; choose "
        "half of that",
        tile.spec().synapse.reference_us, tile.cell().conductance_max_us());
  }
  const double stored_most = layer.range_us / tile.spec().synapse.weight_conductance_us;
  const double scale = layer.largest_weight > 0 ? layer.largest_weight / stored_most : 1;
  for (float& w : weights.values()) w = static_cast<float>(w / scale);
  tile.set_weight_scale(static_cast<float>(scale));
  layer.result = tile.program(static_cast<const Matrix&>(weights).view(), spec, 0);
  layer.error_stddev_us = std::sqrt(layer.result.squared_error_us2 / static_cast<double>(layer.result.cells));
  return layer;
}

}  // namespace

std::vector<ProgrammedLayer> program_run(LoadedRun& run, const std::string& device,
                                         std::span<const std::string> settings) {
  run.spec = changed(run.spec, device, settings);
  auto chip = make_trainer(run.spec, run.data);
  std::vector<ProgrammedLayer> programmed;
  Graph& from = run.trainer->graph();
  Graph& to = chip->graph();
  to.copy_digital_state(from);
  for (std::size_t m = 0; m < to.weight_matrices().size(); ++m) {
    WeightMatrix& target = *to.weight_matrices()[m];
    Matrix weights = weights_of(*from.weight_matrices()[m]);
    if (auto* digital = dynamic_cast<DigitalWeights*>(target.weights.get())) {
      digital->values() = std::move(weights);
      continue;
    }
    Tile& tile = dynamic_cast<AnalogWeights&>(*target.weights).tile();
    programmed.push_back(program_layer(target.name, std::move(weights), tile, run.spec.programming));
  }
  run.trainer = std::move(chip);
  return programmed;
}

std::vector<std::vector<std::string>> programming_table(std::span<const ProgrammedLayer> layers) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "weights", "range", "cells", "converged", "non-zero", "error", "pulses/cell", "reads/cell"}};
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
  }
  return rows;
}

}  // namespace ohmic
