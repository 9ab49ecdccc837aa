// The words of cipher_random.h on vectors, for the kernels' translation units, which include this once per instruction
// set.

#if defined(OHMIC_CORE_CIPHER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OHMIC_CORE_CIPHER_INL_H_
#undef OHMIC_CORE_CIPHER_INL_H_
#else
#define OHMIC_CORE_CIPHER_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <cstdint>

#include "ohmic/core/cipher_random.h"

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {

// Random123's ARS: a round's key is the one before plus these 64-bit constants.
constexpr std::uint64_t kWeyl[2] = {0x9E3779B97F4A7C15u, 0xBB67AE8584CAA73Bu};

struct RoundKeys {
  alignas(64) std::uint64_t key[kCipherRounds + 1][8];  // the same 128 bits four times
};

HWY_INLINE RoundKeys round_keys(const std::array<std::uint32_t, 2>& key) {
  RoundKeys keys;
  const std::uint64_t first = key[0] | static_cast<std::uint64_t>(key[1]) << 32;
  for (int r = 0; r <= kCipherRounds; ++r) {
    for (int i = 0; i < 8; ++i) {
      keys.key[r][i] = (i % 2 == 0 ? first : 0) + static_cast<std::uint64_t>(r) * kWeyl[i % 2];
    }
  }
  return keys;
}

/// The words of the counters counter, counter + 1, ...
HWY_INLINE auto cipher(const RoundKeys& keys, const std::uint32_t* counter, std::uint32_t ahead) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<std::uint32_t, 16> d;
  const hn::Repartition<std::uint8_t, decltype(d)> bytes;
  alignas(64) std::uint32_t counters[16];
  for (std::uint32_t i = 0; i < 16; ++i) counters[i] = counter[i % 4] + (i % 4 == 0 ? ahead + i / 4 : 0);
  const auto key = [&](int r) {
    return hn::BitCast(bytes, hn::Load(d, reinterpret_cast<const std::uint32_t*>(keys.key[r])));
  };
  auto state = hn::Xor(hn::BitCast(bytes, hn::Load(d, counters)), key(0));
  for (int r = 1; r < kCipherRounds; ++r) state = hn::AESRound(state, key(r));
  return hn::BitCast(d, hn::AESLastRound(state, key(kCipherRounds)));
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
