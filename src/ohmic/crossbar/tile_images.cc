// Tile's products of images: patches read, vectors scattered.

#include "ohmic/core/error.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/crossbar/tile_outputs.h"

namespace ohmic {

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

void Tile::read_images(Direction direction, MatrixView<const float> x, const PatchShape& in, const PatchShape* into,
                       MatrixView<float> y, CodeImages& codes, std::uint64_t first_read, bool calibrate) {
  const bool is_forward = direction == Direction::forward;
  if (!is_forward && !readers_[0].backward) make_backward_readers();
  const LaneLayout& layout = cells_->layout();
  const int block_rows = static_cast<int>(is_forward ? spec_.periphery.array_rows : spec_.periphery.array_columns);
  const auto blocks = static_cast<int>(patch_blocks(in, block_rows).size());
  if (static_cast<std::int64_t>(blocks) * layout.arrays() > kMostBlocks) {
    fail(
        "patches of {} x {} x {} values fall into {} row blocks, times synapse.slices x copies; at most {} are "
        "possible: "
        "choose larger periphery.array_rows and array_columns",
        in.kernel_height, in.kernel_width, in.channels, blocks, kMostBlocks);
  }
  if (layout.arrays() > 1) partial_.resize(y.rows, y.columns);
  for (int a = 0; a < layout.arrays(); ++a) {
    Readers& readers = readers_[static_cast<std::size_t>(a)];
    const ReadKey key{spec_.seed, is_forward ? Purpose::forward_image_read : Purpose::backward_image_read, spec_.unit,
                      first_read, a * blocks};
    PatchReader& patches = is_forward ? readers.forward_patches : readers.backward_patches;
    patches.read(is_forward ? readers.forward : *readers.backward, x, in, into,
                 layout.arrays() == 1 ? y : partial_.view(), codes, key, calibrate, exact_cells_of(direction, a),
                 counters_);
    if (layout.arrays() > 1) add_scaled(partial_.view(), layout.factor(a), a == 0, y);
  }
  if (is_forward && measured_) measure(y);
  scale(y, is_forward ? output_scale_ * weight_scale_ : weight_scale_);
}

namespace {

// The positions of a shape as an image of vectors, each a patch of its own.
PatchShape vectors_of(const PatchShape& shape, int size) {
  PatchShape vectors;
  vectors.height = shape.out_height();
  vectors.width = shape.out_width();
  vectors.channels = size;
  return vectors;
}

}  // namespace

void Tile::read_patches(Direction direction, MatrixView<const float> x, const PatchShape& shape, MatrixView<float> y,
                        CodeImages& codes, std::uint64_t first_read, bool calibrate) {
  check_patch_shape(shape);
  OHMIC_EXPECT(shape.patch_size() == inputs(direction) && x.columns == shape.image_size() && x.rows == y.rows);
  OHMIC_EXPECT(y.columns == static_cast<std::size_t>(shape.positions()) * static_cast<std::size_t>(outputs(direction)));
  read_images(direction, x, shape, nullptr, y, codes, first_read, calibrate);
}

void Tile::read_and_scatter(Direction direction, MatrixView<const float> x, const PatchShape& shape,
                            MatrixView<float> y, CodeImages& codes, std::uint64_t first_read, bool calibrate) {
  check_patch_shape(shape);
  const PatchShape vectors = vectors_of(shape, inputs(direction));
  OHMIC_EXPECT(shape.patch_size() == outputs(direction) && x.columns == vectors.image_size() && x.rows == y.rows);
  OHMIC_EXPECT(y.columns == shape.image_size());
  read_images(direction, x, vectors, &shape, y, codes, first_read, calibrate);
}

void Tile::encode_vectors(Direction direction, MatrixView<const float> x, const PatchShape& shape, CodeImages& codes) {
  encode_images(direction, x, vectors_of(shape, inputs(direction)), codes);
}

void Tile::encode_images(Direction direction, MatrixView<const float> x, const PatchShape& shape, CodeImages& codes) {
  check_patch_shape(shape);
  OHMIC_EXPECT(x.columns == shape.image_size());
  if (direction == Direction::backward && !readers_[0].backward) make_backward_readers();
  PatchReader::encode_only(direction == Direction::forward ? readers_[0].forward : *readers_[0].backward, x, shape,
                           codes);
}

}  // namespace ohmic
