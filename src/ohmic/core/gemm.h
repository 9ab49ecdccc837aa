#pragma once

#include <cstddef>

namespace ohmic {

enum class Transpose { no, yes };

/// C = A B (+ C if `accumulate`), row-major fp32 by oneDNN on the calling thread alone, so that the order of the sums
/// does not depend on the number of threads. op(A): m x k, op(B): k x n, C: m x n; ld*: elements from row to row as
/// stored.
void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k, const float* a,
          std::size_t lda, const float* b, std::size_t ldb, bool accumulate, float* c, std::size_t ldc);

}  // namespace ohmic
