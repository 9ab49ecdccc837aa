// Tile's products: of vectors, of patches of images, and of vectors that are scattered into images.

#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/crossbar/tile.h"

namespace ohmic {
namespace {

constexpr std::size_t kBatchFrom = 8;  // vectors from which reading them side by side pays

// The positions of a shape as an image of vectors, each a patch of its own.
PatchShape vectors_of(const PatchShape& shape, int size) {
  PatchShape vectors;
  vectors.height = shape.out_height();
  vectors.width = shape.out_width();
  vectors.channels = size;
  return vectors;
}

// to (+)= factor from; `first` overwrites.
void add_scaled(MatrixView<const float> from, float factor, bool first, MatrixView<float> to) {
  for (std::size_t i = 0; i < to.rows * to.columns; ++i) {
    to.data[i] = factor * from.data[i] + (first ? 0.0f : to.data[i]);
  }
}

// What reading in a direction is part of; only training lets converter ranges learn.
Phase phase_of(Direction direction, bool calibrate) {
  if (direction == Direction::backward) return Phase::backward;
  return calibrate ? Phase::forward : Phase::evaluation;
}

void scale(MatrixView<float> y, float factor) {
  if (factor == 1) return;
  for (std::size_t i = 0; i < y.rows * y.columns; ++i) y.data[i] *= factor;
}

// y: vectors of as many values as there are factors, whatever its rows.
void scale_columns(MatrixView<float> y, std::span<const float> factors) {
  const std::size_t count = y.rows * y.columns;
  for (std::size_t begin = 0; begin < count; begin += factors.size()) {
    for (std::size_t j = 0; j < factors.size(); ++j) y.data[begin + j] *= factors[j];
  }
}

}  // namespace

// Weights and variances of one array as its cells have them, inputs x outputs of the direction.
void Tile::exact_cells(Direction direction, int array, std::span<float> weights, std::span<float> variances) const {
  if (direction == Direction::forward) {
    effective(array, 0, weights.size(), weights.data(), variances.data());
    return;
  }
  std::vector<float> plain(2 * weights.size());
  float* const plain_variances = plain.data() + weights.size();
  effective(array, 0, weights.size(), plain.data(), plain_variances);
  const auto inputs = static_cast<std::size_t>(spec_.inputs);
  const auto outputs = static_cast<std::size_t>(spec_.outputs);
  for (std::size_t i = 0; i < inputs; ++i) {
    for (std::size_t j = 0; j < outputs; ++j) {
      weights[j * inputs + i] = plain[i * outputs + j];
      variances[j * inputs + i] = plain_variances[i * outputs + j];
    }
  }
}

ExactCells Tile::exact_cells_of(Direction direction, int array) const {
  return [this, direction, array](std::span<float> weights, std::span<float> variances) {
    exact_cells(direction, array, weights, variances);
  };
}

template <class F>
void Tile::each_array(Direction direction, MatrixView<float> y, const FinishRows& finish, const F& read) {
  const bool is_forward = direction == Direction::forward;
  if (is_stale_) evaluate_all();
  if (!is_forward && !readers_[0].backward) make_backward_readers();
  const LaneLayout& layout = cells_->layout();
  const bool are_many = layout.arrays() > 1;
  const float factor = is_forward ? output_scale_ * weight_scale_ : weight_scale_;
  const bool is_watched = is_forward && (measured_ || !column_scales_.empty());
  const bool at_once = !are_many && !is_watched;  // no need of the outputs before the factor
  if (are_many) partial_.resize(y.rows, y.columns);
  for (int a = 0; a < layout.arrays(); ++a) {
    Readers& readers = readers_[static_cast<std::size_t>(a)];
    read(a, is_forward ? readers.forward : *readers.backward,
         is_forward ? readers.forward_patches : readers.backward_patches, are_many ? partial_.view() : y,
         at_once ? factor : 1.0f, at_once ? finish : FinishRows());
    if (are_many) add_scaled(partial_.view(), layout.factor(a), a == 0, y);
  }
  if (is_forward && measured_) measure(y);
  if (at_once) return;
  scale(y, factor);
  if (is_forward && !column_scales_.empty()) scale_columns(y, column_scales_);
  if (finish) finish(0, y.rows * y.columns / static_cast<std::size_t>(outputs(direction)), y.data);
}

// A batch of vectors is a batch of images of one pixel.
void Tile::read_vectors(Direction direction, MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read,
                        bool calibrate) {
  const PatchShape pixel = vectors_of(PatchShape(), inputs(direction));
  const Purpose purpose = direction == Direction::forward ? Purpose::forward_read : Purpose::backward_read;
  Counters& counters = counters_[phase_of(direction, calibrate)];
  if (observer_ && direction == Direction::forward) observer_(x, pixel);
  each_array(
      direction, y, {},
      [&](int a, ArrayReader& array, PatchReader& patches, MatrixView<float> to, float factor, const FinishRows&) {
        const ReadKey key{spec_.seed, purpose, spec_.unit, first_read, a * blocks()};
        if (x.rows < kBatchFrom && spec_.periphery.dac_bits > 0) {
          array.read(x, to, key, calibrate, counters, factor);
        } else {
          patches.read(array, x, pixel, nullptr, to, vectors_, key, calibrate, exact_cells_of(direction, a), counters,
                       factor);
        }
      });
}

void Tile::forward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate) {
  read_vectors(Direction::forward, x, y, first_read, calibrate);
}

void Tile::backward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate) {
  read_vectors(Direction::backward, x, y, first_read, calibrate);
}

void Tile::measure(MatrixView<const float> y) {
  const auto outputs = static_cast<std::size_t>(spec_.outputs);
  measured_->sums.resize(outputs);
  for (std::size_t begin = 0; begin < y.rows * y.columns; begin += outputs) {
    for (std::size_t j = 0; j < outputs; ++j) {
      measured_->sums[j] += static_cast<double>(std::abs(y.data[begin + j]));
    }
    ++measured_->vectors;
  }
}

std::vector<double> Tile::end_measurement() {
  Measured m = measured_.value_or(Measured{});
  measured_.reset();
  for (double& sum : m.sums) sum /= static_cast<double>(m.vectors);
  return m.sums;
}

void Tile::read_images(Direction direction, const SampleBatch& x, const PatchShape& in, const PatchShape* into,
                       MatrixView<float> y, CodeImages& codes, std::uint64_t first_read, bool calibrate, bool is_added,
                       const FinishRows& finish) {
  const bool is_forward = direction == Direction::forward;
  const int block_rows = static_cast<int>(is_forward ? spec_.periphery.array_rows : spec_.periphery.array_columns);
  const auto blocks = static_cast<int>(patch_blocks(in, block_rows).size());
  if (static_cast<std::int64_t>(blocks) * cells_->layout().arrays() > ReadKey::kMostBlocks) {
    fail(
        "patches of {} x {} x {} values fall into {} row blocks, times synapse.slices x copies; at most {} are "
        "possible: choose larger periphery.array_rows and array_columns",
        in.kernel_height, in.kernel_width, in.channels, blocks, ReadKey::kMostBlocks);
  }
  Counters& counters = counters_[phase_of(direction, calibrate)];
  OHMIC_EXPECT(!x.make || reads_once());
  if (observer_ && is_forward) observer_(x.values, in);
  each_array(
      direction, y, finish,
      [&](int a, ArrayReader& array, PatchReader& patches, MatrixView<float> to, float factor, const FinishRows& then) {
        const ReadKey key{spec_.seed, is_forward ? Purpose::forward_image_read : Purpose::backward_image_read,
                          spec_.unit, first_read, a * blocks};
        patches.read(array, x, in, into, to, codes, key, calibrate, exact_cells_of(direction, a), counters, factor,
                     then, is_added);
      });
}

void Tile::read_patches(Direction direction, const SampleBatch& x, const PatchShape& shape, MatrixView<float> y,
                        CodeImages& codes, std::uint64_t first_read, bool calibrate, const FinishRows& finish) {
  check_patch_shape(shape);
  OHMIC_EXPECT(shape.patch_size() == inputs(direction) && x.columns() == shape.image_size() && x.rows() == y.rows);
  OHMIC_EXPECT(y.columns == static_cast<std::size_t>(shape.positions()) * static_cast<std::size_t>(outputs(direction)));
  read_images(direction, x, shape, nullptr, y, codes, first_read, calibrate, false, finish);
}

void Tile::read_and_scatter(Direction direction, const SampleBatch& x, const PatchShape& shape, MatrixView<float> y,
                            CodeImages& codes, std::uint64_t first_read, bool calibrate, bool is_added) {
  check_patch_shape(shape);
  const PatchShape vectors = vectors_of(shape, inputs(direction));
  OHMIC_EXPECT(shape.patch_size() == outputs(direction) && x.columns() == vectors.image_size() && x.rows() == y.rows);
  OHMIC_EXPECT(y.columns == shape.image_size() && (!is_added || adds_images()));
  read_images(direction, x, vectors, &shape, y, codes, first_read, calibrate, is_added, {});
}

void Tile::encode_vectors(Direction direction, const SampleBatch& x, const PatchShape& shape, CodeImages& codes) {
  encode_images(direction, x, vectors_of(shape, inputs(direction)), codes);
}

void Tile::encode_images(Direction direction, const SampleBatch& x, const PatchShape& shape, CodeImages& codes) {
  check_patch_shape(shape);
  OHMIC_EXPECT(x.columns() == shape.image_size());
  if (direction == Direction::backward && !readers_[0].backward) make_backward_readers();
  PatchReader::encode_only(direction == Direction::forward ? readers_[0].forward : *readers_[0].backward, x, shape,
                           codes);
}

}  // namespace ohmic
