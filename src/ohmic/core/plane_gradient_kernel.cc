#include "ohmic/core/plane_gradient_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "ohmic/core/cpu.h"
#include "ohmic/core/tile_registers.h"

#define OHMIC_PLANES __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512vnni")))
#define OHMIC_PLANES_INLINE OHMIC_PLANES __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr std::size_t kSide = 16;  // of a tile: rows, and columns of four bytes
static_assert(kPlaneRows == kSide && kPlaneColumns == kSide && kPlanePositions == 4 * kSide);

// Each of four rounds moves the highest bit of the row number to the end of the column number.
void transpose(__m128i (&from)[kSide]) {
  __m128i to[kSide];
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < kSide / 2; ++i) {
      to[2 * i] = _mm_unpacklo_epi8(from[i], from[i + 8]);
      to[2 * i + 1] = _mm_unpackhi_epi8(from[i], from[i + 8]);
    }
    std::copy(std::begin(to), std::end(to), std::begin(from));
  }
}

// Tile registers: sums in the first five, planes in the next two in turn, quads in the last.
struct KernelSums {
  alignas(64) std::int32_t of[kPlaneKernels][kSide][kSide];
};

template <int kCount>
OHMIC_PLANES_INLINE void sum_products(const PlaneGradient& g, const std::uint8_t* planes, const std::uint8_t* quads,
                                      KernelSums& sums) {
  _tile_zero(0);
  if constexpr (kCount > 1) _tile_zero(1);
  if constexpr (kCount > 2) _tile_zero(2);
  if constexpr (kCount > 3) _tile_zero(3);
  if constexpr (kCount > 4) _tile_zero(4);
  const std::int32_t* kernel = g.kernel.data();
  for (int c = 0; c < g.chunks; ++c, planes += kPlanePositions, quads += kSide * g.quad_bytes) {
    _tile_loadd(7, quads, g.quad_bytes);
    _tile_loadd(5, planes + kernel[0], g.plane_bytes);
    _tile_dpbusd(0, 5, 7);
    if constexpr (kCount > 1) {
      _tile_loadd(6, planes + kernel[1], g.plane_bytes);
      _tile_dpbusd(1, 6, 7);
    }
    if constexpr (kCount > 2) {
      _tile_loadd(5, planes + kernel[2], g.plane_bytes);
      _tile_dpbusd(2, 5, 7);
    }
    if constexpr (kCount > 3) {
      _tile_loadd(6, planes + kernel[3], g.plane_bytes);
      _tile_dpbusd(3, 6, 7);
    }
    if constexpr (kCount > 4) {
      _tile_loadd(5, planes + kernel[4], g.plane_bytes);
      _tile_dpbusd(4, 5, 7);
    }
  }
  _tile_stored(0, sums.of[0], 64);
  if constexpr (kCount > 1) _tile_stored(1, sums.of[1], 64);
  if constexpr (kCount > 2) _tile_stored(2, sums.of[2], 64);
  if constexpr (kCount > 3) _tile_stored(3, sums.of[3], 64);
  if constexpr (kCount > 4) _tile_stored(4, sums.of[4], 64);
}

// 128 times the sum of each column's codes, since those of the planes are 128 too large.
OHMIC_PLANES_INLINE __m512i excess(const PlaneGradient& g, const std::uint8_t* quads) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[2] = {};
  for (std::size_t q = 0; q < static_cast<std::size_t>(g.chunks) * kSide; q += 2, quads += 2 * g.quad_bytes) {
    sums[0] = _mm512_dpbusd_epi32(sums[0], ones, _mm512_loadu_si512(quads));
    sums[1] = _mm512_dpbusd_epi32(sums[1], ones, _mm512_loadu_si512(quads + g.quad_bytes));
  }
  return _mm512_slli_epi32(_mm512_add_epi32(sums[0], sums[1]), 7);
}

template <int kCount>
OHMIC_PLANES void add_samples(const PlaneGradient& g, std::span<const PlaneSample> samples) {
  const TileRegisters tiles(5, 7, kSide);
  _tile_loadconfig(&tiles);
  const auto mask = static_cast<__mmask16>(0xffffu >> (kSide - static_cast<std::size_t>(g.columns)));
  KernelSums sums;
  for (const PlaneSample& sample : samples) {
    const std::uint8_t* const quads = sample.quads + 4 * g.column;
    sum_products<kCount>(g, sample.planes + g.row * g.plane_bytes, quads, sums);
    const __m512i correction = excess(g, quads);
    const __m512 step = _mm512_set1_ps(sample.step);
    for (std::size_t k = 0; k < kCount; ++k) {
      float* to = g.gradient + k * g.kernel_stride;
      for (std::size_t r = 0; r < static_cast<std::size_t>(g.rows); ++r, to += g.gradient_stride) {
        const __m512i sum = _mm512_sub_epi32(_mm512_load_si512(sums.of[k][r]), correction);
        const __m512 share = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), step);
        _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), share));
      }
    }
  }
  _tile_release();
}

}  // namespace

void make_planes(const std::uint8_t* pixels, std::size_t pixel_bytes, std::size_t count, std::size_t plane_bytes,
                 std::uint8_t* planes) {
  for (std::size_t first = 0; first < pixel_bytes; first += kSide) {
    const std::size_t channels = std::min(kSide, pixel_bytes - first);
    for (std::size_t p = 0; p < count; p += kSide) {
      const std::size_t here = std::min(kSide, count - p);
      __m128i block[kSide] = {};
      const std::uint8_t* from = pixels + p * pixel_bytes + first;
      for (std::size_t i = 0; i < here; ++i, from += pixel_bytes) {
        if (channels == kSide) {
          block[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        } else {
          std::memcpy(&block[i], from, channels);
        }
      }
      transpose(block);
      for (std::size_t c = 0; c < kSide; ++c) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(planes + (first + c) * plane_bytes + p), block[c]);
      }
    }
  }
}

bool has_plane_gradient() { return cpu_has(CpuFeature::amx) && cpu_has(CpuFeature::avx512_vnni); }

void add_plane_gradient(const PlaneGradient& part, std::span<const PlaneSample> samples) {
  switch (part.kernel.size()) {
    case 1:
      return add_samples<1>(part, samples);
    case 2:
      return add_samples<2>(part, samples);
    case 3:
      return add_samples<3>(part, samples);
    case 4:
      return add_samples<4>(part, samples);
    default:
      return add_samples<5>(part, samples);
  }
}

}  // namespace ohmic
