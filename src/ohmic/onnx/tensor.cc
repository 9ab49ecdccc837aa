#include "ohmic/onnx/tensor.h"

#include <fmt/ranges.h>

#include <cmath>
#include <limits>

#include "ohmic/core/error.h"

namespace ohmic::onnx {

std::int64_t checked_count(const std::string& what, std::span<const std::int64_t> dims) {
  std::int64_t count = 1;
  for (const std::int64_t d : dims) {
    if (d < 0) fail("{}: a dimension of {} is negative; the file is damaged", what, d);
    if (d > kMostElements) fail("{}: a dimension of {} is above {}, the most that is read", what, d, kMostElements);
    count *= d;
    if (count > kMostElements) {
      fail("{}: a tensor of {} has more than {} elements, the most that is read", what, to_string(dims), kMostElements);
    }
  }
  return count;
}

std::string to_string(std::span<const std::int64_t> dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

Tensor Tensor::of_whole(std::vector<std::int64_t> values) {
  Tensor t;
  t.dims = {static_cast<std::int64_t>(values.size())};
  t.is_whole = true;
  t.whole = std::move(values);
  return t;
}

Tensor Tensor::zeros(const std::string& what, const Dims& dims, bool is_whole) {
  const auto count = static_cast<std::size_t>(checked_count(what, dims));
  Tensor t;
  t.dims = dims;
  t.is_whole = is_whole;
  if (is_whole) {
    t.whole.assign(count, 0);
  } else {
    t.real.assign(count, 0.0f);
  }
  return t;
}

void Tensor::set(std::size_t i, double value) {
  if (!is_whole) {
    real[i] = static_cast<float>(value);
    return;
  }
  constexpr double kMost = 9e18;  // within int64
  whole[i] = std::isnan(value) ? 0 : static_cast<std::int64_t>(std::min(std::max(value, -kMost), kMost));
}

std::vector<float> Tensor::reals() const {
  if (!is_whole) return real;
  std::vector<float> values;
  values.reserve(whole.size());
  for (const std::int64_t v : whole) values.push_back(static_cast<float>(v));
  return values;
}

Dims steps_of(const Dims& dims) {
  Dims steps(dims.size(), 1);
  for (std::size_t k = dims.size(); k-- > 1;) steps[k - 1] = steps[k] * dims[k];
  return steps;
}

Tensor strided(const Tensor& tensor, const Dims& extents, const Dims& steps, std::int64_t first) {
  Tensor result = Tensor::zeros("a tensor", extents, tensor.is_whole);
  std::vector<std::int64_t> at(extents.size(), 0);
  std::int64_t from = first;
  for (std::size_t to = 0; to < result.count(); ++to) {
    const auto place = static_cast<std::size_t>(from);
    if (tensor.is_whole) {
      result.whole[to] = tensor.whole[place];
    } else {
      result.real[to] = tensor.real[place];
    }
    for (std::size_t k = extents.size(); k-- > 0;) {
      from += steps[k];
      if (++at[k] < extents[k]) break;
      from -= extents[k] * steps[k];
      at[k] = 0;
    }
  }
  return result;
}

Dims broadcast_dims(const std::string& what, const Dims& a, const Dims& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Dims dims(rank);
  for (std::size_t k = 0; k < rank; ++k) {
    const std::int64_t from_a = k + a.size() < rank ? 1 : a[k + a.size() - rank];
    const std::int64_t from_b = k + b.size() < rank ? 1 : b[k + b.size() - rank];
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      fail("{}: shapes {} and {} do not go together", what, to_string(a), to_string(b));
    }
    dims[k] = from_a == 1 ? from_b : from_a;
  }
  return dims;
}

Tensor broadcast(const std::string& what, const Tensor& tensor, const Dims& dims) {
  if (tensor.dims == dims) return tensor;
  if (broadcast_dims(what, tensor.dims, dims) != dims) {
    fail("{}: shape {} cannot be repeated to {}", what, to_string(tensor.dims), to_string(dims));
  }
  checked_count(what, dims);
  const Dims own = steps_of(tensor.dims);
  Dims steps(dims.size(), 0);
  const std::size_t missing = dims.size() - tensor.dims.size();
  for (std::size_t k = missing; k < dims.size(); ++k) {
    if (tensor.dims[k - missing] != 1) steps[k] = own[k - missing];
  }
  return strided(tensor, dims, steps);
}

Tensor transposed(const Tensor& tensor, const std::vector<std::size_t>& order) {
  const Dims own = steps_of(tensor.dims);
  Dims extents, steps;
  for (const std::size_t from : order) {
    extents.push_back(tensor.dims[from]);
    steps.push_back(own[from]);
  }
  return strided(tensor, extents, steps);
}

}  // namespace ohmic::onnx
