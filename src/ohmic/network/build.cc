#include "ohmic/network/build.h"

#include "ohmic/core/error.h"
#include "ohmic/network/activations.h"
#include "ohmic/network/convolution.h"
#include "ohmic/network/dense.h"
#include "ohmic/network/embedding.h"
#include "ohmic/network/joining.h"
#include "ohmic/network/lstm.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/network/pooling.h"

namespace ohmic {
namespace {

bool takes_several(LayerKind kind) { return kind == LayerKind::add || kind == LayerKind::concat; }

void check_inputs(const LayerSpec& spec, const std::string& name, std::size_t count) {
  if (takes_several(spec.kind)) {
    if (count < 2)
      fail("{}: {} needs at least two inputs; name them in inputs = [\"...\", \"...\"]", name,
           kLayerKinds[static_cast<std::size_t>(spec.kind)]);
  } else if (count != 1) {
    fail("{}: {} takes one input, not {}; join them by a layer of kind \"add\" or \"concat\"", name,
         kLayerKinds[static_cast<std::size_t>(spec.kind)], count);
  }
}

void check_window(const Window& window, const std::string& name) {
  if (window.height < 1 || window.width < 1 || window.out_height() < 1 || window.out_width() < 1) {
    fail(
        "{}: a kernel of {} x {} (dilation {}) with padding {} does not fit on an image of {} x {}; choose a smaller "
        "kernel or more padding",
        name, window.kernel_height, window.kernel_width, window.dilation, window.padding, window.height, window.width);
  }
}

void check_image(const Shape& input, const std::string& name) {
  if (input.is_sequence()) {
    fail("{}: the input is a sequence of {}, but this kind of layer works on single images", name, to_string(input));
  }
}

}  // namespace

std::unique_ptr<Weights> LayerBuilder::weights(const LayerSpec& spec, int inputs, int outputs) {
  return context_.make_weights(context_.first_unit + matrices_++, inputs, outputs, spec);
}

std::unique_ptr<Layer> LayerBuilder::convolution(const LayerSpec& spec, const std::string& name, const Shape& input) {
  check_image(input, name);
  check_units(spec);
  const auto outputs = static_cast<int>(spec.units);
  const auto kernel = static_cast<int>(spec.kernel), stride = static_cast<int>(spec.stride),
             dilation = static_cast<int>(spec.dilation);
  const auto make = [&](int, int rows, int columns) { return weights(spec, rows, columns); };
  if (spec.kind == LayerKind::convolution) {
    const Window window{
        input.height, input.width, input.channels, kernel, kernel_width(spec), stride, convolution_padding(spec),
        dilation};
    check_window(window, name);
    return std::make_unique<ConvolutionLayer>(name, window, outputs, static_cast<int>(spec.groups), spec.bias, make);
  }
  const Window window =
      transposed_window(input, outputs, kernel, kernel_width(spec), stride, convolution_padding(spec), dilation);
  check_window(window, name);
  return std::make_unique<TransposedConvolutionLayer>(name, window, input.channels, spec.bias, make);
}

void LayerBuilder::check_units(const LayerSpec& spec) const {
  if (spec.units < 1) {
    fail("{}.units = {} must be at least 1 for a layer of kind {}", setting_, spec.units,
         kLayerKinds[static_cast<std::size_t>(spec.kind)]);
  }
}

// The last layer may leave it to the data.
int LayerBuilder::output_units(const LayerSpec& spec, bool is_last) const {
  if (spec.units == 0 && is_last && context_.classes > 0) return context_.classes;
  check_units(spec);
  return static_cast<int>(spec.units);
}

std::unique_ptr<Layer> LayerBuilder::make(const LayerSpec& spec, const LayerPlace& place,
                                          const std::vector<Shape>& inputs) {
  setting_ = fmt::format("{}.layers.{}", context_.section, place.position);
  const std::string& name = place.name;
  check_inputs(spec, name, inputs.size());
  const Shape& input = inputs.front();
  const auto number = static_cast<std::uint32_t>(place.position);
  const PoolWindow pool{static_cast<int>(spec.kernel), kernel_width(spec), static_cast<int>(spec.stride),
                        static_cast<int>(std::max<std::int64_t>(spec.padding, 0))};
  switch (spec.kind) {
    case LayerKind::dense: {
      const int units = output_units(spec, place.is_last);
      return std::make_unique<DenseLayer>(name, input, spec.bias,
                                          weights(spec, dense_inputs(input) + (spec.bias ? 1 : 0), units));
    }
    case LayerKind::convolution:
    case LayerKind::transposed_convolution:
      return convolution(spec, name, input);
    case LayerKind::lstm: {
      check_units(spec);
      const auto units = static_cast<int>(spec.units);
      return std::make_unique<LstmLayer>(name, input, units, spec.bias,
                                         weights(spec, dense_inputs(input) + units + (spec.bias ? 1 : 0), 4 * units));
    }
    case LayerKind::embedding:
      check_units(spec);
      return std::make_unique<EmbeddingLayer>(name, inputs, context_.classes, static_cast<int>(spec.units),
                                              context_.seed, number);
    case LayerKind::one_hot:
      return std::make_unique<OneHotLayer>(name, inputs,
                                           spec.units > 0 ? static_cast<int>(spec.units) : context_.classes);
    case LayerKind::batch_norm:
      return std::make_unique<BatchNormLayer>(name, inputs, spec.epsilon, spec.momentum, place.with_relu);
    case LayerKind::layer_norm:
      return std::make_unique<LayerNormLayer>(name, inputs, spec.epsilon);
    case LayerKind::max_pool:
      return std::make_unique<MaxPoolLayer>(name, inputs, pool);
    case LayerKind::average_pool:
      return std::make_unique<AveragePoolLayer>(name, inputs, pool);
    case LayerKind::global_average_pool:
      return std::make_unique<GlobalAveragePoolLayer>(name, inputs);
    case LayerKind::add:
      return std::make_unique<AddLayer>(name, inputs, place.with_relu);
    case LayerKind::concat:
      return std::make_unique<ConcatLayer>(name, inputs);
    case LayerKind::flatten:
      return std::make_unique<FlattenLayer>(name, inputs);
    case LayerKind::reshape:
      check_units(spec);
      return std::make_unique<ReshapeLayer>(
          name, inputs,
          Shape{1, static_cast<int>(spec.height), static_cast<int>(spec.width), static_cast<int>(spec.units)});
    case LayerKind::relu:
      return std::make_unique<ReluLayer>(name, inputs);
    case LayerKind::leaky_relu:
      return std::make_unique<LeakyReluLayer>(name, inputs, spec.slope);
    case LayerKind::sigmoid:
      return std::make_unique<SigmoidLayer>(name, inputs);
    case LayerKind::tanh:
      return std::make_unique<TanhLayer>(name, inputs);
    case LayerKind::softmax:
      return std::make_unique<SoftmaxLayer>(name, inputs);
    case LayerKind::dropout:
      return std::make_unique<DropoutLayer>(name, inputs, spec.rate, context_.seed, number);
  }
  fail("{}: this kind of layer cannot be made", name);
}

}  // namespace ohmic
