#include "ohmic/core/kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

// The sets worth a copy of their own. Without this Highway would also build SSSE3 and AVX3_DL.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ohmic/core/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ohmic/core/elementary-inl.h"
#include "ohmic/core/encode_kernel.h"
#include "ohmic/core/gaussian_table.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using Words = hn::Rebind<std::uint32_t, Floats>;
using FloatVector = hn::Vec<Floats>;
using WordVector = hn::Vec<Words>;

// ---------------------------------------------------------------------------------------------------- random words

// Even lanes hold the data, odd lanes are ignored. Several counters run side by side, because each round waits for the
// one before.
template <int kStates>
struct PhiloxStates {
  WordVector c0[kStates], c1[kStates], c2[kStates], c3[kStates];
};

template <int kStates>
HWY_INLINE void philox_round(PhiloxStates<kStates>& s, std::uint32_t k0, std::uint32_t k1) {
  const Words d;
  for (int i = 0; i < kStates; ++i) {
    const auto product0 = hn::MulEven(s.c0[i], hn::Set(d, 0xD2511F53u));
    const auto product1 = hn::MulEven(s.c2[i], hn::Set(d, 0xCD9E8D57u));
    const auto high0 = hn::BitCast(d, hn::ShiftRight<32>(product0));
    const auto high1 = hn::BitCast(d, hn::ShiftRight<32>(product1));
    s.c0[i] = hn::Xor3(high1, s.c1[i], hn::Set(d, k0));
    s.c2[i] = hn::Xor3(high0, s.c3[i], hn::Set(d, k1));
    s.c1[i] = hn::BitCast(d, product1);
    s.c3[i] = hn::BitCast(d, product0);
  }
}

// State i: words 2c, 2c+1 of the counters first + i * spacing .. + lanes/2 - 1 interleaved in a[i], words 2 and 3 in
// b[i].
template <int kStates>
HWY_INLINE void philox(const RandomStream& stream, std::uint32_t first, std::uint32_t spacing, WordVector (&a)[kStates],
                       WordVector (&b)[kStates]) {
  const Words d;
  const hn::RepartitionToWide<Words> wide;
  const auto lane = hn::ShiftRight<1>(hn::Iota(d, 0));
  PhiloxStates<kStates> s;
  for (int i = 0; i < kStates; ++i) {
    s.c0[i] = hn::Add(lane, hn::Set(d, first + static_cast<std::uint32_t>(i) * spacing));
    s.c1[i] = hn::Set(d, stream.counter[0]);
    s.c2[i] = hn::Set(d, stream.counter[1]);
    s.c3[i] = hn::Set(d, stream.counter[2]);
  }
  std::uint32_t k0 = stream.key[0];
  std::uint32_t k1 = stream.key[1];
  for (int round = 0; round < 10; ++round) {
    philox_round(s, k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const auto odd = [&](WordVector v) { return hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(wide, v))); };
  for (int i = 0; i < kStates; ++i) {
    a[i] = hn::OddEven(odd(s.c1[i]), s.c0[i]);
    b[i] = hn::OddEven(odd(s.c3[i]), s.c2[i]);
  }
}

// ------------------------------------------------------------------------------------------------------- gaussians

HWY_INLINE FloatVector polynomial_wide(WordVector octave, FloatVector t) {
  const Floats d;
  const auto index = hn::IndicesFromVec(d, octave);
  FloatVector z = hn::TableLookupLanes(hn::LoadU(d, detail::kGaussianCoefficients[detail::kGaussianDegree]), index);
  for (int k = detail::kGaussianDegree - 1; k >= 0; --k) {
    z = hn::Add(hn::Mul(z, t), hn::TableLookupLanes(hn::LoadU(d, detail::kGaussianCoefficients[k]), index));
  }
  return z;
}

HWY_INLINE FloatVector polynomial_gather(WordVector octave, FloatVector t) {
  const Floats d;
  const Ints di;
  const auto index = hn::BitCast(di, octave);
  FloatVector z = hn::GatherIndex(d, detail::kGaussianCoefficients[detail::kGaussianDegree], index);
  for (int k = detail::kGaussianDegree - 1; k >= 0; --k) {
    z = hn::Add(hn::Mul(z, t), hn::GatherIndex(d, detail::kGaussianCoefficients[k], index));
  }
  return z;
}

// Sixteen lanes look the coefficients up in registers, which hold the first 16 octaves (|z| < 4.3); the rare vector
// with a lane further out gathers them from memory.
HWY_INLINE FloatVector gaussian_of(WordVector word) {
  const Floats d;
  const Words du;
  const Ints di;
  const auto magnitude = hn::BitCast(di, hn::And(word, hn::Set(du, 0x7fffffffu)));
  const auto v = hn::Min(hn::Add(hn::ConvertTo(d, magnitude), hn::Set(d, 0.5f)), hn::Set(d, 2147483520.0f));
  const auto bits = hn::BitCast(du, v);
  const auto octave = hn::Sub(hn::Set(du, 157), hn::ShiftRight<23>(bits));
  const auto mantissa = hn::BitCast(d, hn::Or(hn::And(bits, hn::Set(du, 0x007fffffu)), hn::Set(du, 0x3f800000u)));
  const auto t = hn::Sub(mantissa, hn::Set(d, 1.5f));
  FloatVector z;
  if constexpr (hn::MaxLanes(Floats()) == 16) {
    if (HWY_LIKELY(hn::AllTrue(du, hn::Lt(octave, hn::Set(du, 16))))) {
      z = polynomial_wide(octave, t);
    } else {
      z = polynomial_gather(octave, t);
    }
  } else {
    z = polynomial_gather(octave, t);
  }
  return hn::BitCast(d, hn::Xor(hn::BitCast(du, z), hn::And(word, hn::Set(du, 0x80000000u))));
}

// The 32 kBlocks gaussians from block `block` on.
template <int kBlocks>
HWY_INLINE void gaussian_blocks(const RandomStream& stream, std::uint32_t block, float* HWY_RESTRICT out) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t at = 0; at < 16; at += lanes) {
    WordVector a[kBlocks], b[kBlocks];
    philox(stream, block * 8 + static_cast<std::uint32_t>(at / 2), 8, a, b);
    for (int i = 0; i < kBlocks; ++i) {
      hn::StoreU(gaussian_of(a[i]), d, out + 32 * i + at);
      hn::StoreU(gaussian_of(b[i]), d, out + 32 * i + 16 + at);
    }
  }
}

void WordsKernel(const RandomStream& stream, std::uint32_t first_block, std::span<std::uint32_t> out) {
  const Words d;
  const std::size_t lanes = hn::Lanes(d);
  std::uint32_t block[32];
  for (std::size_t begin = 0; begin < out.size(); begin += 32) {
    const std::size_t size = std::min<std::size_t>(32, out.size() - begin);
    std::uint32_t* to = size == 32 ? out.data() + begin : block;
    for (std::size_t at = 0; at < 16; at += lanes) {
      WordVector a[1], b[1];
      philox(stream, first_block * 8 + static_cast<std::uint32_t>(begin / 4 + at / 2), 8, a, b);
      hn::StoreU(a[0], d, to + at);
      hn::StoreU(b[0], d, to + 16 + at);
    }
    if (size < 32) std::copy_n(block, size, out.data() + begin);
  }
}

void GaussiansKernel(const RandomStream& stream, std::uint32_t first_block, std::span<float> out) {
  constexpr std::size_t kAtOnce = 4;
  const std::size_t whole = out.size() / 32;
  std::size_t block = 0;
  for (; block + kAtOnce <= whole; block += kAtOnce) {
    gaussian_blocks<kAtOnce>(stream, first_block + static_cast<std::uint32_t>(block), out.data() + 32 * block);
  }
  for (; block < whole; ++block) {
    gaussian_blocks<1>(stream, first_block + static_cast<std::uint32_t>(block), out.data() + 32 * block);
  }
  if (const std::size_t rest = out.size() % 32; rest != 0) {
    float buffer[32];
    gaussian_blocks<1>(stream, first_block + static_cast<std::uint32_t>(whole), buffer);
    for (std::size_t i = 0; i < rest; ++i) out[32 * whole + i] = buffer[i];
  }
}

// ------------------------------------------------------------------------------------------------------ elementwise

float MaxAbsKernel(std::span<const float> x) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  FloatVector best = hn::Zero(d), second = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= x.size(); i += 2 * lanes) {
    best = hn::Max(best, hn::Abs(hn::LoadU(d, x.data() + i)));
    second = hn::Max(second, hn::Abs(hn::LoadU(d, x.data() + i + lanes)));
  }
  float result = hn::GetLane(hn::MaxOfLanes(d, hn::Max(best, second)));
  for (; i < x.size(); ++i) result = std::max(result, std::abs(x[i]));
  return result;
}

HWY_INLINE hn::Vec<Ints> clamp_round(FloatVector x, FloatVector limit) {
  const Floats d;
  return hn::NearestInt(hn::Min(hn::Max(x, hn::Sub(hn::Zero(d), limit)), limit));
}

void QuantiseKernel(std::span<const float> x, float inverse_step, int levels, std::span<std::int8_t> codes) {
  const Floats d;
  const hn::Rebind<std::int8_t, Floats> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, static_cast<float>(levels));
  const auto scale = hn::Set(d, inverse_step);
  std::size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) {
    const auto code = clamp_round(hn::Mul(hn::LoadU(d, x.data() + i), scale), limit);
    hn::StoreU(hn::DemoteTo(bytes, code), bytes, codes.data() + i);
  }
  if (i < x.size()) {
    float in[16] = {};
    std::int8_t out[16];
    for (std::size_t k = 0; i + k < x.size(); ++k) in[k] = x[i + k];
    hn::StoreU(hn::DemoteTo(bytes, clamp_round(hn::Mul(hn::LoadU(d, in), scale), limit)), bytes, out);
    for (std::size_t k = 0; i + k < x.size(); ++k) codes[i + k] = out[k];
  }
}

HWY_INLINE hn::Vec<Ints> promoted(const std::int8_t* codes, std::size_t left) {
  const Ints di;
  const hn::Rebind<std::int8_t, Ints> bytes;
  if (left >= hn::Lanes(di)) return hn::PromoteTo(di, hn::LoadU(bytes, codes));
  std::int8_t buffer[16] = {};
  for (std::size_t k = 0; k < left; ++k) buffer[k] = codes[k];
  return hn::PromoteTo(di, hn::LoadU(bytes, buffer));
}

std::int32_t LargestCodeKernel(std::span<const std::int8_t> codes) {
  const Ints di;
  auto largest = hn::Zero(di);
  for (std::size_t i = 0; i < codes.size(); i += hn::Lanes(di)) {
    largest = hn::Max(largest, hn::Abs(promoted(codes.data() + i, codes.size() - i)));
  }
  return hn::GetLane(hn::MaxOfLanes(di, largest));
}

std::int64_t SquareCodesKernel(std::span<const std::int8_t> codes, std::size_t first_row, std::uint32_t offset,
                               std::int32_t multiplier, std::uint8_t* squares) {
  const Ints di;
  const hn::Rebind<std::uint8_t, Ints> bytes;
  const std::size_t lanes = hn::Lanes(di);
  auto sum = hn::Zero(di);
  auto dither = hn::Add(hn::Mul(hn::Add(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(first_row & 0xffff))),
                                hn::Set(di, kGolden)),
                        hn::Set(di, static_cast<std::int32_t>(offset & 0xffff)));
  for (std::size_t i = 0; i < codes.size(); i += lanes) {
    const auto code = promoted(codes.data() + i, codes.size() - i);
    const auto scaled = hn::Mul(hn::Mul(code, code), hn::Set(di, multiplier));
    auto square = hn::ShiftRight<16>(hn::Add(scaled, hn::And(dither, hn::Set(di, 0xffff))));
    dither = hn::Add(dither, hn::Set(di, kGolden * static_cast<std::int32_t>(lanes)));
    if (i + lanes <= codes.size()) {
      hn::StoreU(hn::DemoteTo(bytes, square), bytes, squares + i);
    } else {
      std::uint8_t buffer[16];
      hn::StoreU(hn::DemoteTo(bytes, square), bytes, buffer);
      for (std::size_t k = 0; i + k < codes.size(); ++k) squares[i + k] = buffer[k];
      square = hn::IfThenElseZero(hn::FirstN(di, codes.size() - i), square);
    }
    sum = hn::Add(sum, square);
  }
  return hn::GetLane(hn::SumOfLanes(di, sum));
}

void EncodeBytesKernel(std::span<const float> x, const ByteScale& s, std::size_t first_row, std::uint8_t* bytes,
                       std::uint8_t* squares) {
  const Floats d;
  const Ints di;
  const hn::Rebind<std::int8_t, Floats> d8;
  const hn::Rebind<std::uint8_t, Floats> du8;
  const std::size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, static_cast<float>(s.levels));
  const auto scale = hn::Set(d, s.inverse_step);
  const auto multiplier = hn::Set(di, s.multiplier);
  auto dither = hn::Add(hn::Mul(hn::Add(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(first_row & 0xffff))),
                                hn::Set(di, kGolden)),
                        hn::Set(di, static_cast<std::int32_t>(s.offset & 0xffff)));
  const auto step = [&](const float* from, std::uint8_t* byte, std::uint8_t* square) HWY_ATTR {
    const auto code = clamp_round(hn::Mul(hn::LoadU(d, from), scale), limit);
    const auto shifted = hn::Xor(hn::BitCast(du8, hn::DemoteTo(d8, code)), hn::Set(du8, 0x80));
    hn::StoreU(shifted, du8, byte);
    if (square == nullptr) return;
    const auto scaled = hn::Mul(hn::Mul(code, code), multiplier);
    const auto rounded = hn::ShiftRight<16>(hn::Add(scaled, hn::And(dither, hn::Set(di, 0xffff))));
    hn::StoreU(hn::DemoteTo(du8, rounded), du8, square);
    dither = hn::Add(dither, hn::Set(di, kGolden * static_cast<std::int32_t>(lanes)));
  };
  std::size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) step(x.data() + i, bytes + i, squares == nullptr ? nullptr : squares + i);
  if (i == x.size()) return;
  float in[16] = {};
  std::uint8_t byte[16], square[16];
  std::copy(x.begin() + static_cast<std::ptrdiff_t>(i), x.end(), in);
  step(in, byte, square);
  std::copy_n(byte, x.size() - i, bytes + i);
  if (squares != nullptr) std::copy_n(square, x.size() - i, squares + i);
}

HWY_INLINE FloatVector exponential_of(FloatVector x) {
  const auto limit = hn::Set(Floats(), 87.0f);
  return exponential(hn::Min(hn::Max(x, hn::Neg(limit)), limit));
}

// x[i] = f(x[i]); the tail goes through the same instructions.
template <class F>
HWY_INLINE void replace_each(std::span<float> x, const F& f) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) hn::StoreU(f(hn::LoadU(d, x.data() + i)), d, x.data() + i);
  if (i < x.size()) {
    float buffer[16] = {};
    for (std::size_t k = 0; i + k < x.size(); ++k) buffer[k] = x[i + k];
    hn::StoreU(f(hn::LoadU(d, buffer)), d, buffer);
    for (std::size_t k = 0; i + k < x.size(); ++k) x[i + k] = buffer[k];
  }
}

// Lambdas do not inherit the target of their function, so these are structs.
struct SigmoidOf {
  HWY_INLINE FloatVector operator()(FloatVector x) const { return logistic(x); }
};
struct TangentOf {
  HWY_INLINE FloatVector operator()(FloatVector x) const { return tangent(x); }
};
struct ExponentialOf {
  HWY_INLINE FloatVector operator()(FloatVector x) const { return exponential_of(x); }
};

void SigmoidKernel(std::span<float> x) { replace_each(x, SigmoidOf()); }
void TangentKernel(std::span<float> x) { replace_each(x, TangentOf()); }
void ExponentialKernel(std::span<float> x) { replace_each(x, ExponentialOf()); }

// ---------------------------------------------------------------------------------------------------------- fp32 rows

template <int kVectors>
HWY_INLINE void row_sum_panel(const float* base, std::size_t stride, std::span<const int> index,
                              std::span<const float> x, float* sum) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  FloatVector acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = hn::Zero(d);
  for (std::size_t k = 0; k < index.size(); ++k) {
    const float* row = base + static_cast<std::size_t>(index[k]) * stride;
    const auto scale = hn::Set(d, x[k]);
    for (int v = 0; v < kVectors; ++v) {
      acc[v] = hn::Add(acc[v], hn::Mul(scale, hn::LoadU(d, row + static_cast<std::size_t>(v) * lanes)));
    }
  }
  for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[v], d, sum + static_cast<std::size_t>(v) * lanes);
}

void RowSumKernel(const float* base, std::size_t stride, std::span<const int> index, std::span<const float> x,
                  std::span<float> sum) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t j = 0;
  for (; j + 8 * lanes <= sum.size(); j += 8 * lanes) row_sum_panel<8>(base + j, stride, index, x, sum.data() + j);
  for (; j + lanes <= sum.size(); j += lanes) row_sum_panel<1>(base + j, stride, index, x, sum.data() + j);
  for (; j < sum.size(); ++j) {
    float acc = 0;
    for (std::size_t k = 0; k < index.size(); ++k) acc += x[k] * base[static_cast<std::size_t>(index[k]) * stride + j];
    sum[j] = acc;
  }
}

// The processor does not foresee where the next row begins.
HWY_INLINE void fetch_row(const float* row, std::size_t columns) {
  constexpr std::size_t kLine = 64 / sizeof(float);
  for (std::size_t j = 0; j < columns; j += kLine) __builtin_prefetch(row + j, 1);
}

// One row; returns whether any |value| reached the threshold.
template <bool kFind>
HWY_INLINE bool add_row(float* HWY_RESTRICT row, float x, std::span<const float> delta, float threshold) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, x);
  auto largest = hn::Zero(d);
  std::size_t j = 0;
  for (; j + lanes <= delta.size(); j += lanes) {
    const auto sum = hn::Add(hn::LoadU(d, row + j), hn::Mul(s, hn::LoadU(d, delta.data() + j)));
    hn::StoreU(sum, d, row + j);
    if constexpr (kFind) largest = hn::Max(largest, hn::Abs(sum));
  }
  bool found = kFind && !hn::AllFalse(d, hn::Ge(largest, hn::Set(d, threshold)));
  for (; j < delta.size(); ++j) {
    row[j] += x * delta[j];
    if constexpr (kFind) found |= std::abs(row[j]) >= threshold;
  }
  return found;
}

void AddOuterKernel(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                    std::span<const float> delta) {
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (k + 1 < rows.size()) fetch_row(matrix + static_cast<std::size_t>(rows[k + 1]) * columns, columns);
    add_row<false>(matrix + static_cast<std::size_t>(rows[k]) * columns, x[k], delta, 0);
  }
}

void AddOuterAndFindKernel(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                           std::span<const float> delta, float threshold, std::vector<std::uint32_t>& crossed) {
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::size_t first = static_cast<std::size_t>(rows[k]) * columns;
    if (k + 1 < rows.size()) fetch_row(matrix + static_cast<std::size_t>(rows[k + 1]) * columns, columns);
    if (HWY_LIKELY(!add_row<true>(matrix + first, x[k], delta, threshold))) continue;
    for (std::size_t j = 0; j < columns; ++j) {
      if (std::abs(matrix[first + j]) >= threshold) crossed.push_back(static_cast<std::uint32_t>(first + j));
    }
  }
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(GaussiansKernel);
HWY_EXPORT(WordsKernel);
HWY_EXPORT(MaxAbsKernel);
HWY_EXPORT(QuantiseKernel);
HWY_EXPORT(LargestCodeKernel);
HWY_EXPORT(SquareCodesKernel);
HWY_EXPORT(EncodeBytesKernel);
HWY_EXPORT(SigmoidKernel);
HWY_EXPORT(TangentKernel);
HWY_EXPORT(ExponentialKernel);
HWY_EXPORT(RowSumKernel);
HWY_EXPORT(AddOuterKernel);
HWY_EXPORT(AddOuterAndFindKernel);

void gaussians(const RandomStream& stream, std::span<float> out, std::uint32_t first_block) {
  HWY_DYNAMIC_DISPATCH(GaussiansKernel)(stream, first_block, out);
}

void random_words(const RandomStream& stream, std::span<std::uint32_t> out, std::uint32_t first_block) {
  HWY_DYNAMIC_DISPATCH(WordsKernel)(stream, first_block, out);
}

float max_abs(std::span<const float> x) { return HWY_DYNAMIC_DISPATCH(MaxAbsKernel)(x); }

void quantise(std::span<const float> x, float inverse_step, int levels, std::span<std::int8_t> codes) {
  HWY_DYNAMIC_DISPATCH(QuantiseKernel)(x, inverse_step, levels, codes);
}

namespace {

// Makes 255 of the square of the largest code.
std::int32_t square_multiplier(std::int32_t largest) { return largest > 0 ? 255 * 65536 / (largest * largest) : 0; }

}  // namespace

SquaredCodes square_codes(std::span<const std::int8_t> codes, std::size_t first_row, std::uint32_t offset,
                          std::uint8_t* squares) {
  const std::int32_t multiplier = square_multiplier(HWY_DYNAMIC_DISPATCH(LargestCodeKernel)(codes));
  const std::int64_t sum = HWY_DYNAMIC_DISPATCH(SquareCodesKernel)(codes, first_row, offset, multiplier, squares);
  if (multiplier == 0) {
    std::fill_n(squares, codes.size(), std::uint8_t{0});
    return {};
  }
  return {65536.0f / static_cast<float>(multiplier), sum};
}

ByteScale ByteScale::of(float step, int levels, float largest, std::uint32_t offset) {
  ByteScale s;
  s.levels = levels;
  s.offset = offset;
  if (!(step > 0)) return s;
  s.inverse_step = 1 / step;
  // Rounding keeps the order, so this is the largest code; of NaN, `levels`.
  const float code = std::nearbyint(std::min(static_cast<float>(levels), largest * s.inverse_step));
  s.multiplier = square_multiplier(static_cast<std::int32_t>(code));
  if (s.multiplier > 0) s.square_step = 65536.0f / static_cast<float>(s.multiplier);
  return s;
}

void encode_bytes(std::span<const float> x, const ByteScale& scale, std::size_t first_row, std::uint8_t* bytes,
                  std::uint8_t* squares) {
  const std::size_t done = encode_bytes_avx512(x, scale, first_row, bytes, squares);
  if (done == x.size()) return;
  HWY_DYNAMIC_DISPATCH(EncodeBytesKernel)
  (x.subspan(done), scale, first_row + done, bytes + done, squares == nullptr ? nullptr : squares + done);
}

void sigmoid(std::span<float> x) { HWY_DYNAMIC_DISPATCH(SigmoidKernel)(x); }

void hyperbolic_tangent(std::span<float> x) { HWY_DYNAMIC_DISPATCH(TangentKernel)(x); }

void exponentials(std::span<float> x) { HWY_DYNAMIC_DISPATCH(ExponentialKernel)(x); }

void weighted_row_sum(const float* base, std::size_t stride, std::span<const int> index, std::span<const float> x,
                      std::span<float> sum) {
  HWY_DYNAMIC_DISPATCH(RowSumKernel)(base, stride, index, x, sum);
}

void add_outer_product(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                       std::span<const float> d) {
  HWY_DYNAMIC_DISPATCH(AddOuterKernel)(matrix, columns, rows, x, d);
}

void add_outer_product_and_find(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                                std::span<const float> d, float threshold, std::vector<std::uint32_t>& crossed) {
  HWY_DYNAMIC_DISPATCH(AddOuterAndFindKernel)(matrix, columns, rows, x, d, threshold, crossed);
}

}  // namespace ohmic
#endif  // HWY_ONCE
