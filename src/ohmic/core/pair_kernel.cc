#include "ohmic/core/pair_kernel.h"

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ohmic/core/pair_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using FloatVector = hn::Vec<Floats>;
using IntVector = hn::Vec<Ints>;

HWY_INLINE FloatVector drifted_vector(FloatVector conductance, FloatVector last_pulse, const AgeTable& table,
                                      const AgeRule& rule) {
  const Floats d;
  const Ints di;
  const auto at_sweep = hn::Sub(hn::Set(d, rule.last_sweep_s), last_pulse);
  const auto present = hn::Sub(hn::Set(d, rule.now_s), last_pulse);
  auto age = hn::Max(at_sweep, hn::Min(present, hn::Set(d, rule.young_limit_s)));
  age = hn::Min(hn::Max(age, hn::Set(d, table.min_age_s)), hn::Set(d, table.oldest_s));
  const auto index = hn::Sub(hn::ShiftRight<AgeTable::kAgeShift>(hn::BitCast(di, age)),
                             hn::Set(di, static_cast<std::int32_t>(table.first_index)));
  // The classes are 16 bits wide; gathers take 32, so each fetches its neighbour too (the table is padded by one).
  const auto pair =
      hn::GatherOffset(di, reinterpret_cast<const std::int32_t*>(table.class_of), hn::ShiftLeft<1>(index));
  const auto age_class = hn::And(pair, hn::Set(di, 0xffff));
  return hn::Mul(conductance, hn::GatherIndex(d, table.factor, age_class));
}

HWY_INLINE FloatVector noise_square(FloatVector conductance, const DigitRule& r) {
  const Floats d;
  const auto noise = hn::Add(hn::Mul(hn::Set(d, r.noise_slope), conductance), hn::Set(d, r.noise_offset_us));
  return hn::Mul(noise, noise);
}

struct Digits {
  IntVector high, low, variance;
};

HWY_INLINE Digits digits_of(FloatVector plus, FloatVector minus, const DigitRule& r) {
  const Floats d;
  const Ints di;
  const auto weight = hn::Mul(hn::Sub(plus, minus), hn::Set(d, r.per_weight));
  const auto variance =
      hn::Mul(hn::Add(noise_square(plus, r), noise_square(minus, r)), hn::Set(d, r.per_weight * r.per_weight));
  const auto limit = hn::Set(d, r.most_steps);
  const auto scaled = hn::Mul(weight, hn::Set(d, r.inverse_weight_step));
  const auto steps = hn::NearestInt(hn::Min(hn::Max(scaled, hn::Sub(hn::Zero(d), limit)), limit));
  const auto high = hn::ShiftRight<8>(hn::Add(steps, hn::Set(di, 128)));
  const auto digit = hn::Mul(hn::Sub(variance, hn::Set(d, r.variance_middle)), hn::Set(d, r.inverse_variance_step));
  return {high, hn::Sub(steps, hn::ShiftLeft<8>(high)),
          hn::NearestInt(hn::Min(hn::Max(digit, hn::Set(d, -128.0f)), hn::Set(d, 127.0f)))};
}

template <int kRow>
HWY_INLINE IntVector place(IntVector group, IntVector digit) {
  const Ints di;
  return hn::Or(group, hn::ShiftLeft<8 * kRow>(hn::And(digit, hn::Set(di, 255))));
}

template <int kRow>
HWY_INLINE void add_row(const float* row, std::size_t column, const AgeTable& table, const AgeRule& age,
                        const DigitRule& rule, Digits& group) {
  if (row == nullptr) return;
  const Floats d;
  FloatVector plus, minus, plus_time, minus_time;
  hn::LoadInterleaved4(d, row + 4 * column, plus, minus, plus_time, minus_time);
  const Digits digits =
      digits_of(drifted_vector(plus, plus_time, table, age), drifted_vector(minus, minus_time, table, age), rule);
  group.high = place<kRow>(group.high, digits.high);
  group.low = place<kRow>(group.low, digits.low);
  group.variance = place<kRow>(group.variance, digits.variance);
}

void EvaluatePairsKernel(const float* const (&rows)[4], int columns, const AgeTable& table, const AgeRule& age,
                         const DigitRule& rule, const DigitGroup& to) {
  const Ints di;
  const std::size_t lanes = hn::Lanes(di);
  const auto count = static_cast<std::size_t>(columns);
  std::size_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    Digits group{hn::Zero(di), hn::Zero(di), hn::Zero(di)};
    add_row<0>(rows[0], j, table, age, rule, group);
    add_row<1>(rows[1], j, table, age, rule, group);
    add_row<2>(rows[2], j, table, age, rule, group);
    add_row<3>(rows[3], j, table, age, rule, group);
    auto* const out = reinterpret_cast<std::int32_t*>(to.column(static_cast<int>(j)));
    hn::StoreU(group.high, di, out);
    hn::StoreU(group.low, di, out + DigitPanels::kColumns);
    hn::StoreU(group.variance, di, out + 2 * DigitPanels::kColumns);
  }
  for (; j < count; ++j) {
    std::int8_t* const out = to.column(static_cast<int>(j));
    for (std::size_t k = 0; k < 4; ++k) {
      if (rows[k] == nullptr) continue;
      const float* p = rows[k] + 4 * j;
      const PairDigits digits = digits_of_pair(drifted(p[0], p[2], table, age), drifted(p[1], p[3], table, age), rule);
      out[k] = digits.high;
      out[DigitPanels::kKindBytes + k] = digits.low;
      out[2 * DigitPanels::kKindBytes + k] = digits.variance;
    }
  }
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(EvaluatePairsKernel);

void evaluate_pairs(const float* const (&rows)[4], int columns, const AgeTable& table, const AgeRule& age,
                    const DigitRule& digits, const DigitGroup& to) {
  HWY_DYNAMIC_DISPATCH(EvaluatePairsKernel)(rows, columns, table, age, digits, to);
}

}  // namespace ohmic
#endif  // HWY_ONCE
