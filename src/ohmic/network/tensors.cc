#include "ohmic/network/tensors.h"

#include <cmath>
#include <numeric>

#include "ohmic/core/gemm.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

// Where the input and the output of a tensor layer must have as many values as its settings say.
Shape checked_sizes(const std::string& name, std::string_view kind, const std::vector<Shape>& inputs, std::size_t in,
                    std::size_t out, const Shape& output) {
  const Shape& input = single_input(name, kind, inputs);
  if (input.size() != in) {
    fail("layer \"{}\" of kind {} is for {} values, but its input {} has {}; change its dims", name, kind, in,
         to_string(input), input.size());
  }
  if (output.size() != out) {
    fail("layer \"{}\" of kind {} makes {} values, but its output {} has {}; change steps, height, width, units", name,
         kind, out, to_string(output), output.size());
  }
  return output;
}

const Extents& three_extents(const std::string& name, std::string_view kind, const Extents& dims) {
  if (dims.size() != 3) {
    fail("layer \"{}\" of kind {} needs dims = [outer, count, inner], not {} of them", name, kind, dims.size());
  }
  return dims;
}

Extents strides_of(const Extents& extents) {
  Extents strides(extents.size(), 1);
  for (std::size_t k = extents.size(); k-- > 1;) strides[k - 1] = strides[k] * extents[k];
  return strides;
}

// visit(offset in the input, elements from one to the next, how many) for the runs of the output in their order.
template <class Visit>
void each_run(const std::vector<TensorLoop>& loops, const Visit& visit) {
  const TensorLoop& last = loops.back();
  const std::size_t outer = loops.size() - 1;
  std::vector<std::size_t> at(outer, 0);
  std::size_t offset = 0;
  for (;;) {
    visit(offset, last.first_step, last.count);
    std::size_t k = outer;
    for (; k-- > 0;) {
      offset += loops[k].first_step;
      if (++at[k] < loops[k].count) break;
      offset -= at[k] * loops[k].first_step;
      at[k] = 0;
    }
    if (k == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace

Extents extents_of(const std::string& layer, const char* setting, const std::vector<double>& values) {
  if (values.empty()) fail("layer \"{}\" needs {}, the extents of a tensor", layer, setting);
  Extents extents;
  double count = 1;
  for (const double v : values) {
    count *= v;
    if (!(v >= 1 && v == std::floor(v) && count <= 0x1p31)) {
      fail("layer \"{}\": {} holds {}; extents are whole numbers from 1 with a product of at most 2^31", layer, setting,
           v);
    }
    extents.push_back(static_cast<std::size_t>(v));
  }
  return extents;
}

std::size_t element_count(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

std::vector<TensorLoop> joined_loops(std::vector<TensorLoop> loops) {
  std::vector<TensorLoop> joined;
  for (const TensorLoop& loop : loops) {
    if (loop.count == 1) continue;
    if (!joined.empty()) {
      TensorLoop& before = joined.back();
      if (before.first_step == loop.count * loop.first_step && before.second_step == loop.count * loop.second_step) {
        before = {before.count * loop.count, loop.first_step, loop.second_step};
        continue;
      }
    }
    joined.push_back(loop);
  }
  if (joined.empty()) joined.push_back({1, 0, 0});
  return joined;
}

// --------------------------------------------------------------------------------------------------------- permute

PermuteLayer::PermuteLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims,
                           const std::vector<double>& order, const Shape& output)
    : Layer(name, inputs, checked_sizes(name, "permute", inputs, element_count(dims), element_count(dims), output)) {
  const Extents strides = strides_of(dims);
  std::vector<bool> seen(dims.size(), false);
  std::vector<TensorLoop> loops;
  for (const double place : order) {
    const bool is_place = place >= 0 && place < static_cast<double>(dims.size()) && place == std::floor(place);
    if (!is_place || order.size() != dims.size() || seen[static_cast<std::size_t>(place)]) {
      fail("layer \"{}\": order must hold each of 0 .. {} once, but holds {}", name, dims.size() - 1, place);
    }
    const auto from = static_cast<std::size_t>(place);
    seen[from] = true;
    loops.push_back({dims[from], strides[from], 0});
  }
  std::size_t step = 1;  // in the output, so that only what is neighbouring in both is joined
  for (std::size_t k = loops.size(); k-- > 0;) {
    loops[k].second_step = step;
    step *= loops[k].count;
  }
  loops_ = joined_loops(std::move(loops));
}

void PermuteLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  parallel_chunks(y.rows, rows_per_task(y.columns), [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      const float* in = x[0].data + s * y.columns;
      float* out = y.data + s * y.columns;
      each_run(loops_, [&](std::size_t offset, std::size_t step, std::size_t count) {
        const float* from = in + offset;
        for (std::size_t i = 0; i < count; ++i) out[i] = from[i * step];
        out += count;
      });
    }
  });
}

void PermuteLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data == nullptr) return;
  parallel_chunks(dy.rows, rows_per_task(dy.columns), [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      const float* d = dy.data + s * dy.columns;
      float* to = dx[0].data + s * dy.columns;
      each_run(loops_, [&](std::size_t offset, std::size_t step, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) to[offset + i * step] = d[i];
        d += count;
      });
    }
  });
}

// ------------------------------------------------------------------------------------------------------------ pick

PickLayer::PickLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims,
                     const std::vector<double>& indices, double fill, const Shape& output)
    : Layer(name, inputs,
            checked_sizes(name, "pick", inputs, element_count(three_extents(name, "pick", dims)),
                          dims[0] * indices.size() * dims[2], output)),
      dims_(dims),
      fill_(static_cast<float>(fill)) {
  for (const double index : indices) {
    if (!(index >= -1 && index < static_cast<double>(dims[1]) && index == std::floor(index))) {
      fail("layer \"{}\": indices holds {}; it must hold whole numbers from -1 to {}", name, index, dims[1] - 1);
    }
    indices_.push_back(static_cast<int>(index));
  }
}

void PickLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const std::size_t inner = dims_[2];
  parallel_chunks(y.rows, rows_per_task(y.columns), [&](std::size_t begin, std::size_t end) {
    float* to = y.data + begin * y.columns;
    for (std::size_t block = begin * dims_[0]; block < end * dims_[0]; ++block) {
      const float* from = x[0].data + block * dims_[1] * inner;
      for (const int index : indices_) {
        if (index < 0) {
          std::fill_n(to, inner, fill_);
        } else {
          std::copy_n(from + static_cast<std::size_t>(index) * inner, inner, to);
        }
        to += inner;
      }
    }
  });
}

void PickLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                         const Pass&) {
  if (dx[0].data == nullptr) return;
  const std::size_t inner = dims_[2];
  parallel_chunks(dy.rows, rows_per_task(dy.columns), [&](std::size_t begin, std::size_t end) {
    const float* d = dy.data + begin * dy.columns;
    for (std::size_t block = begin * dims_[0]; block < end * dims_[0]; ++block) {
      float* to = dx[0].data + block * dims_[1] * inner;
      std::fill_n(to, dims_[1] * inner, 0.0f);
      for (const int index : indices_) {
        float* slice = to + static_cast<std::size_t>(std::max(index, 0)) * inner;
        for (std::size_t i = 0; index >= 0 && i < inner; ++i) slice[i] += d[i];
        d += inner;
      }
    }
  });
}

// ------------------------------------------------------------------------------------------------------------ mean

MeanLayer::MeanLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims,
                     const Shape& output)
    : Layer(name, inputs,
            checked_sizes(name, "mean", inputs, element_count(three_extents(name, "mean", dims)), dims[0] * dims[2],
                          output)),
      dims_(dims) {}

void MeanLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const std::size_t count = dims_[1], inner = dims_[2];
  parallel_chunks(y.rows * dims_[0], rows_per_task(count * inner), [&](std::size_t begin, std::size_t end) {
    std::vector<double> sums(inner);
    for (std::size_t block = begin; block < end; ++block) {
      std::fill(sums.begin(), sums.end(), 0.0);
      const float* in = x[0].data + block * count * inner;
      for (std::size_t k = 0; k < count; ++k) {
        for (std::size_t i = 0; i < inner; ++i) sums[i] += static_cast<double>(in[k * inner + i]);
      }
      for (std::size_t i = 0; i < inner; ++i) {
        y.data[block * inner + i] = static_cast<float>(sums[i] / static_cast<double>(count));
      }
    }
  });
}

void MeanLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                         const Pass&) {
  if (dx[0].data == nullptr) return;
  const std::size_t count = dims_[1], inner = dims_[2];
  const float share = 1.0f / static_cast<float>(count);
  parallel_chunks(dy.rows * dims_[0], rows_per_task(count * inner), [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      for (std::size_t k = 0; k < count * inner; ++k) {
        dx[0].data[block * count * inner + k] = dy.data[block * inner + k % inner] * share;
      }
    }
  });
}

// ---------------------------------------------------------------------------------------------------------- matmul

namespace {

// The extents in front of the matrices, aligned to `rank` of them.
Extents batch_of(const Extents& dims, std::size_t rank) {
  Extents batch(rank - (dims.size() - 2), 1);
  batch.insert(batch.end(), dims.begin(), dims.end() - 2);
  return batch;
}

Shape product_shape(const std::string& name, const std::vector<Shape>& inputs, const Extents& a, const Extents& b,
                    const Shape& output) {
  if (inputs.size() != 2 || a.size() < 2 || b.size() < 2) {
    fail("layer \"{}\" of kind matmul needs two inputs, and in dims and other_dims the extents of at least a matrix",
         name);
  }
  if (inputs[0].size() != element_count(a) || inputs[1].size() != element_count(b)) {
    fail("layer \"{}\": its inputs {} and {} have {} and {} values, but dims and other_dims say {} and {}", name,
         to_string(inputs[0]), to_string(inputs[1]), inputs[0].size(), inputs[1].size(), element_count(a),
         element_count(b));
  }
  if (a.back() != b[b.size() - 2]) {
    fail("layer \"{}\": a matrix of {} columns cannot be multiplied with one of {} rows", name, a.back(),
         b[b.size() - 2]);
  }
  return output;
}

}  // namespace

MatmulLayer::MatmulLayer(const std::string& name, const std::vector<Shape>& inputs, const Operand& first,
                         const Operand& second, const Shape& output)
    : Layer(name, inputs, product_shape(name, inputs, first.dims, second.dims, output)),
      transposed_(first.transposed),
      other_transposed_(second.transposed),
      rows_(first.dims[first.dims.size() - 2]),
      inner_(first.dims.back()),
      columns_(second.dims.back()) {
  const std::size_t rank = std::max(first.dims.size(), second.dims.size()) - 2;
  const Extents a = batch_of(first.dims, rank), b = batch_of(second.dims, rank);
  products_.push_back({0, 0});
  for (std::size_t k = 0; k < rank; ++k) {
    if (a[k] != b[k] && a[k] != 1 && b[k] != 1) {
      fail("layer \"{}\": {} matrices cannot be paired with {}; the extents must be equal, or one of them 1", name,
           a[k], b[k]);
    }
    std::vector<Product> next;
    for (const Product& p : products_) {
      for (std::size_t i = 0; i < std::max(a[k], b[k]); ++i) {
        next.push_back({p.first * a[k] + (a[k] > 1 ? i : 0), p.second * b[k] + (b[k] > 1 ? i : 0)});
      }
    }
    products_ = std::move(next);
  }
  if (output.size() != products_.size() * rows_ * columns_) {
    fail("layer \"{}\" makes {} values, but its output {} has {}", name, products_.size() * rows_ * columns_,
         to_string(output), output.size());
  }
  for (Product& p : products_) {
    p.first *= rows_ * inner_;
    p.second *= inner_ * columns_;
  }
}

void MatmulLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const Transpose a = transposed_ ? Transpose::yes : Transpose::no;
  const Transpose b = other_transposed_ ? Transpose::yes : Transpose::no;
  const std::size_t lda = transposed_ ? rows_ : inner_, ldb = other_transposed_ ? inner_ : columns_;
  parallel_chunks(y.rows * products_.size(), 1, [&](std::size_t p, std::size_t) {
    const std::size_t sample = p / products_.size();
    const Product& product = products_[p % products_.size()];
    gemm(a, b, rows_, columns_, inner_, x[0].data + sample * x[0].columns + product.first, lda,
         x[1].data + sample * x[1].columns + product.second, ldb, false, y.data + p * rows_ * columns_, columns_);
  });
}

// Each gradient is written the way its input is stored.
void MatmulLayer::backward_sample(std::size_t s, LayerInputs x, MatrixView<const float> dy, InputGradients dx) const {
  const Transpose a = transposed_ ? Transpose::yes : Transpose::no;
  const Transpose b = other_transposed_ ? Transpose::yes : Transpose::no;
  const Transpose not_a = transposed_ ? Transpose::no : Transpose::yes;
  const Transpose not_b = other_transposed_ ? Transpose::no : Transpose::yes;
  const std::size_t lda = transposed_ ? rows_ : inner_, ldb = other_transposed_ ? inner_ : columns_;
  for (std::size_t p = 0; p < products_.size(); ++p) {
    const float* d = dy.data + s * dy.columns + p * rows_ * columns_;
    const float* left = x[0].data + s * x[0].columns + products_[p].first;
    const float* right = x[1].data + s * x[1].columns + products_[p].second;
    if (dx[0].data != nullptr) {
      float* to = dx[0].data + s * x[0].columns + products_[p].first;
      if (transposed_) {
        gemm(b, Transpose::yes, inner_, rows_, columns_, right, ldb, d, columns_, true, to, lda);
      } else {
        gemm(Transpose::no, not_b, rows_, inner_, columns_, d, columns_, right, ldb, true, to, lda);
      }
    }
    if (dx[1].data == nullptr) continue;
    float* to = dx[1].data + s * x[1].columns + products_[p].second;
    if (other_transposed_) {
      gemm(Transpose::yes, a, columns_, inner_, rows_, d, columns_, left, lda, true, to, ldb);
    } else {
      gemm(not_a, Transpose::no, inner_, columns_, rows_, left, lda, d, columns_, true, to, ldb);
    }
  }
}

void MatmulLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                           const Pass&) {
  for (const MatrixView<float>& to : dx) {
    if (to.data != nullptr) std::fill_n(to.data, to.rows * to.columns, 0.0f);
  }
  parallel_chunks(dy.rows, 1, [&](std::size_t s, std::size_t) { backward_sample(s, x, dy, dx); });
}

// -------------------------------------------------------------------------------------------------------- constant

ConstantLayer::ConstantLayer(const std::string& name, const std::vector<Shape>& inputs, const Shape& output)
    : Layer(name, {single_input(name, "constant", inputs)}, output),
      values_{name + ".values", std::vector<float>(output.size(), 0.0f), std::vector<float>(output.size(), 0.0f)} {}

void ConstantLayer::forward(LayerInputs, MatrixView<float> y, const Pass&) {
  for (std::size_t s = 0; s < y.rows; ++s) {
    std::copy(values_.values.begin(), values_.values.end(), y.data + s * y.columns);
  }
}

void ConstantLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                             const Pass&) {
  if (dx[0].data != nullptr) std::fill_n(dx[0].data, dx[0].rows * dx[0].columns, 0.0f);
  for (std::size_t i = 0; i < dy.columns; ++i) {
    double sum = 0;
    for (std::size_t s = 0; s < dy.rows; ++s) sum += static_cast<double>(dy.data[s * dy.columns + i]);
    values_.gradient[i] = static_cast<float>(sum);
  }
}

}  // namespace ohmic
