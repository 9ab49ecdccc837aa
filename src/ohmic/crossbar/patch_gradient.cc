#include <algorithm>

#include "ohmic/core/aligned.h"
#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/patch_gradient_kernel.h"
#include "ohmic/core/plane_gradient_kernel.h"
#include "ohmic/crossbar/patches.h"

namespace ohmic {
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

constexpr std::size_t kBytesAtOnce = 3 << 20;  // of samples: few enough to stay in cache, many enough to split well

std::size_t up_to(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

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

void add_by_quads(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
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

// Images of a few samples in planes, and their vectors in quads of the positions of the padded image: what lies behind
// a line of positions has no codes.
class PlaneImages {
 public:
  PlaneImages(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape)
      : patches_(patches),
        vectors_(vectors),
        width_(static_cast<std::size_t>(shape.out_width())),
        positions_(static_cast<std::size_t>(shape.out_height() * patches.width())),
        chunks_((positions_ + kPlanePositions - 1) / kPlanePositions),
        quad_bytes_(4 * up_to(vectors.pixel_bytes(), kPlaneColumns)) {
    for (const std::size_t pixel : PixelOffsets(shape).kernel) kernel_.push_back(static_cast<std::int32_t>(pixel));
    const std::size_t reach = static_cast<std::size_t>(kernel_.back()) + chunks_ * kPlanePositions;
    plane_bytes_ = up_to(std::max(up_to(patches.pixels(), 16), reach), 64);
    code_bytes_ = plane_bytes_ * up_to(patches.pixel_bytes(), kPlaneRows);
    vector_bytes_ = quad_bytes_ * chunks_ * kPlanePositions / 4;
    at_once_ = std::clamp<std::size_t>(kBytesAtOnce / (code_bytes_ + vector_bytes_), 1, patches.samples());
    thread_local AlignedVector<std::uint8_t> planes, quads;
    planes_ = room_for(at_once_ * code_bytes_, planes);
    quads_ = room_for(at_once_ * vector_bytes_, quads);
    zero_.assign(vectors.pixel_bytes(), 128);
  }

  std::size_t samples_at_once() const { return at_once_; }

  PlaneSample load(std::size_t sample, std::size_t place) {
    std::uint8_t* const planes = planes_ + place * code_bytes_;
    std::uint8_t* const quads = quads_ + place * vector_bytes_;
    make_planes(patches_.codes(sample).data(), patches_.pixel_bytes(), patches_.pixels(), plane_bytes_, planes);
    load_vectors(vectors_.codes(sample).data(), quads);
    return {planes, quads, patches_.step(sample) * vectors_.step(sample)};
  }

  // Of `count` kernel positions from `first` on, for all channels and columns from `row` and `column` on.
  PlaneGradient part(std::size_t first, std::size_t count, std::size_t row, std::size_t column,
                     MatrixView<float> gradient) const {
    const auto channels = static_cast<std::size_t>(patches_.channels());
    return {plane_bytes_,
            quad_bytes_,
            static_cast<int>(chunks_),
            row,
            column,
            std::span(kernel_).subspan(first, count),
            static_cast<int>(std::min(kPlaneRows, channels - row)),
            static_cast<int>(std::min(kPlaneColumns, gradient.columns - column)),
            gradient.data + (first * channels + row) * gradient.columns + column,
            gradient.columns,
            channels * gradient.columns};
  }

 private:
  // Room that is kept from call to call and holds what the last one left. Codes that are not loaded stay so: the
  // vectors that they meet are zero.
  static std::uint8_t* room_for(std::size_t bytes, AlignedVector<std::uint8_t>& kept) {
    if (kept.size() < bytes) kept.resize(bytes);
    return kept.data();
  }

  void load_vectors(const std::uint8_t* vectors, std::uint8_t* out) const {
    std::uint8_t* const end = out + vector_bytes_;
    const std::size_t room = vectors_.pixel_bytes();
    const auto line = static_cast<std::size_t>(patches_.width());
    for (std::size_t p = 0; p < positions_; p += 4, out += quad_bytes_) {
      const std::uint8_t* pixels[4];
      for (std::size_t k = 0; k < 4; ++k) {
        const std::size_t y = (p + k) / line, x = (p + k) % line;
        pixels[k] = x < width_ && p + k < positions_ ? vectors + (y * width_ + x) * room : zero_.data();
      }
      make_quads(pixels, room, 0x80, out);
    }
    std::fill(out, end, 0);
  }

  const CodeImages& patches_;
  const CodeImages& vectors_;
  std::size_t width_;      // of a line of positions
  std::size_t positions_;  // with what lies behind the lines
  std::size_t chunks_, quad_bytes_, plane_bytes_;
  std::size_t code_bytes_, vector_bytes_;  // of one sample
  std::size_t at_once_;
  std::vector<std::int32_t> kernel_;
  std::vector<std::uint8_t> zero_;  // a pixel of zero codes
  std::uint8_t *planes_, *quads_;
};

void add_by_planes(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
                   MatrixView<float> gradient) {
  PlaneImages images(patches, vectors, shape);
  const auto channels = static_cast<std::size_t>(shape.channels);
  const auto kernels = static_cast<std::size_t>(shape.kernel_height * shape.kernel_width);
  const std::size_t row_tiles = (channels + kPlaneRows - 1) / kPlaneRows;
  const std::size_t column_tiles = (gradient.columns + kPlaneColumns - 1) / kPlaneColumns;
  const auto threads = static_cast<std::size_t>(thread_count());
  const std::size_t share = (kernels * row_tiles * column_tiles + threads - 1) / threads;
  const std::size_t together = std::min({share, kernels, kPlaneKernels});
  const std::size_t parts = (kernels + together - 1) / together;
  std::vector<PlaneSample> loaded(images.samples_at_once());
  for (std::size_t first = 0; first < patches.samples(); first += loaded.size()) {
    const std::size_t samples = std::min(loaded.size(), patches.samples() - first);
    parallel_chunks(samples, 1,
                    [&](std::size_t place, std::size_t) { loaded[place] = images.load(first + place, place); });
    parallel_chunks(parts * row_tiles * column_tiles, 1, [&](std::size_t number, std::size_t) {
      const std::size_t kernel = number / (row_tiles * column_tiles) * together;
      const std::size_t row = number / column_tiles % row_tiles * kPlaneRows;
      const std::size_t column = number % column_tiles * kPlaneColumns;
      add_plane_gradient(images.part(kernel, std::min(together, kernels - kernel), row, column, gradient),
                         std::span(loaded).first(samples));
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
  if (!patches.is_exact()) {
    const bool has_planes = shape.stride_x == 1 && shape.stride_y == 1 && has_plane_gradient();
    return has_planes ? add_by_planes(patches, vectors, shape, gradient)
                      : add_by_quads(patches, vectors, shape, gradient);
  }
  const PixelOffsets at(shape);
  parallel_chunks(gradient.rows, 1,
                  [&](std::size_t row, std::size_t) { add_exact(patches, vectors, at, row, gradient.row(row)); });
}

}  // namespace ohmic
