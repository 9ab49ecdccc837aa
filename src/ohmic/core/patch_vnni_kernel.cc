// Patches of images times the digits of a row block, by AVX-512 VNNI: eight positions and sixteen columns at a time
// with all 24 sums in registers. Nothing is copied: the four bytes of a group are broadcast from where the image has
// them. Noise is added while the sums are in the first-level cache.

#include "ohmic/core/patch_vnni_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/gaussian_table.h"

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,aes,vaes")))
#define OHMIC_VNNI_INLINE OHMIC_VNNI __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kRows = 8;
constexpr int kColumns = PatchPanels::kColumns;

// acc += four unsigned times four signed bytes, per lane. By hand, because GCC 12 copies every accumulator around the
// intrinsic, which costs the registers that the sums need.
OHMIC_VNNI_INLINE void add_dot(__m512i& acc, __m512i unsigned_bytes, __m512i signed_bytes) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(unsigned_bytes), "v"(signed_bytes));
}

OHMIC_VNNI_INLINE __m512i four_bytes(const std::uint8_t* bytes) {
  std::int32_t word;
  std::memcpy(&word, bytes, 4);
  return _mm512_set1_epi32(word);
}

struct Sums {
  alignas(64) std::int32_t mean[kRows][kColumns];
  alignas(64) std::int32_t variance[kRows][kColumns];
};

template <bool kNoise>
OHMIC_VNNI_INLINE void panel_sums(const std::int8_t* digits, int groups, const std::int32_t* offsets,
                                  const std::uint8_t* const (&codes)[kRows], std::ptrdiff_t squares,
                                  const std::int32_t* correction, Sums& sums) {
  __m512i high[kRows], low[kRows], spread[kRows];
  const __m512i start = _mm512_loadu_si512(correction);
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m) {
    high[m] = spread[m] = _mm512_setzero_si512();
    low[m] = start;
  }
  for (int q = 0; q < groups; ++q, digits += PatchPanels::kGroupBytes) {
    const std::ptrdiff_t at = offsets[q];
    const __m512i h = _mm512_loadu_si512(digits);
    const __m512i l = _mm512_loadu_si512(digits + PatchPanels::kKindBytes);
    __m512i v;
    if constexpr (kNoise) v = _mm512_loadu_si512(digits + 2 * PatchPanels::kKindBytes);
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) {
      const __m512i code = four_bytes(codes[m] + at);
      add_dot(high[m], code, h);
      add_dot(low[m], code, l);
      if constexpr (kNoise) add_dot(spread[m], four_bytes(codes[m] + at + squares), v);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m) {
    _mm512_store_si512(sums.mean[m], _mm512_add_epi32(_mm512_slli_epi32(high[m], 8), low[m]));
    if constexpr (kNoise) _mm512_store_si512(sums.variance[m], spread[m]);
  }
}

// -------------------------------------------------------------------------------------------------------------- noise

constexpr int kRounds = 7;

// Polynomials of cipher_gaussian_from_word for the octaves 0 .. 14, at 157 - octave modulo 16; place 14, that of
// probabilities rounded to one half, is zero.
struct GaussianTable {
  alignas(64) float coefficients[detail::kGaussianDegree + 1][16] = {};

  constexpr GaussianTable() {
    for (int k = 0; k <= detail::kGaussianDegree; ++k) {
      for (int octave = 0; octave < 15; ++octave) {
        coefficients[k][(157 - octave) % 16] = detail::kGaussianCoefficients[k][octave];
      }
    }
  }
};
constexpr GaussianTable kTable;

struct Noise {
  __m512i key[kRounds + 1];
};

OHMIC_VNNI Noise noise_of(const std::array<std::uint32_t, 2>& key) {
  const auto first = static_cast<long long>(key[0] | static_cast<std::uint64_t>(key[1]) << 32);
  const __m512i weyl = _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<long long>(0xBB67AE8584CAA73Bu), static_cast<long long>(0x9E3779B97F4A7C15u)));
  Noise noise;
  noise.key[0] = _mm512_broadcast_i32x4(_mm_set_epi64x(0, first));
  for (int r = 1; r <= kRounds; ++r) noise.key[r] = _mm512_add_epi64(noise.key[r - 1], weyl);
  return noise;
}

OHMIC_VNNI_INLINE __m512i cipher(const Noise& noise, __m512i counter) {
  __m512i state = _mm512_xor_si512(counter, noise.key[0]);
#pragma GCC unroll 8
  for (int r = 1; r < kRounds; ++r) state = _mm512_aesenc_epi128(state, noise.key[r]);
  return _mm512_aesenclast_epi128(state, noise.key[kRounds]);
}

// Lanes beyond the table's octaves, one in 2^15.
__attribute__((noinline)) OHMIC_VNNI __m512 far_gaussians(__m512i word) {
  alignas(64) std::uint32_t words[16];
  alignas(64) float z[16];
  _mm512_store_si512(words, word);
  for (int i = 0; i < 16; ++i) z[i] = cipher_gaussian_from_word(words[i]);
  return _mm512_load_ps(z);
}

// Plain operators on vectors, because the compiler must not fuse them (-ffp-contract=off) and need not be told how.
OHMIC_VNNI_INLINE __m512 gaussian_of(__m512i word) {
  const __m512 v = _mm512_add_ps(_mm512_cvtepi32_ps(word), _mm512_set1_ps(0.5f));
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i place = _mm512_srli_epi32(bits, 23);
  // (bits & 0x007fffff) | 1.0f
  const __m512 mantissa = _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(bits, _mm512_set1_epi32(0x007fffff), _mm512_set1_epi32(0x3f800000), 0xea));
  const __m512 t = _mm512_sub_ps(mantissa, _mm512_set1_ps(1.5f));
  __m512 z = _mm512_permutexvar_ps(place, _mm512_load_ps(kTable.coefficients[detail::kGaussianDegree]));
#pragma GCC unroll 8
  for (int k = detail::kGaussianDegree - 1; k >= 0; --k) {
    z = _mm512_add_ps(_mm512_mul_ps(z, t), _mm512_permutexvar_ps(place, _mm512_load_ps(kTable.coefficients[k])));
  }
  // z ^ (bits & sign)
  z = _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(z), bits, _mm512_set1_epi32(static_cast<int>(0x80000000u)), 0x78));
  const __mmask16 far =
      _mm512_cmplt_epu32_mask(_mm512_add_epi32(word, _mm512_set1_epi32(0x10000)), _mm512_set1_epi32(0x20000));
  if (__builtin_expect(far != 0, 0)) z = far_gaussians(word);
  return z;
}

// ------------------------------------------------------------------------------------------------------------ outputs

struct RowConstants {
  __m512i counter[kRows];
  __m512 largest[kRows];
};

template <bool kNoise>
OHMIC_VNNI_INLINE void panel_outputs(const Sums& sums, const PatchRow* const (&rows)[kRows], int count,
                                     const Noise& noise, RowConstants& state, __mmask16 lanes, float* analog,
                                     std::size_t stride) {
  const __m512i next = _mm512_set4_epi32(0, 0, 0, kColumns / 4);
  for (int m = 0; m < count; ++m) {
    const PatchRow& row = *rows[m];
    __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums.mean[m])), _mm512_set1_ps(row.mean_scale));
    if constexpr (kNoise) {
      const __m512 scaled =
          _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums.variance[m])), _mm512_set1_ps(row.variance_scale));
      const __m512 variance =
          _mm512_max_ps(_mm512_add_ps(scaled, _mm512_set1_ps(row.variance_offset)), _mm512_setzero_ps());
      const __m512 z = gaussian_of(cipher(noise, state.counter[m]));
      state.counter[m] = _mm512_add_epi32(state.counter[m], next);
      y = _mm512_add_ps(y, _mm512_mul_ps(_mm512_sqrt_ps(variance), z));
    }
    y = _mm512_maskz_mov_ps(lanes, y);
    _mm512_storeu_ps(analog + static_cast<std::size_t>(m) * stride, y);
    state.largest[m] = _mm512_max_ps(state.largest[m], _mm512_abs_ps(y));
  }
}

template <bool kNoise>
OHMIC_VNNI void analog_of_rows(const PatchProduct& p, const PatchRow* const (&rows)[kRows], int count,
                               const Noise& noise, float* analog, std::size_t stride, float* largest) {
  RowConstants state;
  const std::uint8_t* codes[kRows];
  const __m512i lane = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  for (int m = 0; m < kRows; ++m) {
    codes[m] = rows[m]->codes;
    const __m128i counter = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[m]->counter.data()));
    state.counter[m] = _mm512_add_epi32(_mm512_broadcast_i32x4(counter), lane);
    state.largest[m] = _mm512_setzero_ps();
  }
  const PatchPanels& panels = p.panels;
  Sums sums;
  for (int panel = 0; panel < panels.panels(); ++panel) {
    const int left = panels.columns - panel * kColumns;
    const auto lanes = static_cast<__mmask16>(left >= kColumns ? 0xffffu : (1u << left) - 1);
    panel_sums<kNoise>(panels.digits + static_cast<std::size_t>(panel) * panels.panel_bytes(), panels.groups, p.offsets,
                       codes, p.squares, panels.correction + panel * kColumns, sums);
    panel_outputs<kNoise>(sums, rows, count, noise, state, lanes, analog + panel * kColumns, stride);
  }
  for (int m = 0; m < count; ++m) largest[m] = _mm512_reduce_max_ps(state.largest[m]);
}

}  // namespace

bool has_patch_vnni() {
  static const bool has_aes = __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512dq");
  return has_aes && cpu_has(CpuFeature::avx512_vnni);
}

OHMIC_VNNI void patch_analog_vnni(const PatchProduct& product, std::span<const PatchRow> rows, float* analog,
                                  std::size_t stride, float* largest) {
  const Noise noise = noise_of(product.key);
  for (std::size_t begin = 0; begin < rows.size(); begin += kRows) {
    const PatchRow* here[kRows];
    const auto count = static_cast<int>(std::min<std::size_t>(kRows, rows.size() - begin));
    for (int m = 0; m < kRows; ++m) here[m] = &rows[begin + static_cast<std::size_t>(std::min(m, count - 1))];
    if (product.is_noisy()) {
      analog_of_rows<true>(product, here, count, noise, analog + begin * stride, stride, largest + begin);
    } else {
      analog_of_rows<false>(product, here, count, noise, analog + begin * stride, stride, largest + begin);
    }
  }
}

}  // namespace ohmic
