#include "ohmic/training/mixed_precision.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kVectorsPerStep = 1ull << 24;  // keys of random numbers: more than a batch can have

}  // namespace

MixedPrecisionRule::MixedPrecisionRule(const MixedPrecisionSpec& spec, const OptimizerSpec& optimizer,
                                       std::size_t inputs, std::size_t outputs)
    : spec_(spec),
      optimizer_(optimizer, inputs * outputs),
      accumulated_(inputs, outputs),
      crossed_(OuterProduct::chunk_count(inputs)) {}

void MixedPrecisionRule::update(WeightMatrix& matrix, const UpdateStep& of_batch) {
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  epsilon_ = static_cast<float>(spec_.epsilon * tile.pulse_share() * static_cast<double>(tile.weight_scale()));
  threshold_ = static_cast<float>(spec_.threshold) * epsilon_;
  if (of_batch.number == 0 && spec_.dither) dither(tile);
  UpdateStep step = of_batch;
  if (reduce_precision(matrix, step)) step.has_gradients = false;
  if (pays_outer_product(matrix, optimizer_, step)) {
    add_outer_products(matrix, step);
  } else {
    add_change(matrix, tile, step);
  }
  requests_.clear();
  for (std::vector<std::uint32_t>& crossed : crossed_) {
    for (const std::uint32_t crossing : crossed) requests_.push_back({crossing, take_pulses(crossing)});
    crossed.clear();
  }
  tile.pulse(requests_, step.number);
  tile.count_digital_macs(matrix.factored ? matrix.inputs.rows() * accumulated_.values().size() : 0);
}

void MixedPrecisionRule::dither(const Tile& tile) {
  const std::span<float> chi = accumulated_.values();
  std::vector<std::uint32_t> words(chi.size());
  random_words(RandomStream(tile.spec().seed, Purpose::accumulator_dither, tile.spec().unit, 0), words);
  for (std::size_t i = 0; i < chi.size(); ++i) {
    chi[i] = threshold_ * (static_cast<float>(words[i] >> 8) * 0x1p-23f - 1.0f);
  }
}

// Inputs and deltas of a factored matrix as a cheap digital unit would see them; a convolution's codes have been
// treated by its layer. A stream of bits is a sample per bit. Returns whether they are others now.
bool MixedPrecisionRule::reduce_precision(WeightMatrix& matrix, const UpdateStep& step) const {
  const OuterProductSpec& spec = spec_.outer_product;
  if (spec.kind == OuterProductKind::full || !matrix.factored) return false;
  const TileSpec& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile().spec();
  const auto bits = static_cast<std::size_t>(spec.bits);
  std::uint32_t unit = 2 * tile.unit;
  for (auto [values, levels] : {std::pair{&matrix.inputs, spec.input_levels}, {&matrix.deltas, spec.delta_levels}}) {
    const std::size_t rows = values->rows();
    const auto stream_of = [&](std::size_t r) {
      return RandomStream(tile.seed, Purpose::outer_product, unit, step.number * kVectorsPerStep + r);
    };
    if (spec.kind == OuterProductKind::low_precision) {
      for (std::size_t r = 0; r < rows; ++r) {
        round_to_levels(values->row(r), static_cast<int>(levels), stream_of(r));
      }
    } else {
      Matrix drawn(rows * bits, values->columns());
      std::vector<std::uint32_t> words(bits);
      for (std::size_t r = 0; r < rows; ++r) {
        random_words(stream_of(r), words);
        for (std::size_t b = 0; b < bits; ++b) {
          draw_bits(static_cast<const Matrix&>(*values).row(r), words[b], drawn.row(r * bits + b));
        }
      }
      *values = std::move(drawn);
    }
    ++unit;
  }
  if (spec.kind == OuterProductKind::stochastic) {
    for (float& d : matrix.deltas.values()) d /= static_cast<float>(bits);
  }
  return true;
}

void MixedPrecisionRule::add_outer_products(const WeightMatrix& matrix, const UpdateStep& step) {
  const OuterProduct product(matrix.inputs, matrix.deltas, step);
  float* chi = accumulated_.values().data();
  const std::size_t columns = accumulated_.columns();
  const bool one_sample = matrix.inputs.rows() == 1;
  product.for_each_term([&](const OuterProduct::Term& term) {
    if (one_sample) {
      add_outer_product_and_find(chi, columns, term.rows, term.x, term.step, threshold_, crossed_[0]);
      return;
    }
    add_outer_product(chi, columns, term.rows, term.x, term.step);
    if (term.last) find_crossings(term.chunk);
  });
}

void MixedPrecisionRule::add_change(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) {
  if (optimizer_.reads_weights()) {
    weights_.resize(accumulated_.values().size());
    tile.read_weights({weights_.data(), accumulated_.rows(), accumulated_.columns()});
  }
  wanted_change(matrix, optimizer_, step, weights_, change_);
  const std::span<float> chi = accumulated_.values();
  const std::size_t chunk_size = OuterProduct::kRowsPerChunk * accumulated_.columns();
  parallel_chunks(chi.size(), chunk_size, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) chi[i] += change_[i];
    find_crossings(begin / chunk_size);
  });
}

void MixedPrecisionRule::find_crossings(std::size_t chunk) {
  const std::span<const float> chi = accumulated_.values();
  const std::size_t size = OuterProduct::kRowsPerChunk * accumulated_.columns();
  const std::size_t end = std::min(chi.size(), (chunk + 1) * size);
  for (std::size_t i = chunk * size; i < end; ++i) {
    if (std::abs(chi[i]) >= threshold_) crossed_[chunk].push_back(static_cast<std::uint32_t>(i));
  }
}

int MixedPrecisionRule::take_pulses(std::uint32_t crossing) {
  const auto most = static_cast<float>(spec_.most_pulses_per_crossing);
  float& chi = accumulated_.values()[crossing];
  const float magnitude = std::trunc(std::abs(chi) / epsilon_ + 1 - static_cast<float>(spec_.threshold));
  const float pulses = std::copysign(std::min(magnitude, most), chi);
  chi -= pulses * epsilon_;
  return static_cast<int>(pulses);
}

int MixedPrecisionRule::maintain(WeightMatrix& matrix, const UpdateStep& step) {
  const auto every = static_cast<std::uint64_t>(spec_.refresh.every_samples);
  if (every == 0 || step.samples_before / every == step.samples_now / every) return 0;
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  const RefreshResult result =
      tile.refresh(spec_.refresh, spec_.epsilon * tile.spec().synapse.weight_conductance_us, step.number);
  for (const RefreshResult::Missed& missed : result.missed) accumulated_.values()[missed.crossing] += missed.weight;
  return result.rewritten;
}

void MixedPrecisionRule::save(const std::string& prefix, SafetensorsWriter& out) const {
  const auto rows = static_cast<std::int64_t>(accumulated_.rows());
  out.add(prefix + ".accumulated", accumulated_.values(), {rows, static_cast<std::int64_t>(accumulated_.columns())});
  optimizer_.save(prefix, out);
}

void MixedPrecisionRule::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".accumulated", accumulated_.values());
  optimizer_.load(prefix, in);
}

}  // namespace ohmic
