#include "ohmic/deployment/deployed_network.h"

#include <algorithm>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::size_t kMostInputsOfBatch = 512 * 784;
constexpr int kSampleItself = -1;  // among the inputs of a layer

}  // namespace

DeployedNetwork network_of(LoadedRun run, const std::string& name) {
  if (run.spec.training.task != TaskKind::classification) {
    fail("`ohmic deploy` evaluates classifiers of images, but this run has training.task = \"{}\"",
         kTaskKinds[static_cast<std::size_t>(run.spec.training.task)]);
  }
  DeployedNetwork network;
  network.name = name;
  network.spec = run.spec;
  network.data = std::move(run.data);
  const auto decoder = std::make_shared<const ImageDecoder>(network.data, run.spec.data.normalise);
  network.decode = [decoder](const Split& split, std::size_t sample, const Augmentation& augmentation,
                             std::span<float> out) { decoder->decode(split, sample, augmentation, out); };
  const std::shared_ptr<Trainer> trainer = std::move(run.trainer);  // from here on no more than the graph's owner
  network.graph = &trainer->graph();
  network.owner = trainer;
  return network;
}

Matrix decoded_images(const DeployedNetwork& network, const Split& split, std::size_t count) {
  Matrix images(std::min(count, static_cast<std::size_t>(split.count)), network.graph->input_size());
  for (std::size_t s = 0; s < images.rows(); ++s) network.decode(split, s, {}, images.row(s));
  return images;
}

Matrix outputs_of(const DeployedNetwork& network, const Split& split, std::size_t count, std::uint64_t first_read,
                  const Watch& watch) {
  Graph& graph = *network.graph;
  count = std::min(count, static_cast<std::size_t>(split.count));
  const std::size_t per_batch = std::clamp<std::size_t>(kMostInputsOfBatch / graph.input_size(), 1, 512);
  Matrix outputs(count, graph.output_shape().size()), batch;
  for (std::size_t begin = 0; begin < count; begin += per_batch) {
    if (watch.stop != nullptr && watch.stop->load()) return {};
    const std::size_t size = std::min(per_batch, count - begin);
    batch.resize(size, graph.input_size());
    for (std::size_t s = 0; s < size; ++s) network.decode(split, begin + s, {}, batch.row(s));
    const auto y = graph.forward(static_cast<const Matrix&>(batch).view(), {first_read + begin, false});
    std::copy_n(y.data, y.rows * y.columns, outputs.row(begin).data());
    if (watch.on_progress) watch.on_progress(static_cast<double>(begin + size) / static_cast<double>(count));
  }
  return outputs;
}

double accuracy_of(const Matrix& outputs, std::span<const std::uint8_t> labels) {
  std::int64_t correct = 0;
  for (std::size_t s = 0; s < outputs.rows(); ++s) correct += argmax(outputs.row(s)) == labels[s];
  return static_cast<double>(correct) / static_cast<double>(outputs.rows());
}

void walk_layers(Graph& graph, MatrixView<const float> x, const ComputeLayer& compute) {
  const std::size_t count = graph.layer_count();
  std::vector<Matrix> outputs(count);
  std::vector<std::size_t> last_use(count, 0);
  for (std::size_t l = 0; l < count; ++l) {
    for (const int input : graph.inputs_of(l)) {
      if (input != kSampleItself) last_use[static_cast<std::size_t>(input)] = l;
    }
  }
  std::vector<MatrixView<const float>> inputs;
  for (std::size_t l = 0; l < count; ++l) {
    inputs.clear();
    for (const int input : graph.inputs_of(l)) {
      const auto from = static_cast<std::size_t>(input);
      inputs.push_back(input == kSampleItself ? x : static_cast<const Matrix&>(outputs[from]).view());
    }
    outputs[l].resize(x.rows, graph.layer(l).output_shape().size());
    compute(l, inputs, outputs[l].view());
    for (const int input : graph.inputs_of(l)) {
      if (input != kSampleItself && last_use[static_cast<std::size_t>(input)] == l) {
        outputs[static_cast<std::size_t>(input)] = Matrix();
      }
    }
  }
}

}  // namespace ohmic
