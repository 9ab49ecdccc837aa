#pragma once

// Keyed randomness: every random number is a pure function of (seed, purpose, unit, when, element), computed by the
// counter-based generator Philox4x32-10 (Salmon et al., SC 2011; the Random123 library). There is no generator object
// with hidden state, so results do not depend on the order of work, on threads, on the vector width, or on a restart.

#include <array>
#include <cstdint>

namespace ohmic {

/// What a random number is for. The values are part of the file format: append, never renumber.
enum class Purpose : std::uint8_t {
  initial_conductance = 1,
  set_pulse = 2,
  reset_pulse = 3,
  forward_read = 4,
  backward_read = 5,
  drift_exponent = 7,
  step_spread = 8,
  data_order = 9,
  weight_initialisation = 10,
  variance_dither = 11,
  verify_read = 12,
  verified_pulse = 13,
  verified_reset = 14,
  fault = 15,
  rounding = 16,
  dropout = 17,
  augmentation = 18,
  parameter_initialisation = 19,
  latent = 20,  // inputs of a generator
  text_sampling = 21,
  outer_product = 22,
  accumulator_dither = 23,
  forward_image_read = 24,
  backward_image_read = 25,
  register_rounding = 32,  // of changes to whole steps of a register
  bit_write = 33,          // binary cells
  bit_read = 34,
  bit_drift = 35,
  weight_noise = 36,  // injected in training
  placement = 37,     // search for places of cores
};

/// The numbers of one (seed, purpose, unit, when): element e is a 32-bit word. `unit` names the tile or layer (24
/// bits), `when` the step, the read or the pulse.
struct RandomStream {
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t unit, std::uint64_t when);

  std::array<std::uint32_t, 2> key;
  std::array<std::uint32_t, 3> counter;  ///< words 1 to 3; word 0 counts the elements
};

/// Elements are dealt in blocks of 32, each from 8 consecutive counters, in the order in which a vector unit has them
/// at hand: element 2 c + w of the first half of a block is word w of counter c, of the second half word 2 + w.
std::uint32_t random_word(const RandomStream& stream, std::uint32_t element);

/// Uniform in (0, 1), 2^-33 from either end.
double random_uniform(const RandomStream& stream, std::uint32_t element);

/// Standard normal, by inversion of one 32-bit word: symmetric, |z| up to 6.3, quantile error below 4e-5.
float random_gaussian(const RandomStream& stream, std::uint32_t element);

/// The inversion itself. The vector kernels compute the same bits.
float gaussian_from_word(std::uint32_t word);

}  // namespace ohmic
