#include "ohmic/onnx/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ohmic/core/error.h"

namespace ohmic::onnx {

std::int64_t extent_of(const Axis& axis) {
  std::int64_t extent = 1;
  for (const Factor& f : axis) extent *= f.extent;
  return extent;
}

Dims Activation::extents() const {
  Dims all;
  for (const Axis& axis : axes) all.push_back(extent_of(axis));
  return all;
}

std::vector<std::size_t> counting(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::vector<Axis> ordered_axes(const Dims& extents) { return ordered_axes(extents, counting(extents.size())); }

std::vector<Axis> ordered_axes(const Dims& extents, const std::vector<std::size_t>& order) {
  std::vector<Axis> axes(extents.size());
  std::int64_t step = 1;
  for (std::size_t k = order.size(); k-- > 0;) {
    const std::int64_t extent = extents[order[k]];
    if (extent > 1) axes[order[k]] = {{extent, step}};
    step *= extent;
  }
  return axes;
}

Axis joined(const Axis& factors) {
  Axis result;
  for (const Factor& f : factors) {
    if (f.extent == 1) continue;
    if (!result.empty() && result.back().step == f.step * f.extent) {
      result.back() = {result.back().extent * f.extent, f.step};
    } else {
      result.push_back(f);
    }
  }
  return result;
}

namespace {

Axis all_factors(const std::vector<Axis>& axes, const std::vector<std::size_t>& order) {
  Axis all;
  for (const std::size_t k : order) all.insert(all.end(), axes[k].begin(), axes[k].end());
  return joined(all);
}

bool is_one_run(const Axis& factors) { return factors.empty() || (factors.size() == 1 && factors[0].step == 1); }

}  // namespace

bool regroup(const std::vector<Axis>& axes, const Dims& extents, std::vector<Axis>& result) {
  Axis left = all_factors(axes, counting(axes.size()));
  std::reverse(left.begin(), left.end());  // the next one is at the back
  result.clear();
  for (const std::int64_t extent : extents) {
    Axis axis;
    for (std::int64_t rest = extent; rest > 1;) {
      if (left.empty()) return false;
      Factor& next = left.back();
      if (rest % next.extent == 0) {
        rest /= next.extent;
        axis.push_back(next);
        left.pop_back();
      } else if (next.extent % rest == 0) {
        next.extent /= rest;
        axis.push_back({rest, next.step * next.extent});
        rest = 1;
      } else {
        return false;
      }
    }
    result.push_back(joined(axis));
  }
  return left.empty();
}

std::vector<std::size_t> offsets_along(const Axis& axis) {
  std::vector<std::size_t> offsets = {0};
  for (const Factor& f : axis) {
    std::vector<std::size_t> next;
    next.reserve(offsets.size() * static_cast<std::size_t>(f.extent));
    for (const std::size_t offset : offsets) {
      for (std::int64_t i = 0; i < f.extent; ++i) next.push_back(offset + static_cast<std::size_t>(i * f.step));
    }
    offsets = std::move(next);
  }
  return offsets;
}

std::vector<std::size_t> memory_order(const Activation& a) {
  std::vector<std::size_t> order = counting(a.rank());
  for (const Axis& axis : a.axes) {
    if (axis.size() > 1) return {};
  }
  const auto step = [&](std::size_t k) { return a.axes[k].empty() ? std::int64_t{0} : a.axes[k][0].step; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return step(x) > step(y); });
  return order;
}

Shape vectors_shape(std::int64_t vectors, std::int64_t channels) {
  return {static_cast<int>(vectors), 1, 1, static_cast<int>(channels)};
}

std::string LayerList::free_name(const std::string& base) const {
  const auto taken = [&](const std::string& name) { return name == "input" || places_.count(name) > 0; };
  if (!taken(base)) return base;
  for (int n = 2;; ++n) {
    std::string name = fmt::format("{}_{}", base, n);
    if (!taken(name)) return name;
  }
}

Activation LayerList::add(LayerSpec spec, const std::string& base, const std::vector<Activation>& inputs,
                          const Shape& shape) {
  spec.name = free_name(base);
  for (const Activation& input : inputs) spec.inputs.push_back(input.layer);
  Activation a;
  a.layer = spec.name;
  a.shape = shape;
  a.batch_axis = inputs.front().batch_axis;
  places_.emplace(spec.name, layers_.size());
  layers_.push_back(std::move(spec));
  return a;
}

LayerSpec* LayerList::find(const std::string& name) {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &layers_[found->second];
}

namespace {

void give_shape(LayerSpec& spec, const Shape& shape) {
  spec.steps = shape.steps;
  spec.height = shape.height;
  spec.width = shape.width;
  spec.units = shape.channels;
}

}  // namespace

Activation LayerList::with_shape(const Activation& a, const Shape& shape) {
  if (a.shape == shape) return a;
  LayerSpec spec;
  spec.kind = LayerKind::reshape;
  give_shape(spec, shape);
  Activation result = add(spec, a.layer + ".reshape", {a}, shape);
  result.axes = a.axes;
  return result;
}

Activation LayerList::arranged(const Activation& a, const std::vector<std::size_t>& order, const Shape& shape) {
  const Axis wanted = all_factors(a.axes, order);
  if (is_one_run(wanted)) return with_shape(a, shape);
  Axis stored = wanted;
  std::sort(stored.begin(), stored.end(), [](const Factor& x, const Factor& y) { return x.step > y.step; });
  LayerSpec spec;
  spec.kind = LayerKind::permute;
  for (const Factor& f : stored) spec.dims.push_back(static_cast<double>(f.extent));
  for (const Factor& f : wanted) {
    spec.order.push_back(static_cast<double>(std::find(stored.begin(), stored.end(), f) - stored.begin()));
  }
  give_shape(spec, shape);
  Activation result = add(spec, a.layer + ".permute", {a}, shape);
  result.axes = ordered_axes(a.extents(), order);
  return result;
}

Activation LayerList::with_innermost(const Activation& a, const std::vector<std::size_t>& axes) {
  std::int64_t channels = 1;
  for (const std::size_t k : axes) channels *= a.extent(k);
  const Shape shape = a.shape.channels == channels ? a.shape : vectors_shape(a.size() / channels, channels);
  if (is_one_run(all_factors(a.axes, axes))) return with_shape(a, shape);
  std::vector<std::size_t> order;
  for (const std::size_t k : counting(a.rank())) {
    if (std::find(axes.begin(), axes.end(), k) == axes.end()) order.push_back(k);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  return arranged(a, order, vectors_shape(a.size() / channels, channels));
}

Activation LayerList::in_order(const Activation& a) {
  const auto order = counting(a.rank());
  if (is_one_run(all_factors(a.axes, order))) return a;
  return arranged(a, order, {1, 1, 1, static_cast<int>(a.size())});
}

Activation LayerList::with_simple_axis(const Activation& a, std::size_t axis) {
  return joined(a.axes[axis]).size() <= 1 ? a : in_order(a);
}

}  // namespace ohmic::onnx
