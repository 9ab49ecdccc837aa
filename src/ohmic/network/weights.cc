#include "ohmic/network/weights.h"

#include <array>

#include "ohmic/core/gemm.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kVectorsPerChunk = 16;
constexpr std::size_t kVectorsPerProduct = 64;

// Eight running sums in a fixed order, whatever the compiler makes of them.
float dot(std::span<const float> a, std::span<const float> b) {
  std::array<float, 8> sum{};
  std::size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sum[k] += a[i + k] * b[i + k];
  }
  for (std::size_t k = 0; i + k < a.size(); ++k) sum[k] += a[i + k] * b[i + k];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

// Versions without phases kept the multiply-adds alone.
void load_digital_counters(const std::string& prefix, const SafetensorsFile& in, PhaseCounters& counters) {
  if (in.contains(prefix + ".phase_counters")) return counters.load(prefix, in);
  counters = {};
  counters[Phase::unsplit].digital_macs = in.read<std::uint64_t>(prefix + ".counters").at(0);
}

}  // namespace

Matrix values_of(const Weights& weights) {
  if (const auto* digital = dynamic_cast<const DigitalWeights*>(&weights)) return digital->values();
  const Tile& tile = dynamic_cast<const AnalogWeights&>(weights).tile();
  Matrix values(static_cast<std::size_t>(tile.inputs()), static_cast<std::size_t>(tile.outputs()));
  tile.read_weights(values.view());
  return values;
}

void SparseVector::assign(std::span<const float> x, int first) {
  index.resize(x.size());
  value.resize(x.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    index[count] = first + static_cast<int>(i);
    value[count] = x[i];
    count += x[i] != 0;
  }
  index.resize(count);
  value.resize(count);
}

void DigitalWeights::forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) {
  count_macs(x.rows * values_.values().size(), pass.phase());
  if (sparsity_ == Sparsity::dense) {
    parallel_chunks(x.rows, kVectorsPerProduct, [&](std::size_t begin, std::size_t end) {
      gemm(Transpose::no, Transpose::no, end - begin, y.columns, x.columns, x.row(begin).data(), x.columns,
           values_.values().data(), values_.columns(), false, y.row(begin).data(), y.columns);
    });
    return;
  }
  parallel_chunks(x.rows, kVectorsPerChunk, [&](std::size_t begin, std::size_t end) {
    thread_local SparseVector sparse;
    for (std::size_t s = begin; s < end; ++s) {
      sparse.assign(x.row(s));
      weighted_row_sum(values_.values().data(), values_.columns(), sparse.index, sparse.value, y.row(s));
    }
  });
}

void DigitalWeights::backward(MatrixView<const float> dy, MatrixView<float> dx, const Pass&) {
  count_macs(dy.rows * values_.values().size(), Phase::backward);
  if (sparsity_ == Sparsity::dense) {
    parallel_chunks(dy.rows, kVectorsPerProduct, [&](std::size_t begin, std::size_t end) {
      gemm(Transpose::no, Transpose::yes, end - begin, dx.columns, dy.columns, dy.row(begin).data(), dy.columns,
           values_.values().data(), values_.columns(), false, dx.row(begin).data(), dx.columns);
    });
    return;
  }
  parallel_chunks(dy.rows, kVectorsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      for (std::size_t i = 0; i < values_.rows(); ++i) {
        dx.row(s)[i] = dot(static_cast<const Matrix&>(values_).row(i), dy.row(s));
      }
    }
  });
}

void DigitalWeights::save(const std::string& prefix, SafetensorsWriter& out) const {
  const std::vector<std::int64_t> shape = {inputs(), outputs()};
  out.add(prefix + ".weights", values_.values(), shape);
  counters_.save(prefix, out);
}

void DigitalWeights::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".weights", values_.values());
  load_digital_counters(prefix, in, counters_);
}

}  // namespace ohmic
