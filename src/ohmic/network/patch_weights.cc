#include "ohmic/network/patch_weights.h"

#include <algorithm>

#include "ohmic/core/gemm.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kGradientParts = 8;  // sums over as many stretches of the batch, whatever the threads

template <class T>
bool is_whole(const Channels<T>& c) {
  return c.count == c.pixel_channels;
}

// The meant channels side by side: the batch itself if they are all.
MatrixView<const float> gathered(const Channels<const float>& from, Matrix& room) {
  if (is_whole(from)) return from.batch;
  const auto count = static_cast<std::size_t>(from.count), step = static_cast<std::size_t>(from.pixel_channels);
  room.resize(from.batch.rows, from.pixels() * count);
  for (std::size_t s = 0; s < from.batch.rows; ++s) {
    for (std::size_t p = 0; p < from.pixels(); ++p) {
      std::copy_n(from.of_sample(s) + p * step + from.first, count, room.row(s).data() + p * count);
    }
  }
  return static_cast<const Matrix&>(room).view();
}

// Where results for the meant channels go, before `scatter`.
MatrixView<float> target(const Channels<float>& to, Matrix& room) {
  if (is_whole(to)) return to.batch;
  room.resize(to.batch.rows, to.pixels() * static_cast<std::size_t>(to.count));
  return room.view();
}

void scatter(const Matrix& room, const Channels<float>& to) {
  if (is_whole(to)) return;
  const auto count = static_cast<std::size_t>(to.count), step = static_cast<std::size_t>(to.pixel_channels);
  for (std::size_t s = 0; s < to.batch.rows; ++s) {
    for (std::size_t p = 0; p < to.pixels(); ++p) {
      std::copy_n(room.row(s).data() + p * count, count, to.of_sample(s) + p * step + to.first);
    }
  }
}

void clear(const Channels<float>& c) {
  for (std::size_t s = 0; s < c.batch.rows; ++s) {
    for (std::size_t p = 0; p < c.pixels(); ++p) {
      std::fill_n(c.of_sample(s) + p * static_cast<std::size_t>(c.pixel_channels) + c.first, c.count, 0.0f);
    }
  }
}

PatchShape shape_of(const Window& w) {
  PatchShape s;
  s.height = w.height;
  s.width = w.width;
  s.channels = w.channels;
  s.kernel_height = w.kernel_height;
  s.kernel_width = w.kernel_width;
  s.stride_y = w.stride.y;
  s.stride_x = w.stride.x;
  s.pad_top = w.padding.top;
  s.pad_left = w.padding.left;
  s.pad_bottom = w.padding.bottom;
  s.pad_right = w.padding.right;
  s.dilation_y = w.dilation.y;
  s.dilation_x = w.dilation.x;
  return s;
}

}  // namespace

PatchWeights::PatchWeights(std::string name, std::unique_ptr<Weights> weights, const Window& window, PatchSide side)
    : window_(window), side_(side), shape_(shape_of(window)) {
  [[maybe_unused]] const auto patch = static_cast<int>(window.patch_size());
  OHMIC_EXPECT((side == PatchSide::inputs ? weights->inputs() : weights->outputs()) == patch);
  matrix_.name = std::move(name);
  matrix_.weights = std::move(weights);
}

Tile* PatchWeights::tile() const {
  auto* analog = dynamic_cast<AnalogWeights*>(matrix_.weights.get());
  return analog == nullptr ? nullptr : &analog->tile();
}

void PatchWeights::read_digital(const DigitalWeights& weights, const Channels<const float>& images,
                                const Channels<float>& positions, const FinishRows& finish) const {
  const Transpose transpose = side_ == PatchSide::inputs ? Transpose::no : Transpose::yes;
  const Matrix& w = weights.values();
  parallel_chunks(images.batch.rows, 1, [&](std::size_t begin, std::size_t) {
    thread_local std::vector<float> patches;
    patches.resize(window_.positions() * window_.patch_size());
    window_.cut(images.of_sample(begin), images.pixel_channels, images.first, patches.data());
    gemm(Transpose::no, transpose, window_.positions(), static_cast<std::size_t>(positions.count), window_.patch_size(),
         patches.data(), window_.patch_size(), w.values().data(), w.columns(), false,
         positions.of_sample(begin) + positions.first, static_cast<std::size_t>(positions.pixel_channels));
    if (finish) finish(begin * window_.positions(), window_.positions(), positions.of_sample(begin));
  });
}

namespace {

ConvolutionSizes sizes_of(const PatchShape& s, int outputs) {
  return {s.height,        s.width,        s.channels,   s.out_height(), s.out_width(), outputs,
          s.kernel_height, s.kernel_width, s.stride_y,   s.stride_x,     s.pad_top,     s.pad_left,
          s.pad_bottom,    s.pad_right,    s.dilation_y, s.dilation_x};
}

// The images in groups as oneDNN gets them: so many at once that fetching the weights is little beside using them. Of
// the batch only the end depends on its size, so that a batch can be cut anywhere between groups
// (Graph::forward_until).
struct ImageGroups {
  std::size_t batch, at_once;

  ImageGroups(std::size_t images, const Window& window) : batch(images), at_once(1) {
    constexpr std::size_t kPositions = 256;
    while (at_once < kSamplesOfGroup && at_once * window.positions() < kPositions) at_once *= 2;
    at_once = std::clamp<std::size_t>(at_once, 1, std::max<std::size_t>(images, 1));
  }

  int whole() const { return static_cast<int>(at_once); }
  int last() const { return static_cast<int>((batch - 1) % at_once + 1); }

  // body(first image, how many)
  template <class Body>
  void each(const Body& body) const {
    parallel_chunks(batch, at_once,
                    [&](std::size_t begin, std::size_t end) { body(begin, static_cast<int>(end - begin)); });
  }
};

}  // namespace

// Without cutting patches, where oneDNN has a way and the layer has no groups.
bool PatchWeights::has_convolver(bool images_are_whole, bool positions_are_whole, int outputs, std::size_t batch) {
  if (has_no_convolver_ || side_ != PatchSide::inputs || !images_are_whole || !positions_are_whole) return false;
  if (convolver_ == nullptr) {
    convolver_ = Convolver::make(sizes_of(shape_, outputs), ImageGroups(batch, window_).whole());
  }
  has_no_convolver_ = convolver_ == nullptr;
  return !has_no_convolver_;
}

bool PatchWeights::convolve_digital(const DigitalWeights& weights, const Channels<const float>& images,
                                    const Channels<float>& positions, const FinishRows& finish) {
  const ImageGroups groups(images.batch.rows, window_);
  if (!has_convolver(is_whole(images), is_whole(positions), positions.count, groups.batch)) return false;
  if (!convolver_->prepare(groups.whole()) || !convolver_->prepare(groups.last())) return false;
  convolver_->set_weights(weights.values().values().data());
  groups.each([&](std::size_t s, int count) {
    convolver_->convolve(count, images.of_sample(s), positions.of_sample(s));
    const std::size_t each = window_.positions();
    if (finish) finish(s * each, static_cast<std::size_t>(count) * each, positions.of_sample(s));
  });
  return true;
}

bool PatchWeights::convolve_back_digital(const DigitalWeights& weights, const Channels<const float>& positions,
                                         const Channels<float>& images) {
  const ImageGroups groups(images.batch.rows, window_);
  if (!has_convolver(is_whole(images), is_whole(positions), positions.count, groups.batch)) return false;
  if (!convolver_->prepare_back(groups.whole()) || !convolver_->prepare_back(groups.last())) return false;
  convolver_->set_back_weights(weights.values().values().data());
  groups.each(
      [&](std::size_t s, int count) { convolver_->convolve_back(count, positions.of_sample(s), images.of_sample(s)); });
  return true;
}

void PatchWeights::paste_digital(const DigitalWeights& weights, const Channels<const float>& positions,
                                 const Channels<float>& images) const {
  const Transpose transpose = side_ == PatchSide::inputs ? Transpose::yes : Transpose::no;
  const Matrix& w = weights.values();
  parallel_chunks(images.batch.rows, 1, [&](std::size_t begin, std::size_t) {
    thread_local std::vector<float> patches;
    patches.resize(window_.positions() * window_.patch_size());
    gemm(Transpose::no, transpose, window_.positions(), window_.patch_size(), static_cast<std::size_t>(positions.count),
         positions.of_sample(begin) + positions.first, static_cast<std::size_t>(positions.pixel_channels),
         w.values().data(), w.columns(), false, patches.data(), window_.patch_size());
    window_.paste(patches.data(), images.pixel_channels, images.first, images.of_sample(begin));
  });
}

void PatchWeights::read_patches(const Channels<const float>& images, const Channels<float>& positions, const Pass& pass,
                                const FinishRows& finish) {
  const std::size_t batch = images.batch.rows;
  if (auto* digital = dynamic_cast<DigitalWeights*>(matrix_.weights.get())) {
    if (!convolve_digital(*digital, images, positions, finish)) read_digital(*digital, images, positions, finish);
    digital->count_macs(batch * window_.positions() * digital->values().values().size(),
                        side_ == PatchSide::inputs ? pass.phase() : Phase::backward);
    return;
  }
  read_patches(gathered(images, from_), target(positions, to_), pass, finish);
  scatter(to_, positions);
}

void PatchWeights::read_patches(const SampleBatch& images, MatrixView<float> positions, const Pass& pass,
                                const FinishRows& finish) {
  first_read_ = pass.first_read;
  const Direction direction = side_ == PatchSide::inputs ? Direction::forward : Direction::backward;
  tile()->read_patches(direction, images, shape_, positions, image_codes_, pass.first_read, pass.may_calibrate(),
                       finish);
}

void PatchWeights::read_and_paste(const Channels<const float>& positions, const Channels<float>& images,
                                  const Pass& pass, bool is_added) {
  const std::size_t batch = images.batch.rows;
  if (auto* digital = dynamic_cast<DigitalWeights*>(matrix_.weights.get())) {
    OHMIC_EXPECT(!is_added);
    if (!convolve_back_digital(*digital, positions, images)) {
      clear(images);
      paste_digital(*digital, positions, images);
    }
    digital->count_macs(batch * window_.positions() * digital->values().values().size(),
                        side_ == PatchSide::inputs ? Phase::backward : pass.phase());
    return;
  }
  read_and_paste(gathered(positions, from_), target(images, to_), pass, is_added);
  scatter(to_, images);
}

void PatchWeights::read_and_paste(const SampleBatch& positions, MatrixView<float> images, const Pass& pass,
                                  bool is_added) {
  first_read_ = pass.first_read;
  const Direction direction = side_ == PatchSide::inputs ? Direction::backward : Direction::forward;
  tile()->read_and_scatter(direction, positions, shape_, images, position_codes_, pass.first_read, pass.may_calibrate(),
                           is_added);
}

void PatchWeights::encode_deltas(const Channels<const float>& deltas) { encode_deltas(gathered(deltas, from_)); }

void PatchWeights::encode_deltas(const SampleBatch& deltas) {
  if (side_ == PatchSide::inputs) {
    tile()->encode_vectors(Direction::backward, deltas, shape_, position_codes_);
  } else {
    tile()->encode_images(Direction::backward, deltas, shape_, image_codes_);
  }
}

// gradient = (or +=, unless `is_first`) the product of the codes.
void PatchWeights::multiply_codes(const CodeImages& images, const CodeImages& positions, bool is_first) {
  Matrix& gradient = matrix_.gradient;
  if (side_ == PatchSide::inputs && is_first) {
    patch_gradient(images, positions, shape_, gradient.view());
    return;
  }
  const bool turned = side_ == PatchSide::outputs;
  product_.resize(turned ? gradient.columns() : gradient.rows(), turned ? gradient.rows() : gradient.columns());
  patch_gradient(images, positions, shape_, product_.view());
  for (std::size_t i = 0; i < gradient.rows(); ++i) {
    for (std::size_t j = 0; j < gradient.columns(); ++j) {
      const float value = turned ? product_.row(j)[i] : product_.row(i)[j];
      gradient.row(i)[j] = is_first ? value : gradient.row(i)[j] + value;
    }
  }
}

void PatchWeights::find_coded_gradient() {
  const auto& analog = dynamic_cast<const AnalogWeights&>(*matrix_.weights);
  const OuterProductSpec& spec = analog.outer_product();
  if (spec.kind == OuterProductKind::full) {
    multiply_codes(image_codes_, position_codes_, true);
    return;
  }
  const TileSpec& tile_spec = analog.tile().spec();
  const int full = std::max(1, converter_levels(tile_spec.periphery.dac_bits));
  const bool images_are_inputs = side_ == PatchSide::inputs;
  const CodeImages::RandomKey inputs{tile_spec.seed, 2 * tile_spec.unit, first_read_};
  const CodeImages::RandomKey deltas{tile_spec.seed, 2 * tile_spec.unit + 1, first_read_};
  if (spec.kind == OuterProductKind::low_precision) {
    const auto input_levels = static_cast<int>(spec.input_levels), delta_levels = static_cast<int>(spec.delta_levels);
    (images_are_inputs ? image_codes_ : position_codes_).round_to_levels(input_levels, full, inputs);
    (images_are_inputs ? position_codes_ : image_codes_).round_to_levels(delta_levels, full, deltas);
    multiply_codes(image_codes_, position_codes_, true);
    return;
  }
  for (std::uint32_t bit = 0; bit < static_cast<std::uint32_t>(spec.bits); ++bit) {
    image_bits_.draw_bits(image_codes_, full, bit, images_are_inputs ? inputs : deltas);
    position_bits_.draw_bits(position_codes_, full, bit, images_are_inputs ? deltas : inputs);
    multiply_codes(image_bits_, position_bits_, bit == 0);
  }
  for (float& g : matrix_.gradient.values()) g /= static_cast<float>(spec.bits);
}

void PatchWeights::prepare_gradient(std::size_t batch) {
  matrix_.gradient.resize(static_cast<std::size_t>(matrix_.weights->inputs()),
                          static_cast<std::size_t>(matrix_.weights->outputs()));
  matrix_.positions = batch * window_.positions();
}

void PatchWeights::find_gradient(std::size_t batch) {
  prepare_gradient(batch);
  find_coded_gradient();
}

void PatchWeights::find_gradient(const Channels<const float>& images, const Channels<const float>& positions) {
  const std::size_t batch = std::max(images.batch.rows, positions.batch.rows);
  if (tile() != nullptr) return find_gradient(batch);
  prepare_gradient(batch);
  find_digital_gradient(images, positions);
}

// Sums over stretches of the batch, then over the stretches in their order.
void PatchWeights::find_digital_gradient(const Channels<const float>& images, const Channels<const float>& positions) {
  const std::span<float> gradient = matrix_.gradient.values();
  const std::size_t size = gradient.size(), batch = images.batch.rows;
  const std::size_t per_part = (batch + kGradientParts - 1) / kGradientParts;
  const std::size_t parts = (batch + per_part - 1) / per_part;
  const auto images_of = [&](std::size_t part) {
    return static_cast<int>(std::min(per_part, batch - part * per_part));
  };
  const bool convolves = has_convolver(is_whole(images), is_whole(positions), positions.count, batch) &&
                         convolver_->prepare_gradient(images_of(0)) &&
                         convolver_->prepare_gradient(images_of(parts - 1));
  std::vector<float> sums(parts * size);
  parallel_chunks(batch, per_part, [&](std::size_t begin, std::size_t end) {
    const std::size_t part = begin / per_part;
    if (convolves) {
      convolver_->find_gradient(images_of(part), images.of_sample(begin), positions.of_sample(begin),
                                sums.data() + part * size);
    } else {
      multiply_part(images, positions, begin, end, sums.data() + part * size);
    }
  });
  parallel_chunks(size, 4096, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      float sum = 0;
      for (std::size_t p = 0; p < parts; ++p) sum += sums[p * size + i];
      gradient[i] = sum;
    }
  });
}

// The gradient of samples [begin, end) by products with their patches.
void PatchWeights::multiply_part(const Channels<const float>& images, const Channels<const float>& positions,
                                 std::size_t begin, std::size_t end, float* sum) const {
  thread_local std::vector<float> patches;
  patches.resize(window_.positions() * window_.patch_size());
  for (std::size_t s = begin; s < end; ++s) {
    window_.cut(images.of_sample(s), images.pixel_channels, images.first, patches.data());
    const float* values = positions.of_sample(s) + positions.first;
    const auto stride = static_cast<std::size_t>(positions.pixel_channels);
    const auto count = static_cast<std::size_t>(positions.count);
    if (side_ == PatchSide::inputs) {
      gemm(Transpose::yes, Transpose::no, window_.patch_size(), count, window_.positions(), patches.data(),
           window_.patch_size(), values, stride, s > begin, sum, count);
    } else {
      gemm(Transpose::yes, Transpose::no, count, window_.patch_size(), window_.positions(), values, stride,
           patches.data(), window_.patch_size(), s > begin, sum, window_.patch_size());
    }
  }
}

}  // namespace ohmic
