// Elementary functions on vectors, for the kernels' translation units, which include this once per instruction set. No
// multiply-add is fused, so that every set gives the same bits.

#if defined(OHMIC_CORE_ELEMENTARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OHMIC_CORE_ELEMENTARY_INL_H_
#undef OHMIC_CORE_ELEMENTARY_INL_H_
#else
#define OHMIC_CORE_ELEMENTARY_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {

/// exp(x) for |x| <= 87: 2^n e^f with |f| <= ln(2)/2 and a degree-6 Taylor polynomial (relative error 2e-7).
template <class Vector>
HWY_INLINE Vector exponential(Vector x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Vector> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto y = hn::Mul(x, hn::Set(d, 1.44269504f));
  const auto n = hn::NearestInt(y);
  const auto whole = hn::ConvertTo(d, n);
  // x - n ln 2 in two pieces, so that the fraction is exact.
  auto f = hn::Sub(x, hn::Mul(whole, hn::Set(d, 0.693359375f)));
  f = hn::Sub(f, hn::Mul(whole, hn::Set(d, -2.12194440e-4f)));
  auto p = hn::Set(d, 1.0f / 720);
  for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = hn::Add(hn::Mul(p, f), hn::Set(d, c));
  return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127)))));
}

/// ln(x) for normal positive x: the exponent, and the series of atanh in (m - 1) / (m + 1) for a mantissa m between
/// sqrt(1/2) and sqrt(2) (absolute error 2e-7).
template <class Vector>
HWY_INLINE Vector logarithm(Vector x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Vector> d;
  const hn::RebindToSigned<decltype(d)> di;
  constexpr std::int32_t kRootHalf = 0x3f3504f3;  // bits of sqrt(1/2)
  const auto bits = hn::BitCast(di, x);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, kRootHalf)));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const auto one = hn::Set(d, 1.0f);
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const auto square = hn::Mul(s, s);
  auto p = hn::Set(d, 2.0f / 9);
  for (const float c : {2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f}) p = hn::Add(hn::Mul(p, square), hn::Set(d, c));
  return hn::Add(hn::Mul(p, s), hn::Mul(hn::ConvertTo(d, exponent), hn::Set(d, 0.693147181f)));
}

/// 1 / (1 + exp(-x)), with x held within -87 .. 87.
template <class Vector>
HWY_INLINE Vector logistic(Vector x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Vector> d;
  const auto limit = hn::Set(d, 87.0f);
  const auto bounded = hn::Min(hn::Max(x, hn::Sub(hn::Zero(d), limit)), limit);
  return hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Set(d, 1.0f), exponential(hn::Sub(hn::Zero(d), bounded))));
}

/// tanh(x) by Cephes' tanhf: an odd polynomial up to 0.625, beyond it 1 - 2 / (e^2|x| + 1).
template <class Vector>
HWY_INLINE Vector tangent(Vector x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Vector> d;
  const auto magnitude = hn::Min(hn::Abs(x), hn::Set(d, 43.0f));
  const auto square = hn::Mul(magnitude, magnitude);
  auto p = hn::Set(d, -5.70498872745e-3f);
  for (const float c : {2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f}) {
    p = hn::Add(hn::Mul(p, square), hn::Set(d, c));
  }
  const auto small = hn::Add(hn::Mul(hn::Mul(p, square), magnitude), magnitude);
  const auto one = hn::Set(d, 1.0f);
  const auto growth = hn::Add(exponential(hn::Add(magnitude, magnitude)), one);
  const auto large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), growth));
  return hn::CopySign(hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.625f)), small, large), x);
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
