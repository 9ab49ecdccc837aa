#pragma once

// How cells make a weight.

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

enum class SynapseKind {
  differential,  ///< W = (G+ - G-) / weight_conductance: two cells
  single,        ///< W = (G - reference) / weight_conductance: one cell
};
inline constexpr std::array<std::string_view, 2> kSynapseKinds = {"differential", "single"};

/// A weight may consist of several units (a pair, or a cell with its reference): `cells` units whose currents add up on
/// the bit line, in each of `slices` arrays of falling significance and `copies` equal arrays, whose outputs are
/// converted one by one and added digitally:
///
///     W = sum_slices slice_ratio^-s / copies sum_copies ( sum_k cell_ratio^-k w_k / sum_k cell_ratio^-k )
///
/// Sources: several cells read together and pulsed in turn, Boybat et al., Nat. Commun. 9:2514 (2018); slices, copies
/// and their use, Eleftheriou et al., IBM J. Res. Dev. (2019).
struct SynapseSpec {
  SynapseKind kind = SynapseKind::differential;
  double weight_conductance_us = 8;  ///< [assumed: +-8 uS for weights of +-1]
  double reference_us = 8;           ///< [assumed: half the range of a cell that holds weights of +-1]
  std::int64_t cells = 1;
  double cell_ratio = 1;
  std::int64_t slices = 1;
  double slice_ratio = 16;
  std::int64_t copies = 1;
  std::int64_t potentiation_every = 1;
  std::int64_t depression_every = 1;
  double initial_mean_us = 1.6;     ///< [assumed]
  double initial_stddev_us = 0.83;  ///< [assumed]
  std::int64_t initial_pulses = 1;  ///< [assumed]
};

void describe(FieldVisitor& v, SynapseSpec& s);

/// The units of all weights of a tile, numbered lane by lane: unit = lane * crossings + crossing. A lane has one unit
/// of every weight; lanes of one array follow each other.
class LaneLayout {
 public:
  explicit LaneLayout(const SynapseSpec& spec);

  int lanes() const { return arrays_ * cells_; }
  int arrays() const { return arrays_; }
  int cells() const { return cells_; }
  int array_of(int lane) const { return lane / cells_; }
  int first_lane(int array) const { return array * cells_; }
  int slice_of(int array) const { return array % slices_; }
  int slices() const { return slices_; }
  int copies() const { return arrays_ / slices_; }
  /// What a lane's weight counts in the analog sum of its array; the factors of an array add up to 1.
  float share(int lane) const { return shares_[static_cast<std::size_t>(lane % cells_)]; }
  /// What an array's output counts in the digital sum.
  float factor(int array) const { return factors_[static_cast<std::size_t>(array)]; }
  bool is_plain() const { return lanes() == 1; }

 private:
  int cells_, slices_, arrays_;
  std::vector<float> shares_, factors_;
};

/// Which cell of a weight is pulsed next, after Boybat et al.: one counter for all weights picks the cell, and two more
/// let only every n-th potentiation or depression through.
class SelectionCounters {
 public:
  /// The number of the cell to pulse, or -1 if this event is skipped.
  int next(const SynapseSpec& spec, bool potentiation);

  std::vector<std::uint64_t> values() const { return {selection_, potentiations_, depressions_}; }
  void restore(const std::vector<std::uint64_t>& values);

 private:
  std::uint64_t selection_ = 0, potentiations_ = 0, depressions_ = 0;
};

}  // namespace ohmic
