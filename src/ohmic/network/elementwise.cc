#include "ohmic/network/elementwise.h"

#include <cmath>
#include <numbers>

#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

constexpr float kHalfRoot = static_cast<float>(std::numbers::sqrt2 / 2);
// The tanh form of gelu: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), Hendrycks and Gimpel 2016.
constexpr float kGeluScale = 0.7978845608f, kGeluCube = 0.044715f;

float clamp_to_unit(float v) { return std::min(std::max(v, 0.0f), 1.0f); }

float gelu_slope(float x) {
  const float density = std::exp(-0.5f * x * x) * static_cast<float>(std::numbers::inv_sqrtpi) * kHalfRoot;
  return 0.5f * (1 + std::erf(x * kHalfRoot)) + x * density;
}

float gelu_tanh_slope(float x) {
  const float t = std::tanh(kGeluScale * (x + kGeluCube * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kGeluScale * (1 + 3 * kGeluCube * x * x);
}

// f(x[i]) for all i, with the choice of the function outside the loop.
template <class Body>
void with_function(const ElementwiseFunction& f, const Body& body) {
  switch (f.kind) {
    case Function::clip:
      return body([low = f.low, high = f.high](float x) {
        const float least = x < low ? low : x;
        return least > high ? high : least;
      });
    case Function::hard_sigmoid:
      return body([=](float x) { return clamp_to_unit(f.alpha * x + f.beta); });
    case Function::hard_swish:
      return body([](float x) { return x * clamp_to_unit(x * (1.0f / 6) + 0.5f); });
    case Function::gelu:
      return body([](float x) { return 0.5f * x * (1 + std::erf(x * kHalfRoot)); });
    case Function::gelu_tanh:
      return body([](float x) { return 0.5f * x * (1 + std::tanh(kGeluScale * (x + kGeluCube * x * x * x))); });
    case Function::erf:
      return body([](float x) { return std::erf(x); });
    case Function::sqrt:
      return body([](float x) { return std::sqrt(x); });
  }
}

}  // namespace

float ElementwiseFunction::value(float x) const {
  float result = 0;
  with_function(*this, [&](const auto& f) { result = f(x); });
  return result;
}

float ElementwiseFunction::slope(float x) const {
  switch (kind) {
    case Function::clip:
      return x > low && x < high ? 1.0f : 0.0f;
    case Function::hard_sigmoid:
      return alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0.0f;
    case Function::hard_swish:
      return x <= -3 ? 0.0f : x >= 3 ? 1.0f : x * (1.0f / 3) + 0.5f;
    case Function::gelu:
      return gelu_slope(x);
    case Function::gelu_tanh:
      return gelu_tanh_slope(x);
    case Function::erf:
      return 2 * static_cast<float>(std::numbers::inv_sqrtpi) * std::exp(-x * x);
    case Function::sqrt:
      return 0.5f / std::sqrt(x);
  }
  return 0;
}

ElementwiseLayer::ElementwiseLayer(const std::string& name, const std::vector<Shape>& inputs,
                                   const ElementwiseFunction& function)
    : Layer(name, inputs, single_input(name, "elementwise", inputs)), function_(function) {
  if (function.kind == Function::clip && !(function.low <= function.high)) {
    fail("layer \"{}\": low = {} must not be above high = {}", name, function.low, function.high);
  }
}

void ElementwiseLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  with_function(function_, [&](const auto& f) { map_elements(y.rows * y.columns, x[0].data, y.data, f); });
}

FinishRows ElementwiseLayer::in_place(LayerInputs, std::size_t) {
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  return [function = function_, channels](std::size_t, std::size_t count, float* rows) {
    with_function(function, [=](const auto& f) {
      for (std::size_t i = 0; i < count * channels; ++i) rows[i] = f(rows[i]);
    });
  };
}

void ElementwiseLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                                const Pass&) {
  if (dx[0].data == nullptr) return;
  map_elements(dy.rows * dy.columns, x[0].data, dy.data, dx[0].data,
               [this](float in, float d) { return d * function_.slope(in); });
}

// ------------------------------------------------------------------------------------------------------ arithmetic

namespace {

// The loops over the output of two tensors that are repeated where their extent is 1.
std::vector<TensorLoop> loops_over(const std::string& name, const Extents& a, const Extents& b) {
  if (a.size() != b.size()) {
    fail("layer \"{}\": dims has {} extents and other_dims {}; give both as many, with 1 for what is repeated", name,
         a.size(), b.size());
  }
  std::vector<TensorLoop> loops(a.size());
  std::size_t step_a = 1, step_b = 1;
  for (std::size_t k = a.size(); k-- > 0;) {
    if (a[k] != b[k] && a[k] != 1 && b[k] != 1) {
      fail("layer \"{}\": an extent of {} in dims does not go with {} in other_dims; they must be equal, or one 1",
           name, a[k], b[k]);
    }
    loops[k] = {std::max(a[k], b[k]), a[k] > 1 ? step_a : 0, b[k] > 1 ? step_b : 0};
    step_a *= a[k];
    step_b *= b[k];
  }
  return joined_loops(std::move(loops));
}

Shape arithmetic_shape(const std::string& name, const std::vector<Shape>& inputs,
                       const ArithmeticLayer::Operands& operands, const Shape& output) {
  if (inputs.empty() || inputs.size() > 2) fail("layer \"{}\" of kind arithmetic takes 1 or 2 inputs", name);
  const bool fits = inputs[0].size() == element_count(operands.first) &&
                    (inputs.size() == 1 || inputs[1].size() == element_count(operands.second));
  if (!fits) {
    fail("layer \"{}\" of kind arithmetic: its inputs have not the {} and {} values that dims and other_dims say", name,
         element_count(operands.first), element_count(operands.second));
  }
  return output;
}

// body(place in a, place in b, steps of both, how many) for the runs of the output in their order.
template <class Body>
void each_pair_run(const std::vector<TensorLoop>& loops, const Body& body) {
  const TensorLoop& last = loops.back();
  const std::size_t outer = loops.size() - 1;
  std::vector<std::size_t> at(outer, 0);
  std::size_t a = 0, b = 0;
  for (;;) {
    body(a, b, last);
    std::size_t k = outer;
    for (; k-- > 0;) {
      a += loops[k].first_step;
      b += loops[k].second_step;
      if (++at[k] < loops[k].count) break;
      a -= at[k] * loops[k].first_step;
      b -= at[k] * loops[k].second_step;
      at[k] = 0;
    }
    if (k == static_cast<std::size_t>(-1)) return;
  }
}

// One run; the two usual cases have loops that a compiler can vectorise.
template <class F>
void combine(const F& f, const float* a, const float* b, const TensorLoop& run, float* y) {
  if (run.first_step == 1 && run.second_step == 1) {
    for (std::size_t i = 0; i < run.count; ++i) y[i] = f(a[i], b[i]);
  } else if (run.first_step == 1 && run.second_step == 0) {
    const float other = *b;
    for (std::size_t i = 0; i < run.count; ++i) y[i] = f(a[i], other);
  } else {
    for (std::size_t i = 0; i < run.count; ++i) y[i] = f(a[i * run.first_step], b[i * run.second_step]);
  }
}

float power(float base, float exponent) {
  if (exponent == 2) return base * base;
  if (exponent == 0.5f) return std::sqrt(base);
  return std::pow(base, exponent);
}

template <class Body>
void with_operation(Operation operation, const Body& body) {
  switch (operation) {
    case Operation::add:
      return body([](float a, float b) { return a + b; });
    case Operation::subtract:
      return body([](float a, float b) { return a - b; });
    case Operation::multiply:
      return body([](float a, float b) { return a * b; });
    case Operation::divide:
      return body([](float a, float b) { return a / b; });
    case Operation::power:
      return body([](float a, float b) { return power(a, b); });
  }
}

// The derivatives of `a op b` by a and by b.
std::pair<float, float> slopes(Operation operation, float a, float b) {
  switch (operation) {
    case Operation::add:
      return {1.0f, 1.0f};
    case Operation::subtract:
      return {1.0f, -1.0f};
    case Operation::multiply:
      return {b, a};
    case Operation::divide:
      return {1 / b, -a / (b * b)};
    case Operation::power:
      return {b == 0 ? 0.0f : b * power(a, b - 1), a > 0 ? power(a, b) * std::log(a) : 0.0f};
  }
  return {0.0f, 0.0f};
}

}  // namespace

ArithmeticLayer::ArithmeticLayer(const std::string& name, const std::vector<Shape>& inputs, const Operands& operands,
                                 const Shape& output)
    : Layer(name, inputs, arithmetic_shape(name, inputs, operands, output)),
      operation_(operands.operation),
      reversed_(operands.reversed),
      has_constants_(inputs.size() == 1),
      loops_(loops_over(name, operands.first, operands.second)) {
  std::size_t count = 1;
  for (const TensorLoop& loop : loops_) count *= loop.count;
  if (count != output.size()) {
    fail("layer \"{}\" makes {} values, but its output {} has {}; change steps, height, width, units", name, count,
         to_string(output), output.size());
  }
  const std::size_t constants = has_constants_ ? element_count(operands.second) : 0;
  constants_ = {name + ".constants", std::vector<float>(constants, 0.0f), std::vector<float>(constants, 0.0f)};
}

std::vector<Parameter*> ArithmeticLayer::parameters() {
  if (!has_constants_) return {};
  return {&constants_};
}

const float* ArithmeticLayer::second_of(LayerInputs x, std::size_t sample) const {
  return has_constants_ ? constants_.values.data() : x[1].data + sample * x[1].columns;
}

void ArithmeticLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  with_operation(operation_, [&](const auto& f) {
    const auto turned = [&f](float a, float b) { return f(b, a); };
    parallel_chunks(y.rows, rows_per_task(y.columns), [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) {
        const float *a = x[0].data + s * x[0].columns, *b = second_of(x, s);
        float* out = y.data + s * y.columns;
        each_pair_run(loops_, [&](std::size_t at_a, std::size_t at_b, const TensorLoop& run) {
          if (reversed_) {
            combine(turned, a + at_a, b + at_b, run, out);
          } else {
            combine(f, a + at_a, b + at_b, run, out);
          }
          out += run.count;
        });
      }
    });
  });
}

// Samples one after the other, so that the sums of the constants' gradients have one order.
void ArithmeticLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                               const Pass&) {
  for (const MatrixView<float>& to : dx) {
    if (to.data != nullptr) std::fill_n(to.data, to.rows * to.columns, 0.0f);
  }
  std::vector<double> sums(constants_.values.size(), 0.0);
  const float* d = dy.data;
  for (std::size_t s = 0; s < dy.rows; ++s) {
    const float *a = x[0].data + s * x[0].columns, *b = second_of(x, s);
    float* da = dx[0].data == nullptr ? nullptr : dx[0].data + s * x[0].columns;
    float* db = has_constants_ || dx[1].data == nullptr ? nullptr : dx[1].data + s * x[1].columns;
    each_pair_run(loops_, [&](std::size_t at_a, std::size_t at_b, const TensorLoop& run) {
      for (std::size_t i = 0; i < run.count; ++i, ++d) {
        const std::size_t ia = at_a + i * run.first_step, ib = at_b + i * run.second_step;
        auto [by_a, by_b] = reversed_ ? slopes(operation_, b[ib], a[ia]) : slopes(operation_, a[ia], b[ib]);
        if (reversed_) std::swap(by_a, by_b);
        if (da != nullptr) da[ia] += *d * by_a;
        if (db != nullptr) db[ib] += *d * by_b;
        if (has_constants_) sums[ib] += static_cast<double>(*d) * static_cast<double>(by_b);
      }
    });
  }
  for (std::size_t i = 0; i < sums.size(); ++i) constants_.gradient[i] = static_cast<float>(sums[i]);
}

}  // namespace ohmic
