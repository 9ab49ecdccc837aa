// Patches of images times the digits of a row block, by AVX-512 VNNI: eight positions and sixteen columns at a time
// with all 24 sums in registers. Nothing is copied: the four bytes of a group are broadcast from where the image has
// them. Noise is added while the sums are in the first-level cache.

#include "ohmic/core/patch_vnni_kernel.h"

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <cstddef>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/gaussian_table.h"

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,aes,vaes")))
#define OHMIC_VNNI_INLINE OHMIC_VNNI __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kRows = 8;
constexpr int kColumns = DigitPanels::kColumns;
constexpr int kPanelsAtOnce = 12;  // their sums stay in the first-level cache

// Of one panel: sums of code times weight, and standard deviations of the noise.
struct Sums {
  alignas(64) std::int32_t mean[kRows][kColumns];
  alignas(64) float deviation[kRows][kColumns];
};

// The loop over the groups of one panel, with its operands.
struct PanelLoop {
  const std::uint8_t* codes[kRows];
  std::ptrdiff_t squares;
  const std::int8_t* digits;
  const std::int32_t* offsets;
  std::int64_t groups;  ///< at least 1
  const std::int32_t* correction;
  Sums* sums;
  const float* variance;  ///< per row scale, then per row offset
};

// In assembly, because GCC 12 does not keep 24 accumulators in registers around the intrinsics: 8-15 are the high sums,
// 16-23 the low ones, 24-31 the variances; 0-2 hold the digits, 3-6 the bytes of one position in turn.
// Unsigned bytes (codes + 128, squares) times signed digits, sums of four per lane.
#define OHMIC_CODE(c, t, high, low)         \
  "vpbroadcastd (%[" c "],%[at]), %%zmm" t  \
  "\n\t"                                    \
  "vpdpbusd %%zmm0, %%zmm" t ", %%zmm" high \
  "\n\t"                                    \
  "vpdpbusd %%zmm1, %%zmm" t ", %%zmm" low "\n\t"
#define OHMIC_SQUARE(c, t, spread)         \
  "vpbroadcastd (%[" c "],%[at]), %%zmm" t \
  "\n\t"                                   \
  "vpdpbusd %%zmm2, %%zmm" t ", %%zmm" spread "\n\t"
#define OHMIC_ZERO(r) "vpxord %%zmm" r ", %%zmm" r ", %%zmm" r "\n\t"
#define OHMIC_START(r) "vmovdqu64 (%[at]), %%zmm" r "\n\t"
#define OHMIC_MEAN(high, low, place)               \
  "vpslld $8, %%zmm" high ", %%zmm" high           \
  "\n\t"                                           \
  "vpaddd %%zmm" low ", %%zmm" high ", %%zmm" high \
  "\n\t"                                           \
  "vmovdqa64 %%zmm" high ", " place "(%[at])\n\t"
// Square roots take ten cycles each, but in a unit of their own, while the next panel goes on.
#define OHMIC_DEVIATION(r, row, place)                         \
  "vcvtdq2ps %%zmm" r ", %%zmm" r                              \
  "\n\t"                                                       \
  "vmulps " row "(%[digits])%{1to16%}, %%zmm" r ", %%zmm" r    \
  "\n\t"                                                       \
  "vaddps 32+" row "(%[digits])%{1to16%}, %%zmm" r ", %%zmm" r \
  "\n\t"                                                       \
  "vmaxps %%zmm0, %%zmm" r ", %%zmm" r                         \
  "\n\t"                                                       \
  "vsqrtps %%zmm" r ", %%zmm" r                                \
  "\n\t"                                                       \
  "vmovaps %%zmm" r ", " place "(%[at])\n\t"
#define OHMIC_OPERANDS                                                                                          \
  : [digits] "+r"(digits), [offsets] "+r"(offsets), [groups] "+r"(groups), [at] "=&r"(at)                      \
  : [c0] "r"(l.codes[0]), [c1] "r"(l.codes[1]), [c2] "r"(l.codes[2]), [c3] "r"(l.codes[3]),                    \
    [c4] "r"(l.codes[4]), [c5] "r"(l.codes[5]), [c6] "r"(l.codes[6]), [c7] "r"(l.codes[7]),                    \
    [squares] "m"(l.squares), [correction] "m"(l.correction), [sums] "m"(l.sums), [variance] "m"(l.variance)                               \
  : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",    \
    "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", \
    "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31"
#define OHMIC_CODES                                                                                         \
  "vmovdqu64 (%[digits]), %%zmm0\n\t"                                                                       \
  "vmovdqu64 64(%[digits]), %%zmm1\n\t" OHMIC_CODE("c0", "3", "8", "16") OHMIC_CODE("c1", "4", "9", "17")   \
      OHMIC_CODE("c2", "5", "10", "18") OHMIC_CODE("c3", "6", "11", "19") OHMIC_CODE("c4", "3", "12", "20") \
          OHMIC_CODE("c5", "4", "13", "21") OHMIC_CODE("c6", "5", "14", "22") OHMIC_CODE("c7", "6", "15", "23")
#define OHMIC_SQUARES                                                                           \
  "vmovdqu64 128(%[digits]), %%zmm2\n\t"                                                        \
  "add %[squares], %[at]\n\t" OHMIC_SQUARE("c0", "3", "24") OHMIC_SQUARE("c1", "4", "25")       \
      OHMIC_SQUARE("c2", "5", "26") OHMIC_SQUARE("c3", "6", "27") OHMIC_SQUARE("c4", "3", "28") \
          OHMIC_SQUARE("c5", "4", "29") OHMIC_SQUARE("c6", "5", "30") OHMIC_SQUARE("c7", "6", "31")
#define OHMIC_BEGIN                                                                                                 \
  "mov %[correction], %[at]\n\t" OHMIC_ZERO("8") OHMIC_ZERO("9") OHMIC_ZERO("10") OHMIC_ZERO("11") OHMIC_ZERO("12") \
      OHMIC_ZERO("13") OHMIC_ZERO("14") OHMIC_ZERO("15") OHMIC_START("16") OHMIC_START("17") OHMIC_START("18")      \
          OHMIC_START("19") OHMIC_START("20") OHMIC_START("21") OHMIC_START("22") OHMIC_START("23")
#define OHMIC_NEXT          \
  "add $192, %[digits]\n\t" \
  "add $4, %[offsets]\n\t"  \
  "dec %[groups]\n\t"       \
  "jnz 1b\n\t"
#define OHMIC_STORE_MEANS                                                                                       \
  "mov %[sums], %[at]\n\t" OHMIC_MEAN("8", "16", "0") OHMIC_MEAN("9", "17", "64") OHMIC_MEAN("10", "18", "128") \
      OHMIC_MEAN("11", "19", "192") OHMIC_MEAN("12", "20", "256") OHMIC_MEAN("13", "21", "320")                 \
          OHMIC_MEAN("14", "22", "384") OHMIC_MEAN("15", "23", "448")

template <bool kNoise>
OHMIC_VNNI __attribute__((noinline)) void run_panel(const PanelLoop& l) {
  const std::int8_t* digits = l.digits;
  const std::int32_t* offsets = l.offsets;
  std::int64_t groups = l.groups;
  std::int64_t at;
  static_assert(DigitPanels::kGroupBytes == 192 && offsetof(Sums, deviation) == 512);
  // clang-format off
  if constexpr (kNoise) {
    asm volatile(
        OHMIC_BEGIN
        OHMIC_ZERO("24") OHMIC_ZERO("25") OHMIC_ZERO("26") OHMIC_ZERO("27")
        OHMIC_ZERO("28") OHMIC_ZERO("29") OHMIC_ZERO("30") OHMIC_ZERO("31")
        ".p2align 5\n1:\n\t"
        "movslq (%[offsets]), %[at]\n\t"
        OHMIC_CODES
        OHMIC_SQUARES
        OHMIC_NEXT
        OHMIC_STORE_MEANS
        "mov %[variance], %[digits]\n\t"
        OHMIC_ZERO("0")
        OHMIC_DEVIATION("24", "0", "512") OHMIC_DEVIATION("25", "4", "576") OHMIC_DEVIATION("26", "8", "640")
        OHMIC_DEVIATION("27", "12", "704") OHMIC_DEVIATION("28", "16", "768") OHMIC_DEVIATION("29", "20", "832")
        OHMIC_DEVIATION("30", "24", "896") OHMIC_DEVIATION("31", "28", "960")
        OHMIC_OPERANDS);
  } else {
    asm volatile(
        OHMIC_BEGIN
        ".p2align 5\n1:\n\t"
        "movslq (%[offsets]), %[at]\n\t"
        OHMIC_CODES
        OHMIC_NEXT
        OHMIC_STORE_MEANS
        OHMIC_OPERANDS);
  }
  // clang-format on
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

// ------------------------------------------------------------------------------------------------------------ outputs

// Four rows side by side, because each row is a chain of some 100 cycles, which is more than the processor looks ahead.
constexpr int kTogether = 4;

#define OHMIC_EACH for (int i = 0; i < kTogether; ++i)

OHMIC_VNNI_INLINE void cipher_round(__m512i& state, __m512i key) {
  asm volatile("vaesenc %1, %0, %0" : "+v"(state) : "v"(key));
}

// z = z t + the coefficient at `place`, and beside it a round of the cipher for numbers that are wanted later: products
// and sums, tables and cipher keep different units busy. By hand, because GCC would look all coefficients up first and
// then have no registers for them.
OHMIC_VNNI_INLINE void polynomial_step(__m512& z, __m512 t, __m512i place, __m512 coefficients, __m512i& state,
                                       __m512i key) {
  __m512 coefficient;
  asm volatile("vmulps %3, %0, %0\n\tvpermps %5, %4, %1\n\tvaesenc %6, %2, %2\n\tvaddps %1, %0, %0"
               : "+v"(z), "=&v"(coefficient), "+v"(state)
               : "v"(t), "v"(place), "v"(coefficients), "v"(key));
}

// The same for one row in a panel with octaves beyond the table.
__attribute__((noinline)) OHMIC_VNNI __m512 far_gaussians(const PatchRow& row, int panel, const Noise& noise) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row.counter.data()));
  const __m512i lane = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  const __m512i ahead = _mm512_add_epi32(lane, _mm512_broadcast_i32x4(_mm_cvtsi32_si128(panel * (kColumns / 4))));
  __m512i word = _mm512_xor_si512(_mm512_add_epi32(_mm512_broadcast_i32x4(first), ahead), noise.key[0]);
  for (int r = 1; r < kRounds; ++r) word = _mm512_aesenc_epi128(word, noise.key[r]);
  alignas(64) std::uint32_t words[kColumns];
  alignas(64) float z[kColumns];
  _mm512_store_si512(words, _mm512_aesenclast_epi128(word, noise.key[kRounds]));
  for (int j = 0; j < kColumns; ++j) z[j] = cipher_gaussian_from_word(words[j]);
  return _mm512_load_ps(z);
}

// The rows and panels that are on their way.
struct Outputs {
  const PatchRow* rows[kRows];
  float* analog[kRows];
  alignas(64) float largest[kRows][kColumns];  // lane by lane
  int columns;
  int count;  // of rows that are wanted; the others repeat the last one

  __mmask16 lanes(int panel) const {
    const int left = columns - panel * kColumns;
    return static_cast<__mmask16>(left >= kColumns ? 0xffffu : (1u << left) - 1);
  }
};

OHMIC_VNNI_INLINE __m512 mean_of(const Sums& sums, int row, const PatchRow& r) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums.mean[row])), _mm512_set1_ps(r.mean_scale));
}

// Stores an output; `largest` takes the larger magnitude.
OHMIC_VNNI_INLINE void put(float* analog, __mmask16 lanes, __m512 y, __m512& largest) {
  y = _mm512_maskz_mov_ps(lanes, y);
  _mm512_storeu_ps(analog, y);
  largest = _mm512_range_ps(largest, y, 0xb);
}

// The largest of each row's lanes, all rows together.
OHMIC_VNNI_INLINE void store_largest(const Outputs& out, int count, float* largest) {
  static_assert(kRows == 8);
  __m512 two[4], four[2];  // rows in one vector
  for (int i = 0; i < 4; ++i) {
    const __m512 a = _mm512_load_ps(out.largest[2 * i]), b = _mm512_load_ps(out.largest[2 * i + 1]);
    two[i] = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  }
  alignas(64) float quarters[2][kColumns];
  for (int i = 0; i < 2; ++i) {
    const __m512 a = two[2 * i], b = two[2 * i + 1];
    four[i] = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    four[i] = _mm512_max_ps(four[i], _mm512_permute_ps(four[i], 0xb1));
    four[i] = _mm512_max_ps(four[i], _mm512_permute_ps(four[i], 0x4e));
    _mm512_store_ps(quarters[i], four[i]);
  }
  for (int m = 0; m < count; ++m) largest[m] = quarters[m / 4][m % 4 * 4];
}

OHMIC_VNNI void quiet_outputs(const Sums* sums, int first_panel, int panels, Outputs& out) {
  for (int m = 0; m < out.count; ++m) {
    __m512 largest = _mm512_load_ps(out.largest[m]);
    for (int k = 0; k < panels; ++k) {
      const int panel = first_panel + k;
      put(out.analog[m] + panel * kColumns, out.lanes(panel), mean_of(sums[k], m, *out.rows[m]), largest);
    }
    _mm512_store_ps(out.largest[m], largest);
  }
}

// The state of the cipher before its first round for four rows of a panel.
OHMIC_VNNI_INLINE void start_cipher(const PatchRow* const* rows, int panel, const Noise& noise,
                                    __m512i (&state)[kTogether]) {
  const __m512i lane = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  const __m512i ahead = _mm512_add_epi32(lane, _mm512_broadcast_i32x4(_mm_cvtsi32_si128(panel * (kColumns / 4))));
#pragma GCC unroll 4
  OHMIC_EACH {
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i]->counter.data()));
    state[i] = _mm512_xor_si512(_mm512_add_epi32(_mm512_broadcast_i32x4(first), ahead), noise.key[0]);
  }
}

// Four rows get their noise panel by panel, cipher_gaussian_from_word of the cipher's words, while the cipher already
// makes the words of the next panel. `state` comes with the words of the first panel and goes with those of
// `next_panel` of the four rows `next_rows`.
OHMIC_VNNI_INLINE void noisy_rows(const Sums* sums, int first_panel, int panels, int row, const Noise& noise,
                                  Outputs& out, __m512i (&state)[kTogether], const PatchRow* const* next_rows) {
  constexpr int kDegree = detail::kGaussianDegree;
  static_assert(kRounds == kDegree + 3);
  const PatchRow* const* rows = out.rows + row;
  __m512 largest[kTogether];
#pragma GCC unroll 4
  OHMIC_EACH largest[i] = _mm512_load_ps(out.largest[row + i]);
  for (int panel = first_panel; panel < first_panel + panels; ++panel, ++sums) {
    __m512 v[kTogether], deviation[kTogether], t[kTogether], z[kTogether];
    __m512i place[kTogether];
#pragma GCC unroll 4
    OHMIC_EACH v[i] = _mm512_add_ps(_mm512_cvtepi32_ps(state[i]), _mm512_set1_ps(0.5f));
    const bool is_last = panel + 1 == first_panel + panels;
    start_cipher(is_last ? next_rows : rows, is_last ? first_panel : panel + 1, noise, state);
    __m512 least = v[0];  // the smallest magnitude: beyond the table it happens to one in 500
#pragma GCC unroll 4
    for (int i = 1; i < kTogether; ++i) least = _mm512_range_ps(least, v[i], 0xa);
    const bool far = _mm512_cmp_ps_mask(_mm512_abs_ps(least), _mm512_set1_ps(65536.0f), _CMP_LT_OQ) != 0;
#pragma GCC unroll 4
    OHMIC_EACH {
      // With the sign of v, (sign & v) ^ deviation.
      deviation[i] = _mm512_castsi512_ps(
          _mm512_ternarylogic_epi32(_mm512_load_si512(sums->deviation[row + i]), _mm512_castps_si512(v[i]),
                                    _mm512_set1_epi32(static_cast<int>(0x80000000u)), 0x78));
      place[i] = _mm512_srli_epi32(_mm512_castps_si512(v[i]), 23);
      // (bits & 0x007fffff) | 1.0f, less 1.5
      const __m512i mantissa = _mm512_ternarylogic_epi32(_mm512_castps_si512(v[i]), _mm512_set1_epi32(0x007fffff),
                                                         _mm512_set1_epi32(0x3f800000), 0xea);
      t[i] = _mm512_sub_ps(_mm512_castsi512_ps(mantissa), _mm512_set1_ps(1.5f));
      z[i] = _mm512_permutexvar_ps(place[i], _mm512_load_ps(kTable.coefficients[kDegree]));
      cipher_round(state[i], noise.key[1]);
    }
#pragma GCC unroll 8
    for (int k = kDegree - 1; k >= 0; --k) {
      const __m512 coefficients = _mm512_load_ps(kTable.coefficients[k]);
      const __m512i round_key = noise.key[kDegree + 1 - k];
#pragma GCC unroll 4
      OHMIC_EACH polynomial_step(z[i], t[i], place[i], coefficients, state[i], round_key);
    }
#pragma GCC unroll 4
    OHMIC_EACH cipher_round(state[i], noise.key[kRounds - 1]);
    const __mmask16 lanes = out.lanes(panel);
    if (__builtin_expect(far, 0)) {
      OHMIC_EACH {
        const __m512 share =
            _mm512_mul_ps(_mm512_load_ps(sums->deviation[row + i]), far_gaussians(*rows[i], panel, noise));
        put(out.analog[row + i] + panel * kColumns, lanes, _mm512_add_ps(mean_of(*sums, row + i, *rows[i]), share),
            largest[i]);
      }
    } else {
#pragma GCC unroll 4
      OHMIC_EACH {
        const __m512 mean = mean_of(*sums, row + i, *rows[i]);
        put(out.analog[row + i] + panel * kColumns, lanes, _mm512_add_ps(mean, _mm512_mul_ps(deviation[i], z[i])),
            largest[i]);
      }
    }
#pragma GCC unroll 4
    OHMIC_EACH state[i] = _mm512_aesenclast_epi128(state[i], noise.key[kRounds]);
  }
#pragma GCC unroll 4
  OHMIC_EACH _mm512_store_ps(out.largest[row + i], largest[i]);
}

OHMIC_VNNI void noisy_outputs(const Sums* sums, int first_panel, int panels, const Noise& noise, Outputs& out) {
  __m512i state[kTogether];
  start_cipher(out.rows, first_panel, noise, state);
#pragma GCC unroll 4
  OHMIC_EACH {
#pragma GCC unroll 8
    for (int r = 1; r < kRounds; ++r) state[i] = _mm512_aesenc_epi128(state[i], noise.key[r]);
    state[i] = _mm512_aesenclast_epi128(state[i], noise.key[kRounds]);
  }
  for (int row = 0; row < out.count; row += kTogether) {
    noisy_rows(sums, first_panel, panels, row, noise, out, state, out.rows + (row + kTogether) % kRows);
  }
}

OHMIC_VNNI_INLINE void set_rows(Outputs& out, const PatchRow* const (&rows)[kRows], int count, int columns,
                                float* analog, std::size_t stride) {
  out.columns = columns;
  out.count = count;
  for (int m = 0; m < kRows; ++m) {
    out.rows[m] = rows[m];
    out.analog[m] = analog + static_cast<std::size_t>(std::min(m, count - 1)) * stride;
    _mm512_store_ps(out.largest[m], _mm512_setzero_ps());
  }
}

template <bool kNoise>
OHMIC_VNNI void analog_of_rows(const PatchProduct& p, const PatchRow* const (&rows)[kRows], int count,
                               const Noise& noise, float* analog, std::size_t stride, float* largest) {
  const DigitPanels& panels = p.panels;
  Sums sums[kPanelsAtOnce];
  Outputs out;
  set_rows(out, rows, count, panels.columns, analog, stride);
  float variance[2][kRows];  // scales, offsets
  PanelLoop loop{{}, p.squares, nullptr, p.offsets, panels.groups, nullptr, nullptr, variance[0]};
  for (int m = 0; m < kRows; ++m) {
    loop.codes[m] = rows[m]->codes;
    variance[0][m] = rows[m]->variance_scale;
    variance[1][m] = rows[m]->variance_offset;
  }
  for (int first = 0; first < panels.panels(); first += kPanelsAtOnce) {
    const int here = std::min(kPanelsAtOnce, panels.panels() - first);
    for (int panel = first; panel < first + here; ++panel) {
      loop.digits = panels.panel(panel);
      loop.correction = p.correction + panel * kColumns;
      loop.sums = &sums[panel - first];
      run_panel<kNoise>(loop);
    }
    if constexpr (kNoise) {
      noisy_outputs(sums, first, here, noise, out);
    } else {
      quiet_outputs(sums, first, here, out);
    }
  }
  store_largest(out, count, largest);
}

// Where the sums of one row in one panel lie, and how far behind them those of the next row.
struct SumsPlace {
  std::size_t first, step;
};
SumsPlace place_of(const AnalogSums&, std::size_t row, int panel, std::size_t stride) {
  return {row * stride + static_cast<std::size_t>(panel * kColumns), stride};
}
SumsPlace place_of(const DigitSums& from, std::size_t row, int panel, std::size_t) {
  return {static_cast<std::size_t>(panel) * from.panel_step + row * kColumns, kColumns};
}
OHMIC_VNNI_INLINE __m512i mean_of(const AnalogSums& from, std::size_t at, int) {
  return _mm512_loadu_si512(from.mean + at);
}
OHMIC_VNNI_INLINE __m512i mean_of(const DigitSums& from, std::size_t at, int panel) {
  const __m512i high = _mm512_slli_epi32(_mm512_loadu_si512(from.high + at), 8);
  const __m512i low = _mm512_loadu_si512(from.low + at);
  return _mm512_add_epi32(high, _mm512_add_epi32(low, _mm512_loadu_si512(from.correction + panel * kColumns)));
}

// Of one panel: the sums of code times weight, the deviations from those of the variances.
template <bool kNoise, class From>
OHMIC_VNNI void take_sums(const From& from, const PatchRow* const (&rows)[kRows], int count, SumsPlace place, int panel,
                          Sums& sums) {
  std::size_t at = place.first;
  for (int m = 0; m < (count + kTogether - 1) / kTogether * kTogether; ++m, at += m < count ? place.step : 0) {
    _mm512_store_si512(sums.mean[m], mean_of(from, at, panel));
    if constexpr (!kNoise) continue;
    const __m512 variance = _mm512_cvtepi32_ps(_mm512_loadu_si512(from.variance + at));
    const __m512 scaled = _mm512_mul_ps(variance, _mm512_set1_ps(rows[m]->variance_scale));
    const __m512 shifted = _mm512_add_ps(scaled, _mm512_set1_ps(rows[m]->variance_offset));
    _mm512_store_ps(sums.deviation[m], _mm512_sqrt_ps(_mm512_max_ps(shifted, _mm512_setzero_ps())));
  }
}

template <bool kNoise, class From>
OHMIC_VNNI void analog_of_row_sums(const From& from, std::size_t begin, const PatchRow* const (&rows)[kRows], int count,
                                   const Noise& noise, float* analog, std::size_t stride, float* largest) {
  Sums sums[kPanelsAtOnce];
  Outputs out;
  set_rows(out, rows, count, from.columns, analog, stride);
  const int panels = (from.columns + kColumns - 1) / kColumns;
  for (int first = 0; first < panels; first += kPanelsAtOnce) {
    const int here = std::min(kPanelsAtOnce, panels - first);
    for (int k = 0; k < here; ++k) {
      take_sums<kNoise>(from, rows, count, place_of(from, begin, first + k, stride), first + k, sums[k]);
    }
    if constexpr (kNoise) {
      noisy_outputs(sums, first, here, noise, out);
    } else {
      quiet_outputs(sums, first, here, out);
    }
  }
  store_largest(out, count, largest);
}

#undef OHMIC_EACH

// Calls f(begin, pointers to eight rows, how many of them are different) for all rows.
template <class F>
void each_eight_rows(std::span<const PatchRow> rows, const F& f) {
  for (std::size_t begin = 0; begin < rows.size(); begin += kRows) {
    const PatchRow* here[kRows];
    const auto count = static_cast<int>(std::min<std::size_t>(kRows, rows.size() - begin));
    for (int m = 0; m < kRows; ++m) here[m] = &rows[begin + static_cast<std::size_t>(std::min(m, count - 1))];
    f(begin, here, count);
  }
}

template <class From>
OHMIC_VNNI void analog_of_all(const From& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                              float* largest) {
  const Noise noise = noise_of(sums.key);
  const auto work = sums.variance != nullptr ? analog_of_row_sums<true, From> : analog_of_row_sums<false, From>;
  each_eight_rows(rows, [&](std::size_t begin, const PatchRow* const(&here)[kRows], int count) {
    work(sums, begin, here, count, noise, analog + begin * stride, stride, largest + begin);
  });
}

}  // namespace

bool has_patch_vnni() {
  // Leaf 7: AVX-512 DQ is bit 17 of EBX, VAES bit 9 of ECX; not every compiler has names for them.
  static const bool has_rest = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx >> 17 & 1) != 0 && (ecx >> 9 & 1) != 0;
  }();
  return has_rest && cpu_has(CpuFeature::avx512_vnni);
}

OHMIC_VNNI void patch_analog_vnni(const PatchProduct& product, std::span<const PatchRow> rows, float* analog,
                                  std::size_t stride, float* largest) {
  const Noise noise = noise_of(product.key);
  const auto work = product.is_noisy() ? analog_of_rows<true> : analog_of_rows<false>;
  each_eight_rows(rows, [&](std::size_t begin, const PatchRow* const(&here)[kRows], int count) {
    work(product, here, count, noise, analog + begin * stride, stride, largest + begin);
  });
}

void analog_of_sums_vnni(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                         float* largest) {
  analog_of_all(sums, rows, analog, stride, largest);
}

void analog_of_digits_vnni(const DigitSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                           float* largest) {
  analog_of_all(sums, rows, analog, stride, largest);
}

}  // namespace ohmic
