#include "ohmic/network/build.h"

#include "ohmic/core/error.h"
#include "ohmic/network/activations.h"
#include "ohmic/network/convolution.h"
#include "ohmic/network/dense.h"
#include "ohmic/network/elementwise.h"
#include "ohmic/network/embedding.h"
#include "ohmic/network/joining.h"
#include "ohmic/network/lstm.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/network/pooling.h"
#include "ohmic/network/response_norm.h"
#include "ohmic/network/tensors.h"

namespace ohmic {
namespace {

bool takes_several(LayerKind kind) {
  return kind == LayerKind::add || kind == LayerKind::concat || kind == LayerKind::matmul;
}

void check_inputs(const LayerSpec& spec, const std::string& name, std::size_t count) {
  if (takes_several(spec.kind)) {
    if (count < 2)
      fail("{}: {} needs at least two inputs; name them in inputs = [\"...\", \"...\"]", name,
           kLayerKinds[static_cast<std::size_t>(spec.kind)]);
  } else if (count != 1 && !(spec.kind == LayerKind::arithmetic && count == 2)) {
    fail("{}: {} takes one input, not {}; join them by a layer of kind \"add\" or \"concat\"", name,
         kLayerKinds[static_cast<std::size_t>(spec.kind)], count);
  }
}

void check_window(const Window& window, const std::string& name) {
  if (window.height < 1 || window.width < 1 || window.out_height() < 1 || window.out_width() < 1) {
    fail(
        "{}: a kernel of {} x {} (dilation {} x {}) with padding {}, {}, {}, {} (top, left, bottom, right) does not "
        "fit "
        "on an image of {} x {}; choose a smaller kernel or more padding",
        name, window.kernel_height, window.kernel_width, window.dilation.y, window.dilation.x, window.padding.top,
        window.padding.left, window.padding.bottom, window.padding.right, window.height, window.width);
  }
}

void check_image(const Shape& input, const std::string& name) {
  if (input.is_sequence()) {
    fail("{}: the input is a sequence of {}, but this kind of layer works on single images", name, to_string(input));
  }
}

// As a reshape and the layers that make tensors give it.
Shape output_shape(const LayerSpec& s) {
  return {static_cast<int>(std::max<std::int64_t>(s.steps, 1)), static_cast<int>(s.height), static_cast<int>(s.width),
          static_cast<int>(s.units)};
}

// The kinds that see a sample as a tensor or as single numbers.
std::unique_ptr<Layer> tensor_layer(const LayerSpec& s, const std::string& name, const std::vector<Shape>& inputs) {
  const Shape output = output_shape(s);
  const auto dims = [&] { return extents_of(name, "dims", s.dims); };
  const auto other_dims = [&] { return extents_of(name, "other_dims", s.other_dims); };
  const auto number = [](double v) { return static_cast<float>(v); };
  switch (s.kind) {
    case LayerKind::elementwise:
      return std::make_unique<ElementwiseLayer>(
          name, inputs,
          ElementwiseFunction{s.function, number(s.low), number(s.high), number(s.alpha), number(s.beta)});
    case LayerKind::response_norm:
      return std::make_unique<ResponseNormLayer>(
          name, inputs,
          ResponseNormLayer::Settings{static_cast<int>(s.size), number(s.alpha), number(s.beta), number(s.fill)});
    case LayerKind::arithmetic:
      return std::make_unique<ArithmeticLayer>(
          name, inputs, ArithmeticLayer::Operands{dims(), other_dims(), s.operation, s.reversed}, output);
    case LayerKind::matmul:
      return std::make_unique<MatmulLayer>(name, inputs, MatmulLayer::Operand{dims(), s.transposed},
                                           MatmulLayer::Operand{other_dims(), s.other_transposed}, output);
    case LayerKind::mean:
      return std::make_unique<MeanLayer>(name, inputs, dims(), output);
    case LayerKind::permute:
      return std::make_unique<PermuteLayer>(name, inputs, dims(), s.order, output);
    case LayerKind::pick:
      return std::make_unique<PickLayer>(name, inputs, dims(), s.indices, s.fill, output);
    case LayerKind::constant:
      return std::make_unique<ConstantLayer>(name, inputs, output);
    default:
      fail("{}: this kind of layer cannot be made", name);
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
  const auto kernel = static_cast<int>(spec.kernel);
  const Border padding = convolution_padding(spec);
  const auto make = [&](int, int rows, int columns) { return weights(spec, rows, columns); };
  if (spec.kind == LayerKind::convolution) {
    const Window window{input.height,       input.width,   input.channels, kernel,
                        kernel_width(spec), strides(spec), padding,        dilations(spec)};
    check_window(window, name);
    return std::make_unique<ConvolutionLayer>(name, window, outputs, static_cast<int>(spec.groups), spec.bias, make);
  }
  const PixelSteps extra(static_cast<int>(spec.output_padding), static_cast<int>(spec.output_padding_width));
  const PixelSteps stride = strides(spec);
  if (extra.y >= stride.y || extra.x >= stride.x) {
    fail("{}: output_padding = {} x {} must be below the stride {} x {}", name, extra.y, extra.x, stride.y, stride.x);
  }
  const Window window =
      transposed_window(input, outputs, kernel, kernel_width(spec), stride, padding, dilations(spec), extra);
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
  const PoolWindow pool{static_cast<int>(spec.kernel), kernel_width(spec), strides(spec), pool_padding(spec),
                        spec.count_padding};
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
      return std::make_unique<EmbeddingLayer>(
          name, inputs, spec.vocabulary > 0 ? static_cast<int>(spec.vocabulary) : context_.classes,
          static_cast<int>(spec.units), context_.seed, number);
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
      return std::make_unique<ReshapeLayer>(name, inputs, output_shape(spec), spec.steps > 0);
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
    case LayerKind::log_softmax:
      return std::make_unique<LogSoftmaxLayer>(name, inputs);
    default:
      if (spec.kind != LayerKind::elementwise && spec.kind != LayerKind::response_norm) check_units(spec);
      return tensor_layer(spec, name, inputs);
  }
}

}  // namespace ohmic
