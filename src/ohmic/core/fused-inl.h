// a b + c rounded once, also where the instruction set lacks it. For the kernels' translation units, which include this
// once per instruction set.

#if defined(OHMIC_CORE_FUSED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OHMIC_CORE_FUSED_INL_H_
#undef OHMIC_CORE_FUSED_INL_H_
#else
#define OHMIC_CORE_FUSED_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {

#if !HWY_NATIVE_FMA
// The product is exact in double; the sum is rounded to odd, so that rounding it again gives what once would have.
template <class Wide, class V = hwy::HWY_NAMESPACE::Vec<Wide>>
HWY_INLINE V odd_sum(Wide d, V product, V c) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<Wide> bits;
  const V sum = hn::Add(product, c), back = hn::Sub(sum, product);
  const V lost = hn::Add(hn::Sub(product, hn::Sub(sum, back)), hn::Sub(c, back));
  const auto number = hn::BitCast(bits, sum);
  const auto one = hn::Set(bits, 1);
  // An even number that lost something: the odd one beside it on the other side of the exact sum.
  const auto is_even = hn::Eq(hn::And(number, one), hn::Zero(bits));
  const auto is_inexact = hn::RebindMask(bits, hn::Gt(hn::Abs(lost), hn::Zero(d)));
  const auto grows =
      hn::Eq(hn::Xor(hn::BroadcastSignBit(hn::BitCast(bits, lost)), hn::BroadcastSignBit(number)), hn::Zero(bits));
  const auto beside = hn::IfThenElse(grows, hn::Add(number, one), hn::Sub(number, one));
  return hn::BitCast(d, hn::IfThenElse(hn::And(is_even, is_inexact), beside, number));
}

#endif

template <class V>
HWY_INLINE V fused(V a, V b, V c) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  const hn::DFromV<V> d;
  const hn::Half<decltype(d)> half;
  const hn::Repartition<double, decltype(d)> wide;
  const auto part = [&](auto pa, auto pb, auto pc) HWY_ATTR {
    const auto product = hn::Mul(hn::PromoteTo(wide, pa), hn::PromoteTo(wide, pb));
    return hn::DemoteTo(half, odd_sum(wide, product, hn::PromoteTo(wide, pc)));
  };
  return hn::Combine(d, part(hn::UpperHalf(half, a), hn::UpperHalf(half, b), hn::UpperHalf(half, c)),
                     part(hn::LowerHalf(half, a), hn::LowerHalf(half, b), hn::LowerHalf(half, c)));
#endif
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
