#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "ohmic/data/dataset.h"
#include "ohmic/data/image.h"
#include "ohmic/network/graph.h"
#include "ohmic/training/run.h"

namespace ohmic {

/// Turns a stored image into what a network takes.
using DecodeImage =
    std::function<void(const Split& split, std::size_t sample, const Augmentation& augmentation, std::span<float> out)>;

/// A trained classifier of images with its data, whoever trained it.
struct DeployedNetwork {
  std::string name;     ///< for messages: where it came from
  ExperimentSpec spec;  ///< of the chip (device, synapse, periphery ...), the seed, the augmentation
  Dataset data;
  DecodeImage decode;
  std::shared_ptr<void> owner;  ///< of the graph
  Graph* graph = nullptr;       ///< its weights are digital, or on the cells that they were trained on
};

/// The network of a run. Error if it is no classifier of images.
DeployedNetwork network_of(LoadedRun run, const std::string& name);

/// The first `count` samples of a split (at most all), as one batch.
Matrix decoded_images(const DeployedNetwork& network, const Split& split, std::size_t count);

/// Who watches over work that takes long.
struct Watch {
  const std::atomic<bool>* stop = nullptr;
  std::function<void(double)> on_progress = {};  ///< share done
};

/// What the network answers to the first `count` images of a split: a row each. Image s is read number first_read + s.
/// Nothing, no rows, when `stop` of the watch was set meanwhile.
Matrix outputs_of(const DeployedNetwork& network, const Split& split, std::size_t count, std::uint64_t first_read,
                  const Watch& watch = {});

/// Share of the rows whose largest element is the label, 0 to 1.
double accuracy_of(const Matrix& outputs, std::span<const std::uint8_t> labels);

/// Runs a network layer by layer in evaluation: `compute` has to write the outputs of layer l, given its inputs.
using ComputeLayer = std::function<void(std::size_t layer, LayerInputs inputs, MatrixView<float> outputs)>;
void walk_layers(Graph& graph, MatrixView<const float> x, const ComputeLayer& compute);

}  // namespace ohmic
