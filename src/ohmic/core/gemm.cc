#include "ohmic/core/gemm.h"

#include <omp.h>

#include <dnnl.hpp>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

// While it lives, oneDNN works on the calling thread alone; else it would take as many as OpenMP would give it.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k, const float* a,
          std::size_t lda, const float* b, std::size_t ldb, bool accumulate, float* c, std::size_t ldc) {
  const OneThread one;
  const auto length = [](std::size_t x) { return static_cast<dnnl_dim_t>(x); };
  const auto letter = [](Transpose t) { return t == Transpose::yes ? 'T' : 'N'; };
  [[maybe_unused]] const dnnl::status status =
      dnnl::sgemm(letter(transpose_a), letter(transpose_b), length(m), length(n), length(k), 1.0f, a, length(lda), b,
                  length(ldb), accumulate ? 1.0f : 0.0f, c, length(ldc));
  OHMIC_EXPECT(status == dnnl::status::success);
}

}  // namespace ohmic
