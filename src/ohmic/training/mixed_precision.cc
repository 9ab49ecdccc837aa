#include "ohmic/training/mixed_precision.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {

MixedPrecisionRule::MixedPrecisionRule(const MixedPrecisionSpec& spec, const OptimizerSpec& optimizer,
                                       std::size_t inputs, std::size_t outputs)
    : AccumulatingRule(spec.epsilon, spec.outer_product, spec.refresh, optimizer, inputs, outputs,
                       OuterProduct::chunk_count(inputs)),
      spec_(spec),
      accumulated_(inputs, outputs) {}

void MixedPrecisionRule::accumulate(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) {
  threshold_ = static_cast<float>(spec_.threshold) * epsilon();
  if (step.number == 0 && spec_.dither) dither(tile);
  if (pays_outer_product(matrix, optimizer(), step)) {
    add_outer_products(matrix, step);
  } else {
    add_change(change(matrix, tile, step));
  }
}

void MixedPrecisionRule::dither(const Tile& tile) {
  const std::span<float> chi = accumulated_.values();
  std::vector<std::uint32_t> words(chi.size());
  random_words(RandomStream(tile.spec().seed, Purpose::accumulator_dither, tile.spec().unit, 0), words);
  for (std::size_t i = 0; i < chi.size(); ++i) {
    chi[i] = threshold_ * (static_cast<float>(words[i] >> 8) * 0x1p-23f - 1.0f);
  }
}

void MixedPrecisionRule::add_outer_products(const WeightMatrix& matrix, const UpdateStep& step) {
  const OuterProduct product(matrix.inputs, matrix.deltas, step);
  float* chi = accumulated_.values().data();
  const std::size_t columns = accumulated_.columns();
  const bool one_sample = matrix.inputs.rows() == 1;
  product.for_each_term([&](const OuterProduct::Term& term) {
    if (one_sample) {
      crossed_.clear();
      add_outer_product_and_find(chi, columns, term.rows, term.x, term.step, threshold_, crossed_);
      for (const std::uint32_t crossing : crossed_) take_pulses(0, crossing);
      return;
    }
    add_outer_product(chi, columns, term.rows, term.x, term.step);
    if (term.last) find_crossings(term.chunk);
  });
}

void MixedPrecisionRule::add_change(std::span<const float> change) {
  const std::span<float> chi = accumulated_.values();
  const std::size_t chunk_size = OuterProduct::kRowsPerChunk * accumulated_.columns();
  parallel_chunks(chi.size(), chunk_size, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) chi[i] += change[i];
    find_crossings(begin / chunk_size);
  });
}

void MixedPrecisionRule::find_crossings(std::size_t chunk) {
  const std::span<const float> chi = accumulated_.values();
  const std::size_t size = OuterProduct::kRowsPerChunk * accumulated_.columns();
  const std::size_t end = std::min(chi.size(), (chunk + 1) * size);
  for (std::size_t i = chunk * size; i < end; ++i) {
    if (std::abs(chi[i]) >= threshold_) take_pulses(chunk, static_cast<std::uint32_t>(i));
  }
}

void MixedPrecisionRule::take_pulses(std::size_t chunk, std::uint32_t crossing) {
  const auto most = static_cast<float>(spec_.most_pulses_per_crossing);
  float& chi = accumulated_.values()[crossing];
  const float magnitude = std::trunc(std::abs(chi) / epsilon() + 1 - static_cast<float>(spec_.threshold));
  const float count = std::copysign(std::min(magnitude, most), chi);
  chi -= count * epsilon();
  pulses(chunk).push_back({crossing, static_cast<int>(count)});
}

void MixedPrecisionRule::save(const std::string& prefix, SafetensorsWriter& out) const {
  const auto rows = static_cast<std::int64_t>(accumulated_.rows());
  out.add(prefix + ".accumulated", accumulated_.values(), {rows, static_cast<std::int64_t>(accumulated_.columns())});
  AccumulatingRule::save(prefix, out);
}

void MixedPrecisionRule::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".accumulated", accumulated_.values());
  AccumulatingRule::load(prefix, in);
}

}  // namespace ohmic
