// Patches of images times the digits of a row block, by AVX-512 VNNI: eight positions and sixteen columns at a time
// with all 24 sums in registers. Nothing is copied: the four bytes of a group are broadcast from where the image has
// them. Noise is added while the sums are in the first-level cache.

#include "ohmic/core/patch_vnni_kernel.h"

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
constexpr int kColumns = PatchPanels::kColumns;

struct Sums {
  alignas(64) std::int32_t mean[kRows][kColumns];
  alignas(64) std::int32_t variance[kRows][kColumns];
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
#define OHMIC_SPREAD(r, place) "vmovdqa64 %%zmm" r ", " place "(%[at])\n\t"
#define OHMIC_OPERANDS                                                                                          \
  : [digits] "+r"(digits), [offsets] "+r"(offsets), [groups] "+r"(groups), [at] "=&r"(at)                      \
  : [c0] "r"(l.codes[0]), [c1] "r"(l.codes[1]), [c2] "r"(l.codes[2]), [c3] "r"(l.codes[3]),                    \
    [c4] "r"(l.codes[4]), [c5] "r"(l.codes[5]), [c6] "r"(l.codes[6]), [c7] "r"(l.codes[7]),                    \
    [squares] "m"(l.squares), [correction] "m"(l.correction), [sums] "m"(l.sums)                               \
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
  static_assert(PatchPanels::kGroupBytes == 192 && offsetof(Sums, variance) == 512);
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
        OHMIC_SPREAD("24", "512") OHMIC_SPREAD("25", "576") OHMIC_SPREAD("26", "640") OHMIC_SPREAD("27", "704")
        OHMIC_SPREAD("28", "768") OHMIC_SPREAD("29", "832") OHMIC_SPREAD("30", "896") OHMIC_SPREAD("31", "960")
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

// Four rows side by side, because each row is a chain of some 100 cycles and the processor looks ahead over two of them
// at best.
constexpr int kTogether = 4;

#define OHMIC_EACH for (int i = 0; i < kTogether; ++i)

// z = z t + the coefficient at `place`. By hand, because GCC looks all coefficients up first and then has no registers
// for them.
OHMIC_VNNI_INLINE void polynomial_step(__m512& z, __m512 t, __m512i place, __m512 coefficients) {
  __m512 coefficient;
  asm("vmulps %2, %0, %0\n\tvpermps %4, %3, %1\n\tvaddps %1, %0, %0"
      : "+v"(z), "=&v"(coefficient)
      : "v"(t), "v"(place), "v"(coefficients));
}

// cipher_gaussian_from_word of the counters' words. False if one of them is beyond the table's octaves, as it happens
// to one in 500.
OHMIC_VNNI_INLINE bool gaussians_of(const Noise& noise, const __m512i (&counter)[kTogether], __m512 (&z)[kTogether]) {
  __m512i word[kTogether];
  __m512 v[kTogether], t[kTogether];
  __m512i place[kTogether];
#pragma GCC unroll 4
  OHMIC_EACH word[i] = _mm512_xor_si512(counter[i], noise.key[0]);
#pragma GCC unroll 8
  for (int r = 1; r < kRounds; ++r) {
#pragma GCC unroll 4
    OHMIC_EACH word[i] = _mm512_aesenc_epi128(word[i], noise.key[r]);
  }
#pragma GCC unroll 4
  OHMIC_EACH word[i] = _mm512_aesenclast_epi128(word[i], noise.key[kRounds]);
#pragma GCC unroll 4
  OHMIC_EACH v[i] = _mm512_add_ps(_mm512_cvtepi32_ps(word[i]), _mm512_set1_ps(0.5f));
  __m512 least = v[0];  // of all magnitudes
#pragma GCC unroll 4
  for (int i = 1; i < kTogether; ++i) least = _mm512_range_ps(least, v[i], 0xa);
  if (__builtin_expect(_mm512_cmp_ps_mask(_mm512_abs_ps(least), _mm512_set1_ps(65536.0f), _CMP_LT_OQ) != 0, 0)) return false;
#pragma GCC unroll 4
  OHMIC_EACH {
    place[i] = _mm512_srli_epi32(_mm512_castps_si512(v[i]), 23);
    // (bits & 0x007fffff) | 1.0f, less 1.5
    const __m512i mantissa = _mm512_ternarylogic_epi32(_mm512_castps_si512(v[i]), _mm512_set1_epi32(0x007fffff),
                                                       _mm512_set1_epi32(0x3f800000), 0xea);
    t[i] = _mm512_sub_ps(_mm512_castsi512_ps(mantissa), _mm512_set1_ps(1.5f));
    z[i] = _mm512_permutexvar_ps(place[i], _mm512_load_ps(kTable.coefficients[detail::kGaussianDegree]));
  }
#pragma GCC unroll 8
  for (int k = detail::kGaussianDegree - 1; k >= 0; --k) {
    const __m512 coefficients = _mm512_load_ps(kTable.coefficients[k]);
#pragma GCC unroll 4
    OHMIC_EACH polynomial_step(z[i], t[i], place[i], coefficients);
  }
#pragma GCC unroll 4
  OHMIC_EACH {
    // z ^ (bits & sign)
    z[i] = _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(z[i]), _mm512_castps_si512(v[i]),
                                                         _mm512_set1_epi32(static_cast<int>(0x80000000u)), 0x78));
  }
  return true;
}

// The same one by one.
__attribute__((noinline)) OHMIC_VNNI void far_gaussians(const PatchRow& row, int panel,
                                                        const std::array<std::uint32_t, 2>& key, float* z) {
  RandomStream stream(0, Purpose::forward_read, 0, 0);
  stream.key = key;
  stream.counter = {row.counter[1], row.counter[2], row.counter[3]};
  for (std::uint32_t j = 0; j < kColumns; ++j) {
    z[j] = cipher_gaussian(stream, 4 * row.counter[0] + static_cast<std::uint32_t>(panel * kColumns) + j);
  }
}

// One row's outputs in a panel.
struct PanelRow {
  const std::int32_t *mean, *variance;
  const PatchRow* row;
  float* analog;
  float* largest;  ///< 16 lanes
};

template <bool kNoise, bool kWhole>
OHMIC_VNNI_INLINE void row_outputs(const PanelRow& r, __m512 z, __mmask16 lanes) {
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(r.mean)), _mm512_set1_ps(r.row->mean_scale));
  if constexpr (kNoise) {
    const __m512 scaled =
        _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(r.variance)), _mm512_set1_ps(r.row->variance_scale));
    const __m512 variance =
        _mm512_max_ps(_mm512_add_ps(scaled, _mm512_set1_ps(r.row->variance_offset)), _mm512_setzero_ps());
    y = _mm512_add_ps(y, _mm512_mul_ps(_mm512_sqrt_ps(variance), z));
  }
  if constexpr (!kWhole) y = _mm512_maskz_mov_ps(lanes, y);
  _mm512_storeu_ps(r.analog, y);
  _mm512_store_ps(r.largest, _mm512_range_ps(_mm512_load_ps(r.largest), y, 0xb));  // largest magnitude
}

// Sixteen columns of eight rows.
template <bool kNoise, bool kWhole>
OHMIC_VNNI_INLINE void panel_outputs(const Sums& sums, const PatchRow* const (&rows)[kRows], int panel,
                                     const Noise& noise, const std::array<std::uint32_t, 2>& key, __mmask16 lanes,
                                     float (&largest)[kRows][kColumns], float* const (&analog)[kRows]) {
  const __m512i lane = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  const __m512i ahead = _mm512_add_epi32(lane, _mm512_broadcast_i32x4(_mm_cvtsi32_si128(panel * (kColumns / 4))));
  const auto outputs = [&](int m) {
    return PanelRow{sums.mean[m], sums.variance[m], rows[m], analog[m] + panel * kColumns, largest[m]};
  };
  for (int m = 0; m < kRows; m += kTogether) {
    __m512 z[kTogether];
    if constexpr (kNoise) {
      __m512i counter[kTogether];
#pragma GCC unroll 4
      OHMIC_EACH {
        const auto* first = reinterpret_cast<const __m128i*>(rows[m + i]->counter.data());
        counter[i] = _mm512_add_epi32(_mm512_broadcast_i32x4(_mm_loadu_si128(first)), ahead);
      }
      if (!gaussians_of(noise, counter, z)) {
        alignas(64) float far[kColumns];
        OHMIC_EACH {
          far_gaussians(*rows[m + i], panel, key, far);
          row_outputs<kNoise, kWhole>(outputs(m + i), _mm512_load_ps(far), lanes);
        }
        continue;
      }
    }
#pragma GCC unroll 4
    OHMIC_EACH row_outputs<kNoise, kWhole>(outputs(m + i), z[i], lanes);
  }
}

template <bool kNoise>
OHMIC_VNNI void analog_of_rows(const PatchProduct& p, const PatchRow* const (&rows)[kRows], int count,
                               const Noise& noise, float* analog, std::size_t stride, float* largest) {
  const PatchPanels& panels = p.panels;
  Sums sums;
  alignas(64) float most[kRows][kColumns] = {};
  float* out[kRows];
  PanelLoop loop{{}, p.squares, nullptr, p.offsets, panels.groups, nullptr, &sums};
  for (int m = 0; m < kRows; ++m) {
    loop.codes[m] = rows[m]->codes;
    out[m] = analog + static_cast<std::size_t>(std::min(m, count - 1)) * stride;  // the same as rows[m]
  }
  for (int panel = 0; panel < panels.panels(); ++panel) {
    const int left = panels.columns - panel * kColumns;
    loop.digits = panels.digits + static_cast<std::size_t>(panel) * panels.panel_bytes();
    loop.correction = panels.correction + panel * kColumns;
    run_panel<kNoise>(loop);
    if (left >= kColumns) {
      panel_outputs<kNoise, true>(sums, rows, panel, noise, p.key, 0xffff, most, out);
    } else {
      panel_outputs<kNoise, false>(sums, rows, panel, noise, p.key, static_cast<__mmask16>((1u << left) - 1), most,
                                   out);
    }
  }
  for (int m = 0; m < count; ++m) largest[m] = _mm512_reduce_max_ps(_mm512_load_ps(most[m]));
}

#undef OHMIC_EACH

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
