#include "ohmic/crossbar/outer_product.h"

#include <cmath>
#include <vector>

#include "ohmic/core/kernels.h"

namespace ohmic {

void describe(FieldVisitor& v, OuterProductSpec& s) {
  v.choice({"kind", "", "how inputs and deltas are multiplied for the update"}, kOuterProductKinds, s.kind);
  v.field({"input_levels", "levels", "of low_precision: magnitudes of an input beside zero", 1, 127}, s.input_levels);
  v.field({"delta_levels", "levels", "of low_precision: magnitudes of a delta beside zero", 1, 127}, s.delta_levels);
  v.field({"bits", "bits", "of stochastic: length of a stream", 1, 1024}, s.bits);
}

void round_to_levels(std::span<float> row, int levels, const RandomStream& stream) {
  const float full = max_abs(row);
  if (full == 0) return;
  thread_local std::vector<std::uint32_t> words;
  words.resize(row.size());
  random_words(stream, words);
  const float step = full / static_cast<float>(levels);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double share = static_cast<double>(std::abs(row[i])) / static_cast<double>(full);
    row[i] = std::copysign(step * static_cast<float>(random_level(share, levels, words[i])), row[i]);
  }
}

void draw_bits(std::span<const float> row, std::uint32_t word, std::span<float> bits) {
  const float full = max_abs(row);
  const auto threshold =
      static_cast<float>((static_cast<double>(word) + 0.5) / 4294967296.0 * static_cast<double>(full));
  for (std::size_t i = 0; i < row.size(); ++i) bits[i] = std::abs(row[i]) > threshold ? std::copysign(full, row[i]) : 0;
}

}  // namespace ohmic
