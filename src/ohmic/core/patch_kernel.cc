#include "ohmic/core/patch_kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#define HWY_TARGET_INCLUDE "ohmic/core/patch_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ohmic/core/cipher-inl.h"
#include "ohmic/core/cipher_random.h"
#include "ohmic/core/fused-inl.h"
#include "ohmic/core/gaussian_parts.h"
#include "ohmic/core/patch_amx_kernel.h"
#include "ohmic/core/patch_vnni_kernel.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using Words = hn::Rebind<std::uint32_t, Floats>;
using FloatVector = hn::Vec<Floats>;
using WordVector = hn::Vec<Words>;

// -------------------------------------------------------------------------------------------------------------- noise

// cipher_gaussian_from_word in steps of kGaussianStep.
HWY_INLINE FloatVector gaussian_steps(WordVector word) {
  const Floats d;
  const Ints di;
  const hn::Repartition<std::uint8_t, Words> bytes;
  const hn::Repartition<std::int8_t, Words> parts;
  const hn::Repartition<std::int16_t, Words> halves;
  // Sixteen parts are looked up at a time: the fifth and sixth bit of a byte choose among four of these.
  const auto byte = hn::BitCast(bytes, word);
  const auto index = hn::And(byte, hn::Set(bytes, 15));
  const auto found = [&](int first) {
    return hn::TableLookupBytes(hn::LoadDup128(parts, detail::kGaussianParts.values.data() + first),
                                hn::BitCast(parts, index));
  };
  const auto is_set = [&](int bit) {
    return hn::RebindMask(parts, hn::TestBit(byte, hn::Set(bytes, static_cast<std::uint8_t>(bit))));
  };
  const auto is_odd = is_set(16);
  const auto part = hn::IfThenElse(is_set(32), hn::IfThenElse(is_odd, found(48), found(32)),
                                   hn::IfThenElse(is_odd, found(16), found(0)));
  const auto pair = hn::BitCast(halves, part);  // bytes 0 and 1, bytes 2 and 3
  constexpr auto kWeights = detail::kGaussianWeights;
  const auto weights_of = [&](int k) { return hn::BitCast(halves, hn::Set(di, kWeights[k] | kWeights[k + 2] << 16)); };
  const auto sum = hn::BitCast(di, hn::Add(hn::Mul(hn::ShiftRight<8>(hn::ShiftLeft<8>(pair)), weights_of(0)),
                                           hn::Mul(hn::ShiftRight<8>(pair), weights_of(1))));
  return hn::ConvertTo(d, hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(sum)), hn::ShiftRight<16>(sum)));
}

void CipherGaussiansKernel(const RandomStream& stream, std::uint32_t first, std::span<float> out) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const RoundKeys keys = round_keys(stream.key);
  const std::uint32_t counter[4] = {first / 4, stream.counter[0], stream.counter[1], stream.counter[2]};
  for (std::size_t i = 0; i < out.size(); i += lanes) {
    const auto steps = gaussian_steps(cipher(keys, counter, static_cast<std::uint32_t>(i / 4)));
    const auto z = hn::Mul(steps, hn::Set(d, detail::kGaussianStep));
    if (i + lanes <= out.size()) {
      hn::StoreU(z, d, out.data() + i);
    } else {
      float buffer[16];
      hn::StoreU(z, d, buffer);
      std::copy_n(buffer, out.size() - i, out.data() + i);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------ products

using Halves = hn::CappedTag<std::int16_t, 32>;
using HalfVector = hn::Vec<Halves>;

// Patches as 16-bit numbers, so that pairs of rows can be multiplied and added: codes and squares of each row.
struct WidePatches {
  std::vector<std::int16_t> codes, squares;
};

HWY_INLINE void widen_patch(const PatchProduct& p, const std::uint8_t* codes, std::int16_t* wide_codes,
                            std::int16_t* wide_squares) {
  for (int q = 0; q < p.panels.groups; ++q) {
    const std::uint8_t* at = codes + p.offsets[q];
    for (int k = 0; k < 4; ++k) wide_codes[4 * q + k] = static_cast<std::int16_t>(at[k] - 128);
    if (!p.is_noisy()) continue;
    for (int k = 0; k < 4; ++k) wide_squares[4 * q + k] = at[p.squares + k];
  }
}

HWY_INLINE HalfVector four_halves(const std::int16_t* from) {
  const Halves d;
  const hn::Repartition<std::int64_t, Halves> wide;
  std::int64_t bits;
  std::memcpy(&bits, from, 8);
  return hn::BitCast(d, hn::Set(wide, bits));
}

// sum, variance: 16 each. A weight is 16 bits wide, so that two rows' products fit into one multiply-add.
HWY_INLINE void panel_sums(const std::int8_t* digits, int groups, const std::int16_t* codes,
                           const std::int16_t* squares, std::int32_t* sum, std::int32_t* variance) {
  const Halves d;
  const hn::Rebind<std::int8_t, Halves> bytes;
  const hn::Repartition<std::int32_t, Halves> d32;
  const int columns = static_cast<int>(hn::Lanes(d) / 4);
  alignas(64) std::int32_t pairs[16];
  for (int j = 0; j < DigitPanels::kColumns; j += columns) {
    auto mean = hn::Zero(d32), spread = hn::Zero(d32), unused = hn::Zero(d32);
    for (int q = 0; q < groups; ++q) {
      const std::int8_t* at = digits + static_cast<std::size_t>(q) * DigitPanels::kGroupBytes + 4 * j;
      const auto high = hn::PromoteTo(d, hn::LoadU(bytes, at));
      const auto low = hn::PromoteTo(d, hn::LoadU(bytes, at + DigitPanels::kKindBytes));
      const auto weight = hn::Add(hn::ShiftLeft<8>(high), low);
      mean = hn::ReorderWidenMulAccumulate(d32, weight, four_halves(codes + 4 * q), mean, unused);
      if (squares == nullptr) continue;
      const auto digit = hn::PromoteTo(d, hn::LoadU(bytes, at + 2 * DigitPanels::kKindBytes));
      spread = hn::ReorderWidenMulAccumulate(d32, digit, four_halves(squares + 4 * q), spread, unused);
    }
    hn::Store(mean, d32, pairs);
    for (int k = 0; k < columns; ++k) sum[j + k] = pairs[2 * k] + pairs[2 * k + 1];
    hn::Store(spread, d32, pairs);
    for (int k = 0; k < columns; ++k) variance[j + k] = pairs[2 * k] + pairs[2 * k + 1];
  }
}

void PanelCorrectionsKernel(const DigitPanels& panels, std::int32_t* correction) {
  const std::vector<std::int16_t> codes(static_cast<std::size_t>(panels.groups) * 4, -128);
  alignas(64) std::int32_t unused[DigitPanels::kColumns];
  for (int panel = 0; panel < panels.panels(); ++panel, correction += DigitPanels::kColumns) {
    panel_sums(panels.panel(panel), panels.groups, codes.data(), nullptr, correction, unused);
  }
}

// 16 outputs; returns the largest magnitudes lane by lane.
HWY_INLINE FloatVector panel_outputs(const PatchRow& row, const RoundKeys* keys, int panel, int columns,
                                     const std::int32_t* sum, const std::int32_t* variance, float* analog) {
  const Floats d;
  const Ints di;
  const std::size_t lanes = hn::Lanes(d);
  FloatVector largest = hn::Zero(d);
  for (std::size_t k = 0; k < DigitPanels::kColumns; k += lanes) {
    const int first = panel * DigitPanels::kColumns + static_cast<int>(k);
    auto y = hn::Mul(hn::ConvertTo(d, hn::LoadU(di, sum + k)), hn::Set(d, row.mean_scale));
    if (keys != nullptr) {
      const auto square = fused(hn::ConvertTo(d, hn::LoadU(di, variance + k)), hn::Set(d, row.variance_scale),
                                hn::Set(d, row.variance_offset));
      const auto steps = gaussian_steps(cipher(*keys, row.counter.data(), static_cast<std::uint32_t>(first) / 4));
      const auto z = hn::Mul(steps, hn::Set(d, detail::kGaussianStep));
      y = fused(hn::Sqrt(hn::Max(square, hn::Zero(d))), z, y);
    }
    if (first + static_cast<int>(lanes) > columns) {
      y = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(std::max(0, columns - first))), y);
    }
    hn::StoreU(y, d, analog + first);
    largest = hn::Max(largest, hn::Abs(y));
  }
  return largest;
}

void PatchAnalogKernel(const PatchProduct& p, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                       float* largest) {
  const Floats d;
  thread_local WidePatches wide;
  const auto size = static_cast<std::size_t>(p.panels.groups) * 4;
  wide.codes.resize(size);
  wide.squares.resize(size);
  const RoundKeys keys = round_keys(p.key);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widen_patch(p, rows[r].codes, wide.codes.data(), wide.squares.data());
    FloatVector most = hn::Zero(d);
    for (int panel = 0; panel < p.panels.panels(); ++panel) {
      alignas(64) std::int32_t sum[16], variance[16];
      panel_sums(p.panels.panel(panel), p.panels.groups, wide.codes.data(),
                 p.is_noisy() ? wide.squares.data() : nullptr, sum, variance);
      most = hn::Max(most, panel_outputs(rows[r], p.is_noisy() ? &keys : nullptr, panel, p.panels.columns, sum,
                                         variance, analog + r * stride));
    }
    largest[r] = hn::GetLane(hn::MaxOfLanes(d, most));
  }
}

void AnalogOfSumsKernel(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                        float* largest) {
  const Floats d;
  const bool is_noisy = sums.variance != nullptr;
  const RoundKeys keys = round_keys(sums.key);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    FloatVector most = hn::Zero(d);
    for (int column = 0; column < sums.columns; column += DigitPanels::kColumns) {
      const std::size_t at = r * stride + static_cast<std::size_t>(column);
      most =
          hn::Max(most, panel_outputs(rows[r], is_noisy ? &keys : nullptr, column / DigitPanels::kColumns, sums.columns,
                                      sums.mean + at, is_noisy ? sums.variance + at : nullptr, analog + r * stride));
    }
    largest[r] = hn::GetLane(hn::MaxOfLanes(d, most));
  }
}

// -------------------------------------------------------------------------------------------------------------- output

// With the largest output as full scale none needs clamping: the quotient is at most `levels` beside rounding.
enum class Conversion { none, clamped, unclamped };

// How rows are converted: y becomes step round(inverse y), with the rows' divisions done side by side.
struct RowSteps {
  static constexpr std::size_t kRows = 64;
  alignas(64) float inverse[kRows], step[kRows];

  template <Conversion kConversion>
  HWY_INLINE void assign(const OutputConversion& c, const float* largest, std::size_t count) {
    const auto levels = static_cast<float>(c.levels);
    for (std::size_t i = 0; i < count; ++i) {
      const float range = kConversion == Conversion::unclamped ? largest[i] : c.range;
      inverse[i] = range > 0 ? levels / range : 0;  // a row of zeros
      step[i] = kConversion == Conversion::none ? c.factor : range / levels * c.factor;
    }
  }
};

// Around this float others are whole numbers: what is added to it is rounded to one.
constexpr float kWholeNumbers = 0x1.8p23f;

// The ADC's code, or y itself.
template <Conversion kConversion>
HWY_INLINE FloatVector code_of(FloatVector y, float inverse_step, FloatVector limit) {
  const Floats d;
  if constexpr (kConversion == Conversion::none) return y;
  const auto whole = hn::Set(d, kWholeNumbers);
  y = hn::Sub(fused(y, hn::Set(d, inverse_step), whole), whole);
  if constexpr (kConversion == Conversion::clamped) y = hn::Min(hn::Max(y, hn::Neg(limit)), limit);
  return y;
}

template <Conversion kConversion, bool kAccumulate, bool kWhole>
HWY_INLINE void run_outputs(const float* HWY_RESTRICT from, std::size_t length, float inverse_step, float step,
                            float levels, float* HWY_RESTRICT out) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, levels);
  std::size_t i = 0;
  for (; i + lanes <= length; i += lanes) {
    const auto code = code_of<kConversion>(hn::LoadU(d, from + i), inverse_step, limit);
    const auto y = kAccumulate ? fused(code, hn::Set(d, step), hn::LoadU(d, out + i)) : hn::Mul(code, hn::Set(d, step));
    hn::StoreU(y, d, out + i);
  }
  if constexpr (kWhole) return;
  for (; i < length; ++i) {
    float code = from[i];
    if constexpr (kConversion != Conversion::none) {
      code = std::clamp(std::fma(code, inverse_step, kWholeNumbers) - kWholeNumbers, -levels, levels);
    }
    out[i] = kAccumulate ? std::fma(code, step, out[i]) : code * step;
  }
}

// kWhole: all runs are whole vectors.
template <Conversion kConversion, bool kAccumulate, bool kWhole>
HWY_INLINE void all_rows(const OutputConversion& c, const float* analog, std::size_t stride, const float* largest,
                         std::span<float* const> out) {
  const auto levels = static_cast<float>(c.levels);
  RowSteps steps;
  for (std::size_t begin = 0; begin < out.size(); begin += RowSteps::kRows) {
    const std::size_t count = std::min(RowSteps::kRows, out.size() - begin);
    steps.assign<kConversion>(c, largest + begin, count);
    for (std::size_t i = 0; i < count; ++i, analog += stride) {
      for (const OutputRun& run : c.runs) {
        run_outputs<kConversion, kAccumulate, kWhole>(analog + run.from, static_cast<std::size_t>(run.length),
                                                      steps.inverse[i], steps.step[i], levels, out[begin + i] + run.to);
      }
    }
  }
}

// Calls f with the conversion as a template argument.
template <class F>
HWY_INLINE void with_conversion(const OutputConversion& c, const F& f) {
  const bool is_exact = c.adc == AdcMode::off || (c.adc == AdcMode::fixed && c.range <= 0);
  if (is_exact) {
    f(std::integral_constant<Conversion, Conversion::none>());
  } else if (c.adc == AdcMode::fixed) {
    f(std::integral_constant<Conversion, Conversion::clamped>());
  } else {
    f(std::integral_constant<Conversion, Conversion::unclamped>());
  }
}

void ConvertOutputsKernel(const OutputConversion& c, const float* analog, std::size_t stride, const float* largest,
                          std::span<float* const> out) {
  const std::size_t lanes = hn::Lanes(Floats());
  const bool whole = std::ranges::all_of(
      c.runs, [&](const OutputRun& run) { return static_cast<std::size_t>(run.length) % lanes == 0; });
  with_conversion(c, [&](auto conversion) {
    constexpr Conversion kConversion = decltype(conversion)::value;
    if (c.accumulate) {
      whole ? all_rows<kConversion, true, true>(c, analog, stride, largest, out)
            : all_rows<kConversion, true, false>(c, analog, stride, largest, out);
    } else {
      whole ? all_rows<kConversion, false, true>(c, analog, stride, largest, out)
            : all_rows<kConversion, false, false>(c, analog, stride, largest, out);
    }
  });
}

void SumPixelsKernel(const std::uint8_t* pixels, std::size_t pixel_bytes, std::size_t first, std::size_t count,
                     std::span<std::int32_t> sums) {
  const hn::CappedTag<std::uint8_t, 16> d;
  const hn::Repartition<std::uint64_t, decltype(d)> wide;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t p = 0; p < sums.size(); ++p) {
    const std::uint8_t* pixel = pixels + p * pixel_bytes + first;
    auto total = hn::Zero(wide);
    std::size_t c = 0;
    for (; c + lanes <= count; c += lanes) total = hn::Add(total, hn::SumsOf8(hn::LoadU(d, pixel + c)));
    auto sum = static_cast<std::int32_t>(hn::GetLane(hn::SumOfLanes(wide, total)));
    for (; c < count; ++c) sum += pixel[c];
    sums[p] = sum;
  }
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(CipherGaussiansKernel);
HWY_EXPORT(PanelCorrectionsKernel);
HWY_EXPORT(PatchAnalogKernel);
HWY_EXPORT(AnalogOfSumsKernel);
HWY_EXPORT(ConvertOutputsKernel);
HWY_EXPORT(SumPixelsKernel);

void cipher_gaussians(const RandomStream& stream, std::uint32_t first, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(CipherGaussiansKernel)(stream, first, out);
}

void panel_corrections(const DigitPanels& panels, std::int32_t* correction) {
  HWY_DYNAMIC_DISPATCH(PanelCorrectionsKernel)(panels, correction);
}

void patch_analog(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                  float* largest) {
  if (prefers_patch_amx(product.panels)) {
    patch_analog_amx(product, rows, analog, stride, largest);
  } else if (has_patch_vnni()) {
    patch_analog_vnni(product, rows, analog, stride, largest);
  } else {
    HWY_DYNAMIC_DISPATCH(PatchAnalogKernel)(product, rows, analog, stride, largest);
  }
}

bool wants_many_rows(const DigitPanels& panels) { return prefers_patch_amx(panels); }

void analog_of_sums(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                    float* largest) {
  if (has_patch_vnni()) {
    analog_of_sums_vnni(sums, rows, analog, stride, largest);
  } else {
    HWY_DYNAMIC_DISPATCH(AnalogOfSumsKernel)(sums, rows, analog, stride, largest);
  }
}

void convert_outputs(const OutputConversion& conversion, const float* analog, std::size_t stride, const float* largest,
                     std::span<float* const> out) {
  HWY_DYNAMIC_DISPATCH(ConvertOutputsKernel)(conversion, analog, stride, largest, out);
}

void sum_pixels(const std::uint8_t* pixels, std::size_t pixel_bytes, std::size_t first, std::size_t count,
                std::span<std::int32_t> sums) {
  HWY_DYNAMIC_DISPATCH(SumPixelsKernel)(pixels, pixel_bytes, first, count, sums);
}

}  // namespace ohmic
#endif  // HWY_ONCE
