#include "ohmic/training/trainer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Training reads are numbered by sample; those of evaluation passes lie far above.
constexpr std::uint64_t kFirstEvaluationRead = 1ull << 62;

std::size_t sample_size(const Split& split) {
  return std::accumulate(split.sample_shape.begin(), split.sample_shape.end(), std::size_t{1},
                         [](std::size_t product, int extent) { return product * static_cast<std::size_t>(extent); });
}

// A random order of 0 .. count - 1 (Fisher-Yates), a pure function of seed and epoch.
std::vector<std::int32_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  const RandomStream stream(seed, Purpose::data_order, 0, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i-- > 1;) {
    const auto word = static_cast<std::uint64_t>(random_word(stream, static_cast<std::uint32_t>(i)));
    std::swap(order[i], order[(word * (i + 1)) >> 32]);
  }
  return order;
}

}  // namespace

void load_sample(const Split& split, std::size_t sample, std::span<float> out) {
  const std::uint8_t* pixels = split.pixels.data() + sample * out.size();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(pixels[i]) * (1.0f / 255.0f);
}

double accuracy(Graph& graph, const Split& split, std::uint64_t pass_number) {
  constexpr std::size_t kBatch = 512;
  const auto count = static_cast<std::size_t>(split.count);
  Matrix batch;
  std::int64_t correct = 0;
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t size = std::min(kBatch, count - begin);
    batch.resize(size, graph.input_size());
    for (std::size_t s = 0; s < size; ++s) load_sample(split, begin + s, batch.row(s));
    const Pass pass{kFirstEvaluationRead + (pass_number << 32) + begin, false};
    const auto outputs = graph.forward(static_cast<const Matrix&>(batch).view(), pass);
    for (std::size_t s = 0; s < size; ++s) correct += argmax(outputs.row(s)) == split.labels[begin + s];
  }
  return static_cast<double>(correct) / static_cast<double>(count);
}

Trainer::Trainer(const ExperimentSpec& spec, const Dataset& data)
    : spec_(spec),
      data_(data),
      graph_(make_graph(spec, sample_size(data.train), static_cast<std::size_t>(data.class_count))) {
  for (const DenseLayer* layer : graph_.dense_layers()) rules_.push_back(make_update_rule(spec, *layer));
}

std::uint64_t Trainer::samples_done() const {
  return static_cast<std::uint64_t>(position_.epoch * data_.train.count + position_.sample);
}

void Trainer::start_epoch() {
  if (order_epoch_ == position_.epoch) return;
  order_epoch_ = position_.epoch;
  if (spec_.training.shuffle) {
    order_ = shuffled(data_.train.count, static_cast<std::uint64_t>(spec_.seed), position_.epoch);
  } else {
    order_.resize(static_cast<std::size_t>(data_.train.count));
    std::iota(order_.begin(), order_.end(), 0);
  }
}

std::optional<EpochMetrics> Trainer::step() {
  OHMIC_EXPECT(!finished());
  start_epoch();
  const std::int64_t size = std::min(spec_.training.batch_size, data_.train.count - position_.sample);
  train_batch(static_cast<std::size_t>(size));
  if (position_.sample < data_.train.count) return std::nullopt;
  return finish_epoch();
}

void Trainer::train_batch(std::size_t size) {
  const std::uint64_t before = samples_done();
  batch_.resize(size, graph_.input_size());
  labels_.resize(size);
  for (std::size_t s = 0; s < size; ++s) {
    const auto sample = static_cast<std::size_t>(order_[static_cast<std::size_t>(position_.sample) + s]);
    load_sample(data_.train, sample, batch_.row(s));
    labels_[s] = data_.train.labels[sample];
  }
  const Pass pass{before, true};
  const auto outputs = graph_.forward(static_cast<const Matrix&>(batch_).view(), pass);
  output_gradient_.resize(outputs.rows, outputs.columns);
  position_.loss += squared_error(outputs, labels_, output_gradient_.view());
  for (std::size_t s = 0; s < size; ++s) position_.correct += argmax(outputs.row(s)) == labels_[s];
  graph_.backward(static_cast<const Matrix&>(output_gradient_).view(), pass);
  position_.sample += static_cast<std::int64_t>(size);
  const std::uint64_t now = samples_done();
  for (std::size_t l = 0; l < rules_.size(); ++l) {
    DenseLayer& layer = *graph_.dense_layers()[l];
    rules_[l]->update(layer, steps_);
    position_.refreshed_pairs += rules_[l]->maintain(layer, before, now, steps_);
    if (auto* analog = dynamic_cast<AnalogWeights*>(&layer.weights())) {
      analog->tile().advance_to(spec_.clock.seconds_per_sample * static_cast<double>(now));
      const auto every = static_cast<std::uint64_t>(spec_.wires.renew_every_samples);
      if (before / every != now / every) analog->tile().renew_wires();
    }
  }
  ++steps_;
}

EpochMetrics Trainer::finish_epoch() {
  const auto count = static_cast<double>(data_.train.count);
  const std::uint64_t pulses = counters().set_pulses;
  EpochMetrics m;
  m.epoch = position_.epoch + 1;
  m.train_loss = position_.loss / count;
  m.train_accuracy = static_cast<double>(position_.correct) / count;
  m.pulses_per_sample = static_cast<double>(pulses - position_.pulses_before) / count;
  m.refreshed_pairs = position_.refreshed_pairs;
  m.seconds = spec_.clock.seconds_per_sample * static_cast<double>(samples_done());
  m.test_accuracy = accuracy(graph_, data_.test, static_cast<std::uint64_t>(m.epoch));
  position_ = TrainingPosition{};
  position_.epoch = m.epoch;
  position_.pulses_before = pulses;
  return m;
}

Counters Trainer::counters() const {
  Counters total;
  for (const DenseLayer* layer : graph_.dense_layers()) total += layer->weights().counters();
  return total;
}

double Trainer::bytes_per_weight() const {
  std::size_t bytes = 0;
  for (const DenseLayer* layer : graph_.dense_layers()) bytes += layer->weights().bytes();
  for (const auto& rule : rules_) bytes += rule->bytes();
  return static_cast<double>(bytes) / static_cast<double>(graph_.weight_count());
}

void Trainer::save(SafetensorsWriter& out) const {
  for (std::size_t l = 0; l < rules_.size(); ++l) {
    const DenseLayer& layer = *graph_.dense_layers()[l];
    layer.weights().save(layer.name(), out);
    rules_[l]->save(layer.name(), out);
  }
  out.keep(
      "trainer.position",
      std::vector<std::int64_t>{position_.epoch, position_.sample, position_.correct, position_.refreshed_pairs,
                                static_cast<std::int64_t>(position_.pulses_before), static_cast<std::int64_t>(steps_)});
  out.keep("trainer.loss", std::vector<double>{position_.loss});
}

void Trainer::load(const SafetensorsFile& in) {
  for (std::size_t l = 0; l < rules_.size(); ++l) {
    DenseLayer& layer = *graph_.dense_layers()[l];
    layer.weights().load(layer.name(), in);
    rules_[l]->load(layer.name(), in);
  }
  std::array<std::int64_t, 6> p{};
  in.read("trainer.position", std::span<std::int64_t>(p));
  std::array<double, 1> loss{};
  in.read("trainer.loss", std::span<double>(loss));
  position_ = {p[0], p[1], loss[0], p[2], p[3], static_cast<std::uint64_t>(p[4])};
  steps_ = static_cast<std::uint64_t>(p[5]);
  order_epoch_ = -1;
}

}  // namespace ohmic
