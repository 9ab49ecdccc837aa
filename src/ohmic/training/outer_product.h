#pragma once

#include <span>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/parallel.h"

namespace ohmic {

/// The weight change -learning_rate / batch x^T d of a batch, row by row of the weight matrix. Each row adds up the
/// samples in their order, so the sums do not depend on the number of threads; zero inputs are skipped.
class OuterProduct {
 public:
  /// One sample's share of a row: row += x * step.
  struct Term {
    float x;
    std::span<const float> step;
  };
  static constexpr std::size_t kRowsPerChunk = 32;

  OuterProduct(const Matrix& inputs, const Matrix& deltas, float learning_rate)
      : inputs_(inputs), steps_(deltas.rows(), deltas.columns()) {
    const float scale = -learning_rate / static_cast<float>(deltas.rows());
    for (std::size_t i = 0; i < deltas.values().size(); ++i) steps_.values()[i] = scale * deltas.values()[i];
  }

  /// Calls body(row, terms) for the rows that change at all. Rows of different chunks of kRowsPerChunk may run in
  /// parallel.
  template <class Body>
  void for_each_row(const Body& body) const {
    const std::size_t rows_per_chunk = inputs_.rows() == 1 ? inputs_.columns() : kRowsPerChunk;
    parallel_chunks(inputs_.columns(), rows_per_chunk, [&](std::size_t begin, std::size_t end) {
      thread_local std::vector<Term> terms;
      for (std::size_t row = begin; row < end; ++row) {
        terms.clear();
        for (std::size_t s = 0; s < inputs_.rows(); ++s) {
          const float x = inputs_.row(s)[row];
          if (x != 0) terms.push_back({x, steps_.row(s)});
        }
        if (!terms.empty()) body(row, std::span<const Term>(terms));
      }
    });
  }

 private:
  const Matrix& inputs_;
  Matrix steps_;
};

}  // namespace ohmic
