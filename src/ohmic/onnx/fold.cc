// Operators on numbers that are known when the model is read: shapes that exporters let the network compute, and
// weights that are changed before they are used.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/onnx/import.h"

namespace ohmic::onnx {
namespace {

using Inputs = std::vector<const Tensor*>;

// One node at hand.
class Folding {
 public:
  Folding(const Node& node, std::int64_t opset, const Inputs& inputs) : node_(node), opset_(opset), inputs_(inputs) {}

  const Node& node() const { return node_; }
  std::int64_t opset() const { return opset_; }
  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  const Tensor& in(std::size_t i) const {
    if (!has(i)) refuse("its input {} is missing; the file is damaged", i + 1);
    return *inputs_[i];
  }
  std::size_t count() const { return inputs_.size(); }
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}", node_.description(), fmt::format(format, std::forward<Args>(args)...));
  }
  std::size_t axis(std::int64_t axis, std::size_t rank) const {
    const auto n = static_cast<std::int64_t>(rank);
    if (axis < -n || axis >= n) refuse("axis {} is not one of {} dimensions", axis, rank);
    return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
  }
  std::optional<std::vector<std::int64_t>> list(std::size_t i, const char* attribute) const {
    if (has(i)) return in(i).whole;
    if (const Attribute* a = node_.find(attribute)) return a->wholes;
    return std::nullopt;
  }
  /// A shape for a tensor that is made: bounded more tightly than those that a file holds.
  Dims made(Dims dims) const {
    constexpr std::int64_t kMostMade = std::int64_t{1} << 24;
    if (checked_count(node_.description(), dims) > kMostMade) {
      refuse("a tensor of {} has more elements than the {} that are made while a model is read", to_string(dims),
             kMostMade);
    }
    return dims;
  }
  Tensor with_dims(Dims dims) const {
    if (checked_count(node_.description(), dims) != static_cast<std::int64_t>(in(0).count())) {
      refuse("{} cannot become {}", to_string(in(0).dims), to_string(dims));
    }
    Tensor t = in(0);
    t.dims = std::move(dims);
    return t;
  }

 private:
  const Node& node_;
  std::int64_t opset_;
  const Inputs& inputs_;
};

Tensor fold_constant(const Folding& f) {
  if (const Attribute* a = f.node().find("value"); a != nullptr && a->tensor) return *a->tensor;
  if (const Attribute* a = f.node().find("value_int")) return {{}, true, {a->whole}, {}};
  if (const Attribute* a = f.node().find("value_float")) return {{}, false, {}, {static_cast<float>(a->number)}};
  if (const Attribute* a = f.node().find("value_ints")) return Tensor::of_whole(a->wholes);
  if (const Attribute* a = f.node().find("value_floats")) {
    return {{static_cast<std::int64_t>(a->numbers.size())}, false, {}, a->numbers};
  }
  f.refuse("it has no value that is understood");
}

Tensor fold_constant_of_shape(const Folding& f) {
  const Attribute* a = f.node().find("value");
  const bool given = a != nullptr && a->tensor && a->tensor->count() == 1;
  Tensor t = Tensor::zeros(f.node().description(), f.made(f.in(0).whole), given && a->tensor->is_whole);
  for (std::size_t i = 0; given && i < t.count(); ++i) t.set(i, a->tensor->at(0));
  return t;
}

Tensor fold_shape(const Folding& f) {
  const Dims& dims = f.in(0).dims;
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto place = [&](std::int64_t k) { return std::clamp<std::int64_t>(k < 0 ? k + rank : k, 0, rank); };
  const auto first = place(f.node().whole("start", 0)), last = std::max(first, place(f.node().whole("end", rank)));
  return Tensor::of_whole({dims.begin() + first, dims.begin() + last});
}

Tensor fold_cast(const Folding& f) {
  constexpr std::int64_t kWhole[] = {2, 3, 4, 5, 6, 7, 9, 12, 13};  // ONNX's types of whole numbers
  const std::int64_t to = f.node().whole("to", 1);
  Tensor t =
      Tensor::zeros(f.node().description(), f.in(0).dims, std::count(std::begin(kWhole), std::end(kWhole), to) > 0);
  for (std::size_t i = 0; i < t.count(); ++i) t.set(i, to == 9 ? (f.in(0).at(i) != 0 ? 1.0 : 0.0) : f.in(0).at(i));
  return t;
}

Tensor fold_reshape(const Folding& f) {
  Dims dims = f.in(1).whole;
  std::int64_t known = 1;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (dims[k] == 0 && f.node().whole("allowzero", 0) == 0 && k < f.in(0).dims.size()) dims[k] = f.in(0).dims[k];
    if (dims[k] < -1 || dims[k] > kMostElements) f.refuse("a dimension of {} is not possible", dims[k]);
    if (dims[k] > 0) known = std::min(known * dims[k], kMostElements * 2);
  }
  const auto open = std::find(dims.begin(), dims.end(), -1);
  if (open != dims.end()) *open = static_cast<std::int64_t>(f.in(0).count()) / known;
  return f.with_dims(std::move(dims));
}

Tensor fold_flatten(const Folding& f) {
  const Dims& dims = f.in(0).dims;
  const std::int64_t given = f.node().whole("axis", 1);
  const std::size_t axis = given == f.in(0).rank() ? dims.size() : f.axis(given, dims.size());
  Dims flat = {1, 1};
  for (std::size_t k = 0; k < dims.size(); ++k) flat[k < axis ? 0 : 1] *= dims[k];
  return f.with_dims(std::move(flat));
}

Tensor fold_squeeze(const Folding& f) {
  const Dims& dims = f.in(0).dims;
  const auto axes = f.list(1, "axes");
  std::vector<bool> goes(dims.size(), false);
  for (std::size_t k = 0; k < dims.size(); ++k) goes[k] = !axes && dims[k] == 1;
  for (const std::int64_t axis : axes.value_or(Dims{})) goes[f.axis(axis, dims.size())] = true;
  Dims left;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (!goes[k]) left.push_back(dims[k]);
  }
  return f.with_dims(std::move(left));
}

Tensor fold_unsqueeze(const Folding& f) {
  const Dims axes = f.list(1, "axes").value_or(Dims{});
  const std::size_t rank = f.in(0).dims.size() + axes.size();
  std::vector<bool> is_new(rank, false);
  for (const std::int64_t axis : axes) is_new[f.axis(axis, rank)] = true;
  Dims dims;
  std::size_t from = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    if (!is_new[k] && from >= f.in(0).dims.size()) f.refuse("its axes name a dimension twice");
    dims.push_back(is_new[k] ? 1 : f.in(0).dims[from++]);
  }
  return f.with_dims(std::move(dims));
}

Tensor fold_transpose(const Folding& f) {
  const std::size_t rank = f.in(0).dims.size();
  std::vector<std::int64_t> given = f.node().wholes("perm");
  if (given.empty()) {
    for (std::size_t k = rank; k-- > 0;) given.push_back(static_cast<std::int64_t>(k));
  }
  std::vector<std::size_t> order;
  for (const std::int64_t k : given) order.push_back(f.axis(k, rank));
  std::vector<std::size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  if (order.size() != rank || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    f.refuse("perm does not name each of {} dimensions once", rank);
  }
  return transposed(f.in(0), order);
}

// The slices of a tensor along an axis.
Tensor taken(const Folding& f, const Tensor& t, std::size_t axis, const std::vector<std::int64_t>& places,
             const Dims& dims) {
  Tensor result = Tensor::zeros(f.node().description(), f.made(dims), t.is_whole);
  const Dims steps = steps_of(t.dims);
  const auto inner = static_cast<std::size_t>(steps[axis]);
  const auto extent = static_cast<std::size_t>(t.dims[axis]);
  if (result.count() == 0) return result;
  const std::size_t outer = t.count() / (inner * extent);
  std::size_t to = 0;
  for (std::size_t o = 0; o < outer; ++o) {
    for (const std::int64_t place : places) {
      for (std::size_t i = 0; i < inner; ++i, ++to) {
        const std::size_t from = (o * extent + static_cast<std::size_t>(place)) * inner + i;
        if (t.is_whole) {
          result.whole[to] = t.whole[from];
        } else {
          result.real[to] = t.real[from];
        }
      }
    }
  }
  return result;
}

Tensor fold_gather(const Folding& f) {
  const Tensor &data = f.in(0), &indices = f.in(1);
  const std::size_t axis = f.axis(f.node().whole("axis", 0), data.dims.size());
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < indices.count(); ++i) {
    const double given = indices.at(i), extent = static_cast<double>(data.dims[axis]);
    const double place = given < 0 ? given + extent : given;
    if (!(place >= 0 && place < extent)) f.refuse("index {} is not one of {}", given, data.dims[axis]);
    places.push_back(static_cast<std::int64_t>(place));
  }
  Dims dims(data.dims.begin(), data.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), data.dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.dims.end());
  return taken(f, data, axis, places, dims);
}

Tensor fold_slice(const Folding& f) {
  const auto starts = f.list(1, "starts"), ends = f.list(2, "ends"), axes = f.list(3, "axes"),
             steps = f.list(4, "steps");
  Tensor t = f.in(0);
  if (!starts || !ends || starts->size() != ends->size() || (axes && axes->size() != starts->size()) ||
      (steps && steps->size() != starts->size())) {
    f.refuse("starts, ends, axes and steps differ in length");
  }
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const std::size_t axis = f.axis(axes ? (*axes)[i] : static_cast<std::int64_t>(i), t.dims.size());
    const std::int64_t extent = t.dims[axis], step = steps ? (*steps)[i] : 1;
    if (step == 0) f.refuse("a step of 0 is not possible");
    const auto place = [&](std::int64_t k) {
      const std::int64_t front = k < 0 ? std::max(k, -extent - 1) + extent : k;
      return step > 0 ? std::clamp<std::int64_t>(front, 0, extent) : std::clamp<std::int64_t>(front, -1, extent - 1);
    };
    std::vector<std::int64_t> places;
    const std::int64_t first = place((*starts)[i]), last = place((*ends)[i]);
    const std::int64_t stride = std::clamp(step, -extent - 1, extent + 1);
    for (std::int64_t k = first; step > 0 ? k < last : k > last; k += stride) places.push_back(k);
    Dims dims = t.dims;
    dims[axis] = static_cast<std::int64_t>(places.size());
    t = taken(f, t, axis, places, dims);
  }
  return t;
}

Tensor fold_concat(const Folding& f) {
  const std::size_t rank = f.in(0).dims.size(), axis = f.axis(f.node().whole("axis", 0), rank);
  Dims dims = f.in(0).dims;
  dims[axis] = 0;
  for (std::size_t i = 0; i < f.count(); ++i) {
    Dims own = f.in(i).dims;
    if (own.size() != rank || f.in(i).is_whole != f.in(0).is_whole) f.refuse("its inputs do not go together");
    dims[axis] += own[axis];
    own[axis] = dims[axis];
    if (own != dims) f.refuse("{} does not go with {}", to_string(f.in(i).dims), to_string(f.in(0).dims));
  }
  Tensor result = Tensor::zeros(f.node().description(), f.made(dims), f.in(0).is_whole);
  std::size_t inner = 1, outer = 1, to = 0;
  for (std::size_t k = 0; k < rank; ++k)
    (k < axis ? outer : inner) *= k == axis ? 1 : static_cast<std::size_t>(dims[k]);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < f.count(); ++i) {
      const std::size_t run = static_cast<std::size_t>(f.in(i).dims[axis]) * inner;
      for (std::size_t n = 0; n < run; ++n) result.set(to++, f.in(i).at(o * run + n));
    }
  }
  return result;
}

Tensor fold_expand(const Folding& f) {
  const std::string what = f.node().description();
  return broadcast(what, f.in(0), f.made(broadcast_dims(what, f.in(0).dims, f.in(1).whole)));
}

Tensor fold_range(const Folding& f) {
  const double first = f.in(0).count() == 1 ? f.in(0).at(0) : 0, limit = f.in(1).count() == 1 ? f.in(1).at(0) : 0;
  const double step = f.in(2).count() == 1 ? f.in(2).at(0) : 0;
  const double count = std::ceil((limit - first) / step);
  if (!(std::abs(count) < 1e9)) f.refuse("a range from {} to {} by {} is not possible", first, limit, step);
  const Dims dims = f.made({static_cast<std::int64_t>(std::max(count, 0.0))});
  Tensor t = Tensor::zeros(f.node().description(), dims, f.in(0).is_whole);
  for (std::size_t i = 0; i < t.count(); ++i) t.set(i, first + static_cast<double>(i) * step);
  return t;
}

Tensor fold_where(const Folding& f) {
  const std::string what = f.node().description();
  const Dims dims = f.made(broadcast_dims(what, f.in(0).dims, broadcast_dims(what, f.in(1).dims, f.in(2).dims)));
  const Tensor choice = broadcast(what, f.in(0), dims), yes = broadcast(what, f.in(1), dims),
               no = broadcast(what, f.in(2), dims);
  Tensor t = Tensor::zeros(what, dims, yes.is_whole && no.is_whole);
  for (std::size_t i = 0; i < t.count(); ++i) t.set(i, choice.at(i) != 0 ? yes.at(i) : no.at(i));
  return t;
}

Tensor fold_product(const Folding& f) {  // ReduceProd of everything, as sizes are computed
  double product = 1;
  for (std::size_t i = 0; i < f.in(0).count(); ++i) product *= f.in(0).at(i);
  Tensor t{{}, f.in(0).is_whole, {}, {}};
  if (f.node().whole("keepdims", 1) != 0) t.dims.assign(f.in(0).dims.size(), 1);
  t.whole.resize(t.is_whole ? 1 : 0);
  t.real.resize(t.is_whole ? 0 : 1);
  t.set(0, product);
  return t;
}

Tensor fold_size(const Folding& f) { return {{}, true, {static_cast<std::int64_t>(f.in(0).count())}, {}}; }

Tensor fold_identity(const Folding& f) { return f.in(0); }

using Function1 = double (*)(double);
using Function2 = double (*)(double, double);

Tensor fold_function(const Folding& f, Function1 function) {
  Tensor t = f.in(0);
  for (std::size_t i = 0; i < t.count(); ++i) t.set(i, function(t.at(i)));
  return t;
}

Tensor fold_pair(const Folding& f, Function2 function) {
  const std::string what = f.node().description();
  const Dims dims = f.made(broadcast_dims(what, f.in(0).dims, f.in(1).dims));
  const Tensor a = broadcast(what, f.in(0), dims), b = broadcast(what, f.in(1), dims);
  Tensor t = Tensor::zeros(what, dims, a.is_whole);
  for (std::size_t i = 0; i < t.count(); ++i) t.set(i, function(a.at(i), b.at(i)));
  return t;
}

struct Function1Entry {
  std::string_view name;
  Function1 function;
};
constexpr Function1Entry kFunctions1[] = {
    {"Ceil", [](double x) { return std::ceil(x); }},
    {"Floor", [](double x) { return std::floor(x); }},
    {"Neg", [](double x) { return -x; }},
    {"Not", [](double x) { return x != 0 ? 0.0 : 1.0; }},
    {"Sqrt", [](double x) { return std::sqrt(x); }},
};

struct Function2Entry {
  std::string_view name;
  Function2 function;
};
constexpr Function2Entry kFunctions2[] = {
    {"Add", [](double a, double b) { return a + b; }},
    {"Div", [](double a, double b) { return a / b; }},
    {"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {"Mul", [](double a, double b) { return a * b; }},
    {"Pow", [](double a, double b) { return std::pow(a, b); }},
    {"Sub", [](double a, double b) { return a - b; }},
};

struct FoldEntry {
  std::string_view name;
  Tensor (*fold)(const Folding&);
};
constexpr FoldEntry kFolds[] = {
    {"Cast", fold_cast},           {"Concat", fold_concat},
    {"Constant", fold_constant},   {"ConstantOfShape", fold_constant_of_shape},
    {"Expand", fold_expand},       {"Flatten", fold_flatten},
    {"Gather", fold_gather},       {"Identity", fold_identity},
    {"Range", fold_range},         {"ReduceProd", fold_product},
    {"Reshape", fold_reshape},     {"Shape", fold_shape},
    {"Size", fold_size},           {"Slice", fold_slice},
    {"Squeeze", fold_squeeze},     {"Transpose", fold_transpose},
    {"Unsqueeze", fold_unsqueeze}, {"Where", fold_where},
};

template <class Entries>
auto find_entry(const Entries& entries, std::string_view name) {
  return std::find_if(std::begin(entries), std::end(entries), [&](const auto& e) { return e.name == name; });
}

std::vector<Tensor> fold_split(const Folding& f) {
  const Tensor& t = f.in(0);
  const std::size_t axis = f.axis(f.node().whole("axis", 0), t.dims.size());
  const auto parts = static_cast<std::int64_t>(f.node().outputs.size());
  const std::int64_t extent = t.dims[axis], even = parts > 0 ? (extent + parts - 1) / parts : 0;
  auto sizes = f.list(1, "split");
  if (!sizes) {
    sizes.emplace();
    for (std::int64_t i = 0; i < parts; ++i) sizes->push_back(std::min(even, extent - std::min(extent, i * even)));
  }
  std::vector<Tensor> outputs;
  std::int64_t first = 0;
  for (const std::int64_t size : *sizes) {
    if (size < 0 || size > extent - first) f.refuse("parts of {} do not make {}", to_string(*sizes), extent);
    std::vector<std::int64_t> places;
    for (std::int64_t k = 0; k < size; ++k) places.push_back(first + k);
    Dims dims = t.dims;
    dims[axis] = size;
    outputs.push_back(taken(f, t, axis, places, dims));
    first += size;
  }
  return outputs;
}

}  // namespace

std::optional<std::vector<Tensor>> fold(const Node& node, std::int64_t opset, const Inputs& inputs) {
  const Folding f(node, opset, inputs);
  if (node.operation == "Split") return fold_split(f);
  if (const auto e = find_entry(kFolds, node.operation); e != std::end(kFolds)) return {{e->fold(f)}};
  if (const auto e = find_entry(kFunctions1, node.operation); e != std::end(kFunctions1)) {
    return {{fold_function(f, e->function)}};
  }
  if (const auto e = find_entry(kFunctions2, node.operation); e != std::end(kFunctions2)) {
    return {{fold_pair(f, e->function)}};
  }
  return std::nullopt;
}

}  // namespace ohmic::onnx
