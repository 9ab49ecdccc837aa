#include "ohmic/training/text_trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"
#include "ohmic/network/loss.h"

namespace ohmic {
namespace {

constexpr std::size_t kEvaluationLanes = 64;
constexpr std::size_t kSampledCharacters = 600;

Graph make_network(const ExperimentSpec& spec, const Dataset& data) {
  const auto classes = static_cast<int>(data.vocabulary.size());
  Graph graph = make_graph(spec, spec.network, {static_cast<int>(spec.text.steps), 1, 1, 1}, classes);
  const Shape& out = graph.output_shape();
  if (out.steps != spec.text.steps || out.size() != static_cast<std::size_t>(out.steps * classes)) {
    fail(
        "the last layer of the network gives {} but the text has {} characters; set units = {} in the last dense layer",
        to_string(out), classes, classes);
  }
  return graph;
}

TextStreams make_streams(const ExperimentSpec& spec, const Dataset& data) {
  if (!data.is_text()) {
    fail("training.task = \"language\" needs a text, but {} are images; set data.name = \"ptb_char\"", data.name);
  }
  return {data.train.tokens, static_cast<std::size_t>(spec.training.batch_size),
          static_cast<std::size_t>(spec.text.steps)};
}

std::int64_t windows_per_epoch(const TextStreams& streams) {
  return static_cast<std::int64_t>(streams.windows() * streams.lanes());
}

// Lane by lane, as the network takes it: x and labels are lanes x steps.
void fill(const TextWindow& window, MatrixView<float> x, std::span<int> labels) {
  for (std::size_t t = 0; t < window.steps; ++t) {
    for (std::size_t lane = 0; lane < window.lanes; ++lane) {
      x.row(lane)[t] = window.inputs[t * window.lanes + lane];
      labels[lane * window.steps + t] = window.targets[t * window.lanes + lane];
    }
  }
}

std::int64_t count_correct(MatrixView<const float> rows, std::span<const int> labels) {
  std::int64_t correct = 0;
  for (std::size_t r = 0; r < rows.rows; ++r) correct += argmax(rows.row(r)) == labels[r];
  return correct;
}

// One row per token.
template <class T>
MatrixView<T> by_token(MatrixView<T> outputs, std::size_t steps) {
  return {outputs.data, outputs.rows * steps, outputs.columns / steps};
}

}  // namespace

TextScore score_text(Graph& graph, std::span<const std::uint8_t> tokens, std::size_t lanes, std::size_t steps,
                     std::uint64_t pass_number) {
  const TextStreams streams(tokens, std::max<std::size_t>(1, std::min(lanes, tokens.size() / (2 * steps))), steps);
  Matrix x(streams.lanes(), steps), gradient;
  std::vector<int> labels(streams.lanes() * steps);
  TextWindow window;
  TextScore score;
  for (std::size_t w = 0; w < streams.windows(); ++w) {
    streams.read(w, window);
    fill(window, x.view(), labels);
    const Pass pass{kFirstEvaluationRead + (pass_number << 32) + w * streams.lanes(), false, w > 0};
    const auto outputs = by_token(graph.forward(static_cast<const Matrix&>(x).view(), pass), steps);
    gradient.resize(outputs.rows, outputs.columns);
    score.loss += cross_entropy(outputs, labels, gradient.view());
    score.accuracy += static_cast<double>(count_correct(outputs, labels));
  }
  const auto total = static_cast<double>(streams.windows() * labels.size());
  return {score.loss / total, score.accuracy / total};
}

TextTrainer::TextTrainer(const ExperimentSpec& spec, const Dataset& data)
    : Trainer(spec, windows_per_epoch(make_streams(spec, data))),
      data_(data),
      steps_(static_cast<std::size_t>(spec.text.steps)),
      streams_(make_streams(spec, data)),
      learner_(spec, make_network(spec, data)) {
  if (spec.training.loss != LossKind::cross_entropy) {
    fail("training.task = \"language\" is trained with training.loss = \"cross_entropy\"; set it");
  }
}

Trainer::BatchResult TextTrainer::train_batch(std::size_t size) {
  Graph& graph = learner_.graph();
  batch_.resize(size, steps_);
  labels_.resize(size * steps_);
  const auto window = static_cast<std::size_t>(position().sample) / size;
  streams_.read(window, window_);
  fill(window_, batch_.view(), labels_);
  const Pass pass{samples_done(), true, window > 0};
  const UpdateStep step = next_step(size, steps_);
  learner_.begin_batch(step);
  const auto outputs = graph.forward(static_cast<const Matrix&>(batch_).view(), pass);
  output_gradient_.resize(outputs.rows, outputs.columns);
  BatchResult result;
  result.loss = cross_entropy(by_token(outputs, steps_), labels_, by_token(output_gradient_.view(), steps_));
  result.correct = count_correct(by_token(outputs, steps_), labels_);
  graph.backward(static_cast<const Matrix&>(output_gradient_).view(), pass);
  result.refreshed_pairs = learner_.update(step);
  return result;
}

void TextTrainer::evaluate(EpochMetrics& metrics) {
  const auto pass = static_cast<std::uint64_t>(metrics.epoch);
  Graph& graph = learner_.graph();
  const TextScore test = score_text(graph, data_.test.tokens, kEvaluationLanes, steps_, 2 * pass);
  metrics.test_accuracy = test.accuracy;
  metrics.figures.push_back({"bits_per_character", test.loss / std::numbers::ln2});
  metrics.figures.push_back({"train_bits_per_character", metrics.train_loss / std::numbers::ln2});
  sample_ = sample_text(kSampledCharacters, 2 * pass + 1);
}

// Each character is drawn from what the network says after the `text.steps` characters before it.
std::string TextTrainer::sample_text(std::size_t count, std::uint64_t pass_number) {
  Graph& graph = learner_.graph();
  std::string text;
  Matrix x(1, steps_);
  std::vector<std::uint8_t> history(data_.test.tokens.begin(),
                                    data_.test.tokens.begin() + static_cast<std::ptrdiff_t>(steps_));
  const RandomStream stream(static_cast<std::uint64_t>(spec().seed), Purpose::text_sampling, 0, pass_number);
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t t = 0; t < steps_; ++t) x.row(0)[t] = history[history.size() - steps_ + t];
    const Pass pass{kFirstEvaluationRead + (pass_number << 32) + n, false, false};
    const auto rows = by_token(graph.forward(static_cast<const Matrix&>(x).view(), pass), steps_);
    const auto logits = rows.row(steps_ - 1);
    const double most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    std::vector<double> sums;
    double sum = 0;
    for (const float l : logits) sums.push_back(sum += std::exp(static_cast<double>(l) - most));
    const double at = sum * random_uniform(stream, static_cast<std::uint32_t>(n));
    const auto drawn = std::lower_bound(sums.begin(), sums.end() - 1, at) - sums.begin();
    history.push_back(static_cast<std::uint8_t>(drawn));
    text.push_back(static_cast<char>(data_.vocabulary[static_cast<std::size_t>(drawn)]));
  }
  return text;
}

std::vector<Artefact> TextTrainer::artefacts() {
  if (sample_.empty()) return {};
  return {{"samples.txt", sample_ + "\n"}};
}

}  // namespace ohmic
