// The product of one sparse quantised vector with digits in groups of four rows. AVX-512 VNNI multiplies and adds four
// bytes per lane at once; elsewhere a plain loop gives the same integers.

#include <immintrin.h>

#include <cstring>

#include "ohmic/core/cpu.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

struct Sums {
  std::int32_t* sum;
  std::int32_t* variance;
};

// ------------------------------------------------------------------------------------------------------------- plain

inline __attribute__((always_inline)) void add_group(const std::int8_t* digits, const int (&x)[4], int columns,
                                                     int factor, std::int32_t* sum) {
  for (int j = 0; j < columns; ++j) {
    const std::int8_t* d = digits + 4 * j;
    sum[j] += factor * (x[0] * d[0] + x[1] * d[1] + x[2] * d[2] + x[3] * d[3]);
  }
}

int byte_of(std::uint32_t word, int k) { return static_cast<int>((word >> (8 * k)) & 255); }

inline __attribute__((always_inline)) void plain_product(const QuadMatrix& matrix, const QuadVector& vector,
                                                         Sums sums) {
  const std::size_t bytes = static_cast<std::size_t>(matrix.columns) * sizeof(std::int32_t);
  std::memset(sums.sum, 0, bytes);
  if (matrix.variance != nullptr) std::memset(sums.variance, 0, bytes);
  for (std::size_t k = 0; k < vector.group.size(); ++k) {
    int x[4], squared[4];
    for (int i = 0; i < 4; ++i) {
      x[i] = byte_of(vector.positive[k], i) - byte_of(vector.negative[k], i);
      squared[i] = byte_of(vector.squared[k], i);
    }
    const std::size_t at = static_cast<std::size_t>(vector.group[k]) * static_cast<std::size_t>(matrix.columns) * 4;
    add_group(matrix.high + at, x, matrix.columns, 256, sums.sum);
    add_group(matrix.low + at, x, matrix.columns, 1, sums.sum);
    if (matrix.variance != nullptr) add_group(matrix.variance + at, squared, matrix.columns, 1, sums.variance);
  }
}

__attribute__((target("avx2"))) void product_avx2(const QuadMatrix& matrix, const QuadVector& vector, Sums sums) {
  plain_product(matrix, vector, sums);
}

void product_plain(const QuadMatrix& matrix, const QuadVector& vector, Sums sums) {
  plain_product(matrix, vector, sums);
}

// ----------------------------------------------------------------------------------------------------------- AVX-512

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"), always_inline)) inline

// `kVectors` x 16 columns from column j on; the last vector holds the lanes of `tail`.
template <int kVectors, bool kNoise, bool kSigned>
OHMIC_VNNI void panel(const QuadMatrix& matrix, const QuadVector& vector, Sums sums, int j, __mmask16 tail) {
  __m512i high[kVectors], low[kVectors], variance[kVectors], minus_high[kVectors], minus_low[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    high[v] = low[v] = variance[v] = minus_high[v] = minus_low[v] = _mm512_setzero_si512();
  }
  const std::size_t row = static_cast<std::size_t>(matrix.columns) * 4;
  const std::size_t offset = static_cast<std::size_t>(j) * 4;
  for (std::size_t k = 0; k < vector.group.size(); ++k) {
    const std::size_t at = static_cast<std::size_t>(vector.group[k]) * row + offset;
    const __m512i positive = _mm512_set1_epi32(static_cast<int>(vector.positive[k]));
    const __m512i negative = _mm512_set1_epi32(static_cast<int>(vector.negative[k]));
    const __m512i squared = _mm512_set1_epi32(static_cast<int>(vector.squared[k]));
    for (int v = 0; v < kVectors; ++v) {
      const __mmask16 mask = v + 1 == kVectors ? tail : static_cast<__mmask16>(0xffff);
      const std::size_t here = at + static_cast<std::size_t>(v) * 64;
      const __m512i h = _mm512_maskz_loadu_epi32(mask, matrix.high + here);
      const __m512i l = _mm512_maskz_loadu_epi32(mask, matrix.low + here);
      high[v] = _mm512_dpbusd_epi32(high[v], positive, h);
      low[v] = _mm512_dpbusd_epi32(low[v], positive, l);
      if constexpr (kSigned) {
        minus_high[v] = _mm512_dpbusd_epi32(minus_high[v], negative, h);
        minus_low[v] = _mm512_dpbusd_epi32(minus_low[v], negative, l);
      }
      if constexpr (kNoise) {
        variance[v] = _mm512_dpbusd_epi32(variance[v], squared, _mm512_maskz_loadu_epi32(mask, matrix.variance + here));
      }
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const __mmask16 mask = v + 1 == kVectors ? tail : static_cast<__mmask16>(0xffff);
    const int at = j + 16 * v;
    const __m512i h = _mm512_sub_epi32(high[v], minus_high[v]);
    const __m512i l = _mm512_sub_epi32(low[v], minus_low[v]);
    _mm512_mask_storeu_epi32(sums.sum + at, mask, _mm512_add_epi32(_mm512_slli_epi32(h, 8), l));
    if constexpr (kNoise) _mm512_mask_storeu_epi32(sums.variance + at, mask, variance[v]);
  }
}

template <bool kNoise, bool kSigned>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) void product_vnni(const QuadMatrix& matrix,
                                                                                  const QuadVector& vector, Sums sums) {
  constexpr __mmask16 kAll = 0xffff;
  int j = 0;
  for (; j + 64 <= matrix.columns; j += 64) panel<4, kNoise, kSigned>(matrix, vector, sums, j, kAll);
  for (; j < matrix.columns; j += 16) {
    const int left = matrix.columns - j;
    const auto tail = left >= 16 ? kAll : static_cast<__mmask16>((1u << left) - 1);
    panel<1, kNoise, kSigned>(matrix, vector, sums, j, tail);
  }
}

}  // namespace

void quad_product(const QuadMatrix& matrix, const QuadVector& vector, std::int32_t* sum, std::int32_t* variance) {
  const Sums sums{sum, variance};
  if (cpu_has(CpuFeature::avx512_vnni)) {
    if (matrix.variance != nullptr) {
      return vector.any_negative ? product_vnni<true, true>(matrix, vector, sums)
                                 : product_vnni<true, false>(matrix, vector, sums);
    }
    return vector.any_negative ? product_vnni<false, true>(matrix, vector, sums)
                               : product_vnni<false, false>(matrix, vector, sums);
  }
  if (cpu_has(CpuFeature::avx2)) return product_avx2(matrix, vector, sums);
  product_plain(matrix, vector, sums);
}

}  // namespace ohmic
