#pragma once

#include <Random123/philox.h>

#include <cstddef>
#include <cstdint>

namespace ohmic {

enum class SplitKind : std::uint32_t { train, test, validation };

/// What is drawn by code. The values key the bytes: append, never renumber.
enum class StandIn : std::uint32_t { digits, colour_images, grey_images, text, lexicon };

/// The random numbers of one drawn sample, in the order in which they are asked for: a pure function of (seed, kind,
/// split, index). The purpose, in the top byte of counter word 3, is 0, which no stream of core/random.h has, so that
/// samples share no random numbers with a simulation of the same seed.
class KeyedDraws {
 public:
  KeyedDraws(std::uint64_t seed, StandIn kind, SplitKind split, std::uint32_t index)
      : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
        counter_{{0, index, static_cast<std::uint32_t>(split), static_cast<std::uint32_t>(kind)}} {}

  double uniform(double low, double high) { return low + (high - low) * unit(); }

  /// Bell-shaped, mean 0, standard deviation 1, never beyond 3.5: four uniforms, since log and cos differ by platform.
  double bell() {
    const double sum = unit() + unit() + unit() + unit();
    return (sum - 2) * 1.7320508075688772;
  }

  std::size_t choice(std::size_t count) { return static_cast<std::size_t>(unit() * static_cast<double>(count)); }

  /// In (0, 1).
  double unit() {
    if (next_ == block_.size()) {
      block_ = r123::Philox4x32()(counter_, key_);
      ++counter_[0];
      next_ = 0;
    }
    return (block_[next_++] + 0.5) * 0x1p-32;
  }

 private:
  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
  r123::Philox4x32::ctr_type block_{};
  std::size_t next_ = block_.size();
};

}  // namespace ohmic
