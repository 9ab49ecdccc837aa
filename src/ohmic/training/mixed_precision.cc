#include "ohmic/training/mixed_precision.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {

MixedPrecisionRule::MixedPrecisionRule(const MixedPrecisionSpec& spec, float learning_rate, std::size_t inputs,
                                       std::size_t outputs)
    : spec_(spec),
      learning_rate_(learning_rate),
      accumulated_(inputs, outputs),
      chunk_requests_(inputs / OuterProduct::kRowsPerChunk + 1) {}

void MixedPrecisionRule::update(DenseLayer& layer, std::uint64_t step) {
  Tile& tile = dynamic_cast<AnalogWeights&>(layer.weights()).tile();
  const OuterProduct product(layer.inputs(), layer.deltas(), learning_rate_);
  const auto epsilon = static_cast<float>(spec_.epsilon);
  const auto most = static_cast<float>(spec_.most_pulses_per_crossing);
  const std::size_t columns = accumulated_.columns();
  product.for_each_row([&](std::size_t row, std::span<const OuterProduct::Term> terms) {
    thread_local std::vector<std::uint32_t> crossed;
    crossed.resize(columns);
    const std::span<float> chi = accumulated_.row(row);
    for (const auto& term : terms.first(terms.size() - 1)) add_scaled(chi, term.x, term.step);
    const int found = add_scaled_and_find(chi, terms.back().x, terms.back().step, epsilon, crossed.data());
    for (const std::uint32_t column : std::span(crossed).first(static_cast<std::size_t>(found))) {
      const float pulses = std::clamp(std::trunc(chi[column] / epsilon), -most, most);
      chi[column] -= pulses * epsilon;
      chunk_requests_[row / OuterProduct::kRowsPerChunk].push_back(
          {static_cast<std::uint32_t>(row * columns) + column, static_cast<int>(pulses)});
    }
  });
  for (std::vector<PulseRequest>& requests : chunk_requests_) {
    if (requests.empty()) continue;
    tile.pulse(requests, step);
    requests.clear();
  }
  tile.count_digital_macs(layer.inputs().rows() * accumulated_.values().size());
}

int MixedPrecisionRule::maintain(DenseLayer& layer, std::uint64_t samples_before, std::uint64_t samples_now,
                                 std::uint64_t step) {
  const auto every = static_cast<std::uint64_t>(spec_.refresh.every_samples);
  if (every == 0 || samples_before / every == samples_now / every) return 0;
  Tile& tile = dynamic_cast<AnalogWeights&>(layer.weights()).tile();
  return tile.refresh(spec_.refresh, spec_.epsilon * tile.spec().synapse.weight_conductance_us, step);
}

void MixedPrecisionRule::save(const std::string& prefix, SafetensorsWriter& out) const {
  const auto rows = static_cast<std::int64_t>(accumulated_.rows());
  out.add(prefix + ".accumulated", accumulated_.values(), {rows, static_cast<std::int64_t>(accumulated_.columns())});
}

void MixedPrecisionRule::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".accumulated", accumulated_.values());
}

}  // namespace ohmic
