#include "ohmic/network/joining.h"

#include "ohmic/core/channel_kernels.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

const Shape& equal_inputs(const std::string& name, const std::vector<Shape>& inputs) {
  if (inputs.size() < 2) {
    fail("layer \"{}\" of kind add needs 2 inputs or more but has {}; name them in its `inputs`", name, inputs.size());
  }
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i] == inputs[0]) continue;
    fail(
        "layer \"{}\" cannot add: its input 1 is {} but its input {} is {}; bring them to one shape, images with a "
        "convolution of kernel 1",
        name, to_string(inputs[0]), i + 1, to_string(inputs[i]));
  }
  return inputs.front();
}

Shape concatenated(const std::string& name, const std::vector<Shape>& inputs) {
  if (inputs.empty()) fail("layer \"{}\" of kind concat has no inputs; name them in its `inputs`", name);
  Shape all = inputs.front();
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& s = inputs[i];
    if (s.steps != all.steps || s.height != all.height || s.width != all.width) {
      fail(
          "layer \"{}\" cannot join channels: its input 1 is {} but its input {} is {}; all but the channels must be "
          "equal, change strides or padding before it",
          name, to_string(inputs[0]), i + 1, to_string(s));
    }
    all.channels += s.channels;
  }
  return all;
}

Shape flattened(const Shape& s) { return {s.steps, 1, 1, static_cast<int>(s.size()) / s.steps}; }

Shape reshaped(const std::string& name, const Shape& input, Shape step) {
  if (step.steps != 1 || step.height < 1 || step.width < 1 || step.channels < 0) {
    fail("layer \"{}\" cannot reshape to {}; height and width must be at least 1, units at least 0", name,
         to_string(step));
  }
  const std::size_t size = input.size() / static_cast<std::size_t>(input.steps);
  if (step.channels == 0) step.channels = static_cast<int>(size / step.positions());
  if (step.size() != size) {
    fail("layer \"{}\": {} values cannot become {}; choose height, width and units with that product", name, size,
         to_string(step));
  }
  step.steps = input.steps;
  return step;
}

// The steps are part of the new shape.
Shape replaced(const std::string& name, const Shape& input, const Shape& shape) {
  if (std::min({shape.steps, shape.height, shape.width, shape.channels}) < 1 || shape.size() != input.size()) {
    fail("layer \"{}\": {} cannot become {}; choose steps, height, width and units with the product {}", name,
         to_string(input), to_string(shape), input.size());
  }
  return shape;
}

// y[i] = the sum of the inputs' elements i, for one cache-sized piece.
void add_piece(LayerInputs x, bool relu, float* y, std::size_t begin, std::size_t end) {
  const float* a = x[0].data;
  for (std::size_t k = 1; k < x.size(); ++k) {
    add_values(a + begin, x[k].data + begin, end - begin, relu && k + 1 == x.size(), y + begin);
    a = y;
  }
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- add

AddLayer::AddLayer(const std::string& name, const std::vector<Shape>& inputs, bool relu)
    : Layer(name, inputs, equal_inputs(name, inputs)), relu_(relu) {}

void AddLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  parallel_chunks(y.rows * y.columns, kElementsPerTask,
                  [&](std::size_t begin, std::size_t end) { add_piece(x, relu_, y.data, begin, end); });
}

// Of two inputs; of more, the order of the sum would matter.
FinishRows AddLayer::in_place(LayerInputs x, std::size_t place) {
  if (x.size() != 2) return {};
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  return [other = x[1 - place].data, channels, relu = relu_](std::size_t first, std::size_t count, float* rows) {
    add_values(rows, other + first * channels, count * channels, relu, rows);
  };
}

// All inputs get the same gradient, from one look at it.
void AddLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                        const Pass&) {
  std::vector<float*> targets;
  for (const MatrixView<float>& to : dx) {
    if (to.data != nullptr) targets.push_back(to.data);
  }
  if (targets.empty()) return;
  parallel_chunks(dy.rows * dy.columns, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
    const float *out = y.data, *d = dy.data;
    float* first = targets[0];
    if (relu_) {
      for (std::size_t i = begin; i < end; ++i) {
        const float gradient = d[i];  // loaded in any case, which GCC 12 needs to vectorise
        first[i] = out[i] > 0 ? gradient : 0.0f;
      }
    } else if (first != d) {
      std::copy(d + begin, d + end, first + begin);
    }
    for (std::size_t k = 1; k < targets.size(); ++k) std::copy(first + begin, first + end, targets[k] + begin);
  });
}

// ---------------------------------------------------------------------------------------------------------- concat

ConcatLayer::ConcatLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, concatenated(name, inputs)) {}

void ConcatLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(y.rows * output_shape().positions(), rows_per_task(channels),
                  [&](std::size_t begin, std::size_t end) {
                    float* to = y.data + begin * channels;
                    for (std::size_t r = begin; r < end; ++r) {
                      for (std::size_t k = 0; k < x.size(); ++k) {
                        const auto part = static_cast<std::size_t>(input_shapes()[k].channels);
                        to = std::copy_n(x[k].data + r * part, part, to);
                      }
                    }
                  });
}

void ConcatLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                           const Pass&) {
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(dy.rows * output_shape().positions(), rows_per_task(channels),
                  [&](std::size_t begin, std::size_t end) {
                    const float* from = dy.data + begin * channels;
                    for (std::size_t r = begin; r < end; ++r) {
                      for (std::size_t k = 0; k < dx.size(); ++k) {
                        const auto part = static_cast<std::size_t>(input_shapes()[k].channels);
                        if (dx[k].data != nullptr) std::copy_n(from, part, dx[k].data + r * part);
                        from += part;
                      }
                    }
                  });
}

// ---------------------------------------------------------------------------------------------------------- shapes

FlattenLayer::FlattenLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, flattened(single_input(name, "flatten", inputs))) {}

void FlattenLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  copy_elements(y.rows * y.columns, x[0].data, y.data);
}

void FlattenLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data != nullptr) copy_elements(dy.rows * dy.columns, dy.data, dx[0].data);
}

ReshapeLayer::ReshapeLayer(const std::string& name, const std::vector<Shape>& inputs, const Shape& step,
                           bool replaces_steps)
    : Layer(name, inputs,
            replaces_steps ? replaced(name, single_input(name, "reshape", inputs), step)
                           : reshaped(name, single_input(name, "reshape", inputs), step)) {}

void ReshapeLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  copy_elements(y.rows * y.columns, x[0].data, y.data);
}

void ReshapeLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data != nullptr) copy_elements(dy.rows * dy.columns, dy.data, dx[0].data);
}

LayerWork AddLayer::work(Phase phase) const {
  if (phase == Phase::backward) return {};
  const std::uint64_t summands = input_shapes().size(), numbers = output_shape().size();
  return {(summands - 1) * numbers, (summands + 1) * numbers};
}

}  // namespace ohmic
