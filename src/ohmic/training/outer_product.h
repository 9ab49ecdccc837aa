#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/parallel.h"
#include "ohmic/network/weights.h"
#include "ohmic/training/update_rule.h"

namespace ohmic {

/// The weight change -learning_rate / loss terms x^T d of a batch. Each row of the weight matrix adds up the samples in
/// their order, so the sums do not depend on the number of threads; zero inputs are skipped.
class OuterProduct {
 public:
  /// Rows are worked on in chunks that fit in the first-level cache.
  static constexpr std::size_t kRowsPerChunk = 32;

  /// What one sample adds to some rows: row rows[k] += x[k] * step.
  struct Term {
    std::span<const int> rows;
    std::span<const float> x;
    std::span<const float> step;
    std::size_t chunk;  ///< of rows
    bool last;          ///< no further sample follows for these rows
  };

  static std::size_t chunk_count(std::size_t rows) { return (rows + kRowsPerChunk - 1) / kRowsPerChunk; }

  OuterProduct(const Matrix& inputs, const Matrix& deltas, const UpdateStep& step)
      : inputs_(inputs), steps_(deltas.rows(), deltas.columns()) {
    const float scale = -step.learning_rate / static_cast<float>(step.loss_terms);
    for (std::size_t i = 0; i < deltas.values().size(); ++i) steps_.values()[i] = scale * deltas.values()[i];
  }

  /// Calls body(term) for each chunk and sample; chunks may run in parallel. A single sample is one term with chunk 0.
  template <class Body>
  void for_each_term(const Body& body) const {
    const std::size_t samples = inputs_.rows();
    const std::size_t rows_per_chunk = samples == 1 ? inputs_.columns() : kRowsPerChunk;
    parallel_chunks(inputs_.columns(), rows_per_chunk, [&](std::size_t begin, std::size_t end) {
      thread_local SparseVector sparse;
      for (std::size_t s = 0; s < samples; ++s) {
        sparse.assign(inputs_.row(s).subspan(begin, end - begin), static_cast<int>(begin));
        body(Term{sparse.index, sparse.value, static_cast<const Matrix&>(steps_).row(s), begin / rows_per_chunk,
                  s + 1 == samples});
      }
    });
  }

 private:
  const Matrix& inputs_;
  Matrix steps_;
};

/// True where adding up the samples one by one beats a matrix product: few of them, and nothing but their sum wanted.
inline bool pays_outer_product(const WeightMatrix& matrix, const Optimizer& optimizer, const UpdateStep& step) {
  constexpr std::size_t kMostSamples = 16;
  return matrix.factored && matrix.inputs.rows() <= kMostSamples && optimizer.is_plain() && step.gradient_factor == 1;
}

/// The change that the optimiser wants of a matrix whose weights are `weights` (read only where there is a decay).
void wanted_change(WeightMatrix& matrix, Optimizer& optimizer, const UpdateStep& step, std::span<const float> weights,
                   std::vector<float>& change);

}  // namespace ohmic
