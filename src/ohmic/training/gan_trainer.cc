#include "ohmic/training/gan_trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/png.h"
#include "ohmic/network/loss.h"
#include "ohmic/training/image_trainer.h"

namespace ohmic {
namespace {

constexpr std::uint32_t kTrainingLatent = 0, kEvaluationLatent = 1;
constexpr std::size_t kGridRows = 8, kGridColumns = 12;

Graph make_generator(const ExperimentSpec& spec, const Dataset& data) {
  const Shape latent{1, 1, 1, static_cast<int>(spec.gan.latent)};
  Graph graph = make_graph(spec, spec.network, latent, 0, "generator.");
  const Shape image = network_shape(data);
  if (graph.output_shape().size() != image.size()) {
    fail(
        "the generator (network.layers) gives {} numbers but an image of {} has {} ({}); let its last layer give as "
        "many",
        graph.output_shape().size(), data.name, image.size(), to_string(image));
  }
  return graph;
}

Graph make_discriminator(const ExperimentSpec& spec, const Dataset& data, std::uint32_t first_unit) {
  if (spec.discriminator.layers.empty()) {
    fail("training.task = \"gan\" needs a second network; add [[discriminator.layers]]");
  }
  Graph graph = make_graph(spec, spec.discriminator, network_shape(data), 0, "discriminator.", first_unit);
  if (graph.output_shape().size() != 1) {
    fail("the discriminator gives {} numbers; let its last layer be dense with units = 1 (real or made, no sigmoid)",
         graph.output_shape().size());
  }
  return graph;
}

}  // namespace

GanTrainer::GanTrainer(const ExperimentSpec& spec, const Dataset& data)
    : Trainer(spec, data.train.count),
      data_(data),
      decoder_(data, Normalise::none),
      generator_(spec, make_generator(spec, data)),
      discriminator_(spec, make_discriminator(
                               spec, data, static_cast<std::uint32_t>(generator_.graph().weight_matrices().size()))) {}

void GanTrainer::begin_epoch() {
  order_ = shuffled(data_.train.count, static_cast<std::uint64_t>(spec().seed), position().epoch);
}

void GanTrainer::draw_latent(std::uint32_t use, std::uint64_t first, Matrix& latent) const {
  for (std::size_t s = 0; s < latent.rows(); ++s) {
    gaussians(RandomStream(static_cast<std::uint64_t>(spec().seed), Purpose::latent, use, first + s), latent.row(s));
  }
}

// Real images above, made ones below, in one pass.
double GanTrainer::train_discriminator(MatrixView<const float> made, BatchResult& result) {
  Graph& graph = discriminator_.graph();
  const std::size_t size = made.rows;
  both_.resize(2 * size, graph.input_size());
  for (std::size_t s = 0; s < size; ++s) {
    decoder_.decode(data_.train, static_cast<std::size_t>(order_[static_cast<std::size_t>(position().sample) + s]),
                    both_.row(s));
  }
  std::copy_n(made.data, size * made.columns, both_.row(size).data());
  const Pass pass{3 * samples_done(), true};
  const auto outputs = graph.forward(static_cast<const Matrix&>(both_).view(), pass);
  targets_.resize(2 * size, 1);
  for (std::size_t s = 0; s < 2 * size; ++s) {
    targets_.row(s)[0] = s < size ? static_cast<float>(spec().gan.real_target) : 0.0f;
    result.correct += (outputs.row(s)[0] > 0) == (s < size) && s < size;
  }
  output_gradient_.resize(2 * size, 1);
  const double loss =
      binary_cross_entropy(outputs, static_cast<const Matrix&>(targets_).view(), output_gradient_.view());
  graph.backward(static_cast<const Matrix&>(output_gradient_).view(), pass);
  result.refreshed_pairs += discriminator_.update(next_step(size, 1));
  return loss;
}

// The generator wants its images taken for real ones.
double GanTrainer::train_generator(MatrixView<const float> made, BatchResult& result) {
  Graph& graph = discriminator_.graph();
  const std::size_t size = made.rows;
  const Pass pass{3 * samples_done() + 2 * size, true};
  const auto outputs = graph.forward(made, pass);
  targets_.resize(size, 1);
  std::fill(targets_.values().begin(), targets_.values().end(), 1.0f);
  output_gradient_.resize(size, 1);
  const double loss =
      binary_cross_entropy(outputs, static_cast<const Matrix&>(targets_).view(), output_gradient_.view());
  image_gradient_.resize(size, graph.input_size());
  graph.backward(static_cast<const Matrix&>(output_gradient_).view(), pass, image_gradient_.view());
  generator_.graph().backward(static_cast<const Matrix&>(image_gradient_).view(), {samples_done(), true});
  result.refreshed_pairs += generator_.update(next_step(size, 1));
  return loss;
}

Trainer::BatchResult GanTrainer::train_batch(std::size_t size) {
  latent_.resize(size, generator_.graph().input_size());
  draw_latent(kTrainingLatent, samples_done(), latent_);
  const auto made = generator_.graph().forward(static_cast<const Matrix&>(latent_).view(), {samples_done(), true});
  BatchResult result;
  result.loss = train_discriminator(made, result);
  generator_loss_ += train_generator(made, result);
  return result;
}

Matrix GanTrainer::generate(std::size_t count, std::uint64_t pass_number) {
  constexpr std::size_t kBatch = 500;
  Graph& graph = generator_.graph();
  Matrix latent, images(count, graph.output_shape().size());
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t size = std::min(kBatch, count - begin);
    latent.resize(size, graph.input_size());
    draw_latent(kEvaluationLatent, begin, latent);
    const Pass pass{kFirstEvaluationRead + (pass_number << 32) + begin, false};
    const auto out = graph.forward(static_cast<const Matrix&>(latent).view(), pass);
    std::copy_n(out.data, size * out.columns, images.row(begin).data());
  }
  return images;
}

void GanTrainer::evaluate(EpochMetrics& metrics) {
  if (!distance_) distance_ = std::make_unique<FeatureDistance>(data_);
  const auto count = static_cast<std::size_t>(spec().gan.evaluation_images);
  const Matrix images = generate(count, static_cast<std::uint64_t>(metrics.epoch));
  metrics.test_accuracy = std::numeric_limits<double>::quiet_NaN();
  metrics.figures.push_back({"frechet_distance", distance_->distance(images)});
  metrics.figures.push_back({"generator_loss", generator_loss_ / static_cast<double>(samples_per_epoch())});
  generator_loss_ = 0;
  make_grid(images);
}

void GanTrainer::make_grid(const Matrix& images) {
  const Shape shape = network_shape(data_);
  const auto height = static_cast<std::size_t>(shape.height), width = static_cast<std::size_t>(shape.width);
  const auto channels = static_cast<std::size_t>(shape.channels);
  grid_ = {kGridColumns * (width + 2) + 2, kGridRows * (height + 2) + 2, channels, {}};
  grid_.pixels.assign(grid_.width * grid_.height * channels, 255);
  for (std::size_t n = 0; n < std::min(images.rows(), kGridRows * kGridColumns); ++n) {
    const std::size_t top = n / kGridColumns * (height + 2) + 2, left = n % kGridColumns * (width + 2) + 2;
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t i = 0; i < width * channels; ++i) {
        const float value = std::clamp(images.row(n)[y * width * channels + i], 0.0f, 1.0f);
        grid_.pixels[((top + y) * grid_.width + left) * channels + i] =
            static_cast<std::uint8_t>(std::lround(255 * value));
      }
    }
  }
}

std::vector<Artefact> GanTrainer::artefacts() {
  if (grid_.pixels.empty()) return {};
  return {{"samples.png", encode_png(grid_)}};
}

void GanTrainer::save(SafetensorsWriter& out) {
  Trainer::save(out);
  out.keep("trainer.generator_loss", std::vector<double>{generator_loss_});
}

void GanTrainer::load(const SafetensorsFile& in) {
  Trainer::load(in);
  generator_loss_ = in.read<double>("trainer.generator_loss").at(0);
}

}  // namespace ohmic
