#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ohmic/data/dataset.h"
#include "ohmic/data/image.h"
#include "ohmic/network/graph.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/learner.h"

namespace ohmic {

/// A further number that a kind of training measures at the end of an epoch.
struct Figure {
  std::string name;  ///< as in metrics.jsonl: "bits_per_character", "frechet_distance"
  double value = 0;
};

/// A file for the run folder.
struct Artefact {
  std::string name;
  std::string content;
};

/// What one epoch gave. All of it is deterministic; `seconds` is time on the simulated chip.
struct EpochMetrics {
  std::int64_t epoch = 0;
  double train_loss = 0;      ///< mean over the samples (and steps), as they came by
  double train_accuracy = 0;  ///< likewise, 0 to 1
  double test_accuracy = 0;   ///< 0 to 1; NaN where the task has none
  double pulses_per_sample = 0;
  std::int64_t refreshed_pairs = 0;
  double seconds = 0;
  std::vector<Figure> figures;
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

/// Reads of an evaluation are numbered from here on, so that their noise is not that of training.
inline constexpr std::uint64_t kFirstEvaluationRead = 1ull << 62;

/// Trains what an experiment describes; one `step` is one batch. Everything that the future depends on can be saved and
/// loaded. Derived classes know what a batch is and what is measured.
class Trainer {
 public:
  virtual ~Trainer() = default;

  bool finished() const { return position_.epoch >= spec_.training.epochs; }
  const TrainingPosition& position() const { return position_; }
  std::int64_t samples_per_epoch() const { return samples_per_epoch_; }
  /// Trains on the next batch. Returns the epoch's metrics, measured, when that ended an epoch.
  std::optional<EpochMetrics> step();

  /// The networks in training; the first is the one that is deployed.
  virtual std::vector<Learner*> learners() = 0;
  Graph& graph() { return learners().front()->graph(); }
  Counters counters();
  /// Pulses so far, as those that wrote the first weights, belong to no epoch.
  void leave_pulses_out() { position_.pulses_before = counters().set_pulses; }
  /// Training samples gone by.
  std::uint64_t samples_done() const;
  /// Writes and erases of the cells; empty but for the rule hybrid.
  WearRecord wear();
  /// Time on the simulated chip so far.
  double seconds_on_chip() const { return spec_.clock.seconds_per_sample * static_cast<double>(samples_done()); }
  /// Memory held per weight while training, all state and digit planes included.
  double bytes_per_weight();

  virtual void save(SafetensorsWriter& out);
  virtual void load(const SafetensorsFile& in);
  /// Files that show what the last finished epoch makes: pictures, text.
  virtual std::vector<Artefact> artefacts() { return {}; }

 protected:
  Trainer(const ExperimentSpec& spec, std::int64_t samples_per_epoch)
      : spec_(spec), samples_per_epoch_(samples_per_epoch) {}

  struct BatchResult {
    double loss = 0;
    std::int64_t correct = 0;
    std::int64_t refreshed_pairs = 0;
  };
  const ExperimentSpec& spec() const { return spec_; }
  /// The place of the next batch of `size` samples with `terms_per_sample` terms of the loss each.
  UpdateStep next_step(std::size_t size, std::size_t terms_per_sample) const;

  /// Called once before the first batch of an epoch, and after a load.
  virtual void begin_epoch() {}
  virtual BatchResult train_batch(std::size_t size) = 0;
  /// Terms of the loss per sample, for the means.
  virtual std::size_t terms_per_sample() const { return 1; }
  /// Fills in what the test data say after an epoch.
  virtual void evaluate(EpochMetrics& metrics) = 0;

 private:
  EpochMetrics finish_epoch();

  ExperimentSpec spec_;
  std::int64_t samples_per_epoch_;
  TrainingPosition position_;
  std::uint64_t steps_ = 0;
  bool in_epoch_ = false;
};

/// The trainer of the experiment's task. `data` must outlive it.
std::unique_ptr<Trainer> make_trainer(const ExperimentSpec& spec, const Dataset& data);

/// Share of the split's samples whose largest output is the label, 0 to 1. `pass_number` keys the read noise;
/// `on_progress` gets the share of samples that are done.
double accuracy(Graph& graph, const ImageDecoder& decoder, const Split& split, std::uint64_t pass_number,
                const std::function<void(double)>& on_progress = {});

/// A random order of 0 .. count - 1, a pure function of seed and epoch.
std::vector<std::int32_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace ohmic
