#pragma once

// Small changes added up on registers of a few bits. What the bits are made of is the business of crossbar.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ohmic/core/random.h"

namespace ohmic {

/// How a change becomes a whole number of register steps: up or down at random such that its mean is exact, or to the
/// nearest (ties to even).
enum class Rounding { stochastic, deterministic };
inline constexpr std::array<std::string_view, 2> kRoundings = {"stochastic", "deterministic"};

/// What becomes of a register that overflows: it keeps what is left after the carry, or is cleared.
enum class OnOverflow { keep, clear };
inline constexpr std::array<std::string_view, 2> kOnOverflow = {"keep", "clear"};

/// A register of `bits` bits, two's complement, holds -(capacity - 1) to capacity - 1 with capacity = 2^(bits - 1). Of
/// a change d it takes
///
///     q = sign(d) trunc(|d| / step + u)  (stochastic; u uniform in [0, 1) in steps of 2^-24), or round(d / step)
///     carry = sign(l + q) min(trunc(|l + q| / capacity), most_carries);  l <- l + q - carry capacity
///
/// and what is left beyond its range, because most_carries was not enough, is lost: l stays at the end of its range.
struct RegisterRule {
  static constexpr int kMostBits = 9;
  static constexpr int kMostCarries = 127;  ///< of one update

  int bits = 7;
  float inverse_step = 1;
  int most_carries = kMostCarries;
  Rounding rounding = Rounding::stochastic;
  OnOverflow on_overflow = OnOverflow::keep;
};

struct RegisterCarry {
  std::uint32_t element;
  std::int32_t count;
};

/// Adds factor changes[i] to register first + i. `registers` begins with register `first`. Bit e of marks[k stride + b]
/// is set where bit k of register 64 (first / 64 + b) + e changes, and left as it is elsewhere. Carries are appended in
/// the order of the registers. The random number of a register is cipher_word of its number. Returns how many
/// registers had a whole step to add.
std::size_t add_to_registers(const RegisterRule& rule, const RandomStream& stream, std::uint32_t first,
                             std::span<const float> changes, float factor, std::int16_t* registers,
                             std::uint64_t* marks, std::size_t stride, std::vector<RegisterCarry>& carries);

}  // namespace ohmic
