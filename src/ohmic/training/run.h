#pragma once

// A run on disk: a folder with run.json (what it is and what came out), metrics.jsonl (one line per epoch),
// checkpoint.safetensors (everything that the future depends on).

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ohmic/core/safetensors.h"
#include "ohmic/training/model_size.h"
#include "ohmic/training/trainer.h"

namespace ohmic {

/// How far a run is, for people who wait.
struct Progress {
  std::int64_t epoch = 0;  ///< current, from 1
  std::int64_t epochs = 0;
  double done = 0;  ///< share of the whole run, 0 to 1
  double train_accuracy = 0;
  double test_accuracy = -1;  ///< of the last finished epoch; negative before the first
  double pulses_per_sample = 0;
  double seconds_left = -1;  ///< wall time; negative while unknown
  bool epoch_ended = false;
};

struct RunOptions {
  std::filesystem::path folder;
  std::filesystem::path data_folder;                   ///< empty: search
  bool resume = false;                                 ///< go on with the run that the folder holds, if any
  std::function<void(const Progress&)> on_progress;    ///< several times a second, and at the end of each epoch
  std::function<void(const std::string&)> on_message;  ///< one-line notes: which data, resumed from where
  const std::atomic<bool>* stop = nullptr;             ///< when set, the run is saved and left
};

enum class RunStatus { running, interrupted, finished };

struct EpochRecord {
  EpochMetrics metrics;
  double wall_seconds = 0;
};

/// What a run came to.
struct RunResult {
  RunStatus status = RunStatus::running;
  std::vector<EpochRecord> epochs;
  Counters counters;
  double wall_seconds = 0;
  double bytes_per_weight = 0;
  ModelSize size;
  WearRecord wear;    ///< of the rule hybrid
  Lifetime lifetime;  ///< that follows from it
  std::string data_provenance;
  bool synthetic_data = false;
};

/// Trains in a folder. Error if the folder holds a run and `resume` is not set, if the run there is another experiment
/// or used other data, or if anything cannot be read or written; what was saved before stays intact.
RunResult train_in_folder(const ExperimentSpec& spec, const RunOptions& options);

/// A trained network as its checkpoint describes it.
struct LoadedRun {
  ExperimentSpec spec;
  Dataset data;
  std::unique_ptr<Trainer> trainer;
};

/// Loads the checkpoint of a run folder and the data it was trained on. Error if there is none, it is damaged, or the
/// data differ.
LoadedRun load_run(const std::filesystem::path& folder, const std::filesystem::path& data_folder,
                   const std::function<void(const std::string&)>& on_message);

}  // namespace ohmic
