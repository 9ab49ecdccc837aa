#include "ohmic/deployment/compensation.h"

#include <algorithm>
#include <numeric>

namespace ohmic {
namespace {

constexpr std::uint64_t kConverterReads = 7ull << 59;  // beside those of the classes here
constexpr std::size_t kCalibrationBatch = 200;

double mean_magnitude(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

float ratio(double at_start, double now) { return now > 0 ? static_cast<float>(at_start / now) : 1.0f; }

void set_scales(Tile& tile, std::span<const double> at_start, std::span<const double> now, bool per_column) {
  if (!per_column) {
    tile.set_output_scale(ratio(mean_magnitude(at_start), mean_magnitude(now)));
    return;
  }
  std::vector<float> scales;
  for (std::size_t j = 0; j < now.size(); ++j) scales.push_back(ratio(at_start[j], now[j]));
  tile.set_column_scales(std::move(scales));
}

}  // namespace

std::vector<Tile*> tiles_of(Layer& layer) {
  std::vector<Tile*> tiles;
  for (WeightMatrix* matrix : layer.weight_matrices()) {
    if (auto* analog = dynamic_cast<AnalogWeights*>(matrix->weights.get())) tiles.push_back(&analog->tile());
  }
  return tiles;
}

std::vector<Tile*> tiles_of(Graph& graph) {
  std::vector<Tile*> tiles;
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    for (Tile* tile : tiles_of(graph.layer(l))) tiles.push_back(tile);
  }
  return tiles;
}

DriftCompensation::DriftCompensation(DeployedNetwork& network, std::size_t samples)
    : graph_(*network.graph), samples_(decoded_images(network, network.data.train, samples)) {
  const std::vector<Tile*> tiles = tiles_of(graph_);
  for (Tile* tile : tiles) tile->begin_measurement();
  graph_.forward(static_cast<const Matrix&>(samples_).view(), {read_number(), false});
  for (Tile* tile : tiles) at_start_.push_back(tile->end_measurement());
}

void DriftCompensation::calibrate(bool per_column) {
  undo();
  std::size_t done = 0;
  walk_layers(graph_, static_cast<const Matrix&>(samples_).view(),
              [&](std::size_t l, LayerInputs inputs, MatrixView<float> outputs) {
                Layer& layer = graph_.layer(l);
                const Pass pass{read_number(), false};
                const std::vector<Tile*> tiles = tiles_of(layer);
                for (Tile* tile : tiles) tile->begin_measurement();
                layer.forward(inputs, outputs, pass);
                if (tiles.empty()) return;
                for (Tile* tile : tiles) set_scales(*tile, at_start_[done++], tile->end_measurement(), per_column);
                layer.forward(inputs, outputs, pass);  // the same reads, now scaled
              });
}

void DriftCompensation::undo() {
  for (Tile* tile : tiles_of(graph_)) {
    tile->set_output_scale(1);
    tile->set_column_scales({});
  }
}

NormalisationCalibration::NormalisationCalibration(DeployedNetwork& network, std::size_t samples) : network_(network) {
  samples_ = std::min(samples, static_cast<std::size_t>(network.data.train.count));
  for (std::size_t l = 0; l < network.graph->layer_count(); ++l) {
    if (auto* norm = dynamic_cast<BatchNormLayer*>(&network.graph->layer(l))) {
      trained_.push_back({norm, norm->running_mean(), norm->running_variance()});
    }
  }
}

void NormalisationCalibration::calibrate() {
  for (const Trained& t : trained_) t.norm->begin_reestimation();
  Graph& graph = *network_.graph;
  const AugmentationSpec& augmentation = network_.spec.data.augmentation;
  const auto seed = static_cast<std::uint64_t>(network_.spec.seed);
  Matrix batch;
  for (std::size_t begin = 0; begin < samples_; begin += kCalibrationBatch) {
    // None of the batches is much smaller than the others: its own statistics normalise it.
    const std::size_t size = samples_ - begin < 2 * kCalibrationBatch ? samples_ - begin : kCalibrationBatch;
    batch.resize(size, graph.input_size());
    for (std::size_t s = 0; s < size; ++s) {
      const auto sample = static_cast<std::uint32_t>(begin + s);
      network_.decode(network_.data.train, sample, draw_augmentation(augmentation, seed, 0, sample), batch.row(s));
    }
    graph.forward(static_cast<const Matrix&>(batch).view(), {kFirstRead + (passes_ << 32) + begin, false});
    if (size != kCalibrationBatch) break;
  }
  ++passes_;
  for (const Trained& t : trained_) t.norm->end_reestimation();
}

void NormalisationCalibration::undo() {
  for (const Trained& t : trained_) t.norm->set_running_statistics(t.mean, t.variance);
}

void calibrate_converters(DeployedNetwork& network, std::size_t samples) {
  const PeripherySpec& periphery = network.spec.periphery;
  if (periphery.dac_range != RangeMode::per_layer && periphery.adc_range != RangeMode::per_layer) return;
  const Matrix images = decoded_images(network, network.data.train, samples);
  for (std::size_t begin = 0; begin < images.rows(); begin += kCalibrationBatch) {
    const std::size_t size = std::min(kCalibrationBatch, images.rows() - begin);
    Pass pass{kConverterReads + begin, false};
    pass.calibrates = true;
    network.graph->forward({images.row(begin).data(), size, images.columns()}, pass);
  }
}

}  // namespace ohmic
