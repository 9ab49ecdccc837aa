#include "ohmic/deployment/layer_study.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ohmic {
namespace {

constexpr std::uint64_t kFirstRead = 5ull << 60;      // beside those of evaluations and calibrations
constexpr std::uint64_t kRehearsalChip = 1ull << 40;  // none that is evaluated

double squared_sum(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

double squared_difference(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return sum;
}

// Of each column about its mean, summed.
double variation(const Matrix& m) {
  double sum = 0;
  for (std::size_t j = 0; j < m.columns(); ++j) {
    double mean = 0;
    for (std::size_t i = 0; i < m.rows(); ++i) mean += static_cast<double>(m.row(i)[j]);
    mean /= static_cast<double>(m.rows());
    for (std::size_t i = 0; i < m.rows(); ++i) {
      const double d = static_cast<double>(m.row(i)[j]) - mean;
      sum += d * d;
    }
  }
  return sum;
}

std::vector<bool> only(std::size_t part, std::size_t count) {
  std::vector<bool> chosen(count, false);
  chosen[part] = true;
  return chosen;
}

}  // namespace

std::vector<double> signal_to_noise(DeployedNetwork& network, NetworkOnCells& cells, const std::vector<bool>& on_cells,
                                    const Matrix& images, std::uint64_t first_read) {
  Graph& graph = *network.graph;
  std::vector<std::size_t> part_of(graph.layer_count(), cells.parts().size());
  for (std::size_t p = 0; p < cells.parts().size(); ++p) {
    if (on_cells[p]) part_of[cells.parts()[p].layer] = p;
  }
  std::vector<double> snr_db(cells.parts().size(), std::numeric_limits<double>::infinity());
  const std::vector<bool> none(cells.parts().size(), false);
  cells.place(none);
  Matrix analog;
  walk_layers(graph, images.view(), [&](std::size_t l, LayerInputs inputs, MatrixView<float> outputs) {
    const Pass pass{first_read, false};
    graph.layer(l).forward(inputs, outputs, pass);
    const std::size_t p = part_of[l];
    if (p == cells.parts().size()) return;
    analog.resize(outputs.rows, outputs.columns);
    cells.place(only(p, cells.parts().size()));
    graph.layer(l).forward(inputs, analog.view(), pass);
    cells.place(none);
    const std::span<const float> ideal(outputs.data, outputs.rows * outputs.columns);
    const double noise = squared_difference(analog.values(), ideal);
    if (noise > 0) snr_db[p] = 10 * std::log10(squared_sum(ideal) / noise);
  });
  cells.place(on_cells);
  return snr_db;
}

std::vector<LayerReport> measure_sensitivity(DeployedNetwork& network, NetworkOnCells& cells,
                                             const SensitivityRequest& request) {
  const std::size_t count = cells.parts().size();
  const std::vector<bool> all(count, true);
  const auto images = static_cast<std::size_t>(request.images);
  const Split& split = network.data.train;
  cells.place(std::vector<bool>(count, false));
  const Matrix digital = outputs_of(network, split, images, kFirstRead);
  const double digital_accuracy = accuracy_of(digital, split.labels);
  const double variance = variation(digital);

  cells.program(network.spec, kRehearsalChip, all);
  calibrate_converters(network, static_cast<std::size_t>(network.spec.periphery.calibration_vectors));
  DriftCompensation compensation(network, static_cast<std::size_t>(request.calibration_samples));
  for (Tile* tile : tiles_of(*network.graph)) tile->age(request.age_s);
  compensation.calibrate(false);
  std::vector<LayerReport> layers;
  for (std::size_t p = 0; p < count; ++p) {
    cells.place(only(p, count));
    const Matrix outputs = outputs_of(network, split, images, kFirstRead + ((p + 1) << 32));
    LayerReport layer;
    layer.name = cells.parts()[p].name;
    layer.weights = cells.parts()[p].weights;
    layer.has_sensitivity = true;
    layer.accuracy_loss = digital_accuracy - accuracy_of(outputs, split.labels);
    layer.output_error = variance > 0 ? squared_difference(outputs.values(), digital.values()) / variance : 0;
    layers.push_back(layer);
    if (request.on_progress) request.on_progress(static_cast<double>(p + 1) / static_cast<double>(count));
  }
  cells.place(std::vector<bool>(count, false));
  return layers;
}

std::vector<bool> choose_digital(std::span<const LayerReport> layers, double budget, std::vector<bool> digital) {
  std::vector<std::size_t> order(layers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto gain = [&](std::size_t p) { return layers[p].output_error / static_cast<double>(layers[p].weights); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return gain(a) > gain(b); });
  double left = 0;
  for (std::size_t p = 0; p < layers.size(); ++p) {
    const auto weights = static_cast<double>(layers[p].weights);
    left += budget * weights - (digital[p] ? weights : 0);
  }
  for (const std::size_t p : order) {
    const auto weights = static_cast<double>(layers[p].weights);
    if (digital[p] || weights > left) continue;
    digital[p] = true;
    left -= weights;
  }
  return digital;
}

}  // namespace ohmic
