// The product of one sparse quantised vector with digits in groups of four rows. AVX-512 VNNI multiplies and adds four
// bytes per lane at once; elsewhere a plain loop gives the same integers.

#include <immintrin.h>

#include <cstring>

#include "ohmic/core/cpu.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

constexpr int kColumns = DigitPanels::kColumns;

struct Sums {
  std::int32_t* sum;
  std::int32_t* variance;  // null: no noise
};

// ------------------------------------------------------------------------------------------------------------- plain

inline __attribute__((always_inline)) void add_group(const std::int8_t* digits, const int (&x)[4], int factor,
                                                     std::int32_t* sum) {
  for (int j = 0; j < kColumns; ++j) {
    const std::int8_t* d = digits + 4 * j;
    sum[j] += factor * (x[0] * d[0] + x[1] * d[1] + x[2] * d[2] + x[3] * d[3]);
  }
}

int byte_of(std::uint32_t word, int k) { return static_cast<int>((word >> (8 * k)) & 255); }

inline __attribute__((always_inline)) void plain_product(const DigitPanels& matrix, const QuadVector& vector,
                                                         Sums sums) {
  const std::size_t bytes = static_cast<std::size_t>(matrix.panels()) * kColumns * sizeof(std::int32_t);
  std::memset(sums.sum, 0, bytes);
  if (sums.variance != nullptr) std::memset(sums.variance, 0, bytes);
  for (std::size_t k = 0; k < vector.group.size(); ++k) {
    int x[4], squared[4];
    for (int i = 0; i < 4; ++i) {
      x[i] = byte_of(vector.positive[k], i) - byte_of(vector.negative[k], i);
      squared[i] = byte_of(vector.squared[k], i);
    }
    const std::size_t at = static_cast<std::size_t>(vector.group[k]) * DigitPanels::kGroupBytes;
    for (int panel = 0; panel < matrix.panels(); ++panel) {
      const std::int8_t* digits = matrix.panel(panel) + at;
      add_group(digits, x, 256, sums.sum + panel * kColumns);
      add_group(digits + DigitPanels::kKindBytes, x, 1, sums.sum + panel * kColumns);
      if (sums.variance == nullptr) continue;
      add_group(digits + 2 * DigitPanels::kKindBytes, squared, 1, sums.variance + panel * kColumns);
    }
  }
}

__attribute__((target("avx2"))) void product_avx2(const DigitPanels& matrix, const QuadVector& vector, Sums sums) {
  plain_product(matrix, vector, sums);
}

void product_plain(const DigitPanels& matrix, const QuadVector& vector, Sums sums) {
  plain_product(matrix, vector, sums);
}

// ----------------------------------------------------------------------------------------------------------- AVX-512

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"), always_inline)) inline

// `kPanels` panels from the first on.
template <int kPanels, bool kNoise, bool kSigned>
OHMIC_VNNI void panel_sums(const DigitPanels& matrix, const QuadVector& vector, Sums sums, int first) {
  __m512i high[kPanels], low[kPanels], variance[kPanels], minus_high[kPanels], minus_low[kPanels];
  for (int p = 0; p < kPanels; ++p) {
    high[p] = low[p] = variance[p] = minus_high[p] = minus_low[p] = _mm512_setzero_si512();
  }
  const std::int8_t* const digits = matrix.panel(first);
  for (std::size_t k = 0; k < vector.group.size(); ++k) {
    const std::int8_t* at = digits + static_cast<std::size_t>(vector.group[k]) * DigitPanels::kGroupBytes;
    const __m512i positive = _mm512_set1_epi32(static_cast<int>(vector.positive[k]));
    const __m512i negative = _mm512_set1_epi32(static_cast<int>(vector.negative[k]));
    const __m512i squared = _mm512_set1_epi32(static_cast<int>(vector.squared[k]));
    for (int p = 0; p < kPanels; ++p, at += matrix.panel_bytes) {
      const __m512i h = _mm512_load_si512(at);
      const __m512i l = _mm512_load_si512(at + DigitPanels::kKindBytes);
      high[p] = _mm512_dpbusd_epi32(high[p], positive, h);
      low[p] = _mm512_dpbusd_epi32(low[p], positive, l);
      if constexpr (kSigned) {
        minus_high[p] = _mm512_dpbusd_epi32(minus_high[p], negative, h);
        minus_low[p] = _mm512_dpbusd_epi32(minus_low[p], negative, l);
      }
      if constexpr (kNoise) {
        variance[p] = _mm512_dpbusd_epi32(variance[p], squared, _mm512_load_si512(at + 2 * DigitPanels::kKindBytes));
      }
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    const int at = (first + p) * kColumns;
    const __m512i h = _mm512_sub_epi32(high[p], minus_high[p]);
    const __m512i l = _mm512_sub_epi32(low[p], minus_low[p]);
    _mm512_storeu_si512(sums.sum + at, _mm512_add_epi32(_mm512_slli_epi32(h, 8), l));
    if constexpr (kNoise) _mm512_storeu_si512(sums.variance + at, variance[p]);
  }
}

template <bool kNoise, bool kSigned>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) void product_vnni(const DigitPanels& matrix,
                                                                                  const QuadVector& vector, Sums sums) {
  int panel = 0;
  for (; panel + 4 <= matrix.panels(); panel += 4) panel_sums<4, kNoise, kSigned>(matrix, vector, sums, panel);
  for (; panel < matrix.panels(); ++panel) panel_sums<1, kNoise, kSigned>(matrix, vector, sums, panel);
}

}  // namespace

void quad_product(const DigitPanels& matrix, const QuadVector& vector, std::int32_t* sum, std::int32_t* variance) {
  const Sums sums{sum, variance};
  if (cpu_has(CpuFeature::avx512_vnni)) {
    if (variance != nullptr) {
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
