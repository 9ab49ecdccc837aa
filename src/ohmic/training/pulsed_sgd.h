#pragma once

#include <vector>

#include "ohmic/training/update_rule.h"

namespace ohmic {

/// Plain SGD inside the arrays (Gokmen and Vlasov, Front. Neurosci. 10:333, 2016): nothing is accumulated digitally. In
/// each of `pulse_slots` slots every row and every column draws a bit; where the bits of a row and a column coincide,
/// the crossing gets one pulse of the sign of the wanted change. With
///
///     P(row i) = c |x_i| r,   P(column j) = c |d_j| / r,   c^2 = learning_rate / (epsilon slots),   r^2 = max|d| /
///     max|x|
///
/// the expected number of pulses times epsilon is the wanted change, as long as no probability exceeds 1. A convolution
/// adds up its positions first, and each crossing draws its pulses from the sum, with the same expectation.
class PulsedSgdRule final : public UpdateRule {
 public:
  PulsedSgdRule(const PulsedSgdSpec& spec, std::uint64_t seed) : spec_(spec), seed_(seed) {}

  void update(WeightMatrix& matrix, const UpdateStep& step) override;
  int maintain(WeightMatrix& matrix, const UpdateStep& step) override;

 private:
  // A line that may fire: its position, the threshold that its random word must stay below, and its sign.
  struct Line {
    std::uint32_t index;
    std::uint32_t threshold;
    bool negative;
  };
  void pulse_by_lines(const WeightMatrix& matrix, Tile& tile, const UpdateStep& step);
  void pulse_by_sum(const WeightMatrix& matrix, Tile& tile, const UpdateStep& step);
  void find_lines(std::span<const float> values, float probability_per_value, std::vector<Line>& lines) const;
  void draw(const std::vector<Line>& lines, Purpose purpose, std::uint32_t unit, std::uint64_t when,
            std::vector<const Line*>& fired);
  void merge_requests();
  void collect(std::size_t columns, std::uint32_t unit, std::uint64_t when);

  PulsedSgdSpec spec_;
  std::uint64_t seed_;
  std::vector<Line> rows_, columns_;                     ///< scratch
  std::vector<const Line*> fired_rows_, fired_columns_;  ///< scratch
  std::vector<std::uint32_t> words_;                     ///< scratch
  std::vector<PulseRequest> requests_;                   ///< scratch
};

}  // namespace ohmic
