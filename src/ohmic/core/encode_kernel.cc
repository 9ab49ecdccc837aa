#include "ohmic/core/encode_kernel.h"

#include <immintrin.h>

#include "ohmic/core/cpu.h"

#define OHMIC_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

namespace ohmic {
namespace {

constexpr std::size_t kAtOnce = 64;

// Packing leaves the values in this order: in the lane l of 16 bytes four of each of the four vectors, from 4 l on.
constexpr std::size_t packed_value(std::size_t place) { return place / 4 % 4 * 16 + place / 16 * 4 + place % 4; }

// Dither of the first 64 values: of those from the first two vectors, then of the others, as they are packed.
struct DitherStart {
  alignas(64) std::uint16_t value[2][32] = {};

  constexpr DitherStart() {
    for (std::size_t half = 0; half < 2; ++half) {
      for (std::size_t i = 0; i < 32; ++i) {
        const std::size_t place = i / 8 * 16 + half * 8 + i % 8;
        value[half][i] = static_cast<std::uint16_t>(packed_value(place) * kGolden);
      }
    }
  }
};
constexpr DitherStart kDitherStart;

OHMIC_AVX512 __attribute__((always_inline)) inline __m512i codes_of(const float* x, __m512 scale, __m512 limit) {
  const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(x), scale);
  const __m512 raised = _mm512_max_ps(scaled, _mm512_sub_ps(_mm512_setzero_ps(), limit));
  return _mm512_cvtps_epi32(_mm512_min_ps(raised, limit));
}

// (code^2 multiplier + dither) / 2^16, for a multiplier of 16 bits.
OHMIC_AVX512 __attribute__((always_inline)) inline __m512i squares_of(__m512i codes, __m512i multiplier,
                                                                      __m512i dither) {
  const __m512i square = _mm512_mullo_epi16(codes, codes);
  const __m512i high = _mm512_mulhi_epu16(square, multiplier);
  const __m512i low = _mm512_add_epi16(_mm512_mullo_epi16(square, multiplier), dither);
  return _mm512_mask_add_epi16(high, _mm512_cmplt_epu16_mask(low, dither), high, _mm512_set1_epi16(1));
}

OHMIC_AVX512 void encode(const float* x, std::size_t size, const ByteScale& s, std::size_t first_row,
                         std::uint8_t* bytes, std::uint8_t* squares) {
  const __m512 limit = _mm512_set1_ps(static_cast<float>(s.levels)), scale = _mm512_set1_ps(s.inverse_step);
  const __m512i in_order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const __m512i multiplier = _mm512_set1_epi16(static_cast<short>(s.multiplier));
  const auto start = static_cast<std::uint16_t>(static_cast<std::uint32_t>(first_row) * kGolden + s.offset);
  const auto step = static_cast<std::uint16_t>(kAtOnce * kGolden);
  __m512i dither[2];
  for (int half = 0; half < 2; ++half) {
    dither[half] =
        _mm512_add_epi16(_mm512_load_si512(kDitherStart.value[half]), _mm512_set1_epi16(static_cast<short>(start)));
  }
  for (std::size_t i = 0; i < size; i += kAtOnce) {
    const __m512i first = _mm512_packs_epi32(codes_of(x + i, scale, limit), codes_of(x + i + 16, scale, limit));
    const __m512i second = _mm512_packs_epi32(codes_of(x + i + 32, scale, limit), codes_of(x + i + 48, scale, limit));
    const __m512i codes = _mm512_permutexvar_epi32(in_order, _mm512_packs_epi16(first, second));
    _mm512_storeu_si512(bytes + i, _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(0x80))));
    if (squares == nullptr) continue;
    const __m512i packed =
        _mm512_packus_epi16(squares_of(first, multiplier, dither[0]), squares_of(second, multiplier, dither[1]));
    _mm512_storeu_si512(squares + i, _mm512_permutexvar_epi32(in_order, packed));
    for (__m512i& d : dither) d = _mm512_add_epi16(d, _mm512_set1_epi16(static_cast<short>(step)));
  }
}

}  // namespace

std::size_t encode_bytes_avx512(std::span<const float> x, const ByteScale& scale, std::size_t first_row,
                                std::uint8_t* bytes, std::uint8_t* squares) {
  if (!cpu_has(CpuFeature::avx512) || (squares != nullptr && scale.multiplier > 0xffff)) return 0;
  const std::size_t size = x.size() / kAtOnce * kAtOnce;
  encode(x.data(), size, scale, first_row, bytes, squares);
  return size;
}

}  // namespace ohmic
