#include "ohmic/training/accumulating_rule.h"

#include <algorithm>
#include <utility>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kVectorsPerStep = 1ull << 24;  // keys of random numbers: more than a batch can have

// Inputs and deltas of a factored matrix as a cheap digital unit would see them; a convolution's codes have been
// treated by its layer. A stream of bits is a sample per bit. Returns whether they are others now.
bool reduce_precision(WeightMatrix& matrix, const OuterProductSpec& spec, const TileSpec& tile,
                      const UpdateStep& step) {
  if (spec.kind == OuterProductKind::full || !matrix.factored) return false;
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

std::uint64_t lines_in_use(const Matrix& vectors) {
  std::uint64_t lines = 0;
  for (std::size_t k = 0; k < vectors.columns(); ++k) {
    bool any = false;
    for (std::size_t r = 0; r < vectors.rows(); ++r) any = any || vectors.row(r)[k] != 0;
    lines += any;
  }
  return lines;
}

// Crossings of an input and a delta of one sample that are not zero: a unit that skips zeros touches no others. A
// sample may be several vectors, one per bit.
std::uint64_t changed_crossings(const WeightMatrix& matrix) {
  return lines_in_use(matrix.inputs) * lines_in_use(matrix.deltas);
}

}  // namespace

AccumulatingRule::AccumulatingRule(double epsilon, const OuterProductSpec& outer_product, const RefreshSpec& refresh,
                                   const OptimizerSpec& optimizer, std::size_t inputs, std::size_t outputs,
                                   std::size_t chunks)
    : nominal_epsilon_(epsilon),
      outer_product_(outer_product),
      refresh_(refresh),
      optimizer_(optimizer, inputs * outputs),
      inputs_(inputs),
      outputs_(outputs),
      pulses_(chunks) {}

void AccumulatingRule::update(WeightMatrix& matrix, const UpdateStep& of_batch) {
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  epsilon_ = static_cast<float>(nominal_epsilon_ * tile.pulse_share() * static_cast<double>(tile.weight_scale()));
  UpdateStep step = of_batch;
  const std::uint64_t vectors = matrix.vectors();
  // One sample goes straight into the accumulator.
  const bool is_direct = matrix.factored && vectors == 1 && optimizer_.is_plain() && !of_batch.has_gradients;
  if (reduce_precision(matrix, outer_product_, tile.spec(), step)) step.has_gradients = false;
  const std::uint64_t changed = is_direct ? changed_crossings(matrix) : size();
  accumulate(matrix, tile, step);
  requests_.clear();
  for (std::vector<PulseRequest>& pulses : pulses_) {
    requests_.insert(requests_.end(), pulses.begin(), pulses.end());
    pulses.clear();
  }
  tile.pulse(requests_, step.number);
  tile.count_update(is_direct ? matrix.inputs.rows() * size() : 0, changed);
  if (!is_direct) tile.count_update(batch_work(matrix, vectors, &optimizer_, of_batch));
}

std::span<const float> AccumulatingRule::change(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) {
  if (optimizer_.reads_weights()) {
    weights_.resize(size());
    tile.read_weights({weights_.data(), inputs_, outputs_});
  }
  wanted_change(matrix, optimizer_, step, weights_, change_);
  return change_;
}

int AccumulatingRule::maintain(WeightMatrix& matrix, const UpdateStep& step) {
  const auto every = static_cast<std::uint64_t>(refresh_.every_samples);
  if (every == 0 || step.samples_before / every == step.samples_now / every) return 0;
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  RefreshResult result =
      tile.refresh(refresh_, nominal_epsilon_ * tile.spec().synapse.weight_conductance_us, step.number);
  // The order of a refresh is that in which cells became high, which a resumed run does not know.
  std::sort(result.missed.begin(), result.missed.end(), [](const auto& a, const auto& b) {
    return std::pair(a.crossing, a.weight) < std::pair(b.crossing, b.weight);
  });
  for (const RefreshResult::Missed& missed : result.missed) give_back(missed.crossing, missed.weight, tile, step);
  return result.rewritten;
}

}  // namespace ohmic
