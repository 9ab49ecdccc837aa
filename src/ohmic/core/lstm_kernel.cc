#include "ohmic/core/lstm_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#define HWY_TARGET_INCLUDE "ohmic/core/lstm_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ohmic/core/elementary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Many = hn::CappedTag<float, 16>;
using One = hn::CappedTag<float, 1>;

template <class D>
HWY_INLINE void forward_units(D d, const LstmStep& s, std::size_t at) {
  float* gates = s.gates + at;
  const auto i = logistic(hn::LoadU(d, gates)), f = logistic(hn::LoadU(d, gates + s.units));
  const auto g = tangent(hn::LoadU(d, gates + 2 * s.units)), o = logistic(hn::LoadU(d, gates + 3 * s.units));
  const auto cell = hn::Add(hn::Mul(f, hn::LoadU(d, s.cell_before + at)), hn::Mul(i, g));
  const auto squashed = tangent(cell);
  hn::StoreU(i, d, gates);
  hn::StoreU(f, d, gates + s.units);
  hn::StoreU(g, d, gates + 2 * s.units);
  hn::StoreU(o, d, gates + 3 * s.units);
  hn::StoreU(cell, d, s.cell + at);
  hn::StoreU(squashed, d, s.squashed + at);
  hn::StoreU(hn::Mul(o, squashed), d, s.hidden + at);
}

template <class D>
HWY_INLINE void backward_units(D d, const LstmStepBack& s, std::size_t at) {
  const auto one = hn::Set(d, 1.0f);
  const float* gates = s.gates + at;
  float* deltas = s.deltas + at;
  const auto i = hn::LoadU(d, gates), f = hn::LoadU(d, gates + s.units);
  const auto g = hn::LoadU(d, gates + 2 * s.units), o = hn::LoadU(d, gates + 3 * s.units);
  const auto squashed = hn::LoadU(d, s.squashed + at);
  const auto h = hn::Add(hn::LoadU(d, s.later_gradient + at), hn::LoadU(d, s.outer_gradient + at));
  const auto through = hn::Mul(hn::Mul(h, o), hn::Sub(one, hn::Mul(squashed, squashed)));
  const auto c = hn::Add(hn::LoadU(d, s.cell_gradient + at), through);
  hn::StoreU(hn::Mul(hn::Mul(hn::Mul(c, g), i), hn::Sub(one, i)), d, deltas);
  hn::StoreU(hn::Mul(hn::Mul(hn::Mul(c, hn::LoadU(d, s.cell_before + at)), f), hn::Sub(one, f)), d, deltas + s.units);
  hn::StoreU(hn::Mul(hn::Mul(c, i), hn::Sub(one, hn::Mul(g, g))), d, deltas + 2 * s.units);
  hn::StoreU(hn::Mul(hn::Mul(hn::Mul(h, squashed), o), hn::Sub(one, o)), d, deltas + 3 * s.units);
  hn::StoreU(hn::Mul(c, f), d, s.cell_gradient + at);
}

void LstmStepKernel(const LstmStep& s) {
  std::size_t at = 0;
  for (; at + hn::Lanes(Many()) <= s.units; at += hn::Lanes(Many())) forward_units(Many(), s, at);
  for (; at < s.units; ++at) forward_units(One(), s, at);
}

void LstmStepBackKernel(const LstmStepBack& s) {
  std::size_t at = 0;
  for (; at + hn::Lanes(Many()) <= s.units; at += hn::Lanes(Many())) backward_units(Many(), s, at);
  for (; at < s.units; ++at) backward_units(One(), s, at);
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(LstmStepKernel);
HWY_EXPORT(LstmStepBackKernel);

void lstm_step(const LstmStep& step) { HWY_DYNAMIC_DISPATCH(LstmStepKernel)(step); }

void lstm_step_back(const LstmStepBack& step) { HWY_DYNAMIC_DISPATCH(LstmStepBackKernel)(step); }

}  // namespace ohmic
#endif  // HWY_ONCE
