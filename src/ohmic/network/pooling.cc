#include "ohmic/network/pooling.h"

#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

std::size_t width_of(int v) { return static_cast<std::size_t>(v); }

// No window may lie outside the image.
void check_padding(const std::string& name, const PoolWindow& w) {
  const Border& p = w.padding;
  const bool fits = std::min({p.top, p.left, p.bottom, p.right}) >= 0 && std::max(p.top, p.bottom) < w.kernel &&
                    std::max(p.left, p.right) < w.kernel_width;
  if (fits) return;
  fail(
      "layer \"{}\": padding = {}, {}, {}, {} (top, left, bottom, right) must be at least 0 and less than the kernel "
      "of "
      "{} x {}, else windows would lie outside the image",
      name, p.top, p.left, p.bottom, p.right, w.kernel, w.kernel_width);
}

Shape pooled(const std::string& name, std::string_view kind, const std::vector<Shape>& inputs, const PoolWindow& w) {
  Shape s = single_input(name, kind, inputs);
  if (w.kernel < 1 || w.kernel_width < 1 || w.stride.y < 1 || w.stride.x < 1) {
    fail("layer \"{}\": kernel {} x {} and stride {} x {} must be at least 1", name, w.kernel, w.kernel_width,
         w.stride.y, w.stride.x);
  }
  check_padding(name, w);
  const Border& p = w.padding;
  const Window window{s.height, s.width, s.channels, w.kernel, w.kernel_width, w.stride, p, 1};
  if (window.room_y() < 0 || window.room_x() < 0) {
    fail("layer \"{}\": a window of {} x {} does not fit into {} with padding {}, {}, {}, {}; choose a smaller kernel",
         name, w.kernel, w.kernel_width, to_string(s), p.top, p.left, p.bottom, p.right);
  }
  s.height = window.out_height();
  s.width = window.out_width();
  return s;
}

// The windows of one image.
struct Windows {
  const PoolWindow& window;
  const Shape& input;
  const Shape& output;

  // visit(offset of the output pixel, offset of the input pixel, number of the pixel in the window, whether it is the
  // first there) for all pixels inside the image, window by window.
  template <class Visit>
  void each(const Visit& visit) const {
    const std::size_t channels = width_of(input.channels);
    std::size_t out = 0;
    for (int y = 0; y < output.height; ++y) {
      for (int x = 0; x < output.width; ++x, out += channels) {
        const int top = y * window.stride.y - window.padding.top, left = x * window.stride.x - window.padding.left;
        const int y_begin = std::max(top, 0), y_end = std::min(top + window.kernel, input.height);
        const int x_begin = std::max(left, 0), x_end = std::min(left + window.kernel_width, input.width);
        for (int iy = y_begin; iy < y_end; ++iy) {
          for (int ix = x_begin; ix < x_end; ++ix) {
            const std::size_t in = (width_of(iy) * width_of(input.width) + width_of(ix)) * channels;
            visit(out, in, (iy - top) * window.kernel_width + ix - left, iy == y_begin && ix == x_begin);
          }
        }
      }
    }
  }
};

std::size_t image_size(const Shape& s) { return s.size() / width_of(s.steps); }

// body(image) for each image of a batch, steps included.
template <class Body>
void each_image(std::size_t batch, const Shape& input, const Body& body) {
  parallel_chunks(batch * width_of(input.steps), rows_per_task(image_size(input)),
                  [&](std::size_t begin, std::size_t end) {
                    for (std::size_t i = begin; i < end; ++i) body(i);
                  });
}

// The larger of best and x; `winner` where x was. In integers, as GCC 12 would branch on a bool.
void take_larger(std::size_t channels, const float* __restrict x, std::uint8_t pixel, float* __restrict best,
                 std::uint8_t* __restrict winner) {
  for (std::size_t c = 0; c < channels; ++c) {
    const int larger = -static_cast<int>(x[c] > best[c]);  // all bits or none
    winner[c] = static_cast<std::uint8_t>((winner[c] & ~larger) | (pixel & larger));
  }
  for (std::size_t c = 0; c < channels; ++c) best[c] = best[c] < x[c] ? x[c] : best[c];
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- max

MaxPoolLayer::MaxPoolLayer(const std::string& name, const std::vector<Shape>& inputs, const PoolWindow& window)
    : Layer(name, inputs, pooled(name, "max_pool", inputs, window)), window_(window) {
  if (window.kernel * window.kernel_width > 256) {
    fail("layer \"{}\": a window of {} x {} has more than 256 pixels; pool twice with smaller ones", name,
         window.kernel, window.kernel_width);
  }
}

void MaxPoolLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const Windows windows{window_, input_shape(), output_shape()};
  const std::size_t channels = width_of(input_shape().channels);
  const std::size_t in_size = image_size(input_shape()), out_size = image_size(output_shape());
  winners_.resize(y.rows * y.columns);
  each_image(y.rows, input_shape(), [&](std::size_t i) {
    const float* in = x[0].data + i * in_size;
    float* out = y.data + i * out_size;
    std::uint8_t* winner = winners_.data() + i * out_size;
    windows.each([=](std::size_t to, std::size_t from, int pixel, bool first) {
      if (first) {
        std::copy_n(in + from, channels, out + to);
        std::fill_n(winner + to, channels, static_cast<std::uint8_t>(pixel));
      } else {
        take_larger(channels, in + from, static_cast<std::uint8_t>(pixel), out + to, winner + to);
      }
    });
  });
}

void MaxPoolLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data == nullptr) return;
  const Shape &input = input_shape(), &output = output_shape();
  const std::size_t channels = width_of(input.channels);
  const std::size_t in_size = image_size(input), out_size = image_size(output);
  std::vector<std::ptrdiff_t> offset;  // of each pixel from the corner of its window
  for (int ky = 0; ky < window_.kernel; ++ky) {
    for (int kx = 0; kx < window_.kernel_width; ++kx) offset.push_back((ky * input.width + kx) * input.channels);
  }
  each_image(dy.rows, input, [&](std::size_t i) {
    float* to = dx[0].data + i * in_size;
    std::fill_n(to, in_size, 0.0f);
    const float* d = dy.data + i * out_size;
    const std::uint8_t* winner = winners_.data() + i * out_size;
    for (int oy = 0; oy < output.height; ++oy) {
      for (int ox = 0; ox < output.width; ++ox, d += channels, winner += channels) {
        const std::ptrdiff_t top = oy * window_.stride.y - window_.padding.top,
                             left = ox * window_.stride.x - window_.padding.left;
        const std::ptrdiff_t corner = (top * input.width + left) * input.channels;
        for (std::size_t c = 0; c < channels; ++c) {
          to[corner + offset[winner[c]] + static_cast<std::ptrdiff_t>(c)] += d[c];
        }
      }
    }
  });
}

// --------------------------------------------------------------------------------------------------------- average

AveragePoolLayer::AveragePoolLayer(const std::string& name, const std::vector<Shape>& inputs, const PoolWindow& window)
    : Layer(name, inputs, pooled(name, "average_pool", inputs, window)), window_(window) {
  const std::size_t pixels = width_of(output_shape().height) * width_of(output_shape().width);
  if (window.count_padding) {
    shares_.assign(pixels, 1.0f / static_cast<float>(window.kernel * window.kernel_width));
    return;
  }
  std::vector<int> inside(pixels, 0);
  const std::size_t channels = width_of(input_shape().channels);
  Windows{window_, input_shape(), output_shape()}.each(
      [&](std::size_t out, std::size_t, int, bool) { ++inside[out / channels]; });
  for (const int count : inside) shares_.push_back(1.0f / static_cast<float>(count));
}

void AveragePoolLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const Windows windows{window_, input_shape(), output_shape()};
  const std::size_t channels = width_of(input_shape().channels);
  const std::size_t in_size = image_size(input_shape()), out_size = image_size(output_shape());
  const float* shares = shares_.data();
  each_image(y.rows, input_shape(), [&](std::size_t i) {
    const float* in = x[0].data + i * in_size;
    float* out = y.data + i * out_size;
    std::fill_n(out, out_size, 0.0f);
    windows.each([=](std::size_t to, std::size_t from, int, bool) {
      for (std::size_t c = 0; c < channels; ++c) out[to + c] += in[from + c];
    });
    for (std::size_t k = 0; k < out_size; ++k) out[k] *= shares[k / channels];
  });
}

void AveragePoolLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                                const Pass&) {
  if (dx[0].data == nullptr) return;
  const Windows windows{window_, input_shape(), output_shape()};
  const std::size_t channels = width_of(input_shape().channels);
  const std::size_t in_size = image_size(input_shape()), out_size = image_size(output_shape());
  const float* shares = shares_.data();
  each_image(dy.rows, input_shape(), [&](std::size_t i) {
    const float* d = dy.data + i * out_size;
    float* to = dx[0].data + i * in_size;
    std::fill_n(to, in_size, 0.0f);
    windows.each([=](std::size_t out, std::size_t in, int, bool) {
      const float share = shares[out / channels];
      for (std::size_t c = 0; c < channels; ++c) to[in + c] += d[out + c] * share;
    });
  });
}

namespace {
Shape one_pixel(Shape s) {
  s.height = s.width = 1;
  return s;
}
}  // namespace

GlobalAveragePoolLayer::GlobalAveragePoolLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, one_pixel(single_input(name, "global_average_pool", inputs))) {}

void GlobalAveragePoolLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const std::size_t channels = width_of(input_shape().channels), size = image_size(input_shape());
  const double share = static_cast<double>(channels) / static_cast<double>(size);
  each_image(y.rows, input_shape(), [&](std::size_t i) {
    thread_local std::vector<double> sums;
    sums.assign(channels, 0.0);
    double* sum = sums.data();
    const float* in = x[0].data + i * size;
    for (std::size_t at = 0; at < size; at += channels) {
      for (std::size_t c = 0; c < channels; ++c) sum[c] += static_cast<double>(in[at + c]);
    }
    for (std::size_t c = 0; c < channels; ++c) y.data[i * channels + c] = static_cast<float>(sum[c] * share);
  });
}

void GlobalAveragePoolLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy,
                                      InputGradients dx, const Pass&) {
  if (dx[0].data == nullptr) return;
  const std::size_t channels = width_of(input_shape().channels), size = image_size(input_shape());
  const auto share = static_cast<float>(static_cast<double>(channels) / static_cast<double>(size));
  each_image(dy.rows, input_shape(), [&](std::size_t i) {
    const float* d = dy.data + i * channels;
    float* to = dx[0].data + i * size;
    for (std::size_t at = 0; at < size; at += channels) {
      for (std::size_t c = 0; c < channels; ++c) to[at + c] = d[c] * share;
    }
  });
}

LayerWork MaxPoolLayer::work(Phase) const {
  const std::uint64_t outputs = output_shape().size();
  const auto window = static_cast<std::uint64_t>(window_.kernel) * static_cast<std::uint64_t>(window_.kernel_width);
  return {outputs * window, outputs * (window + 1)};
}

LayerWork AveragePoolLayer::work(Phase) const {
  const std::uint64_t outputs = output_shape().size();
  const auto window = static_cast<std::uint64_t>(window_.kernel) * static_cast<std::uint64_t>(window_.kernel_width);
  return {outputs * window, outputs * (window + 1)};
}

LayerWork GlobalAveragePoolLayer::work(Phase phase) const {
  const std::uint64_t inputs = input_shape().size(), outputs = output_shape().size();
  return {phase == Phase::backward ? outputs : inputs, inputs + outputs};
}

}  // namespace ohmic
