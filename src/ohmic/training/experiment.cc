#include "ohmic/training/experiment.h"

#include <cmath>
#include <sstream>

#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

// Samples between two evaluations of all old cells: each walk costs about as much as 40 samples.
constexpr double kSamplesPerSweep = 500;
constexpr std::string_view kFolder = "experiments/";
constexpr std::string_view kEnding = ".toml";
constexpr std::array<std::string_view, 4> kMissingData = {"fail", "download", "synthetic", "download_or_synthetic"};

std::string name_of(std::string_view path) {
  return std::string(path.substr(kFolder.size(), path.size() - kFolder.size() - kEnding.size()));
}

ConfigDocument open_experiment(const std::string& path_or_name) {
  // A folder does not hide the experiment of its name: `ohmic train mnist_sgd --out mnist_sgd` can be repeated.
  const bool is_folder = std::filesystem::is_directory(path_or_name);
  if (!is_folder && std::filesystem::exists(path_or_name)) return ConfigDocument::read_file(path_or_name);
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with(kFolder)) continue;
    if (file.path == path_or_name || name_of(file.path) == path_or_name)
      return ConfigDocument::parse(file.text, file.path);
  }
  if (is_folder) return ConfigDocument::read_file(path_or_name);  // says that it is one
  const auto names = experiment_names();
  const std::string near = nearest_name(path_or_name, names);
  fail("{}: there is no such file, nor an experiment of that name; those that ship with ohmic are {}{}", path_or_name,
       fmt::join(names, ", "), near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

// The digital twin of an analog layer starts from the very weights that the fresh cells make.
Matrix initial_weights(const ExperimentSpec& spec, std::uint32_t layer, int inputs, int outputs) {
  Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
  const std::size_t count = values.values().size();
  std::vector<float> z(2 * count);
  gaussians(RandomStream(static_cast<std::uint64_t>(spec.seed), Purpose::initial_conductance, layer, 0), z);
  for (std::size_t i = 0; i < count; ++i) {
    std::array<double, 2> g;
    for (std::size_t side = 0; side < 2; ++side) {
      g[side] = std::max(0.0, spec.synapse.initial_mean_us + spec.synapse.initial_stddev_us * z[2 * i + side]);
    }
    values.values()[i] = static_cast<float>((g[0] - g[1]) / spec.synapse.weight_conductance_us);
  }
  return values;
}

}  // namespace

void describe(FieldVisitor& v, TrainingSpec& s) {
  v.choice({"rule", "", "how weights are updated; sgd makes all weights digital"}, kRuleKinds, s.rule);
  v.field({"epochs", "epochs", "passes over the training data", 1, 1e9}, s.epochs);
  v.field({"batch_size", "samples", "samples per update", 1, 65536}, s.batch_size);
  v.field({"learning_rate", "", "step per gradient", 0, 1e3}, s.learning_rate);
  v.field({"shuffle", "", "new order of the samples in each epoch, keyed by the seed"}, s.shuffle);
  v.field(
      {"checkpoint_every_s", "s", "wall time between two checkpoints; one is written at the end in any case", 0, 1e9},
      s.checkpoint_every_s);
}

void describe(FieldVisitor& v, MixedPrecisionSpec& s) {
  v.field({"epsilon", "", "accumulated weight change that one SET pulse stands for", 1e-9, 1e3}, s.epsilon);
  v.field({"most_pulses_per_crossing", "pulses", "most pulses at one crossing per update", 1, 127},
          s.most_pulses_per_crossing);
  v.section({"refresh", "", "rewriting of saturated pairs"}, s.refresh);
}

void describe(FieldVisitor& v, PulsedSgdSpec& s) {
  v.field({"epsilon", "", "weight change that one pulse stands for", 1e-9, 1e3}, s.epsilon);
  v.field({"pulse_slots", "slots", "times per sample at which a row and a column may coincide", 1, 1000},
          s.pulse_slots);
  v.section({"refresh", "", "rewriting of saturated pairs"}, s.refresh);
}

void describe(FieldVisitor& v, ClockSpec& s) {
  v.field({"seconds_per_sample", "s", "simulated time that one training sample takes on the chip", 0, 1e6},
          s.seconds_per_sample);
}

void describe(FieldVisitor& v, DriftSpec& s) {
  v.field({"tolerance", "", "largest relative error of a drifted conductance", 1e-6, 0.1}, s.tolerance);
}

void describe(FieldVisitor& v, DataSpec& s) {
  v.field({"name", "", "data set"}, s.name);
  v.choice({"when_missing", "", "what to do when the data set is not found"}, kMissingData, s.when_missing);
  v.field({"train_limit", "samples", "use only the first training samples; 0 uses all", 0, 1e9}, s.train_limit);
  v.field({"test_limit", "samples", "use only the first test samples; 0 uses all", 0, 1e9}, s.test_limit);
}

void describe(FieldVisitor& v, ExperimentSpec& s) {
  v.field({"name", "", "name of the run"}, s.name);
  v.field({"seed", "", "keys every random number", 0, 9e15}, s.seed);
  v.section({"data", "", ""}, s.data);
  v.section({"network", "", ""}, s.network);
  v.section({"device", "", ""}, s.device);
  v.section({"synapse", "", ""}, s.synapse);
  v.section({"periphery", "", ""}, s.periphery);
  v.section({"faults", "", "cells and lines that do not work"}, s.faults);
  v.section({"wires", "", "resistance of the lines"}, s.wires);
  v.section({"programming", "", "how `ohmic deploy --device` writes weights"}, s.programming);
  v.section({"drift", "", ""}, s.drift);
  v.section({"clock", "", ""}, s.clock);
  v.section({"training", "", ""}, s.training);
  v.section({"mixed_precision", "", ""}, s.mixed_precision);
  v.section({"pulsed_sgd", "", ""}, s.pulsed_sgd);
}

std::vector<std::string> experiment_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kFolder)) names.push_back(name_of(file.path));
  }
  return names;
}

std::string experiment_description(std::string_view name) {
  std::string description;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with(kFolder) || name_of(file.path) != name) continue;
    std::istringstream lines{std::string(file.text)};
    for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
      description += (description.empty() ? "" : " ") + line.substr(2);
    }
  }
  return description;
}

ExperimentSpec read_experiment(const std::string& path_or_name, std::span<const std::string> settings) {
  ConfigDocument document = open_experiment(path_or_name);
  for (const std::string& setting : settings) document.set(setting);
  ExperimentSpec spec;
  spec.name = std::filesystem::path(path_or_name).stem().string();
  read_fields(document, "experiment", spec);
  return spec;
}

Graph make_graph(const ExperimentSpec& spec, std::size_t input_size, std::size_t class_count) {
  const std::shared_ptr<const CellModel> cell = spec.device.make();
  const auto make_weights = [&](std::uint32_t layer, int inputs, int outputs,
                                WeightKind kind) -> std::unique_ptr<Weights> {
    if (kind == WeightKind::digital || spec.training.rule == RuleKind::sgd) {
      return std::make_unique<DigitalWeights>(initial_weights(spec, layer, inputs, outputs));
    }
    TileSpec tile;
    tile.inputs = inputs;
    tile.outputs = outputs;
    tile.synapse = spec.synapse;
    tile.periphery = spec.periphery;
    tile.faults = spec.faults;
    tile.wires = spec.wires;
    tile.drift_tolerance = spec.drift.tolerance;
    tile.drift_sweep_interval_s = kSamplesPerSweep * std::max(spec.clock.seconds_per_sample, 1e-12);
    tile.seed = static_cast<std::uint64_t>(spec.seed);
    tile.unit = layer;
    return std::make_unique<AnalogWeights>(Tile(tile, cell));
  };
  return Graph(spec.network, input_size, class_count, make_weights);
}

}  // namespace ohmic
