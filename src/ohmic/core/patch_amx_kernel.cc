#include "ohmic/core/patch_amx_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/patch_vnni_kernel.h"

#define OHMIC_AMX __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq")))
#define OHMIC_AMX_INLINE OHMIC_AMX __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kColumns = DigitPanels::kColumns;
constexpr int kTileRows = 16;
constexpr int kTileGroups = 16;  // of four bytes: what a tile has in a row
constexpr int kTileBytes = kTileRows * 64;

// ---------------------------------------------------------------------------------------------------------- left side

// Sixteen groups of a patch, as they lie in the image.
enum class Lie { together, in_fours, apart };

struct Chunk {
  const std::int32_t* offsets;
  int count;
  __mmask16 groups;  ///< a bit for each
  Lie lie;
};

Chunk chunk_of(const std::int32_t* offsets, int count) {
  Chunk chunk{offsets, count, static_cast<__mmask16>((1u << count) - 1), Lie::together};
  for (int g = 1; g < count; ++g) {
    if (offsets[g] == offsets[g - 1] + 4) continue;
    chunk.lie = g % 4 == 0 ? std::max(chunk.lie, Lie::in_fours) : Lie::apart;
  }
  if (chunk.lie == Lie::in_fours && count % 4 != 0) chunk.lie = Lie::apart;
  return chunk;
}

// Four groups from each of `kFours` places.
template <int kFours>
OHMIC_AMX_INLINE __m512i fours_of(const std::int32_t* offsets, const std::uint8_t* codes) {
  const auto four = [&](int k) { return *reinterpret_cast<const __m128i_u*>(codes + offsets[4 * k]); };
  __m512i all = _mm512_maskz_broadcast_i32x4(0x000f, four(0));
  all = _mm512_mask_broadcast_i32x4(all, 0x00f0, four(1));
  if constexpr (kFours > 2) all = _mm512_mask_broadcast_i32x4(all, 0x0f00, four(2));
  if constexpr (kFours > 3) all = _mm512_mask_broadcast_i32x4(all, 0xf000, four(3));
  return all;
}

// Of one row; groups that a chunk lacks are not touched.
OHMIC_AMX_INLINE void copy_groups(const Chunk& chunk, const std::uint8_t* codes, std::uint8_t* to) {
  switch (chunk.lie) {
    case Lie::together:
      _mm512_store_si512(to, _mm512_maskz_loadu_epi32(chunk.groups, codes + chunk.offsets[0]));
      return;
    case Lie::in_fours:
      _mm512_store_si512(to, chunk.count == kTileGroups ? fours_of<4>(chunk.offsets, codes)
                             : chunk.count == 12        ? fours_of<3>(chunk.offsets, codes)
                                                        : fours_of<2>(chunk.offsets, codes));
      return;
    case Lie::apart:
      const __m512i offsets = _mm512_maskz_loadu_epi32(chunk.groups, chunk.offsets);
      _mm512_store_si512(to, _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), chunk.groups, offsets, codes, 1));
      return;
  }
}

// The patches of sixteen rows, or of those that there are, as tiles: of each chunk the codes, then the squares.
OHMIC_AMX void pack(std::span<const Chunk> chunks, std::span<const PatchRow> rows, std::ptrdiff_t squares,
                    std::uint8_t* to) {
  const std::size_t count = std::min<std::size_t>(kTileRows, rows.size());
  for (const Chunk& chunk : chunks) {
    for (std::size_t m = 0; m < count; ++m) copy_groups(chunk, rows[m].codes, to + 64 * m);
    to += kTileBytes;
    if (squares == 0) continue;
    for (std::size_t m = 0; m < count; ++m) copy_groups(chunk, rows[m].codes + squares, to + 64 * m);
    to += kTileBytes;
  }
}

// --------------------------------------------------------------------------------------------------------------- sums

struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

struct TileSums {
  alignas(64) std::int32_t high[kTileRows][kColumns], low[kTileRows][kColumns], variance[kTileRows][kColumns];
};

template <bool kNoise>
OHMIC_AMX_INLINE void tile_sums(const std::uint8_t* left, const std::int8_t* digits, std::size_t chunks,
                                TileSums& sums) {
  constexpr int kStride = DigitPanels::kGroupBytes;
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kNoise) _tile_zero(2);
  for (std::size_t c = 0; c < chunks; ++c) {
    _tile_loadd(3, left, 64);
    _tile_loadd(4, digits, kStride);
    _tile_loadd(5, digits + DigitPanels::kKindBytes, kStride);
    _tile_dpbusd(0, 3, 4);
    _tile_dpbusd(1, 3, 5);
    left += kTileBytes;
    if constexpr (kNoise) {
      _tile_loadd(6, left, 64);
      _tile_loadd(7, digits + 2 * DigitPanels::kKindBytes, kStride);
      _tile_dpbusd(2, 6, 7);
      left += kTileBytes;
    }
    digits += kTileGroups * kStride;
  }
  _tile_stored(0, sums.high, 64);
  _tile_stored(1, sums.low, 64);
  if constexpr (kNoise) _tile_stored(2, sums.variance, 64);
}

// The sums of a tile, of which `rows` are wanted, to where analog_of_sums finds them.
template <bool kNoise>
OHMIC_AMX_INLINE void put_sums(const TileSums& from, int rows, const std::int32_t* correction, std::size_t stride,
                               std::int32_t* mean, std::int32_t* variance) {
  const __m512i start = _mm512_loadu_si512(correction);
  for (int m = 0; m < rows; ++m, mean += stride) {
    const __m512i high = _mm512_slli_epi32(_mm512_load_si512(from.high[m]), 8);
    _mm512_store_si512(mean, _mm512_add_epi32(high, _mm512_add_epi32(_mm512_load_si512(from.low[m]), start)));
    if constexpr (!kNoise) continue;
    _mm512_store_si512(variance, _mm512_load_si512(from.variance[m]));
    variance += stride;
  }
}

// What stands between the two halves of the work: all sums of all rows, rows x columns of whole panels each.
struct RowSums {
  AlignedVector<std::int32_t> mean, variance;
};

template <bool kNoise>
OHMIC_AMX void sums_of_rows(const PatchProduct& p, std::span<const Chunk> chunks, std::span<const PatchRow> rows,
                            std::uint8_t* left, RowSums& sums) {
  const std::size_t stride = static_cast<std::size_t>(p.panels.panels()) * kColumns;
  TileSums tile;
  const TileConfig config;
  _tile_loadconfig(&config);
  for (std::size_t begin = 0; begin < rows.size(); begin += kTileRows) {
    const auto count = static_cast<int>(std::min<std::size_t>(kTileRows, rows.size() - begin));
    pack(chunks, rows.subspan(begin), p.squares, left);
    for (int panel = 0; panel < p.panels.panels(); ++panel) {
      tile_sums<kNoise>(left, p.panels.panel(panel), chunks.size(), tile);
      const std::size_t at = begin * stride + static_cast<std::size_t>(panel) * kColumns;
      put_sums<kNoise>(tile, count, p.correction + panel * kColumns, stride, sums.mean.data() + at,
                       kNoise ? sums.variance.data() + at : nullptr);
    }
  }
  _tile_release();
}

}  // namespace

// With fewer bytes most of the time goes into noise, and into tile registers that wait for it.
bool prefers_patch_amx(const DigitPanels& panels) {
  constexpr int kLeastGroups = 128;  // of four bytes in sixteen columns, measured
  return cpu_has(CpuFeature::amx) && has_patch_vnni() && panels.groups * panels.panels() >= kLeastGroups;
}

// First all sums, then all noise: tile registers that rest for half a microsecond take as long to wake up.
void patch_analog_amx(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                      float* largest) {
  thread_local std::vector<Chunk> chunks;
  thread_local AlignedVector<std::uint8_t> left;
  thread_local RowSums sums;
  chunks.clear();
  for (int g = 0; g < product.panels.groups; g += kTileGroups) {
    chunks.push_back(chunk_of(product.offsets + g, std::min(kTileGroups, product.panels.groups - g)));
  }
  left.assign(chunks.size() * kTileBytes * (product.is_noisy() ? 2 : 1), 0);
  const std::size_t count = rows.size() * static_cast<std::size_t>(product.panels.panels()) * kColumns;
  sums.mean.resize(count);
  if (product.is_noisy()) sums.variance.resize(count);
  if (product.is_noisy()) {
    sums_of_rows<true>(product, chunks, rows, left.data(), sums);
  } else {
    sums_of_rows<false>(product, chunks, rows, left.data(), sums);
  }
  analog_of_sums_vnni(
      {sums.mean.data(), product.is_noisy() ? sums.variance.data() : nullptr, product.panels.columns, product.key},
      rows, analog, stride, largest);
}

}  // namespace ohmic
