#pragma once

// The record that a run leaves behind, read from its folder and checked.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic::report {

/// In every `double` of a record NaN means "not recorded".
inline constexpr double kNotRecorded = std::numeric_limits<double>::quiet_NaN();

struct EpochRecord {
  double epoch = kNotRecorded;  ///< counted from 1
  double train_loss = kNotRecorded;
  double train_accuracy = kNotRecorded;     ///< 0 to 1
  double test_accuracy = kNotRecorded;      ///< 0 to 1
  double pulses_per_sample = kNotRecorded;  ///< SET pulses per training sample
  double refreshed_pairs = kNotRecorded;
  double seconds = kNotRecorded;             ///< clock of the simulated chip at the end of this epoch
  double wall_seconds = kNotRecorded;        ///< time on the machine that simulated it
  double bits_per_character = kNotRecorded;  ///< of a text that was not trained on
  double frechet_distance = kNotRecorded;    ///< of generated images
};

/// Cells per bin; edges has one element more than each of the counts, or all are empty.
struct ConductanceHistogram {
  std::string unit;  ///< "uS"
  std::vector<double> edges;
  std::vector<double> g_plus;
  std::vector<double> g_minus;
};

struct WeightHistogram {
  std::vector<double> edges;
  std::vector<double> counts;
};

/// How often the cells of one kind were SET and RESET: cells per bin.
struct WearKindRecord {
  std::string name;  ///< "LSB bit 0", "MSB G+"
  double cells = kNotRecorded, sets = kNotRecorded, resets = kNotRecorded;
  double most_sets = kNotRecorded, most_resets = kNotRecorded, most_writes = kNotRecorded;
  std::vector<double> edges, set_counts, reset_counts;
};

/// Writes and erases of the cells, against what they stand.
struct WearRecord {
  double endurance = kNotRecorded;  ///< writes
  double duty = kNotRecorded;       ///< share of the time in which the chip trains
  double most_writes = kNotRecorded;
  double lifetime_trainings = kNotRecorded;
  double lifetime_s = kNotRecorded;
  std::vector<WearKindRecord> kinds;  ///< empty if not counted
};

struct TileRecord {
  std::string name;
  double inputs = kNotRecorded;
  double outputs = kNotRecorded;
  ConductanceHistogram conductances;
  WeightHistogram weights;
};

/// Accuracy at one time after training, over several draws of noise.
struct DeployResult {
  std::string compensate;            ///< "none", "gdc", "adabs"
  std::string at;                    ///< time as the user wrote it, "1h"
  double at_seconds = kNotRecorded;  ///< time after training
  double accuracy_mean = kNotRecorded;
  double accuracy_std = kNotRecorded;
  double accuracy_min = kNotRecorded;
  double accuracy_max = kNotRecorded;
  double draws = kNotRecorded;
};

/// Signal-to-noise of a layer at one time with one compensation.
struct SnrRecord {
  std::string at, compensate;
  double db = kNotRecorded;
};

/// What `ohmic deploy` found of one layer.
struct LayerRecord {
  std::string name;
  bool on_cells = true;
  std::vector<SnrRecord> snr;
  double accuracy_loss = kNotRecorded;  ///< alone on cells
  double output_error = kNotRecorded;   ///< share of the variance of the network's outputs
};

/// Accuracy of a rung of `ohmic deploy --study` at one time.
struct LadderResult {
  std::string at, compensate;
  double accuracy_mean = kNotRecorded, accuracy_std = kNotRecorded;
};

struct LadderRung {
  std::string name, measure;
  double cells_per_weight = kNotRecorded;
  double pulses_per_cell = kNotRecorded, reads_per_cell = kNotRecorded;
  double pulses_per_weight = kNotRecorded;
  double weight_error = kNotRecorded;
  std::vector<LadderResult> results;
};

/// A count of operations over the whole run; the keys are open, so that new ones need no change here.
struct CounterRecord {
  std::string name;  ///< "adc_conversions"
  double count = kNotRecorded;
};

/// One setting of the resolved configuration, "training.batch_size" and "1". Elements of lists of tables are numbered
/// from 0: "network.layers.0.units".
struct ConfigEntry {
  std::string path;
  std::string value;
};

enum class RunStatus { finished, interrupted, running };

/// What a run makes, as its folder shows it: the bytes of samples.png and the text of samples.txt, each may be empty.
struct SamplesRecord {
  std::string png;
  std::string text;
};

struct MachineRecord {
  std::string cpu;
  double threads = kNotRecorded;
  std::string instruction_set;
};

struct DataRecord {
  std::string name;
  std::string provenance;
  bool synthetic = false;  ///< a generated stand-in, not the data set of that name
};

struct RunRecord {
  std::string name;
  RunStatus status = RunStatus::finished;
  std::string version;  ///< of the program that wrote it
  std::string started;  ///< ISO 8601
  std::optional<std::uint64_t> seed;
  std::vector<ConfigEntry> config;
  MachineRecord machine;
  DataRecord data;
  std::vector<EpochRecord> epochs;  ///< in order, each epoch once
  std::vector<CounterRecord> counters;
  double bytes_per_weight = kNotRecorded;
  double weights = kNotRecorded;
  double training_bits = kNotRecorded, inference_bits = kNotRecorded;  ///< size of the model
  double wall_seconds = kNotRecorded;
  SamplesRecord samples;
  std::vector<TileRecord> tiles;  ///< empty for a digital run
  WearRecord wear;
  std::vector<DeployResult> deploy;  ///< empty if never deployed
  std::vector<LayerRecord> layers;   ///< likewise
  std::vector<LadderRung> ladder;    ///< empty if never studied

  /// The value of a setting, or empty if absent.
  std::string setting(std::string_view path) const;
  /// The count of an operation, or NaN.
  double counter(std::string_view counter_name) const;
};

/// Reads run.json, metrics.jsonl, deploy.json and deploy_study.json of a run folder. Epochs come from run.json; those
/// that it lacks (a run that is running or was cut) from metrics.jsonl, whose last line may be torn and whose repeated
/// epochs (a resumed run) count once, the last one. Error names the file, the key, the value and what was expected.
RunRecord read_run(const std::filesystem::path& folder);

}  // namespace ohmic::report
