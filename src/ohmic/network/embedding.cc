#include "ohmic/network/embedding.h"

#include "ohmic/core/kernels.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

Shape per_token(const std::string& name, std::string_view kind, const std::vector<Shape>& inputs, int tokens,
                int channels, std::string_view tokens_setting) {
  const Shape& input = single_input(name, kind, inputs);
  if (input.channels != 1) {
    fail(
        "layer \"{}\" of kind {} takes token numbers, one channel per step, but its input is {}; put it directly "
        "behind "
        "the input of a data set of text",
        name, kind, to_string(input));
  }
  if (tokens < 1) fail("layer \"{}\": {} = {} must be at least 1", name, tokens_setting, tokens);
  if (channels < 1) fail("layer \"{}\": units = {} must be at least 1", name, channels);
  Shape output = input;
  output.channels = channels;
  return output;
}

// The token at position `at` of the batch as a number below `count`.
std::size_t token(const Layer& layer, const float* x, std::size_t at, std::size_t count) {
  const float value = x[at];
  if (value >= 0 && value < static_cast<float>(count)) {
    const auto number = static_cast<std::size_t>(value);
    if (static_cast<float>(number) == value) return number;
  }
  const std::size_t steps = layer.input_shape().positions();
  fail(
      "layer \"{}\": token {} at step {} of sample {} of the batch is not one of 0 .. {}; prepare the data with this "
      "vocabulary, or give the layer one of the data's size",
      layer.name(), value, at % steps, at / steps, count - 1);
}

void clear(InputGradients dx) {
  if (dx[0].data != nullptr) std::fill_n(dx[0].data, dx[0].rows * dx[0].columns, 0.0f);
}

}  // namespace

EmbeddingLayer::EmbeddingLayer(const std::string& name, const std::vector<Shape>& inputs, int vocabulary, int units,
                               std::uint64_t seed, std::uint32_t number)
    : Layer(name, inputs, per_token(name, "embedding", inputs, vocabulary, units, "vocabulary")),
      vocabulary_(vocabulary) {
  if (static_cast<std::uint64_t>(vocabulary) * static_cast<std::uint64_t>(units) >> 32 != 0) {
    fail("layer \"{}\": {} tokens x {} units are more than 2^32 values; take fewer units", name, vocabulary, units);
  }
  table_.name = name + ".table";
  table_.values.resize(static_cast<std::size_t>(vocabulary) * static_cast<std::size_t>(units));
  const RandomStream stream(seed, Purpose::parameter_initialisation, number, 0);
  parallel_chunks(table_.values.size(), kElementsPerTask, [&](std::size_t begin, std::size_t end) {
    gaussians(stream, std::span(table_.values).subspan(begin, end - begin), static_cast<std::uint32_t>(begin / 32));
  });
}

void EmbeddingLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto units = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(x[0].rows * x[0].columns, rows_per_task(units), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const std::size_t t = token(*this, x[0].data, r, static_cast<std::size_t>(vocabulary_));
      std::copy_n(table_.values.data() + t * units, units, y.data + r * units);
    }
  });
}

void EmbeddingLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                              const Pass&) {
  clear(dx);
  const auto units = static_cast<std::size_t>(output_shape().channels);
  table_.gradient.assign(table_.values.size(), 0.0f);
  // Tokens come in any order and often, so a task owns columns, in which it adds all of them in order.
  constexpr std::size_t kColumnsPerTask = 32;
  parallel_chunks(units, kColumnsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < x[0].rows * x[0].columns; ++r) {
      float* row = table_.gradient.data() + static_cast<std::size_t>(x[0].data[r]) * units;
      const float* d = dy.data + r * units;
      for (std::size_t c = begin; c < end; ++c) row[c] += d[c];
    }
  });
}

OneHotLayer::OneHotLayer(const std::string& name, const std::vector<Shape>& inputs, int classes)
    : Layer(name, inputs, per_token(name, "one_hot", inputs, classes, classes, "units")) {}

void OneHotLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto classes = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(x[0].rows * x[0].columns, rows_per_task(classes), [&](std::size_t begin, std::size_t end) {
    std::fill(y.data + begin * classes, y.data + end * classes, 0.0f);
    for (std::size_t r = begin; r < end; ++r) y.data[r * classes + token(*this, x[0].data, r, classes)] = 1;
  });
}

void OneHotLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float>, InputGradients dx,
                           const Pass&) {
  clear(dx);
}

}  // namespace ohmic
