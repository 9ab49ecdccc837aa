#include "ohmic/core/patch_gradient_kernel.h"

#include <emmintrin.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "ohmic/core/cpu.h"

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define OHMIC_VNNI_INLINE OHMIC_VNNI __attribute__((always_inline)) inline

namespace ohmic {

void make_quads(const std::uint8_t* const (&pixels)[4], std::size_t channels, std::uint8_t flip, std::uint8_t* out) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(flip));
  std::size_t c = 0;
  for (; c + 16 <= channels; c += 16) {
    __m128i p[4];
    for (int k = 0; k < 4; ++k) {
      p[k] = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels[k] + c)), mask);
    }
    const __m128i low01 = _mm_unpacklo_epi8(p[0], p[1]), high01 = _mm_unpackhi_epi8(p[0], p[1]);
    const __m128i low23 = _mm_unpacklo_epi8(p[2], p[3]), high23 = _mm_unpackhi_epi8(p[2], p[3]);
    auto* to = reinterpret_cast<__m128i*>(out + 4 * c);
    _mm_storeu_si128(to, _mm_unpacklo_epi16(low01, low23));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(low01, low23));
    _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(high01, high23));
    _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(high01, high23));
  }
  for (; c < channels; ++c) {
    for (std::size_t k = 0; k < 4; ++k) out[4 * c + k] = pixels[k][c] ^ flip;
  }
}

namespace {

// acc += four unsigned times four signed bytes, per lane; by hand, because GCC 12 copies every accumulator
// around the intrinsic.
OHMIC_VNNI_INLINE void add_dot(__m512i& acc, __m512i unsigned_bytes, __m512i signed_bytes) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(unsigned_bytes), "v"(signed_bytes));
}

__mmask16 lanes_of(int left) {
  const unsigned mask = left >= 16 ? 0xffffu : left <= 0 ? 0u : (1u << left) - 1;
  return static_cast<__mmask16>(mask);
}

template <int kVectors>
OHMIC_VNNI void tile_vnni(const GradientTile& t) {
  __m512i sum[kGradientRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kGradientRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_setzero_si512();
  }
  for (int line = 0; line < t.lines; ++line) {
    const std::uint8_t* codes = t.codes + static_cast<std::size_t>(line) * t.code_line;
    const std::uint8_t* vectors = t.vectors + static_cast<std::size_t>(line) * t.vector_line;
    for (int q = 0; q < t.quads; ++q, codes += t.code_stride, vectors += t.vector_stride) {
      __m512i d[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) d[v] = _mm512_loadu_si512(vectors + 64 * v);
#pragma GCC unroll 8
      for (int r = 0; r < kGradientRows; ++r) {
        std::int32_t word;
        std::memcpy(&word, codes + 4 * r, 4);
        const __m512i x = _mm512_set1_epi32(word);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) add_dot(sum[r][v], x, d[v]);
      }
    }
  }
  const __m512 step = _mm512_set1_ps(t.step);
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const __mmask16 mask = lanes_of(t.columns - 16 * v);
    const __m512i correction = _mm512_slli_epi32(_mm512_loadu_si512(t.vector_sums + 16 * v), 7);
#pragma GCC unroll 8
    for (int r = 0; r < kGradientRows; ++r) {
      if (r >= t.rows) break;
      float* to = t.gradient + static_cast<std::size_t>(r) * t.gradient_stride + 16 * v;
      const __m512 share = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sum[r][v], correction)), step);
      _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), share));
    }
  }
}

void tile_portable(const GradientTile& t) {
  std::int32_t sum[kGradientRows][kGradientColumns] = {};
  const auto width = static_cast<std::size_t>(t.columns);
  for (int line = 0; line < t.lines; ++line) {
    const std::uint8_t* codes = t.codes + static_cast<std::size_t>(line) * t.code_line;
    const std::uint8_t* vectors = t.vectors + static_cast<std::size_t>(line) * t.vector_line;
    for (int q = 0; q < t.quads; ++q, codes += t.code_stride, vectors += t.vector_stride) {
      const auto* d = reinterpret_cast<const std::int8_t*>(vectors);
      for (int r = 0; r < t.rows; ++r) {
        std::int32_t x[4];
        for (int k = 0; k < 4; ++k) x[k] = codes[4 * r + k] - 128;
        for (std::size_t j = 0; j < width; ++j) {
          sum[r][j] += x[0] * d[4 * j] + x[1] * d[4 * j + 1] + x[2] * d[4 * j + 2] + x[3] * d[4 * j + 3];
        }
      }
    }
  }
  for (int r = 0; r < t.rows; ++r) {
    float* to = t.gradient + static_cast<std::size_t>(r) * t.gradient_stride;
    for (std::size_t j = 0; j < width; ++j) to[j] += static_cast<float>(sum[r][j]) * t.step;
  }
}

}  // namespace

void add_gradient_tile(const GradientTile& tile) {
  if (!cpu_has(CpuFeature::avx512_vnni)) {
    tile_portable(tile);
  } else if (tile.columns > 16) {
    tile_vnni<2>(tile);
  } else {
    tile_vnni<1>(tile);
  }
}

}  // namespace ohmic
