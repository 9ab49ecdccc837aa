// Products of many quantised vectors with digits in groups of four rows, by AVX-512 VNNI, straight from the digits as
// the tile keeps them: nothing has to be packed again when weights change. A panel of 32 columns is copied next to each
// other once, then four vectors at a time run down its rows with all 24 sums in registers.

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "ohmic/core/kernels.h"

#define OHMIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define OHMIC_VNNI_INLINE OHMIC_VNNI __attribute__((always_inline)) inline

namespace ohmic {
namespace {

constexpr int kVectors = 4;
constexpr int kPanelColumns = 32;
constexpr int kPlaneBytes = kPanelColumns * 4;  // one digit kind of one group
constexpr int kGroupBytes = 3 * kPlaneBytes;

// 32 columns of all groups: high, low and variance digits of each group side by side; columns beyond the matrix are
// zero.
void pack_panel(const QuadMatrix& matrix, const QuadBatch& batch, int column, std::int8_t* panel) {
  const int width = std::min(kPanelColumns, matrix.columns - column);
  const std::int8_t* planes[3] = {matrix.high, matrix.low, matrix.variance};
  if (width < kPanelColumns) std::memset(panel, 0, static_cast<std::size_t>(batch.groups) * kGroupBytes);
  for (int g = 0; g < batch.groups; ++g) {
    const auto at = (static_cast<std::size_t>(batch.first_group + g) * static_cast<std::size_t>(matrix.columns) +
                     static_cast<std::size_t>(column)) *
                    4;
    std::int8_t* out = panel + static_cast<std::size_t>(g) * kGroupBytes;
    for (int p = 0; p < 3; ++p) {
      if (planes[p] != nullptr) std::memcpy(out + p * kPlaneBytes, planes[p] + at, static_cast<std::size_t>(width) * 4);
    }
  }
}

// VNNI multiplies unsigned by signed bytes, so codes go in with 128 added; 128 times the sum of the panel's digits,
// over all rows, is taken off again.
struct Correction {
  std::int32_t sum[kPanelColumns];
};

OHMIC_VNNI Correction correction_of(const std::int8_t* panel, int groups) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i high[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  __m512i low[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  for (int g = 0; g < groups; ++g) {
    const std::int8_t* digits = panel + static_cast<std::size_t>(g) * kGroupBytes;
    for (int v = 0; v < 2; ++v) {
      high[v] = _mm512_dpbusd_epi32(high[v], ones, _mm512_loadu_si512(digits + 64 * v));
      low[v] = _mm512_dpbusd_epi32(low[v], ones, _mm512_loadu_si512(digits + kPlaneBytes + 64 * v));
    }
  }
  Correction c;
  for (int v = 0; v < 2; ++v) {
    const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high[v], 8), low[v]);
    _mm512_storeu_si512(c.sum + 16 * v, _mm512_slli_epi32(sum, 7));
  }
  return c;
}

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

struct Operands {
  const std::int8_t* panel;
  const std::uint8_t* codes;  // + 128
  const std::uint8_t* squares;
  std::size_t stride;  // bytes from one vector's codes to the next
  int groups;
};

// All sums of four vectors and 32 columns: 24 registers. Digits take four more, the broadcast codes one.
template <bool kNoise>
OHMIC_VNNI_INLINE void four_vectors(const Operands& o, const Correction& correction, __m512i (&sum)[kVectors][2],
                                    __m512i (&variance)[kVectors][2]) {
  __m512i high[kVectors][2], low[kVectors][2], squares[kVectors][2];
#pragma GCC unroll 4
  for (int m = 0; m < kVectors; ++m) {
    high[m][0] = high[m][1] = low[m][0] = low[m][1] = squares[m][0] = squares[m][1] = _mm512_setzero_si512();
  }
  const std::int8_t* digits = o.panel;
  const std::uint8_t* code_bytes = o.codes;
  const std::uint8_t* square_bytes = o.squares;
  for (int g = 0; g < o.groups; ++g, digits += kGroupBytes, code_bytes += 4) {
    const __m512i h0 = _mm512_loadu_si512(digits), h1 = _mm512_loadu_si512(digits + 64);
    const __m512i l0 = _mm512_loadu_si512(digits + kPlaneBytes), l1 = _mm512_loadu_si512(digits + kPlaneBytes + 64);
#pragma GCC unroll 4
    for (int m = 0; m < kVectors; ++m) {
      const __m512i code = four_bytes(code_bytes + static_cast<std::size_t>(m) * o.stride);
      add_dot(high[m][0], code, h0);
      add_dot(high[m][1], code, h1);
      add_dot(low[m][0], code, l0);
      add_dot(low[m][1], code, l1);
    }
    if constexpr (kNoise) {
      const __m512i q0 = _mm512_loadu_si512(digits + 2 * kPlaneBytes);
      const __m512i q1 = _mm512_loadu_si512(digits + 2 * kPlaneBytes + 64);
#pragma GCC unroll 4
      for (int m = 0; m < kVectors; ++m) {
        const __m512i square = four_bytes(square_bytes + static_cast<std::size_t>(m) * o.stride);
        add_dot(squares[m][0], square, q0);
        add_dot(squares[m][1], square, q1);
      }
      square_bytes += 4;
    }
  }
#pragma GCC unroll 4
  for (int m = 0; m < kVectors; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      const __m512i all = _mm512_add_epi32(_mm512_slli_epi32(high[m][v], 8), low[m][v]);
      sum[m][v] = _mm512_sub_epi32(all, _mm512_loadu_si512(correction.sum + 16 * v));
      variance[m][v] = squares[m][v];
    }
  }
}

__mmask16 lanes_of(int left) {
  const unsigned mask = left >= 16 ? 0xffffu : left <= 0 ? 0u : (1u << left) - 1;
  return static_cast<__mmask16>(mask);
}

template <bool kNoise>
OHMIC_VNNI void panel_product(const Operands& o, const Correction& correction, int vectors, int columns, int column,
                              std::int32_t* sums, std::int32_t* variances) {
  const __mmask16 masks[2] = {lanes_of(columns - column), lanes_of(columns - column - 16)};
  for (int begin = 0; begin < vectors; begin += kVectors) {
    Operands here = o;
    here.codes += static_cast<std::size_t>(begin) * o.stride;
    if constexpr (kNoise) here.squares += static_cast<std::size_t>(begin) * o.stride;
    __m512i sum[kVectors][2], variance[kVectors][2];
    four_vectors<kNoise>(here, correction, sum, variance);
    for (int m = 0; m < kVectors && begin + m < vectors; ++m) {
      const auto at =
          static_cast<std::size_t>(begin + m) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column);
      for (int v = 0; v < 2; ++v) {
        _mm512_mask_storeu_epi32(sums + at + 16 * v, masks[v], sum[m][v]);
        if constexpr (kNoise) _mm512_mask_storeu_epi32(variances + at + 16 * v, masks[v], variance[m][v]);
      }
    }
  }
}

}  // namespace

void quad_batch_product(const QuadMatrix& matrix, const QuadBatch& batch, std::int32_t* sum, std::int32_t* variance) {
  const std::size_t stride = static_cast<std::size_t>(batch.groups) * 4;
  const std::size_t padded = static_cast<std::size_t>((batch.vectors + kVectors - 1) / kVectors * kVectors) * stride;
  thread_local std::vector<std::uint8_t> codes, squares;
  thread_local std::vector<std::int8_t> panel;
  codes.resize(padded);
  const std::size_t used = static_cast<std::size_t>(batch.vectors) * stride;
  const auto* signed_codes = reinterpret_cast<const std::uint8_t*>(batch.codes);
  for (std::size_t i = 0; i < used; ++i) codes[i] = signed_codes[i] ^ 0x80u;  // + 128
  if (batch.squares != nullptr) {
    squares.resize(padded);
    std::memcpy(squares.data(), batch.squares, used);
  }
  panel.resize(static_cast<std::size_t>(batch.groups) * kGroupBytes);
  for (int column = 0; column < matrix.columns; column += kPanelColumns) {
    pack_panel(matrix, batch, column, panel.data());
    const Correction correction = correction_of(panel.data(), batch.groups);
    const Operands o{panel.data(), codes.data(), batch.squares != nullptr ? squares.data() : nullptr, stride,
                     batch.groups};
    if (batch.squares != nullptr) {
      panel_product<true>(o, correction, batch.vectors, matrix.columns, column, sum, variance);
    } else {
      panel_product<false>(o, correction, batch.vectors, matrix.columns, column, sum, variance);
    }
  }
}

}  // namespace ohmic
