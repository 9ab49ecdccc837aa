#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ohmic/data/dataset.h"
#include "ohmic/network/graph.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/update_rule.h"

namespace ohmic {

/// What one epoch gave. All of it is deterministic; `seconds` is time on the simulated chip.
struct EpochMetrics {
  std::int64_t epoch = 0;
  double train_loss = 0;      ///< mean over the samples, as they came by
  double train_accuracy = 0;  ///< likewise, 0 to 1
  double test_accuracy = 0;   ///< 0 to 1
  double pulses_per_sample = 0;
  std::int64_t refreshed_pairs = 0;
  double seconds = 0;
};

/// Where a run stands: in epoch `epoch` (from 0), before sample `sample` of it.
struct TrainingPosition {
  std::int64_t epoch = 0;
  std::int64_t sample = 0;
  // Of the current epoch so far.
  double loss = 0;
  std::int64_t correct = 0;
  std::int64_t refreshed_pairs = 0;
  std::uint64_t pulses_before = 0;  ///< SET pulses when the epoch began
};

/// Trains a network by the experiment's rule; one `step` is one batch. Everything that the future depends on can be
/// saved and loaded.
class Trainer {
 public:
  Trainer(const ExperimentSpec& spec, const Dataset& data);

  bool finished() const { return position_.epoch >= spec_.training.epochs; }
  const TrainingPosition& position() const { return position_; }
  std::int64_t samples_per_epoch() const { return data_.train.count; }
  /// Trains on the next batch. Returns the epoch's metrics, measured, when that ended an epoch.
  std::optional<EpochMetrics> step();

  Graph& graph() { return graph_; }
  Counters counters() const;
  /// Memory held per weight while training, all state and digit planes included.
  double bytes_per_weight() const;

  void save(SafetensorsWriter& out) const;
  void load(const SafetensorsFile& in);

 private:
  void start_epoch();
  void train_batch(std::size_t size);
  EpochMetrics finish_epoch();
  std::uint64_t samples_done() const;

  ExperimentSpec spec_;
  const Dataset& data_;
  Graph graph_;
  std::vector<std::unique_ptr<UpdateRule>> rules_;
  TrainingPosition position_;
  std::vector<std::int32_t> order_;
  std::int64_t order_epoch_ = -1;
  std::uint64_t steps_ = 0;
  Matrix batch_, output_gradient_;
  std::vector<int> labels_;
};

/// Share of the split's samples whose largest output is the label, 0 to 1. `pass_number` keys the read noise.
double accuracy(Graph& graph, const Split& split, std::uint64_t pass_number);

/// Copies samples as floats in [0, 1].
void load_sample(const Split& split, std::size_t sample, std::span<float> out);

}  // namespace ohmic
