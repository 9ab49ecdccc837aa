#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "ohmic/core/config.h"
#include "ohmic/core/random.h"

namespace ohmic {

/// How the digital unit beside an array multiplies inputs and deltas for the weight update.
enum class OuterProductKind {
  full,           ///< as they are: fp32, or in a convolution the codes of the DACs
  low_precision,  ///< rounded at random to a few levels each, so that most are zero (Nandakumar et al. 2020)
  stochastic,     ///< as streams of random bits whose coincidences are counted (Joshi et al., ESSOP, 2020)
};
inline constexpr std::array<std::string_view, 3> kOuterProductKinds = {"full", "low_precision", "stochastic"};

struct OuterProductSpec {
  OuterProductKind kind = OuterProductKind::full;
  std::int64_t input_levels = 3;  ///< [assumed]
  std::int64_t delta_levels = 3;  ///< [assumed]
  std::int64_t bits = 16;         ///< [assumed]
};

void describe(FieldVisitor& v, OuterProductSpec& s);

/// Rounds |value| / full, at most 1, to one of `levels` steps, up or down at random so that its expectation stays:
/// returns 0 .. levels. `word`: 32 random bits.
inline int random_level(double share, int levels, std::uint32_t word) {
  return static_cast<int>(share * levels + (static_cast<double>(word) + 0.5) / 4294967296.0);
}

/// A row of numbers, rounded so to multiples of its largest magnitude over `levels`, in place.
void round_to_levels(std::span<float> row, int levels, const RandomStream& stream);

/// One bit of each number's stream, with sign: 0, or the largest magnitude of the row with a number's sign, with the
/// probability that makes the expectation the number. One random word serves the whole row, as in ESSOP.
void draw_bits(std::span<const float> row, std::uint32_t word, std::span<float> bits);

}  // namespace ohmic
