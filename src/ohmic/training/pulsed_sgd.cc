#include "ohmic/training/pulsed_sgd.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Random keys: as many as a batch can have samples and a sample slots.
constexpr std::uint64_t kSamplesPerStep = 65536, kSlotsPerSample = 1024;
constexpr std::uint32_t kRows = 0, kColumns = 1;

}  // namespace

void PulsedSgdRule::find_lines(std::span<const float> values, float probability_per_value,
                               std::vector<Line>& lines) const {
  constexpr double kAlways = 4294967295.0;
  lines.clear();
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    const double probability = static_cast<double>(std::abs(values[i])) * static_cast<double>(probability_per_value);
    const auto threshold = static_cast<std::uint32_t>(std::min(probability * 4294967296.0, kAlways));
    lines.push_back({i, threshold, values[i] < 0});
  }
}

void PulsedSgdRule::draw(const std::vector<Line>& lines, Purpose purpose, std::uint32_t unit, std::uint64_t when,
                         std::vector<const Line*>& fired) {
  words_.resize(lines.size());
  random_words(RandomStream(seed_, purpose, unit, when), words_);
  fired.clear();
  for (std::size_t k = 0; k < lines.size(); ++k) {
    if (words_[k] < lines[k].threshold) fired.push_back(&lines[k]);
  }
}

// The pulses of one slot.
void PulsedSgdRule::collect(std::size_t columns, std::uint32_t unit, std::uint64_t when) {
  draw(rows_, Purpose::rounding, 2 * unit + kRows, when, fired_rows_);
  if (fired_rows_.empty()) return;
  draw(columns_, Purpose::rounding, 2 * unit + kColumns, when, fired_columns_);
  for (const Line* row : fired_rows_) {
    for (const Line* column : fired_columns_) {
      const auto crossing = row->index * static_cast<std::uint32_t>(columns) + column->index;
      // The step is -learning_rate x d.
      requests_.push_back({crossing, row->negative == column->negative ? -1 : 1});
    }
  }
}

// A crossing that fires in several slots makes one request, so that each of its pulses has its own random numbers.
void PulsedSgdRule::merge_requests() {
  std::sort(requests_.begin(), requests_.end(),
            [](const PulseRequest& a, const PulseRequest& b) { return a.crossing < b.crossing; });
  std::size_t kept = 0;
  for (const PulseRequest& request : requests_) {
    if (kept > 0 && requests_[kept - 1].crossing == request.crossing) {
      requests_[kept - 1].count += request.count;
    } else {
      requests_[kept++] = request;
    }
  }
  requests_.resize(kept);
}

void PulsedSgdRule::update(WeightMatrix& matrix, const UpdateStep& step) {
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  if (matrix.factored) {
    pulse_by_lines(matrix, tile, step);
  } else {
    pulse_by_sum(matrix, tile, step);
  }
}

void PulsedSgdRule::pulse_by_lines(const WeightMatrix& matrix, Tile& tile, const UpdateStep& step) {
  const double pulse_sum = spec_.epsilon * tile.pulse_share() * static_cast<double>(tile.weight_scale()) *
                           static_cast<double>(spec_.pulse_slots);
  const double rate = static_cast<double>(step.learning_rate) * static_cast<double>(step.gradient_factor);
  const double c = std::sqrt(rate / (step.loss_terms * pulse_sum));
  for (std::size_t s = 0; s < matrix.inputs.rows(); ++s) {
    const float x = max_abs(matrix.inputs.row(s));
    const float d = max_abs(matrix.deltas.row(s));
    if (x == 0 || d == 0) continue;
    const double balance = std::sqrt(static_cast<double>(d) / static_cast<double>(x));
    find_lines(matrix.inputs.row(s), static_cast<float>(c * balance), rows_);
    find_lines(matrix.deltas.row(s), static_cast<float>(c / balance), columns_);
    const std::uint64_t sample = step.number * kSamplesPerStep + s;
    requests_.clear();
    for (std::int64_t slot = 0; slot < spec_.pulse_slots; ++slot) {
      collect(matrix.deltas.columns(), tile.spec().unit, sample * kSlotsPerSample + static_cast<std::uint64_t>(slot));
    }
    merge_requests();
    tile.pulse(requests_, sample);
  }
}

void PulsedSgdRule::pulse_by_sum(const WeightMatrix& matrix, Tile& tile, const UpdateStep& step) {
  const double epsilon = spec_.epsilon * tile.pulse_share() * static_cast<double>(tile.weight_scale());
  const double scale = -static_cast<double>(step.learning_rate) * static_cast<double>(step.gradient_factor) /
                       (step.loss_terms * epsilon);
  const std::span<const float> gradient = matrix.gradient.values();
  words_.resize(gradient.size());
  random_words(RandomStream(seed_, Purpose::rounding, 2 * tile.spec().unit + kRows, step.number), words_);
  requests_.clear();
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double wanted = scale * static_cast<double>(gradient[i]);
    const double share = (static_cast<double>(words_[i]) + 0.5) / 4294967296.0;
    const double pulses = std::min(std::floor(std::abs(wanted) + share), static_cast<double>(spec_.pulse_slots));
    if (pulses > 0) {
      requests_.push_back({static_cast<std::uint32_t>(i), static_cast<int>(wanted > 0 ? pulses : -pulses)});
    }
  }
  tile.pulse(requests_, step.number * kSamplesPerStep);
  tile.count_update(batch_work(matrix, matrix.vectors(), nullptr, step));
}

int PulsedSgdRule::maintain(WeightMatrix& matrix, const UpdateStep& step) {
  const auto every = static_cast<std::uint64_t>(spec_.refresh.every_samples);
  if (every == 0 || step.samples_before / every == step.samples_now / every) return 0;
  Tile& tile = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  return tile.refresh(spec_.refresh, spec_.epsilon * tile.spec().synapse.weight_conductance_us, step.number).rewritten;
}

}  // namespace ohmic
