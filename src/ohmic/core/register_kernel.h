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
///     q = sign(d) trunc(|d| / step + u)  (stochastic; u uniform in [0, 1)), or round(d / step)
///     carry = sign(l + q) min(trunc((|l + q| + early) / capacity), most_carries);  l <- l + q - carry capacity
///
/// with early = 0 a carry truncates, with half the capacity it rounds,
/// and what is left beyond its range, because most_carries was not enough, is lost: l stays at the end of its range.
struct RegisterRule {
  static constexpr int kMostBits = 9;
  static constexpr int kMostCarries = 127;  ///< of one update

  int bits = 7;
  float inverse_step = 1;
  int most_carries = kMostCarries;
  int early = 0;  ///< steps before the capacity at which a register carries already, at most half of it
  Rounding rounding = Rounding::stochastic;
  OnOverflow on_overflow = OnOverflow::keep;
};

/// How a register lies in a word of 32 bits: the register itself, then for each of its bits a small count of its
/// changes, `count_bits` wide. The highest bit of a count is a carry that is flushed to where changes are counted for
/// good, 64 registers at a time and before a count is full.
struct RegisterLayout {
  int bits;

  int count_bits() const { return bits <= 8 ? 3 : 2; }
  int value(std::uint32_t word) const { return static_cast<int>(word << (32 - bits)) >> (32 - bits); }
  std::uint32_t with_value(std::uint32_t word, int value) const {
    const std::uint32_t mask = (1u << bits) - 1;
    return (word & ~mask) | (static_cast<std::uint32_t>(value) & mask);
  }
  std::uint32_t count(std::uint32_t word, int bit) const {
    return word >> (bits + bit * count_bits()) & ((1u << count_bits()) - 1);
  }
  /// What a flushed carry counts.
  std::uint32_t carry() const { return 1u << (count_bits() - 1); }
};

struct RegisterCarry {
  std::uint32_t element;
  std::int32_t count;
};

/// Carries of the counts of registers 64 block to 64 block + 63, as bits, for each bit of the register.
struct RegisterFlush {
  std::uint32_t block;
  std::array<std::uint64_t, RegisterRule::kMostBits> carries;
};

/// Adds factor changes[i] to register first + i of `words`, an array of whole blocks of 64. Carries are appended in the
/// order of the registers. Returns how many registers had a whole step to add.
///
/// u of register e has 32 bits: the first eight are byte e % 4 of cipher_word e / 4 of `first_bits`, the others, looked
/// at only where the first do not decide, the highest 24 of cipher_word e of `further_bits`.
struct RegisterStreams {
  RandomStream first_bits, further_bits;
};
std::size_t add_to_registers(const RegisterRule& rule, const RegisterStreams& streams, std::uint32_t first,
                             std::span<const float> changes, float factor, std::uint32_t* words,
                             std::vector<RegisterFlush>& flushes, std::vector<RegisterCarry>& carries);

/// The same for rows of a matrix of registers with d.size() columns: adds x[k] d to row rows[k], row by row.
std::size_t add_rows_to_registers(const RegisterRule& rule, const RegisterStreams& streams, std::span<const int> rows,
                                  std::span<const float> x, std::span<const float> d, std::uint32_t* words,
                                  std::vector<RegisterFlush>& flushes, std::vector<RegisterCarry>& carries);

}  // namespace ohmic
