// Patches of images times the digits of a row block, by AVX-512 VNNI: eight positions and sixteen columns at a time
// with all 24 sums in registers. Nothing is copied: the four bytes of a group are broadcast from where the image has
// them. Noise is added while the sums are in the first-level cache.

#include "ohmic/core/patch_vnni_kernel.h"

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstddef>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/gaussian_parts.h"

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni,aes,vaes")))
#define OHMIC_VNNI_INLINE OHMIC_VNNI __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kRows = 8;
constexpr int kColumns = DigitPanels::kColumns;
constexpr int kPanelsAtOnce = 12;  // their sums stay in the first-level cache

// Of one panel: sums of code times weight, and of squares times variance.
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
#define OHMIC_VARIANCE(r, place) "vmovdqa64 %%zmm" r ", " place "(%[at])\n\t"
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
  static_assert(DigitPanels::kGroupBytes == 192 && offsetof(Sums, variance) == 512);
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
        OHMIC_VARIANCE("24", "512") OHMIC_VARIANCE("25", "576") OHMIC_VARIANCE("26", "640")
        OHMIC_VARIANCE("27", "704") OHMIC_VARIANCE("28", "768") OHMIC_VARIANCE("29", "832")
        OHMIC_VARIANCE("30", "896") OHMIC_VARIANCE("31", "960")
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

struct Noise {
  __m512i key[kCipherRounds + 1];
};

OHMIC_VNNI Noise noise_of(const std::array<std::uint32_t, 2>& key) {
  const auto first = static_cast<long long>(key[0] | static_cast<std::uint64_t>(key[1]) << 32);
  const __m512i weyl = _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<long long>(0xBB67AE8584CAA73Bu), static_cast<long long>(0x9E3779B97F4A7C15u)));
  Noise noise;
  noise.key[0] = _mm512_broadcast_i32x4(_mm_set_epi64x(0, first));
  for (int r = 1; r <= kCipherRounds; ++r) noise.key[r] = _mm512_add_epi64(noise.key[r - 1], weyl);
  return noise;
}

// ------------------------------------------------------------------------------------------------------------ outputs

// Four rows side by side, because each row is a chain of some 100 cycles, which is more than the processor looks ahead.
constexpr int kTogether = 4;

#define OHMIC_EACH for (int i = 0; i < kTogether; ++i)

OHMIC_VNNI_INLINE void cipher_round(__m512i& state, __m512i key) {
  asm volatile("vaesenc %1, %0, %0" : "+v"(state) : "v"(key));
}

// Where the outputs go: row m of `count` to analog + m stride, its largest magnitude to largest[m], which it may only
// raise.
struct Outputs {
  float* analog;
  std::size_t stride;
  float* largest;
  int columns;
  int count;

  __mmask16 lanes(int panel) const {
    const int left = columns - panel * kColumns;
    return static_cast<__mmask16>(left >= kColumns ? 0xffffu : (1u << left) - 1);
  }
};

// The largest lane of each of four rows.
OHMIC_VNNI_INLINE void raise_largest(const Outputs& out, int row, const __m512 (&largest)[kTogether]) {
  static_assert(kTogether == 4);
  __m512 two[2];  // rows in one vector
  for (int i = 0; i < 2; ++i) {
    const __m512 a = largest[2 * i], b = largest[2 * i + 1];
    two[i] = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  }
  __m512 four = _mm512_max_ps(_mm512_shuffle_f32x4(two[0], two[1], 0x88), _mm512_shuffle_f32x4(two[0], two[1], 0xdd));
  four = _mm512_max_ps(four, _mm512_permute_ps(four, 0xb1));
  four = _mm512_max_ps(four, _mm512_permute_ps(four, 0x4e));
  alignas(64) float lanes[kColumns];
  _mm512_store_ps(lanes, four);
  for (int i = 0; i < kTogether && row + i < out.count; ++i) {
    out.largest[row + i] = std::max(out.largest[row + i], lanes[4 * i]);
  }
}

// Where the sums of four rows from `row` on come from: `Four four(row)`, which has `mean(panel, i)` and
// `variance(panel, i)` of row i of them, and `row(m)`. Rows beyond the last one repeat it.

// Of eight rows, as run_panel leaves them.
struct SumsOfPanels {
  const Sums* first;  // of `first_panel`
  int first_panel;
  const PatchRow* const* rows;

  struct Four {
    const Sums* sums;
    int row;

    OHMIC_VNNI_INLINE __m512i mean(int panel, int i) const { return _mm512_load_si512(sums[panel].mean[row + i]); }
    OHMIC_VNNI_INLINE __m512i variance(int panel, int i) const {
      return _mm512_load_si512(sums[panel].variance[row + i]);
    }
  };

  const PatchRow& row(int m) const { return *rows[m]; }
  Four four(int row) const { return {first - first_panel, row}; }
};

// Those that are there already.
struct SumsOfRows {
  const AnalogSums& from;
  std::span<const PatchRow> rows;
  std::size_t stride;

  struct Four {
    const std::int32_t *means[kTogether], *variances[kTogether];

    OHMIC_VNNI_INLINE __m512i mean(int panel, int i) const { return _mm512_loadu_si512(means[i] + panel * kColumns); }
    OHMIC_VNNI_INLINE __m512i variance(int panel, int i) const {
      return _mm512_loadu_si512(variances[i] + panel * kColumns);
    }
  };

  std::size_t known(int m) const { return std::min(static_cast<std::size_t>(m), rows.size() - 1); }
  const PatchRow& row(int m) const { return rows[known(m)]; }
  Four four(int row) const {
    Four four{};
    for (int i = 0; i < kTogether; ++i) {
      const std::size_t at = known(row + i) * stride;
      four.means[i] = from.mean + at;
      if (from.variance != nullptr) four.variances[i] = from.variance + at;
    }
    return four;
  }
};

// Those with the digits apart.
struct SumsOfDigits {
  const DigitSums& from;
  std::span<const PatchRow> rows;

  struct Four {
    const std::int32_t *high, *low, *variances;
    std::size_t panel_step, rows[kTogether];

    std::size_t place(int panel, int i) const { return static_cast<std::size_t>(panel) * panel_step + rows[i]; }
    OHMIC_VNNI_INLINE __m512i mean(int panel, int i) const {
      const __m512i upper = _mm512_slli_epi32(_mm512_loadu_si512(high + place(panel, i)), 8);
      return _mm512_add_epi32(upper, _mm512_loadu_si512(low + place(panel, i)));
    }
    OHMIC_VNNI_INLINE __m512i variance(int panel, int i) const {
      return _mm512_loadu_si512(variances + place(panel, i));
    }
  };

  std::size_t known(int m) const { return std::min(static_cast<std::size_t>(m), rows.size() - 1); }
  const PatchRow& row(int m) const { return rows[known(m)]; }
  Four four(int row) const {
    Four four{from.high, from.low, from.variance, from.panel_step, {}};
    for (int i = 0; i < kTogether; ++i) four.rows[i] = known(row + i) * kColumns;
    return four;
  }
};

OHMIC_VNNI_INLINE __m512 scaled_mean(__m512i sum, float scale) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale));
}

// The standard deviation of the noise.
OHMIC_VNNI_INLINE __m512 deviation_of(__m512i sum, float scale, float offset) {
  const __m512 square = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale), _mm512_set1_ps(offset));
  return _mm512_sqrt_ps(_mm512_max_ps(square, _mm512_setzero_ps()));
}

// A number whose last bit is kGaussianStep: steps are added to its bits.
constexpr float kStepsFrom = 0x1.8p23f * detail::kGaussianStep;

// Noise of the words: a part for each byte, and the weighted sum of four.
OHMIC_VNNI_INLINE __m512 gaussians_of(__m512i words, __m512i parts, __m512i weights) {
  const __m512i from = _mm512_set1_epi32(std::bit_cast<int>(kStepsFrom));
  const __m512i moved = _mm512_dpbusd_epi32(from, weights, _mm512_permutexvar_epi8(words, parts));
  return _mm512_sub_ps(_mm512_castsi512_ps(moved), _mm512_set1_ps(kStepsFrom));
}

// Four rows of outputs, those beyond the last one in its place.
struct FourOutputs {
  float* analog[kTogether];
  __m512 largest[kTogether];
  const Outputs& all;
  int row;

  OHMIC_VNNI_INLINE FourOutputs(const Outputs& out, int first) : all(out), row(first) {
    for (int i = 0; i < kTogether; ++i) {
      analog[i] = out.analog + static_cast<std::size_t>(std::min(row + i, out.count - 1)) * out.stride;
      largest[i] = _mm512_setzero_ps();
    }
  }
  OHMIC_VNNI_INLINE void put(int panel, int i, __mmask16 lanes, __m512 y) {
    y = _mm512_maskz_mov_ps(lanes, y);
    _mm512_storeu_ps(analog[i] + panel * kColumns, y);
    largest[i] = _mm512_range_ps(largest[i], y, 0xb);  // the larger magnitude
  }
  OHMIC_VNNI_INLINE void finish() const { raise_largest(all, row, largest); }
};

template <class From>
OHMIC_VNNI void quiet_outputs(const From& sums, int first_panel, int panels, const Outputs& out) {
  for (int row = 0; row < out.count; row += kTogether) {
    const auto four = sums.four(row);
    FourOutputs to(out, row);
    for (int panel = first_panel; panel < first_panel + panels; ++panel) {
      const __mmask16 lanes = out.lanes(panel);
#pragma GCC unroll 4
      OHMIC_EACH to.put(panel, i, lanes, scaled_mean(four.mean(panel, i), sums.row(row + i).mean_scale));
    }
    to.finish();
  }
}

// Of the PatchRows.
struct FourRows {
  __m128i counter[kTogether];
  float mean_scale[kTogether], variance_scale[kTogether], variance_offset[kTogether];

  template <class From>
  OHMIC_VNNI_INLINE FourRows(const From& sums, int row) {
    for (int i = 0; i < kTogether; ++i) {
      const PatchRow& from = sums.row(row + i);
      counter[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.counter.data()));
      mean_scale[i] = from.mean_scale;
      variance_scale[i] = from.variance_scale;
      variance_offset[i] = from.variance_offset;
    }
  }
};

template <class From>
OHMIC_VNNI void noisy_outputs(const From& sums, int first_panel, int panels, const Noise& noise, const Outputs& out) {
  const __m512i parts = _mm512_load_si512(detail::kGaussianParts.values.data());
  const __m512i weights = _mm512_set1_epi32(std::bit_cast<int>(detail::kGaussianWeights));
  const __m512i lane = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  for (int row = 0; row < out.count; row += kTogether) {
    const auto four = sums.four(row);
    FourOutputs to(out, row);
    const FourRows rows(sums, row);
    for (int panel = first_panel; panel < first_panel + panels; ++panel) {
      const __m512i ahead = _mm512_add_epi32(lane, _mm512_broadcast_i32x4(_mm_cvtsi32_si128(panel * (kColumns / 4))));
      __m512i state[kTogether];
#pragma GCC unroll 4
      OHMIC_EACH {
        const __m512i counter = _mm512_add_epi32(_mm512_broadcast_i32x4(rows.counter[i]), ahead);
        state[i] = _mm512_xor_si512(counter, noise.key[0]);
      }
#pragma GCC unroll 8
      for (int r = 1; r < kCipherRounds; ++r) {
#pragma GCC unroll 4
        OHMIC_EACH cipher_round(state[i], noise.key[r]);
      }
      const __mmask16 lanes = out.lanes(panel);
#pragma GCC unroll 4
      OHMIC_EACH {
        const __m512i words = _mm512_aesenclast_epi128(state[i], noise.key[kCipherRounds]);
        const __m512 deviation = deviation_of(four.variance(panel, i), rows.variance_scale[i], rows.variance_offset[i]);
        const __m512 mean = scaled_mean(four.mean(panel, i), rows.mean_scale[i]);
        to.put(panel, i, lanes, _mm512_fmadd_ps(deviation, gaussians_of(words, parts, weights), mean));
      }
    }
    to.finish();
  }
}

#undef OHMIC_EACH

// Eight rows; beyond `count` they repeat the last one.
template <bool kNoise>
OHMIC_VNNI void analog_of_rows(const PatchProduct& p, const PatchRow* const (&rows)[kRows], const Noise& noise,
                               const Outputs& out) {
  const DigitPanels& panels = p.panels;
  Sums sums[kPanelsAtOnce];
  PanelLoop loop{{}, p.squares, nullptr, p.offsets, panels.groups, nullptr, nullptr};
  for (int m = 0; m < kRows; ++m) loop.codes[m] = rows[m]->codes;
  for (int first = 0; first < panels.panels(); first += kPanelsAtOnce) {
    const int here = std::min(kPanelsAtOnce, panels.panels() - first);
    for (int panel = first; panel < first + here; ++panel) {
      loop.digits = panels.panel(panel);
      loop.correction = p.correction + panel * kColumns;
      loop.sums = &sums[panel - first];
      run_panel<kNoise>(loop);
    }
    if constexpr (kNoise) {
      noisy_outputs(SumsOfPanels{sums, first, rows}, first, here, noise, out);
    } else {
      quiet_outputs(SumsOfPanels{sums, first, rows}, first, here, out);
    }
  }
}

template <class From>
OHMIC_VNNI void analog_of_all(const From& sums, float* analog, std::size_t stride, float* largest) {
  const auto count = static_cast<int>(sums.rows.size());
  if (count == 0) return;
  std::fill_n(largest, count, 0.0f);
  const int panels = (sums.from.columns + kColumns - 1) / kColumns;
  const Outputs out{analog, stride, largest, sums.from.columns, count};
  if (sums.from.variance != nullptr) {
    noisy_outputs(sums, 0, panels, noise_of(sums.from.key), out);
  } else {
    quiet_outputs(sums, 0, panels, out);
  }
}

}  // namespace

bool has_patch_vnni() {
  // Leaf 7: AVX-512 DQ is bit 17 of EBX, VBMI and VAES are bits 1 and 9 of ECX; not every compiler has names for them.
  static const bool has_rest = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx >> 17 & 1) != 0 && (ecx >> 1 & 1) != 0 &&
           (ecx >> 9 & 1) != 0;
  }();
  return has_rest && cpu_has(CpuFeature::avx512_vnni);
}

OHMIC_VNNI void patch_analog_vnni(const PatchProduct& product, std::span<const PatchRow> rows, float* analog,
                                  std::size_t stride, float* largest) {
  const Noise noise = noise_of(product.key);
  const auto work = product.is_noisy() ? analog_of_rows<true> : analog_of_rows<false>;
  std::fill_n(largest, rows.size(), 0.0f);
  for (std::size_t begin = 0; begin < rows.size(); begin += kRows) {
    const PatchRow* here[kRows];
    const auto count = static_cast<int>(std::min<std::size_t>(kRows, rows.size() - begin));
    for (int m = 0; m < kRows; ++m) here[m] = &rows[begin + static_cast<std::size_t>(std::min(m, count - 1))];
    work(product, here, noise, {analog + begin * stride, stride, largest + begin, product.panels.columns, count});
  }
}

void analog_of_sums_vnni(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                         float* largest) {
  analog_of_all(SumsOfRows{sums, rows, stride}, analog, stride, largest);
}

void analog_of_digits_vnni(const DigitSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                           float* largest) {
  analog_of_all(SumsOfDigits{sums, rows}, analog, stride, largest);
}

}  // namespace ohmic
