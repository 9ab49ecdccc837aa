#include "ohmic/core/patch_amx_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/patch_vnni_kernel.h"
#include "ohmic/core/tile_registers.h"

#define OHMIC_AMX __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq")))
#define OHMIC_AMX_INLINE OHMIC_AMX __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kColumns = DigitPanels::kColumns;
constexpr int kTileRows = 16;
constexpr int kTileGroups = 16;  // of four bytes: what a tile has in a row
constexpr int kTileBytes = kTileRows * 64;

// ---------------------------------------------------------------------------------------------------------- left side

// Up to sixteen groups of a patch, as they lie in the image.
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

// How many groups to take at a time: where patches lie in the image in pieces of equal length, as those of a kernel's
// lines do, a number that divides it, so that tiles can be fetched from the image itself; else as many as a tile takes.
int groups_at_once(const std::int32_t* offsets, int groups) {
  int together = groups;  // divides all pieces
  for (int g = 1; g < groups; ++g) {
    if (offsets[g] != offsets[g - 1] + 4) together = std::gcd(together, g);
  }
  for (int g = kTileGroups; g > kTileGroups / 2; --g) {
    if (together % g == 0) return g;
  }
  return kTileGroups;
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

// Sixteen patches as tiles, packed or in the image.
struct LeftTiles {
  const std::uint8_t* codes;
  std::ptrdiff_t stride;       ///< from one patch to the next
  const std::int32_t* chunks;  ///< where in a patch each begins
  std::ptrdiff_t squares;      ///< from a code to its square

  const std::uint8_t* chunk(std::size_t number) const { return codes + chunks[number]; }
  LeftTiles of_squares() const { return {codes + squares, stride, chunks, 0}; }
};

// What all rows of a product have in common.
struct LeftSide {
  std::vector<Chunk> chunks;
  std::vector<std::int32_t> in_image, in_pack;  ///< where in a patch each chunk begins
  int groups = 0;                               ///< of a chunk
  bool can_stay = false;                        ///< in the image
};

// Two groups of sixteen rows times two of sixteen columns: a tile is fetched for every product, where single tiles
// would need two for one, and fetching takes half as long as multiplying. Sums go to `to`, by columns; those of the
// second begin with `start` unless null.
template <bool kBothRows, bool kBothColumns>
OHMIC_AMX_INLINE void tile_sums(const LeftSide& side, const LeftTiles (&left)[2], const std::int8_t* const (&digits)[2],
                                const std::int32_t* start, std::int32_t* const (&to)[2]) {
  constexpr int kStride = DigitPanels::kGroupBytes;
  _tile_zero(0);
  if constexpr (kBothRows) _tile_zero(1);
  if constexpr (kBothColumns) {
    if (start != nullptr) {
      _tile_loadd(2, start, 0);  // the same in all rows
      if constexpr (kBothRows) _tile_loadd(3, start, 0);
    } else {
      _tile_zero(2);
      if constexpr (kBothRows) _tile_zero(3);
    }
  }
  const std::size_t step = static_cast<std::size_t>(side.groups) * kStride;
  std::size_t digits_at = 0;
  for (std::size_t c = 0; c < side.chunks.size(); ++c, digits_at += step) {
    _tile_loadd(6, digits[0] + digits_at, kStride);
    _tile_loadd(4, left[0].chunk(c), left[0].stride);
    _tile_dpbusd(0, 4, 6);
    if constexpr (kBothRows) {
      _tile_loadd(5, left[1].chunk(c), left[1].stride);
      _tile_dpbusd(1, 5, 6);
    }
    if constexpr (!kBothColumns) continue;
    _tile_loadd(7, digits[1] + digits_at, kStride);
    _tile_dpbusd(2, 4, 7);
    if constexpr (kBothRows) _tile_dpbusd(3, 5, 7);
  }
  constexpr std::size_t kTile = kTileRows * kColumns;
  _tile_stored(0, to[0], 64);
  if constexpr (kBothRows) _tile_stored(1, to[0] + kTile, 64);
  if constexpr (kBothColumns) _tile_stored(2, to[1], 64);
  if constexpr (kBothRows && kBothColumns) _tile_stored(3, to[1] + kTile, 64);
}

// What stands between the two halves of the work: all sums of all rows, panel after panel, 16 to a row.
struct RowSums {
  AlignedVector<std::int32_t> high, low, variance;
  std::size_t panel_step = 0;
};

// Of sixteen rows from `begin` on, or with kBothRows of 32.
template <bool kNoise, bool kBothRows>
OHMIC_AMX_INLINE void sums_of_tiles(const PatchProduct& p, const LeftSide& side, const LeftTiles (&left)[2],
                                    std::size_t begin, RowSums& sums) {
  const auto place = [&](AlignedVector<std::int32_t>& of, int panel) {
    return of.data() + static_cast<std::size_t>(panel) * sums.panel_step + begin * kColumns;
  };
  for (int panel = 0; panel < p.panels.panels(); ++panel) {
    const std::int8_t* digits = p.panels.panel(panel);
    tile_sums<kBothRows, true>(side, left, {digits, digits + DigitPanels::kKindBytes}, p.correction + panel * kColumns,
                               {place(sums.high, panel), place(sums.low, panel)});
  }
  if constexpr (!kNoise) return;
  const LeftTiles squares[2] = {left[0].of_squares(), left[1].of_squares()};
  for (int panel = 0; panel < p.panels.panels(); panel += 2) {
    const std::int8_t* digits = p.panels.panel(panel) + 2 * DigitPanels::kKindBytes;
    if (panel + 1 == p.panels.panels()) {
      tile_sums<kBothRows, false>(side, squares, {digits, nullptr}, nullptr, {place(sums.variance, panel), nullptr});
    } else {
      const std::int8_t* next = p.panels.panel(panel + 1) + 2 * DigitPanels::kKindBytes;
      tile_sums<kBothRows, true>(side, squares, {digits, next}, nullptr,
                                 {place(sums.variance, panel), place(sums.variance, panel + 1)});
    }
  }
}

// From one patch to the next, if there are sixteen at equal distances, which is in an image's line; else 0.
std::ptrdiff_t distance_of(std::span<const PatchRow> rows) {
  if (rows.size() < kTileRows) return 0;
  const std::ptrdiff_t step = rows[1].codes - rows[0].codes;
  for (std::size_t m = 2; m < kTileRows; ++m) {
    if (rows[m].codes - rows[m - 1].codes != step) return 0;
  }
  return step;
}

// The first sixteen of `rows`, or what there are, in the image if they can be fetched from there, else packed in
// `room`.
OHMIC_AMX_INLINE LeftTiles left_tiles(const LeftSide& side, std::ptrdiff_t squares, std::span<const PatchRow> rows,
                                      std::uint8_t* room) {
  if (const std::ptrdiff_t step = side.can_stay ? distance_of(rows) : 0; step > 0) {
    return {rows[0].codes, step, side.in_image.data(), squares};
  }
  pack(side.chunks, rows, squares, room);
  return {room, 64, side.in_pack.data(), kTileBytes};
}

// `room`: two patches of sixteen rows.
template <bool kNoise>
OHMIC_AMX void sums_of_rows(const PatchProduct& p, const LeftSide& side, std::span<const PatchRow> rows,
                            std::span<std::uint8_t> room, RowSums& sums) {
  const TileRegisters config(4, 6, side.groups);
  _tile_loadconfig(&config);
  for (std::size_t begin = 0; begin < rows.size(); begin += 2 * kTileRows) {
    const std::size_t count = std::min<std::size_t>(2 * kTileRows, rows.size() - begin);
    const LeftTiles first = left_tiles(side, p.squares, rows.subspan(begin), room.data());
    if (count <= kTileRows) {
      sums_of_tiles<kNoise, false>(p, side, {first, first}, begin, sums);
    } else {
      const LeftTiles second =
          left_tiles(side, p.squares, rows.subspan(begin + kTileRows), room.data() + room.size() / 2);
      sums_of_tiles<kNoise, true>(p, side, {first, second}, begin, sums);
    }
  }
  _tile_release();
}

void prepare_left_side(const PatchProduct& p, LeftSide& side) {
  const int groups = p.panels.groups;
  side.groups = groups_at_once(p.offsets, groups);
  side.can_stay = true;
  side.chunks.clear();
  side.in_image.clear();
  side.in_pack.clear();
  const int bytes = kTileBytes * (p.is_noisy() ? 2 : 1);
  for (int g = 0; g < groups; g += side.groups) {
    side.in_pack.push_back(static_cast<std::int32_t>(side.chunks.size()) * bytes);
    side.in_image.push_back(p.offsets[g]);
    side.chunks.push_back(chunk_of(p.offsets + g, std::min(side.groups, groups - g)));
    side.can_stay = side.can_stay && side.chunks.back().lie == Lie::together && side.chunks.back().count == side.groups;
  }
}

}  // namespace

// With fewer bytes most of the time goes into noise, and into tile registers that wait for it.
bool prefers_patch_amx(const DigitPanels& panels) {
  constexpr int kLeastGroups = 128;  // of four bytes in sixteen columns, measured
  constexpr int kLeastDeep = 32;     // groups of one panel: tiles that are full serve few columns too
  return cpu_has(CpuFeature::amx) && has_patch_vnni() &&
         (panels.groups * panels.panels() >= kLeastGroups || panels.groups >= kLeastDeep);
}

// First all sums, then all noise: tile registers that rest for half a microsecond take as long to wake up.
void patch_analog_amx(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                      float* largest) {
  thread_local LeftSide side;
  thread_local AlignedVector<std::uint8_t> left;
  thread_local RowSums sums;
  prepare_left_side(product, side);
  left.resize(2 * side.chunks.size() * kTileBytes * (product.is_noisy() ? 2 : 1));
  sums.panel_step = (rows.size() + kTileRows - 1) / kTileRows * kTileRows * kColumns;
  const std::size_t count = static_cast<std::size_t>(product.panels.panels()) * sums.panel_step;
  sums.high.resize(count);
  sums.low.resize(count);
  if (product.is_noisy()) sums.variance.resize(count);
  if (product.is_noisy()) {
    sums_of_rows<true>(product, side, rows, left, sums);
  } else {
    sums_of_rows<false>(product, side, rows, left, sums);
  }
  analog_of_digits_vnni({sums.high.data(), sums.low.data(), product.is_noisy() ? sums.variance.data() : nullptr,
                         sums.panel_step, product.panels.columns, product.key},
                        rows, analog, stride, largest);
}

}  // namespace ohmic
