#pragma once

#include <cstdint>
#include <span>

#include "ohmic/crossbar/specs.h"

namespace ohmic {

/// The full scale of one row of converters. With `per_layer` it follows the largest magnitude of the first calibration
/// vectors and then stays.
class ConverterRange {
 public:
  ConverterRange(RangeMode mode, std::int64_t calibration_vectors)
      : mode_(mode), calibration_vectors_(calibration_vectors) {}

  /// True if this vector is to be scaled by its own largest magnitude.
  bool own_scale() const { return mode_ == RangeMode::per_vector || seen_ < calibration_vectors_; }
  float full_scale() const { return full_scale_; }

  /// Notes one vector's largest magnitude; call it for each vector of a batch after the batch, in order.
  void observe(float largest) {
    if (mode_ != RangeMode::per_layer || seen_ >= calibration_vectors_) return;
    if (largest > full_scale_) full_scale_ = largest;
    ++seen_;
  }

  std::int64_t seen() const { return seen_; }
  void restore(float full_scale, std::int64_t seen) {
    full_scale_ = full_scale;
    seen_ = seen;
  }

 private:
  RangeMode mode_;
  std::int64_t calibration_vectors_;
  float full_scale_ = 0;
  std::int64_t seen_ = 0;
};

/// Codes of a signed converter of `bits` bits: -levels .. levels.
constexpr int converter_levels(std::int64_t bits) { return bits > 0 ? (1 << (bits - 1)) - 1 : 0; }

}  // namespace ohmic
