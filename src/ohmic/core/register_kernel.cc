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
#include "ohmic/core/cipher_random.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<std::int32_t, Floats>;
using Words = hn::Rebind<std::uint32_t, Floats>;
using Bytes = hn::Rebind<std::uint8_t, Floats>;
using IntVector = hn::Vec<Ints>;
using WordVector = hn::Vec<Words>;

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

// What does not change from vector to vector of a call.
struct Adder {
  const RegisterRule& rule;
  const RegisterStreams& streams;
  RoundKeys keys;
  float scale;  // from a change to 256ths of a step, or to steps where they are not drawn
  std::uint32_t* words;
  std::vector<RegisterCarry>& carries;
  bool is_full = false;  // a count of the present block may not take another change
  alignas(64) std::uint8_t random[kRegistersPerBlock] = {};
};

// The first random bits of a block: one byte per register, four counters.
HWY_INLINE void draw(Adder& a, std::uint32_t block) {
  const hn::Full128<std::uint32_t> d;
  const hn::Full128<std::uint8_t> bytes;
  constexpr std::uint32_t kCounters = kRegistersPerBlock / 16;
  const auto& counter = a.streams.first_bits.counter;
  const auto key = [&](int r) {
    return hn::BitCast(bytes, hn::Load(d, reinterpret_cast<const std::uint32_t*>(a.keys.key[r])));
  };
  hn::Vec<hn::Full128<std::uint8_t>> state[kCounters];
  for (std::uint32_t c = 0; c < kCounters; ++c) {
    alignas(16) const std::uint32_t start[4] = {kCounters * block + c, counter[0], counter[1], counter[2]};
    state[c] = hn::Xor(hn::BitCast(bytes, hn::Load(d, start)), key(0));
  }
  for (int r = 1; r < kCipherRounds; ++r) {
    for (auto& s : state) s = hn::AESRound(s, key(r));
  }
  for (std::uint32_t c = 0; c < kCounters; ++c) {
    hn::Store(hn::AESLastRound(state[c], key(kCipherRounds)), bytes, a.random + 16 * c);
  }
}

// Whether sizes (in 256ths) that the first random bits leave one 256th short of a whole step get there.
HWY_NOINLINE void decide(const Adder& a, std::uint32_t element, const float* sizes, std::uint64_t open,
                         std::int32_t* steps) {
  for (; open != 0; open &= open - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(open));
    const float fraction = sizes[lane] - static_cast<float>(static_cast<std::int32_t>(sizes[lane]));
    const std::uint32_t word = cipher_word(a.streams.further_bits, element + lane);
    if (fraction + static_cast<float>(word >> 8) * 0x1p-24f >= 1.0f) ++steps[lane];
  }
}

template <Rounding kRounding>
HWY_INLINE IntVector whole_steps(const Adder& a, const float* change, std::uint32_t element) {
  const Floats d;
  const Ints di;
  const auto wanted = hn::Mul(hn::LoadU(d, change), hn::Set(d, a.scale));
  const auto sign = hn::BroadcastSignBit(hn::BitCast(di, wanted));
  // More steps than all carries and the register take make no difference.
  constexpr auto kMost = static_cast<float>((RegisterRule::kMostCarries + 2) << (RegisterRule::kMostBits - 1));
  if constexpr (kRounding == Rounding::deterministic) {
    return with_sign(hn::NearestInt(hn::Min(hn::Abs(wanted), hn::Set(d, kMost))), sign);
  }
  const auto size = hn::Min(hn::Abs(wanted), hn::Set(d, 256 * kMost));
  const auto random = hn::PromoteTo(di, hn::LoadU(Bytes(), a.random + element % kRegistersPerBlock));
  const auto sum = hn::Add(hn::ConvertTo(di, size), random);
  auto steps = hn::ShiftRight<8>(sum);
  const auto byte = hn::Set(di, 255);
  const auto is_open = hn::Eq(hn::And(sum, byte), byte);
  if (HWY_UNLIKELY(!hn::AllFalse(di, is_open))) {
    alignas(64) float sizes[16];
    alignas(64) std::int32_t changed[16];
    hn::StoreU(size, d, sizes);
    hn::StoreU(steps, di, changed);
    decide(a, element, sizes, bits_of(is_open), changed);
    steps = hn::LoadU(di, changed);
  }
  return with_sign(steps, sign);
}

// The sums where they fit; else what is left after a carry, which is noted.
HWY_NOINLINE IntVector after_carry(Adder& a, std::uint32_t element, IntVector sum) {
  const Ints di;
  const int shift = a.rule.bits - 1;
  const auto sign = hn::BroadcastSignBit(sum);
  const auto size = with_sign(sum, sign);
  const auto whole = hn::ShiftRightSame(hn::Add(size, hn::Set(di, a.rule.early)), shift);
  const auto carry = hn::Min(whole, hn::Set(di, a.rule.most_carries));
  const auto carries = hn::Gt(carry, hn::Zero(di));
  auto rest = hn::Min(hn::Sub(size, hn::ShiftLeftSame(carry, shift)), hn::Set(di, (1 << shift) - 1));
  if (a.rule.on_overflow == OnOverflow::clear) rest = hn::IfThenZeroElse(carries, rest);
  std::int32_t counts[16];
  hn::StoreU(with_sign(carry, sign), di, counts);
  for (std::uint64_t left = bits_of(carries); left != 0; left &= left - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
    a.carries.push_back({element + lane, counts[lane]});
  }
  return with_sign(rest, sign);
}

// Bit k of each lane goes to bit k count_bits.
template <int kCountBits>
HWY_INLINE WordVector spread(WordVector x) {
  const Words du;
  const auto step = [&](auto shifted, std::uint32_t mask) { return hn::And(hn::Or(x, shifted), hn::Set(du, mask)); };
  if constexpr (kCountBits == 3) {
    x = step(hn::ShiftLeft<8>(x), 0x0000F00Fu);
    x = step(hn::ShiftLeft<4>(x), 0x000C30C3u);
    return step(hn::ShiftLeft<2>(x), 0x00249249u);
  } else {
    x = step(hn::ShiftLeft<8>(x), 0x00FF00FFu);
    x = step(hn::ShiftLeft<4>(x), 0x0F0F0F0Fu);
    x = step(hn::ShiftLeft<2>(x), 0x33333333u);
    return step(hn::ShiftLeft<1>(x), 0x55555555u);
  }
}

// A vector of registers; `element` is the number of the first. Returns how many had something to add.
template <Rounding kRounding, int kCountBits>
HWY_INLINE std::size_t add_vector(Adder& a, std::uint32_t element, const float* change, std::uint32_t* words) {
  const Ints di;
  const Words du;
  const auto steps = whole_steps<kRounding>(a, change, element);
  const auto busy = hn::Ne(steps, hn::Zero(di));
  if (hn::AllFalse(di, busy)) return 0;
  const int bits = a.rule.bits;
  const auto word = hn::LoadU(du, words);
  const auto before = hn::ShiftRightSame(hn::ShiftLeftSame(hn::BitCast(di, word), 32 - bits), 32 - bits);
  // A register that gets nothing is neither read nor written.
  auto sum = hn::IfThenElseZero(busy, hn::Add(before, steps));
  const auto highest = hn::Set(di, (1 << (bits - 1)) - 1 - a.rule.early);
  if (HWY_UNLIKELY(!hn::AllFalse(di, hn::Gt(hn::Abs(sum), highest)))) sum = after_carry(a, element, sum);
  const auto after = hn::IfThenElse(busy, sum, before);
  const auto mask = hn::Set(du, (1u << bits) - 1);
  const auto changed = hn::And(hn::BitCast(du, hn::Xor(before, after)), mask);
  const auto counted = hn::Add(hn::Xor(word, changed), hn::ShiftLeftSame(spread<kCountBits>(changed), bits));
  hn::StoreU(counted, du, words);
  constexpr std::uint32_t kLowest = kCountBits == 3 ? 0x00249249u : 0x00015555u;
  const auto counts = hn::ShiftRightSame(counted, bits);
  auto full = hn::And(counts, hn::ShiftRight<1>(counts));
  if constexpr (kCountBits == 3) full = hn::And(full, hn::ShiftRight<2>(counts));
  full = hn::And(full, hn::Set(du, kLowest));
  if (!hn::AllTrue(du, hn::Eq(full, hn::Zero(du)))) a.is_full = true;
  return hn::CountTrue(di, busy);
}

// Takes the carries of a block's counts away.
HWY_NOINLINE RegisterFlush flush(const Adder& a, std::uint32_t block, int count_bits) {
  const Words du;
  const std::size_t lanes = hn::Lanes(du);
  RegisterFlush flush{block, {}};
  std::uint32_t* const words = a.words + kRegistersPerBlock * block;
  for (std::size_t at = 0; at < kRegistersPerBlock; at += lanes) {
    auto word = hn::LoadU(du, words + at);
    std::uint32_t carries = 0;
    for (int k = 0; k < a.rule.bits; ++k) {
      const std::uint32_t carry = 1u << (a.rule.bits + (k + 1) * count_bits - 1);
      carries |= carry;
      const auto is_set = hn::RebindMask(Ints(), hn::TestBit(word, hn::Set(du, carry)));
      flush.carries[static_cast<std::size_t>(k)] |= bits_of(is_set) << at;
    }
    hn::StoreU(hn::AndNot(hn::Set(du, carries), word), du, words + at);
  }
  return flush;
}

// Registers [first, end). `change` is that of register `first`; around the range lie kMargin zeros on either side.
constexpr std::size_t kMargin = 16;

template <Rounding kRounding, int kCountBits>
HWY_INLINE std::size_t add_range(Adder& a, std::uint32_t first, std::uint32_t end, const float* change,
                                 std::vector<RegisterFlush>& flushes) {
  const auto lanes = static_cast<std::uint32_t>(hn::Lanes(Floats()));
  std::size_t added = 0;
  for (auto block = static_cast<std::uint32_t>(first / kRegistersPerBlock); block * kRegistersPerBlock < end; ++block) {
    if (kRounding == Rounding::stochastic) draw(a, block);
    const std::uint32_t block_end = std::min<std::uint32_t>(end, (block + 1) * kRegistersPerBlock);
    std::uint32_t e = std::max<std::uint32_t>(first / lanes * lanes, block * kRegistersPerBlock);
    for (; e < block_end; e += lanes) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(e) - static_cast<std::ptrdiff_t>(first);
      added += add_vector<kRounding, kCountBits>(a, e, change + at, a.words + e);
    }
    if (HWY_UNLIKELY(a.is_full)) {
      flushes.push_back(flush(a, block, kCountBits));
      a.is_full = false;
    }
  }
  return added;
}

// Copies between zeros.
const float* with_margins(std::span<const float> changes, std::vector<float>& padded) {
  padded.assign(changes.size() + 2 * kMargin, 0.0f);
  std::copy(changes.begin(), changes.end(), padded.begin() + kMargin);
  return padded.data() + kMargin;
}

template <Rounding kRounding, int kCountBits>
std::size_t add_all(Adder& a, std::uint32_t first, std::span<const float> changes,
                    std::vector<RegisterFlush>& flushes) {
  thread_local std::vector<float> padded;
  const bool is_whole = first % kMargin == 0 && changes.size() % kMargin == 0;
  const float* const change = is_whole ? changes.data() : with_margins(changes, padded);
  const auto end = first + static_cast<std::uint32_t>(changes.size());
  return add_range<kRounding, kCountBits>(a, first, end, change, flushes);
}

// The processor does not foresee where the next row begins.
HWY_INLINE void fetch(const std::uint32_t* words, std::size_t count) {
  constexpr std::size_t kLine = 64 / sizeof(std::uint32_t);
  for (std::size_t j = 0; j < count + kLine; j += kLine) __builtin_prefetch(words + j, 1);
}

template <Rounding kRounding, int kCountBits>
std::size_t add_rows(Adder& a, std::span<const int> rows, std::span<const float> x, std::span<const float> d,
                     std::vector<RegisterFlush>& flushes) {
  thread_local std::vector<float> padded;
  const float* const change = with_margins(d, padded);
  const float scale = a.scale;
  const auto columns = static_cast<std::uint32_t>(d.size());
  std::size_t added = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::uint32_t first = static_cast<std::uint32_t>(rows[k]) * columns;
    if (k + 1 < rows.size()) fetch(a.words + static_cast<std::size_t>(rows[k + 1]) * columns, columns);
    a.scale = x[k] * scale;
    added += add_range<kRounding, kCountBits>(a, first, first + columns, change, flushes);
  }
  return added;
}

// Calls work.template operator()<rounding, count bits>(adder).
template <class Work>
std::size_t with_adder(const RegisterRule& rule, const RegisterStreams& streams, float factor, std::uint32_t* words,
                       std::vector<RegisterCarry>& carries, const Work& work) {
  const bool draws = rule.rounding == Rounding::stochastic;
  Adder adder{
      rule,  streams, round_keys(streams.first_bits.key), factor * (rule.inverse_step * (draws ? 256.0f : 1.0f)),
      words, carries};
  const bool is_wide = RegisterLayout{rule.bits}.count_bits() == 3;
  if (draws) {
    return is_wide ? work.template run<Rounding::stochastic, 3>(adder)
                   : work.template run<Rounding::stochastic, 2>(adder);
  }
  return is_wide ? work.template run<Rounding::deterministic, 3>(adder)
                 : work.template run<Rounding::deterministic, 2>(adder);
}

// Lambdas do not inherit the target of their function, so these are structs.
struct AddAll {
  std::uint32_t first;
  std::span<const float> changes;
  std::vector<RegisterFlush>& flushes;
  template <Rounding kRounding, int kCountBits>
  std::size_t run(Adder& a) const {
    return add_all<kRounding, kCountBits>(a, first, changes, flushes);
  }
};
struct AddRows {
  std::span<const int> rows;
  std::span<const float> x, d;
  std::vector<RegisterFlush>& flushes;
  template <Rounding kRounding, int kCountBits>
  std::size_t run(Adder& a) const {
    return add_rows<kRounding, kCountBits>(a, rows, x, d, flushes);
  }
};

std::size_t AddToRegistersKernel(const RegisterRule& rule, const RegisterStreams& streams, std::uint32_t first,
                                 std::span<const float> changes, float factor, std::uint32_t* words,
                                 std::vector<RegisterFlush>& flushes, std::vector<RegisterCarry>& carries) {
  return with_adder(rule, streams, factor, words, carries, AddAll{first, changes, flushes});
}

std::size_t AddRowsToRegistersKernel(const RegisterRule& rule, const RegisterStreams& streams,
                                     std::span<const int> rows, std::span<const float> x, std::span<const float> d,
                                     std::uint32_t* words, std::vector<RegisterFlush>& flushes,
                                     std::vector<RegisterCarry>& carries) {
  return with_adder(rule, streams, 1, words, carries, AddRows{rows, x, d, flushes});
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(AddToRegistersKernel);
HWY_EXPORT(AddRowsToRegistersKernel);

std::size_t add_to_registers(const RegisterRule& rule, const RegisterStreams& streams, std::uint32_t first,
                             std::span<const float> changes, float factor, std::uint32_t* words,
                             std::vector<RegisterFlush>& flushes, std::vector<RegisterCarry>& carries) {
  return HWY_DYNAMIC_DISPATCH(AddToRegistersKernel)(rule, streams, first, changes, factor, words, flushes, carries);
}

std::size_t add_rows_to_registers(const RegisterRule& rule, const RegisterStreams& streams, std::span<const int> rows,
                                  std::span<const float> x, std::span<const float> d, std::uint32_t* words,
                                  std::vector<RegisterFlush>& flushes, std::vector<RegisterCarry>& carries) {
  return HWY_DYNAMIC_DISPATCH(AddRowsToRegistersKernel)(rule, streams, rows, x, d, words, flushes, carries);
}

}  // namespace ohmic
#endif  // HWY_ONCE
