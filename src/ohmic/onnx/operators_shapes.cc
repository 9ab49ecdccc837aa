// What moves numbers, cuts them out or only calls them by other dimensions.

#include <algorithm>
#include <limits>
#include <numeric>

#include "ohmic/onnx/operators.h"

namespace ohmic::onnx {

std::vector<double> stretch(std::int64_t first, std::int64_t step, std::int64_t count) {
  std::vector<double> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(static_cast<double>(first + i * step));
  return indices;
}

namespace {

bool is_all_in_order(const std::vector<double>& indices, std::int64_t extent) {
  if (static_cast<std::int64_t>(indices.size()) != extent) return false;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != static_cast<double>(i)) return false;
  }
  return true;
}

}  // namespace

Activation picked(Import& net, const Activation& given, std::size_t axis, const std::vector<double>& indices,
                  double fill) {
  net.keep_samples_apart(given, {axis});
  if (indices.empty()) net.refuse("nothing is left of dimension {}", axis);
  const std::int64_t extent = given.extent(axis), count = static_cast<std::int64_t>(indices.size());
  if (is_all_in_order(indices, extent)) return given;
  const Activation a = net.layers().with_simple_axis(given, axis);
  // The places of the axis are `inner` apart; an axis of one place may lie anywhere.
  const Axis run = joined(a.axes[axis]);
  const std::int64_t inner = run.empty() ? a.size() : run[0].step;
  const std::int64_t outer = a.size() / (extent * inner), size = outer * count * inner;
  checked_count(net.node().description(), Dims{size});
  LayerSpec spec;
  spec.kind = LayerKind::pick;
  spec.dims = {static_cast<double>(outer), static_cast<double>(extent), static_cast<double>(inner)};
  spec.indices = indices;
  spec.fill = fill;
  const bool keeps_channels = inner >= a.shape.channels && inner % a.shape.channels == 0;
  const Shape shape = keeps_channels ? vectors_shape(size / a.shape.channels, a.shape.channels)
                                     : Shape{1, 1, 1, static_cast<int>(size)};
  spec.steps = shape.steps;
  spec.units = shape.channels;
  Activation y = net.add(spec, {a}, shape);
  y.axes = a.axes;
  y.batch_axis = a.batch_axis;
  for (Axis& other : y.axes) {
    for (Factor& f : other) f.step = f.step < inner ? f.step : f.step / extent * count;
  }
  y.axes[axis].clear();
  if (count > 1) y.axes[axis] = {{count, inner}};
  return y;
}

void import_identity(Import& net) { net.set_output(0, net.activation(0)); }

void import_dropout(Import& net) {
  if (net.is_used(1)) net.refuse("the mask (its second output) is not supported");
  import_identity(net);
}

void import_shape(Import& net) {
  const Dims dims = net.visible_dims(net.activation(0));
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto place = [&](std::int64_t k) { return std::clamp<std::int64_t>(k < 0 ? k + rank : k, 0, rank); };
  const std::int64_t first = place(net.node().whole("start", 0)), last = place(net.node().whole("end", rank));
  std::vector<std::int64_t> part;
  for (std::int64_t k = first; k < last; ++k) part.push_back(dims[static_cast<std::size_t>(k)]);
  net.set_output(0, Tensor::of_whole(std::move(part)));
}

// --------------------------------------------------------------------------------------------------------- reshape

namespace {

// Which of the wanted dimensions holds the batch: what lies in front of it stays as large as it is.
int new_batch_axis(Import& net, const Activation& a, const Dims& wanted, std::int64_t batch) {
  if (a.batch_axis == Activation::kNoAxis) return Activation::kNoAxis;
  std::int64_t front = 1;
  for (int k = 0; k < a.batch_axis; ++k) front *= a.extent(static_cast<std::size_t>(k));
  const std::int64_t own = a.extent(static_cast<std::size_t>(a.batch_axis));
  std::int64_t before = 1;
  int candidate = Activation::kNoAxis;
  for (std::size_t k = 0; k < wanted.size() && before <= front; ++k) {
    const bool is_place = before == front && wanted[k] % batch == 0;
    if (is_place && wanted[k] == own * batch) return static_cast<int>(k);
    if (is_place && candidate == Activation::kNoAxis) candidate = static_cast<int>(k);
    before *= wanted[k];
  }
  if (batch == 1 && own == 1) return Activation::kNoAxis;
  if (candidate != Activation::kNoAxis) return candidate;
  net.refuse("{} as {} mixes the samples of a batch", to_string(net.visible_dims(a)), to_string(wanted));
}

void set_reshaped(Import& net, const Activation& given, Dims wanted) {
  Activation a = given;
  const Dims visible = net.visible_dims(a);
  const std::int64_t batch = a.batch_axis < 0 ? 1
                                              : visible[static_cast<std::size_t>(a.batch_axis)] /
                                                    a.extent(static_cast<std::size_t>(a.batch_axis));
  const int axis = new_batch_axis(net, a, wanted, batch);
  if (axis >= 0) wanted[static_cast<std::size_t>(axis)] /= batch;
  std::vector<Axis> axes;
  if (!regroup(a.axes, wanted, axes)) {
    a = net.layers().in_order(a);
    if (!regroup(a.axes, wanted, axes)) {
      net.refuse("{} cannot become {}", to_string(visible), to_string(wanted));
    }
  }
  a.axes = std::move(axes);
  a.batch_axis = axis;
  net.set_output(0, a);
}

}  // namespace

void import_reshape(Import& net) {
  const Activation& a = net.activation(0);
  const Dims visible = net.visible_dims(a);
  const auto target = net.whole_list(1, "shape");
  if (!target) net.refuse("its shape is missing; the file is damaged");
  Dims wanted = *target;
  const bool zero_is_zero = net.node().whole("allowzero", 0) != 0;
  std::int64_t known = 1;
  std::ptrdiff_t open = -1;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (wanted[k] == 0 && !zero_is_zero && k < visible.size()) wanted[k] = visible[k];
    if (wanted[k] == -1 && open < 0) {
      open = static_cast<std::ptrdiff_t>(k);
      continue;
    }
    if (wanted[k] < 1 || wanted[k] > kMostElements) net.refuse("a dimension of {} is not possible", wanted[k]);
    if (known > kMostElements * 8192 / wanted[k]) net.refuse("a shape of {} is too large", to_string(wanted));
    known *= wanted[k];
  }
  const std::int64_t count = std::accumulate(visible.begin(), visible.end(), std::int64_t{1}, std::multiplies<>());
  if (open >= 0) wanted[static_cast<std::size_t>(open)] = count / known;
  if (open >= 0 ? count % known != 0 || count / known == 0 : known != count) {
    net.refuse("{} cannot become {}", to_string(visible), to_string(*target));
  }
  set_reshaped(net, a, std::move(wanted));
}

void import_flatten(Import& net) {
  const Activation& a = net.activation(0);
  const std::int64_t given = net.node().whole("axis", 1);
  const std::size_t axis = given == static_cast<std::int64_t>(a.rank()) ? a.rank() : net.axis_of(given, a.rank());
  Dims wanted = {1, 1};
  const Dims visible = net.visible_dims(a);
  for (std::size_t k = 0; k < visible.size(); ++k) wanted[k < axis ? 0 : 1] *= visible[k];
  set_reshaped(net, a, std::move(wanted));
}

void import_transpose(Import& net) {
  const Activation& a = net.activation(0);
  std::vector<std::int64_t> order = net.node().wholes("perm");
  if (order.empty()) {
    for (std::size_t k = a.rank(); k-- > 0;) order.push_back(static_cast<std::int64_t>(k));
  }
  if (order.size() != a.rank()) net.refuse("perm has {} entries for {} dimensions", order.size(), a.rank());
  Activation y = a;
  std::vector<bool> seen(a.rank(), false);
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::size_t from = net.axis_of(order[k], a.rank());
    if (seen[from]) net.refuse("perm names dimension {} twice", from);
    seen[from] = true;
    y.axes[k] = a.axes[from];
    if (a.batch_axis == static_cast<int>(from)) y.batch_axis = static_cast<int>(k);
  }
  net.set_output(0, y);
}

void import_squeeze(Import& net) {
  const Activation& a = net.activation(0);
  const Dims visible = net.visible_dims(a);
  std::vector<bool> goes(a.rank(), false);
  if (const auto axes = net.whole_list(1, "axes")) {
    for (const std::int64_t axis : *axes) goes[net.axis_of(axis, a.rank())] = true;
  } else {
    for (std::size_t k = 0; k < a.rank(); ++k) goes[k] = visible[k] == 1;
  }
  Activation y = a;
  y.axes.clear();
  y.batch_axis = Activation::kNoAxis;
  for (std::size_t k = 0; k < a.rank(); ++k) {
    if (goes[k] && visible[k] != 1) net.refuse("dimension {} of {} is not 1", k, to_string(visible));
    if (goes[k]) continue;
    if (a.batch_axis == static_cast<int>(k)) y.batch_axis = static_cast<int>(y.axes.size());
    y.axes.push_back(a.axes[k]);
  }
  net.set_output(0, y);
}

void import_unsqueeze(Import& net) {
  const Activation& a = net.activation(0);
  const auto axes = net.whole_list(1, "axes");
  if (!axes) net.refuse("its axes are missing; the file is damaged");
  const std::size_t rank = a.rank() + axes->size();
  if (rank > 64) net.refuse("{} dimensions are too many", rank);
  std::vector<bool> is_new(rank, false);
  for (const std::int64_t axis : *axes) {
    const std::size_t k = net.axis_of(axis, rank);
    if (is_new[k]) net.refuse("its axes name dimension {} twice", k);
    is_new[k] = true;
  }
  Activation y = a;
  y.axes.clear();
  std::size_t from = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    if (!is_new[k] && a.batch_axis == static_cast<int>(from)) y.batch_axis = static_cast<int>(k);
    y.axes.push_back(is_new[k] ? Axis{} : a.axes[from]);
    from += is_new[k] ? 0 : 1;
  }
  net.set_output(0, y);
}

// ------------------------------------------------------------------------------------------------- parts and wholes

void import_concat(Import& net) {
  const std::size_t count = net.node().inputs.size();
  std::size_t known = 0;
  while (net.is_constant(known)) ++known;
  const Activation sample = net.activation(known);
  const std::size_t rank = sample.rank(), axis = net.axis_of(net.node().whole("axis", 0), rank);
  net.keep_samples_apart(sample, {axis});
  // In front of the axis the order of memory is kept if the axis is innermost there, as channels are; else that of
  // ONNX.
  std::vector<std::size_t> order = memory_order(sample);
  if (order.empty() || order.back() != axis) order = counting(rank);
  const auto at = std::find(order.begin(), order.end(), axis);
  std::vector<Activation> parts;
  Dims extents = sample.extents();
  std::int64_t vectors = 1, channels = 0;
  for (auto k = order.begin(); k != at; ++k) vectors *= extents[*k];
  extents[axis] = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t own_rank = net.is_constant(i) ? net.constant(i, "input").dims.size() : net.activation(i).rank();
    if (own_rank != rank) net.refuse("its inputs have {} and {} dimensions", rank, own_rank);
    Activation part =
        net.is_constant(i) ? net.constant_layer(net.constant(i, "input"), sample.batch_axis) : net.activation(i);
    Dims own = part.extents(), others = extents;
    others[axis] = own[axis];
    const bool is_apart = part.batch_axis >= 0 && sample.batch_axis >= 0 && part.batch_axis != sample.batch_axis;
    if (own != others || is_apart) {
      net.refuse("{} does not go with {}", to_string(net.visible_dims(part)), to_string(net.visible_dims(sample)));
    }
    extents[axis] += own[axis];
    const std::int64_t width = part.size() / vectors;
    channels += width;
    // An image stays one where its channels are joined.
    const bool keeps = part.shape.channels == width && part.shape.height == sample.shape.height &&
                       part.shape.width == sample.shape.width && part.shape.steps == sample.shape.steps;
    parts.push_back(net.layers().arranged(part, order, keeps ? part.shape : vectors_shape(vectors, width)));
  }
  checked_count(net.node().description(), extents);
  const bool all_alike = std::all_of(parts.begin(), parts.end(), [&](const Activation& p) {
    return p.shape.height == parts[0].shape.height && p.shape.width == parts[0].shape.width &&
           p.shape.steps == parts[0].shape.steps;
  });
  Shape shape = parts[0].shape;
  if (!all_alike) {
    for (Activation& p : parts) p = net.layers().with_shape(p, vectors_shape(vectors, p.size() / vectors));
    shape = vectors_shape(vectors, channels);
  }
  shape.channels = static_cast<int>(channels);
  if (count == 1) return net.set_output(0, parts[0]);
  LayerSpec spec;
  spec.kind = LayerKind::concat;
  Activation y = net.add(spec, parts, shape);
  y.axes = ordered_axes(extents, order);
  y.batch_axis = sample.batch_axis;
  net.set_output(0, y);
}

void import_split(Import& net) {
  const Activation& a = net.activation(0);
  const std::size_t axis = net.axis_of(net.node().whole("axis", 0), a.rank());
  const std::int64_t extent = a.extent(axis);
  std::vector<std::int64_t> sizes;
  if (const auto given = net.whole_list(1, "split")) {
    sizes = *given;
  } else {
    const auto parts = static_cast<std::int64_t>(net.node().outputs.size());
    if (parts == 0) net.refuse("it has no outputs; the file is damaged");
    const std::int64_t size = (extent + parts - 1) / parts;  // the last one may be smaller
    for (std::int64_t i = 0; i < parts; ++i) sizes.push_back(std::min(size, extent - std::min(extent, i * size)));
  }
  std::int64_t first = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > extent - first) net.refuse("parts of {} do not make {}", to_string(sizes), extent);
    if (net.is_used(i)) net.set_output(i, picked(net, a, axis, stretch(first, 1, sizes[i]), 0));
    first += sizes[i];
  }
  if (first != extent) net.refuse("parts of {} do not make {}", to_string(sizes), extent);
}

void import_slice(Import& net) {
  Activation a = net.activation(0);
  const auto starts = net.whole_list(1, "starts"), ends = net.whole_list(2, "ends"), given = net.whole_list(3, "axes");
  const auto steps = net.whole_list(4, "steps");
  if (!starts || !ends) net.refuse("where it begins and ends is missing; the file is damaged");
  for (const auto* list : {&ends, &given, &steps}) {
    if (*list && (*list)->size() != starts->size()) net.refuse("starts, ends, axes and steps differ in length");
  }
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const std::size_t axis = net.axis_of(given ? (*given)[i] : static_cast<std::int64_t>(i), a.rank());
    const std::int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0) net.refuse("a step of 0 is not possible");
    if (a.batch_axis == static_cast<int>(axis) && step == 1 && (*starts)[i] == 0 &&
        (*ends)[i] >= net.visible_dims(a)[axis]) {
      continue;
    }
    const std::int64_t extent = a.extent(axis);
    const auto place = [&](std::int64_t k) {
      const std::int64_t from_front = k < 0 ? std::max(k, -extent - 1) + extent : k;
      return step > 0 ? std::clamp<std::int64_t>(from_front, 0, extent)
                      : std::clamp<std::int64_t>(from_front, -1, extent - 1);
    };
    const std::int64_t first = place((*starts)[i]), last = place((*ends)[i]);
    std::vector<double> indices;
    if (step > 0) {
      for (std::int64_t k = first; k < last; k += std::min(step, extent)) indices.push_back(static_cast<double>(k));
    } else {
      for (std::int64_t k = first; k > last; k += std::max(step, -extent)) indices.push_back(static_cast<double>(k));
    }
    a = picked(net, a, axis, indices, 0);
  }
  net.set_output(0, a);
}

namespace {

// Rows of a table, by token.
void set_embedding(Import& net) {
  const Tensor& table = net.constant(0, "table");
  const Activation tokens = net.activation(1);
  if (table.rank() != 2 || net.axis_of(net.node().whole("axis", 0), 2) != 0 || table.count() == 0) {
    net.refuse("numbers taken from {} by what depends on the sample are not supported; rows of a table are",
               to_string(table.dims));
  }
  LayerSpec spec;
  spec.kind = LayerKind::embedding;
  spec.vocabulary = table.dims[0];
  spec.units = table.dims[1];
  checked_count(net.node().description(), Dims{tokens.size(), table.dims[1]});
  const Activation x = net.layers().with_shape(tokens, vectors_shape(tokens.size(), 1));
  Activation y = net.add(spec, {x}, vectors_shape(tokens.size(), table.dims[1]));
  net.layers().numbers()[y.layer + ".table"] = table.reals();
  y.axes = x.axes;
  for (Axis& axis : y.axes) {
    for (Factor& f : axis) f.step *= table.dims[1];
  }
  y.axes.push_back(table.dims[1] > 1 ? Axis{{table.dims[1], 1}} : Axis{});
  y.batch_axis = x.batch_axis;
  net.set_output(0, y);
}

}  // namespace

void import_gather(Import& net) {
  if (net.is_constant(0)) return set_embedding(net);
  const Activation& a = net.activation(0);
  const Tensor& places = net.constant(1, "indices");
  const std::size_t axis = net.axis_of(net.node().whole("axis", 0), a.rank());
  const std::int64_t extent = a.extent(axis);
  std::vector<double> indices;
  for (std::size_t i = 0; i < places.count(); ++i) {
    const double k = places.at(i) < 0 ? places.at(i) + static_cast<double>(extent) : places.at(i);
    if (!(k >= 0 && k < static_cast<double>(extent))) net.refuse("index {} is not one of {}", places.at(i), extent);
    indices.push_back(k);
  }
  Activation y = picked(net, a, axis, indices, 0);
  // The one dimension becomes those of the indices.
  std::vector<Axis> inner;
  if (!regroup({y.axes[axis]}, places.dims, inner))
    net.refuse("its indices {} are not understood", to_string(places.dims));
  y.axes.erase(y.axes.begin() + static_cast<std::ptrdiff_t>(axis));
  y.axes.insert(y.axes.begin() + static_cast<std::ptrdiff_t>(axis), inner.begin(), inner.end());
  if (y.batch_axis > static_cast<int>(axis)) y.batch_axis += static_cast<int>(inner.size()) - 1;
  net.set_output(0, y);
}

namespace {

// What stands at each place of a padded dimension; -1: the fill value.
std::vector<double> padded_places(Import& net, const std::string& mode, std::int64_t extent, std::int64_t before,
                                  std::int64_t behind) {
  std::vector<double> places;
  for (std::int64_t k = -before; k < extent + behind; ++k) {
    std::int64_t place = k;
    if (k < 0 || k >= extent) {
      if (mode == "constant") {
        place = -1;
      } else if (mode == "edge") {
        place = std::clamp<std::int64_t>(k, 0, extent - 1);
      } else if (mode == "reflect") {
        place = k < 0 ? -k : 2 * (extent - 1) - k;
      } else if (mode == "wrap") {
        place = (k % extent + extent) % extent;
      } else {
        net.refuse("mode = \"{}\" is not known", mode);
      }
      if (mode != "constant" && (place < 0 || place >= extent)) {
        net.refuse("{} places before and {} behind are more than {} places can be reflected to", before, behind,
                   extent);
      }
    }
    places.push_back(static_cast<double>(place));
  }
  return places;
}

}  // namespace

void import_pad(Import& net) {
  Activation a = net.activation(0);
  const auto pads = net.whole_list(1, "pads");
  const double fill = net.single_number(2, "value").value_or(0);
  const std::string mode = net.node().text("mode", "constant");
  std::vector<std::size_t> axes = counting(a.rank());
  if (net.has_input(3)) {
    axes.clear();
    for (const std::int64_t axis : net.constant(3, "axes").whole) axes.push_back(net.axis_of(axis, a.rank()));
  }
  if (!pads || pads->size() != 2 * axes.size()) net.refuse("its pads do not fit {} dimensions", axes.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const std::int64_t before = (*pads)[k], behind = (*pads)[k + axes.size()];
    if (before == 0 && behind == 0) continue;
    net.bounded("pads", before, 0, 1 << 20);
    net.bounded("pads", behind, 0, 1 << 20);
    a = picked(net, a, axes[k], padded_places(net, mode, a.extent(axes[k]), before, behind), fill);
  }
  net.set_output(0, a);
}

}  // namespace ohmic::onnx
