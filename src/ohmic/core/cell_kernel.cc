#include "ohmic/core/cell_kernel.h"

#include <algorithm>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ohmic/core/cell_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ohmic/core/elementary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using FloatVector = hn::Vec<Floats>;
using IntVector = hn::Vec<Ints>;

HWY_INLINE IntVector age_classes(FloatVector last_pulse, const AgeTable& table, const AgeRule& rule) {
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
  return hn::And(pair, hn::Set(di, 0xffff));
}

HWY_INLINE FloatVector log_line(FloatVector log_g, const LogLineNumbers& line) {
  const Floats d;
  const auto value = hn::Add(hn::Mul(hn::Set(d, line.log_slope), log_g), hn::Set(d, line.offset));
  return hn::Min(hn::Max(value, hn::Set(d, line.least)), hn::Set(d, line.most));
}

// ln(G / scale), with G kept away from 0.
HWY_INLINE FloatVector log_relative(FloatVector conductance, float inverse_scale) {
  const Floats d;
  return logarithm(hn::Max(hn::Mul(conductance, hn::Set(d, inverse_scale)), hn::Set(d, 1e-9f)));
}

struct CellValues {
  FloatVector conductance, variance;
};

template <bool kHasCommonExponent>
HWY_INLINE FloatVector drifted_cells(FloatVector conductance, IntVector age_class, FloatVector gaussian,
                                     const AgeTable& table, const AgeLogs& logs, const CellKernelLaw& law) {
  const Floats d;
  if constexpr (kHasCommonExponent) return hn::Mul(conductance, hn::GatherIndex(d, table.factor, age_class));
  const auto log_g = log_relative(conductance, law.inverse_drift_scale);
  const auto exponent = hn::Abs(hn::Add(log_line(log_g, law.exponent), hn::Mul(log_line(log_g, law.spread), gaussian)));
  const auto log_age = hn::GatherIndex(d, logs.log_age, age_class);
  return hn::Mul(conductance, exponential(hn::Sub(hn::Zero(d), hn::Mul(exponent, log_age))));
}

template <bool kHasCommonExponent>
HWY_INLINE CellValues cell_values(FloatVector conductance, FloatVector last_pulse, FloatVector gaussian,
                                  const AgeTable& table, const AgeLogs& logs, const AgeRule& age,
                                  const CellKernelLaw& law) {
  const Floats d;
  const auto age_class = age_classes(last_pulse, table, age);
  const auto drifted = drifted_cells<kHasCommonExponent>(conductance, age_class, gaussian, table, logs, law);
  auto noise = hn::Add(hn::Mul(hn::Set(d, law.noise_slope), drifted), hn::Set(d, law.noise_offset_us));
  if (law.flicker > 0) {
    const auto log_n = log_relative(conductance, law.inverse_noise_scale);
    const auto power = exponential(hn::Mul(hn::Set(d, -law.flicker_power), log_n));
    const auto relative = hn::Min(hn::Mul(hn::Set(d, law.flicker), power), hn::Set(d, law.flicker_most));
    const auto growth = hn::GatherIndex(d, logs.flicker_growth, age_class);
    noise = hn::Add(noise, hn::Mul(drifted, hn::Mul(relative, growth)));
  }
  return {drifted, hn::Mul(noise, noise)};
}

template <bool kHasCommonExponent>
HWY_INLINE void evaluate_run(const float* pairs, const float* gaussians, std::size_t count, const AgeTable& table,
                             const AgeLogs& logs, const AgeRule& age, const CellKernelLaw& law, const CellsOut& plus,
                             const CellsOut& minus) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  float rest_pairs[64] = {}, rest_gaussians[32] = {}, rest_out[4][16];
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    const float* state = pairs + 4 * i;
    const float* z = gaussians + 2 * i;
    CellsOut to[2] = {{plus.conductance_us + i, plus.variance_us2 + i},
                      {minus.conductance_us + i, minus.variance_us2 + i}};
    if (here < lanes) {
      std::copy_n(state, 4 * here, rest_pairs);
      std::copy_n(z, 2 * here, rest_gaussians);
      state = rest_pairs;
      z = rest_gaussians;
      to[0] = {rest_out[0], rest_out[1]};
      to[1] = {rest_out[2], rest_out[3]};
    }
    FloatVector conductance[2], time[2], gaussian[2];
    hn::LoadInterleaved4(d, state, conductance[0], conductance[1], time[0], time[1]);
    hn::LoadInterleaved2(d, z, gaussian[0], gaussian[1]);
    for (int side = 0; side < 2; ++side) {
      const CellValues v =
          cell_values<kHasCommonExponent>(conductance[side], time[side], gaussian[side], table, logs, age, law);
      hn::StoreU(v.conductance, d, to[side].conductance_us);
      hn::StoreU(v.variance, d, to[side].variance_us2);
    }
    if (here == lanes) continue;
    std::copy_n(rest_out[0], here, plus.conductance_us + i);
    std::copy_n(rest_out[1], here, plus.variance_us2 + i);
    std::copy_n(rest_out[2], here, minus.conductance_us + i);
    std::copy_n(rest_out[3], here, minus.variance_us2 + i);
  }
}

void EvaluateCellsKernel(const float* pairs, const float* gaussians, std::size_t count, const AgeTable& table,
                         const AgeLogs& logs, const AgeRule& age, const CellKernelLaw& law, const CellsOut& plus,
                         const CellsOut& minus) {
  if (law.has_common_exponent) {
    evaluate_run<true>(pairs, gaussians, count, table, logs, age, law, plus, minus);
  } else {
    evaluate_run<false>(pairs, gaussians, count, table, logs, age, law, plus, minus);
  }
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(EvaluateCellsKernel);

void evaluate_cells(const float* pairs, const float* gaussians, std::size_t count, const AgeTable& table,
                    const AgeLogs& logs, const AgeRule& age, const CellKernelLaw& law, const CellsOut& plus,
                    const CellsOut& minus) {
  HWY_DYNAMIC_DISPATCH(EvaluateCellsKernel)(pairs, gaussians, count, table, logs, age, law, plus, minus);
}

}  // namespace ohmic
#endif  // HWY_ONCE
