#include "ohmic/core/register_kernel.h"

#include <algorithm>
#include <bit>
#include <cstring>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ohmic/core/register_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ohmic/core/cipher-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using Shorts = hn::Rebind<std::int16_t, Floats>;
using FloatVector = hn::Vec<Floats>;
using IntVector = hn::Vec<Ints>;

constexpr std::size_t kRegistersPerBlock = 64;

template <class Mask>
HWY_INLINE std::uint64_t bits_of(Mask mask) {
  alignas(8) std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(Ints(), mask, bytes);
  std::uint64_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

// v where sign is 0, -v where it is -1.
HWY_INLINE IntVector with_sign(IntVector v, IntVector sign) { return hn::Sub(hn::Xor(v, sign), sign); }

// One call's work that does not change from block to block.
struct Adder {
  const RegisterRule& rule;
  RoundKeys keys;
  std::uint32_t counter[4];
  float factor;
  std::vector<RegisterCarry>& carries;
};

template <Rounding kRounding>
HWY_INLINE IntVector whole_steps(const Adder& a, const float* change, std::uint32_t element) {
  const Floats d;
  const Ints di;
  const hn::Rebind<std::uint32_t, Floats> du;
  // More steps than all carries and the register take make no difference.
  const float most = static_cast<float>((RegisterRule::kMostCarries + 2) << (RegisterRule::kMostBits - 1));
  const auto wanted = hn::Mul(hn::Mul(hn::Set(d, a.factor), hn::LoadU(d, change)), hn::Set(d, a.rule.inverse_step));
  const auto size = hn::Min(hn::Abs(wanted), hn::Set(d, most));
  IntVector steps;
  if constexpr (kRounding == Rounding::stochastic) {
    const auto word = hn::BitCast(du, cipher(a.keys, a.counter, element / 4));
    const auto u = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<8>(word))), hn::Set(d, 0x1p-24f));
    steps = hn::ConvertTo(di, hn::Add(size, u));
  } else {
    steps = hn::NearestInt(size);
  }
  return with_sign(steps, hn::BroadcastSignBit(hn::BitCast(di, wanted)));
}

// A vector of registers; `element` is the number of the first. Returns those that had something to add, as bits.
template <Rounding kRounding>
HWY_INLINE std::uint64_t add_vector(Adder& a, std::uint32_t element, const float* change, std::int16_t* registers,
                                    std::uint64_t* marks, std::size_t stride) {
  const Ints di;
  const Shorts ds;
  const auto steps = whole_steps<kRounding>(a, change, element);
  const auto idle = hn::Eq(steps, hn::Zero(di));
  if (hn::AllTrue(di, idle)) return 0;
  const int shift = a.rule.bits - 1;
  const auto before = hn::PromoteTo(di, hn::LoadU(ds, registers));
  const auto sum = hn::Add(before, steps);
  const auto sign = hn::BroadcastSignBit(sum);
  const auto size = with_sign(sum, sign);
  const auto carry = hn::Min(hn::ShiftRightSame(size, shift), hn::Set(di, a.rule.most_carries));
  const auto carries = hn::Gt(carry, hn::Zero(di));
  auto rest = hn::Min(hn::Sub(size, hn::ShiftLeftSame(carry, shift)), hn::Set(di, (1 << shift) - 1));
  if (a.rule.on_overflow == OnOverflow::clear) rest = hn::IfThenZeroElse(carries, rest);
  // A register that gets nothing is neither read nor written.
  const auto after = hn::IfThenElse(idle, before, with_sign(rest, sign));
  hn::StoreU(hn::DemoteTo(ds, after), ds, registers);
  const auto changed = hn::Xor(before, after);
  const std::size_t at = element % kRegistersPerBlock;
  for (int k = 0; k <= shift; ++k) {
    marks[static_cast<std::size_t>(k) * stride] |= bits_of(hn::TestBit(changed, hn::Set(di, 1 << k))) << at;
  }
  if (HWY_UNLIKELY(!hn::AllFalse(di, carries))) {
    std::int32_t counts[16];
    hn::StoreU(with_sign(carry, sign), di, counts);
    for (std::uint64_t left = bits_of(hn::AndNot(idle, carries)); left != 0; left &= left - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
      a.carries.push_back({element + lane, counts[lane]});
    }
  }
  return bits_of(hn::Not(idle));
}

template <Rounding kRounding>
std::size_t add_all(Adder& a, std::uint32_t first, std::span<const float> changes, std::int16_t* registers,
                    std::uint64_t* marks, std::size_t stride) {
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t added = 0;
  std::size_t done = 0;
  while (done < changes.size()) {
    const auto element = static_cast<std::uint32_t>(first + done);
    const std::size_t skip = element % lanes;
    const std::size_t count = std::min(lanes - skip, changes.size() - done);
    std::uint64_t* const words = marks + (element / kRegistersPerBlock - first / kRegistersPerBlock);
    if (count == lanes) {
      added += static_cast<std::size_t>(
          std::popcount(add_vector<kRounding>(a, element, changes.data() + done, registers + done, words, stride)));
    } else {  // either end: the same, with zeros around
      float part[16] = {};
      std::int16_t held[16] = {};
      std::copy_n(changes.data() + done, count, part + skip);
      std::copy_n(registers + done, count, held + skip);
      const auto from = static_cast<std::uint32_t>(element - skip);
      added +=
          static_cast<std::size_t>(std::popcount(add_vector<kRounding>(a, from, part, held, words, stride)));
      std::copy_n(held + skip, count, registers + done);
    }
    done += count;
  }
  return added;
}

std::size_t AddToRegistersKernel(const RegisterRule& rule, const RandomStream& stream, std::uint32_t first,
                                 std::span<const float> changes, float factor, std::int16_t* registers,
                                 std::uint64_t* marks, std::size_t stride, std::vector<RegisterCarry>& carries) {
  Adder adder{rule,
              round_keys(stream.key),
              {0, stream.counter[0], stream.counter[1], stream.counter[2]},
              factor,
              carries};
  return rule.rounding == Rounding::stochastic
             ? add_all<Rounding::stochastic>(adder, first, changes, registers, marks, stride)
             : add_all<Rounding::deterministic>(adder, first, changes, registers, marks, stride);
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(AddToRegistersKernel);

std::size_t add_to_registers(const RegisterRule& rule, const RandomStream& stream, std::uint32_t first,
                             std::span<const float> changes, float factor, std::int16_t* registers,
                             std::uint64_t* marks, std::size_t stride, std::vector<RegisterCarry>& carries) {
  return HWY_DYNAMIC_DISPATCH(AddToRegistersKernel)(rule, stream, first, changes, factor, registers, marks, stride,
                                                    carries);
}

}  // namespace ohmic
#endif  // HWY_ONCE
