#include "ohmic/training/image_trainer.h"

#include <algorithm>
#include <numeric>

#include "ohmic/core/error.h"
#include "ohmic/network/loss.h"

namespace ohmic {
namespace {

// Training reads are numbered by sample; those of evaluation passes lie far above.

}  // namespace

Shape network_shape(const Dataset& data) {
  const ImageShape s = image_shape(data.train);
  return {1, s.height, s.width, s.channels};
}

double accuracy(Graph& graph, const ImageDecoder& decoder, const Split& split, std::uint64_t pass_number,
                const std::function<void(double)>& on_progress) {
  constexpr std::size_t kMostInputs = 512 * 784;  // of a batch
  const std::size_t per_batch = std::clamp<std::size_t>(kMostInputs / graph.input_size(), 1, 512);
  const auto count = static_cast<std::size_t>(split.count);
  Matrix batch;
  std::int64_t correct = 0;
  for (std::size_t begin = 0; begin < count; begin += per_batch) {
    const std::size_t size = std::min(per_batch, count - begin);
    batch.resize(size, graph.input_size());
    for (std::size_t s = 0; s < size; ++s) decoder.decode(split, begin + s, batch.row(s));
    const Pass pass{kFirstEvaluationRead + (pass_number << 32) + begin, false};
    const auto outputs = graph.forward(static_cast<const Matrix&>(batch).view(), pass);
    for (std::size_t s = 0; s < size; ++s) correct += argmax(outputs.row(s)) == split.labels[begin + s];
    if (on_progress) on_progress(static_cast<double>(begin + size) / static_cast<double>(count));
  }
  return static_cast<double>(correct) / static_cast<double>(count);
}

namespace {

BatchOptions batch_options(const ExperimentSpec& spec) {
  BatchOptions options;
  options.batch_size = static_cast<std::size_t>(spec.training.batch_size);
  options.normalise = spec.data.normalise;
  options.augmentation = spec.data.augmentation;
  options.seed = static_cast<std::uint64_t>(spec.seed);
  return options;
}

}  // namespace

ImageTrainer::ImageTrainer(const ExperimentSpec& spec, const Dataset& data)
    : Trainer(spec, data.train.count),
      data_(data),
      learner_(spec, make_graph(spec, spec.network, network_shape(data), data.class_count)),
      loader_(data, data.train, batch_options(spec)) {
  const Shape& output = learner_.graph().output_shape();
  if (output.size() != static_cast<std::size_t>(data.class_count)) {
    fail(
        "the last layer of the network gives {} outputs but the data have {} classes; set units = {} in the last dense "
        "layer",
        to_string(output), data.class_count, data.class_count);
  }
}

void ImageTrainer::begin_epoch() {
  std::vector<int> order;
  if (spec().training.shuffle) {
    order = shuffled(data_.train.count, static_cast<std::uint64_t>(spec().seed), position().epoch);
  } else {
    order.resize(static_cast<std::size_t>(data_.train.count));
    std::iota(order.begin(), order.end(), 0);
  }
  loader_.start(std::move(order), static_cast<std::uint64_t>(position().epoch),
                static_cast<std::size_t>(position().sample));
}

Trainer::BatchResult ImageTrainer::train_batch(std::size_t size) {
  Graph& graph = learner_.graph();
  const ImageBatch& batch = loader_.next();
  const Pass pass{samples_done(), true};
  const UpdateStep step = next_step(size, 1);
  learner_.begin_batch(step);
  const auto outputs = graph.forward(batch.images.view(), pass);
  output_gradient_.resize(outputs.rows, outputs.columns);
  BatchResult result;
  result.loss = label_loss(spec().training.loss, outputs, batch.labels, output_gradient_.view());
  for (std::size_t s = 0; s < size; ++s) result.correct += argmax(outputs.row(s)) == batch.labels[s];
  graph.backward(static_cast<const Matrix&>(output_gradient_).view(), pass);
  result.refreshed_pairs = learner_.update(step);
  return result;
}

void ImageTrainer::evaluate(EpochMetrics& metrics) {
  metrics.test_accuracy = accuracy(learner_.graph(), ImageDecoder(data_, spec().data.normalise), data_.test,
                                   static_cast<std::uint64_t>(metrics.epoch));
}

}  // namespace ohmic
