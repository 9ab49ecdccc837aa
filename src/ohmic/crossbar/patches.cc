#include "ohmic/crossbar/patches.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/patch_gradient_kernel.h"
#include "ohmic/crossbar/outer_product.h"

namespace ohmic {

void check_patch_shape(const PatchShape& s) {
  for (const int size : {s.height, s.width, s.channels, s.kernel_height, s.kernel_width, s.stride_y, s.stride_x,
                         s.dilation_y, s.dilation_x}) {
    if (size < 1) fail("sizes, strides and dilations of patches must be at least 1");
  }
  for (const int pad : {s.pad_top, s.pad_left, s.pad_bottom, s.pad_right}) {
    if (pad < 0) fail("padding of patches must not be negative");
  }
  const int reach_y = s.dilation_y * (s.kernel_height - 1) + 1;
  const int reach_x = s.dilation_x * (s.kernel_width - 1) + 1;
  if (s.padded_height() < reach_y || s.padded_width() < reach_x) {
    fail("an image of {} x {} with padding is smaller than a patch of {} x {}", s.padded_height(), s.padded_width(),
         reach_y, reach_x);
  }
  // Sums of 2^17 products of 8-bit codes stay within 32 bits.
  constexpr int kMostPositions = 1 << 17;
  if (s.positions() > kMostPositions) {
    fail("an image has {} positions; at most {} are possible", s.positions(), kMostPositions);
  }
}

PixelOffsets::PixelOffsets(const PatchShape& s) {
  const auto width = static_cast<std::size_t>(s.padded_width());
  for (int y = 0; y < s.out_height(); ++y) {
    for (int x = 0; x < s.out_width(); ++x) {
      position.push_back(static_cast<std::size_t>(y * s.stride_y) * width + static_cast<std::size_t>(x * s.stride_x));
    }
  }
  for (int y = 0; y < s.kernel_height; ++y) {
    for (int x = 0; x < s.kernel_width; ++x) {
      kernel.push_back(static_cast<std::size_t>(y * s.dilation_y) * width + static_cast<std::size_t>(x * s.dilation_x));
    }
  }
}

void CodeImages::round_to_levels(int levels, int full, const RandomKey& key) {
  parallel_chunks(samples_, 1, [&](std::size_t sample, std::size_t) {
    const RandomStream stream(key.seed, Purpose::outer_product, key.unit, key.when + sample);
    if (is_exact_) {
      ohmic::round_to_levels(values_of(sample), levels, stream);
      return;
    }
    thread_local std::vector<std::uint32_t> words;
    const std::span<std::uint8_t> codes = codes_of(sample);
    words.resize(codes.size());
    random_words(stream, words);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const int code = codes[i] - 128;
      const int level = random_level(static_cast<double>(std::abs(code)) / full, levels, words[i]);
      codes[i] = static_cast<std::uint8_t>(128 + (code < 0 ? -level : level));
    }
    steps_[sample] *= static_cast<float>(full) / static_cast<float>(levels);
  });
}

void CodeImages::draw_bits(const CodeImages& from, int full, std::uint32_t bit, const RandomKey& key) {
  *this = from;
  parallel_chunks(samples_, 1, [&](std::size_t sample, std::size_t) {
    const RandomStream stream(key.seed, Purpose::outer_product, key.unit, key.when + sample);
    const std::size_t per_pixel = is_exact_ ? static_cast<std::size_t>(channels_) : pixel_bytes();
    thread_local std::vector<std::uint32_t> words;
    words.resize(pixels());
    random_words(stream, words, static_cast<std::uint32_t>(bit * ((pixels() + 31) / 32)));
    if (is_exact_) {
      const std::span<float> values = values_of(sample);
      const float most = max_abs(values);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double threshold = (static_cast<double>(words[i / per_pixel]) + 0.5) / 4294967296.0;
        const bool is_set = static_cast<double>(std::abs(values[i])) > threshold * static_cast<double>(most);
        values[i] = is_set ? std::copysign(most, values[i]) : 0;
      }
      return;
    }
    const std::span<std::uint8_t> codes = codes_of(sample);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const int code = codes[i] - 128;
      const double threshold = full * (static_cast<double>(words[i / per_pixel]) + 0.5) / 4294967296.0;
      codes[i] = static_cast<std::uint8_t>(128 + (std::abs(code) > threshold ? (code < 0 ? -1 : 1) : 0));
    }
    steps_[sample] *= static_cast<float>(full);
  });
}

void CodeImages::reshape(std::size_t samples, const PatchShape& shape, bool is_exact) {
  samples_ = samples;
  height_ = shape.padded_height();
  width_ = shape.padded_width();
  channels_ = shape.channels;
  is_exact_ = is_exact;
  steps_.resize(samples);
  if (is_exact) {
    values_.resize(samples * pixels() * static_cast<std::size_t>(channels_));
  } else {
    codes_.resize(samples * pixels() * pixel_bytes());
  }
}

namespace {

// One row of the gradient: kernel position and channel.
struct GradientRow {
  std::size_t pixel;  ///< of the kernel position
  std::size_t channel;
};

GradientRow gradient_row(const PixelOffsets& at, const CodeImages& patches, std::size_t row) {
  const auto channels = static_cast<std::size_t>(patches.channels());
  return {at.kernel[row / channels], row % channels};
}

void add_exact(const CodeImages& patches, const CodeImages& vectors, const PixelOffsets& at, std::size_t row,
               std::span<float> sum) {
  const GradientRow r = gradient_row(at, patches, row);
  const auto channels = static_cast<std::size_t>(patches.channels());
  for (std::size_t s = 0; s < patches.samples(); ++s) {
    const float* x = patches.values(s).data();
    const float* vector = vectors.values(s).data();
    for (std::size_t p = 0; p < at.position.size(); ++p, vector += sum.size()) {
      const float value = x[(at.position[p] + r.pixel) * channels + r.channel];
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += value * vector[j];
    }
  }
}

// Images of a few samples in quads: of each kernel column and of the vectors.
class QuadImages {
 public:
  QuadImages(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape)
      : patches_(patches),
        vectors_(vectors),
        shape_(shape),
        quads_((static_cast<std::size_t>(shape.out_width()) + 3) / 4),
        rows_(up_to(patches.pixel_bytes(), kGradientRows)),
        columns_(up_to(vectors.pixel_bytes(), vectors.pixel_bytes() > 16 ? kGradientColumns : 16)),
        code_line_(quads_ * rows_ * 4),
        vector_line_(quads_ * columns_ * 4),
        zero_(std::max(patches.pixel_bytes(), vectors.pixel_bytes()), 128),
        code_bytes_(code_line_ * static_cast<std::size_t>(patches.height() * shape.kernel_width)),
        vector_bytes_(vector_line_ * static_cast<std::size_t>(shape.out_height())),
        at_once_(std::clamp<std::size_t>(kBytesAtOnce / (code_bytes_ + vector_bytes_), 1, patches.samples())) {
    codes_.resize(at_once_ * code_bytes_);
    quad_vectors_.resize(at_once_ * vector_bytes_);
    sums_.resize(at_once_ * columns_);
  }

  std::size_t samples_at_once() const { return at_once_; }

  // Takes over one sample as number `place`.
  void load(std::size_t sample, std::size_t place) {
    load_codes(patches_.codes(sample).data(), codes_.data() + place * code_bytes_);
    load_vectors(vectors_.codes(sample).data(), place);
  }

  // The rows [row, row + kGradientRows) of a kernel position and the columns from `column` on.
  GradientTile tile(std::size_t place, int kernel_y, int kernel_x, std::size_t row, std::size_t column) const {
    GradientTile t{};
    const auto line = static_cast<std::size_t>(kernel_y * shape_.dilation_y * shape_.kernel_width + kernel_x);
    t.codes = codes_.data() + place * code_bytes_ + line * code_line_ + 4 * row;
    t.vectors = quad_vectors_.data() + place * vector_bytes_ + 4 * column;
    t.code_stride = rows_ * 4;
    t.vector_stride = columns_ * 4;
    t.code_line = code_line_ * static_cast<std::size_t>(shape_.stride_y * shape_.kernel_width);
    t.vector_line = vector_line_;
    t.lines = shape_.out_height();
    t.quads = static_cast<int>(quads_);
    t.vector_sums = sums_.data() + place * columns_ + column;
    return t;
  }

 private:
  static constexpr std::size_t kBytesAtOnce = 3 << 20;  // few enough to stay in cache, many enough to split well

  static std::size_t up_to(std::size_t n, int multiple) {
    const auto m = static_cast<std::size_t>(multiple);
    return (n + m - 1) / m * m;
  }

  void load_codes(const std::uint8_t* image, std::uint8_t* out) const {
    const std::size_t room = patches_.pixel_bytes();
    for (int y = 0; y < patches_.height(); ++y) {
      const std::uint8_t* line = image + static_cast<std::size_t>(y * patches_.width()) * room;
      for (int kx = 0; kx < shape_.kernel_width; ++kx) {
        for (std::size_t q = 0; q < quads_; ++q, out += rows_ * 4) {
          const std::uint8_t* pixels[4];
          for (int k = 0; k < 4; ++k) {
            const int x = static_cast<int>(4 * q) + k;
            const int at = x * shape_.stride_x + kx * shape_.dilation_x;
            pixels[k] = x < shape_.out_width() ? line + static_cast<std::size_t>(at) * room : zero_.data();
          }
          make_quads(pixels, room, 0, out);
        }
      }
    }
  }

  void load_vectors(const std::uint8_t* vectors, std::size_t place) {
    const std::size_t room = vectors_.pixel_bytes();
    std::uint8_t* out = quad_vectors_.data() + place * vector_bytes_;
    std::int32_t* sums = sums_.data() + place * columns_;
    std::fill_n(sums, columns_, 0);
    for (int y = 0; y < shape_.out_height(); ++y) {
      for (std::size_t q = 0; q < quads_; ++q, out += columns_ * 4) {
        const std::uint8_t* pixels[4];
        for (int k = 0; k < 4; ++k) {
          const int x = static_cast<int>(4 * q) + k;
          pixels[k] = x < shape_.out_width() ? vectors + static_cast<std::size_t>(y * shape_.out_width() + x) * room
                                             : zero_.data();
        }
        make_quads(pixels, room, 0x80, out);
        for (std::size_t j = 0; j < room; ++j)
          sums[j] += pixels[0][j] + pixels[1][j] + pixels[2][j] + pixels[3][j] - 512;
      }
    }
  }

  const CodeImages& patches_;
  const CodeImages& vectors_;
  const PatchShape& shape_;
  std::size_t quads_;           // of positions in a line
  std::size_t rows_, columns_;  // channels with padding
  std::size_t code_line_, vector_line_;
  std::vector<std::uint8_t> zero_;         // a pixel of zero codes
  std::size_t code_bytes_, vector_bytes_;  // of one sample
  std::size_t at_once_;
  AlignedVector<std::uint8_t> codes_, quad_vectors_;
  std::vector<std::int32_t> sums_;
};

void add_codes(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
               MatrixView<float> gradient) {
  QuadImages images(patches, vectors, shape);
  const auto channels = static_cast<std::size_t>(shape.channels);
  const std::size_t row_tiles = (channels + kGradientRows - 1) / kGradientRows;
  const std::size_t column_tiles = (gradient.columns + kGradientColumns - 1) / kGradientColumns;
  const auto kernels = static_cast<std::size_t>(shape.kernel_height * shape.kernel_width);
  for (std::size_t first = 0; first < patches.samples(); first += images.samples_at_once()) {
    const std::size_t samples = std::min(images.samples_at_once(), patches.samples() - first);
    parallel_chunks(samples, 1, [&](std::size_t begin, std::size_t) { images.load(first + begin, begin); });
    parallel_chunks(kernels * row_tiles * column_tiles, 1, [&](std::size_t number, std::size_t) {
      const std::size_t kernel = number / (row_tiles * column_tiles);
      const std::size_t row = number / column_tiles % row_tiles * kGradientRows;
      const std::size_t column = number % column_tiles * kGradientColumns;
      const auto width = static_cast<std::size_t>(shape.kernel_width);
      for (std::size_t s = 0; s < samples; ++s) {
        GradientTile t =
            images.tile(s, static_cast<int>(kernel / width), static_cast<int>(kernel % width), row, column);
        t.step = patches.step(first + s) * vectors.step(first + s);
        t.rows = static_cast<int>(std::min<std::size_t>(kGradientRows, channels - row));
        t.columns = static_cast<int>(std::min<std::size_t>(kGradientColumns, gradient.columns - column));
        t.gradient = gradient.data + (kernel * channels + row) * gradient.columns + column;
        t.gradient_stride = gradient.columns;
        add_gradient_tile(t);
      }
    });
  }
}

}  // namespace

void patch_gradient(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
                    MatrixView<float> gradient) {
  OHMIC_EXPECT(patches.samples() == vectors.samples() && patches.is_exact() == vectors.is_exact());
  OHMIC_EXPECT(patches.height() == shape.padded_height() && patches.width() == shape.padded_width());
  OHMIC_EXPECT(patches.channels() == shape.channels);
  OHMIC_EXPECT(vectors.pixels() == static_cast<std::size_t>(shape.positions()));
  OHMIC_EXPECT(gradient.rows == static_cast<std::size_t>(shape.patch_size()));
  OHMIC_EXPECT(gradient.columns == static_cast<std::size_t>(vectors.channels()));
  std::fill_n(gradient.data, gradient.rows * gradient.columns, 0.0f);
  if (!patches.is_exact()) return add_codes(patches, vectors, shape, gradient);
  const PixelOffsets at(shape);
  parallel_chunks(gradient.rows, 1,
                  [&](std::size_t row, std::size_t) { add_exact(patches, vectors, at, row, gradient.row(row)); });
}

}  // namespace ohmic
