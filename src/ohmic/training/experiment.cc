#include "ohmic/training/experiment.h"

#include <cmath>
#include <numbers>
#include <sstream>

#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

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

// What a stored weight of 1 stands for.
double stored_weight(const SynapseSpec& synapse, WeightScale scale, int inputs) {
  if (scale == WeightScale::unit) return 1;
  const double fresh = synapse.initial_stddev_us * std::numbers::sqrt2 / synapse.weight_conductance_us;
  return fresh > 0 ? std::sqrt(2.0 / inputs) / fresh : 1;
}

// The digital twin of an analog layer starts from the very weights that the fresh cells make.
Matrix initial_weights(const ExperimentSpec& spec, std::uint32_t layer, int inputs, int outputs, double scale) {
  Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
  const std::size_t count = values.values().size();
  std::vector<float> z(2 * count);
  gaussians(RandomStream(static_cast<std::uint64_t>(spec.seed), Purpose::initial_conductance, layer, 0), z);
  for (std::size_t i = 0; i < count; ++i) {
    std::array<double, 2> g;
    for (std::size_t side = 0; side < 2; ++side) {
      g[side] = std::max(0.0, spec.synapse.initial_mean_us + spec.synapse.initial_stddev_us * z[2 * i + side]);
    }
    values.values()[i] = static_cast<float>(scale * (g[0] - g[1]) / spec.synapse.weight_conductance_us);
  }
  return values;
}

}  // namespace

void describe(FieldVisitor& v, TrainingSpec& s) {
  v.choice({"task", "", "what the network learns"}, kTaskKinds, s.task);
  v.choice({"rule", "", "how weights are updated; sgd makes all weights digital"}, kRuleKinds, s.rule);
  v.field({"epochs", "epochs", "passes over the training data", 1, 1e9}, s.epochs);
  v.field({"batch_size", "samples", "samples per update", 1, 65536}, s.batch_size);
  v.field({"learning_rate", "", "step per gradient", 0, 1e3}, s.learning_rate);
  v.choice({"loss", "", "what is made small"}, kLossKinds, s.loss);
  v.field({"shuffle", "", "new order of the samples in each epoch, keyed by the seed"}, s.shuffle);
  v.field(
      {"checkpoint_every_s", "s", "wall time between two checkpoints; one is written at the end in any case", 0, 1e9},
      s.checkpoint_every_s);
  v.section({"noise_injection", "", "of the rule sgd: makes weights that bear the errors of cells"}, s.noise_injection);
  v.field({"start_from", "", "folder of a run of the same network whose weights are the first ones; empty: fresh ones"},
          s.start_from);
}

void describe(FieldVisitor& v, MixedPrecisionSpec& s) {
  v.field({"epsilon", "", "accumulated weight change that one SET pulse stands for", 1e-9, 1e3}, s.epsilon);
  v.field(
      {"threshold", "epsilon", "accumulated change from which a weight is pulsed; 1 truncates, 0.5 rounds", 0.5, 1e3},
      s.threshold);
  v.field({"dither", "",
           "accumulated changes start spread evenly up to the threshold, so that small changes common to many weights "
           "are not kept back (the paper starts at 0)"},
          s.dither);
  v.field({"most_pulses_per_crossing", "pulses", "most pulses at one crossing per update", 1, 127},
          s.most_pulses_per_crossing);
  v.section({"outer_product", "", "precision of the update's own product"}, s.outer_product);
  v.section({"refresh", "", "rewriting of saturated pairs"}, s.refresh);
}

void describe(FieldVisitor& v, PulsedSgdSpec& s) {
  v.field({"epsilon", "", "weight change that one pulse stands for", 1e-9, 1e3}, s.epsilon);
  v.field({"pulse_slots", "slots", "times per sample at which a row and a column may coincide", 1, 1000},
          s.pulse_slots);
  v.section({"refresh", "", "rewriting of saturated pairs"}, s.refresh);
}

double HybridSpec::epsilon() const { return weight_max / static_cast<double>(std::int64_t{1} << (msb_bits - 1)); }

void describe(FieldVisitor& v, HybridSpec& s) {
  v.field({"weight_max", "", "largest weight of the MSB; a pulse stands for weight_max / 2^(msb_bits - 1)", 1e-9, 1e3},
          s.weight_max);
  v.field({"msb_bits", "bits", "of the MSB, in a pair of multi-level cells", 1, 16}, s.msb_bits);
  v.field({"lsb_bits", "bits", "of the LSB, one binary cell each: 4 to 9; 0 for an exact accumulator without limits", 0,
           RegisterRule::kMostBits},
          s.lsb_bits);
  v.choice({"rounding", "", "of a weight change to whole steps of the LSB"}, kRoundings, s.rounding);
  v.choice({"on_overflow", "", "whether the LSB keeps what is left after a carry or is cleared"}, kOnOverflow,
           s.on_overflow);
  v.field({"threshold", "epsilon", "change from which the LSB carries into the MSB; 1 where it overflows, 0.5 rounds",
           0.5, 1},
          s.threshold);
  v.field({"dither", "",
           "LSBs start spread evenly up to the threshold, so that small changes common to many weights are not kept "
           "back; else erased"},
          s.dither);
  v.field({"most_pulses", "pulses", "most pulses on one weight per update", 1, RegisterRule::kMostCarries},
          s.most_pulses);
  v.section({"lsb", "", "the cells of the LSB"}, s.lsb);
  v.section({"outer_product", "", "precision of the update's own product"}, s.outer_product);
  v.section({"refresh", "", "rewriting of saturated pairs"}, s.refresh);
}

void describe(FieldVisitor& v, TextSpec& s) {
  v.field({"steps", "characters", "through which gradients go back, of the task language", 1, 10000}, s.steps);
}

void describe(FieldVisitor& v, GanSpec& s) {
  v.field({"latent", "", "Gaussian numbers from which an image is made", 1, 1e6}, s.latent);
  v.field({"real_target", "", "what the discriminator is to say of real images", 0.5, 1}, s.real_target);
  v.field({"evaluation_images", "images", "made for the Frechet distance after each epoch", 2, 1e6},
          s.evaluation_images);
}

void describe(FieldVisitor& v, ClockSpec& s) {
  v.field({"seconds_per_sample", "s", "simulated time that one training sample takes on the chip", 0, 1e6},
          s.seconds_per_sample);
}

void describe(FieldVisitor& v, DriftSpec& s) {
  v.field({"tolerance", "", "largest relative error of a drifted conductance", 1e-6, 0.1}, s.tolerance);
  v.field(
      {"sweep_every_samples", "samples",
       "how often all cells are evaluated; between, those pulsed of late are, one by one. The batch size is fastest "
       "where a batch pulses many cells",
       1, 1e9},
      s.sweep_every_samples);
}

void describe(FieldVisitor& v, DataSpec& s) {
  v.field({"name", "", "data set"}, s.name);
  v.choice({"when_missing", "", "what to do when the data set is not found"}, kMissingData, s.when_missing);
  v.field({"train_limit", "samples", "use only the first training samples; 0 uses all", 0, 1e9}, s.train_limit);
  v.field({"test_limit", "samples", "use only the first test samples; 0 uses all", 0, 1e9}, s.test_limit);
  v.choice({"normalise", "",
            "what pixels become: none 0 to 1, per_channel mean 0 and deviation 1, bytes 0 to 255, "
            "symmetric -1 to 1"},
           kNormalise, s.normalise);
  v.section({"augmentation", "", "random changes of the training images"}, s.augmentation);
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
  v.section({"optimizer", "", "how gradients become steps, which the rule then applies"}, s.optimizer);
  v.section({"schedule", "", "learning rate over the epochs"}, s.schedule);
  v.section({"mixed_precision", "", ""}, s.mixed_precision);
  v.section({"pulsed_sgd", "", ""}, s.pulsed_sgd);
  v.section({"hybrid", "", ""}, s.hybrid);
  v.section({"wear", "", "what writes and erases of the rule hybrid are set against"}, s.wear);
  v.section({"text", "", "of the task language"}, s.text);
  v.section({"gan", "", "of the task gan; network describes the generator"}, s.gan);
  v.section({"discriminator", "", "the second network of the task gan"}, s.discriminator);
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

// An experiment may name another in `base` and say only what differs.
ConfigDocument open_with_bases(const std::string& path_or_name, int depth) {
  constexpr int kMostBases = 8;
  ConfigDocument document = open_experiment(path_or_name);
  const std::string base = document.string_or("base", "");
  if (base.empty()) return document;
  if (depth == kMostBases)
    fail("{}: more than {} experiments are based on each other; break the circle", path_or_name, kMostBases);
  ConfigDocument result = open_with_bases(base, depth + 1);
  result.merge(document.without("base"));
  return result;
}

ExperimentSpec read_experiment(const std::string& path_or_name, std::span<const std::string> settings) {
  ConfigDocument document = open_with_bases(path_or_name, 0);
  for (const std::string& setting : settings) document.set(setting);
  ExperimentSpec spec;
  spec.name = std::filesystem::path(path_or_name).stem().string();
  read_fields(document, "experiment", spec);
  expand(spec.network);
  expand(spec.discriminator);
  return spec;
}

TileSpec tile_spec(const ExperimentSpec& spec, std::uint32_t unit, int inputs, int outputs) {
  TileSpec tile;
  tile.inputs = inputs;
  tile.outputs = outputs;
  tile.synapse = spec.synapse;
  tile.periphery = spec.periphery;
  tile.faults = spec.faults;
  tile.wires = spec.wires;
  tile.drift_tolerance = spec.drift.tolerance;
  tile.drift_sweep_interval_s =
      static_cast<double>(spec.drift.sweep_every_samples) * std::max(spec.clock.seconds_per_sample, 1e-12);
  tile.seed = static_cast<std::uint64_t>(spec.seed);
  tile.unit = unit;
  tile.counts_wear = spec.training.rule == RuleKind::hybrid;
  return tile;
}

Graph make_graph(const ExperimentSpec& spec, const NetworkSpec& network, const Shape& input, int classes,
                 const std::string& prefix, std::uint32_t first_unit) {
  const std::shared_ptr<const CellModel> cell = spec.device.make();
  GraphContext context;
  context.input = input;
  context.classes = classes;
  context.seed = static_cast<std::uint64_t>(spec.seed);
  context.prefix = prefix;
  if (&network == &spec.discriminator) context.section = "discriminator";
  context.first_unit = first_unit;
  context.make_weights = [&](std::uint32_t unit, int inputs, int outputs,
                             const LayerSpec& layer) -> std::unique_ptr<Weights> {
    const double scale = stored_weight(spec.synapse, layer.weight_scale, inputs);
    if (layer.weights == WeightKind::digital || spec.training.rule == RuleKind::sgd) {
      const Sparsity sparsity = layer.kind == LayerKind::dense ? Sparsity::sparse : Sparsity::dense;
      auto digital = std::make_unique<DigitalWeights>(initial_weights(spec, unit, inputs, outputs, scale), sparsity);
      digital->set_meant_for_cells(layer.weights == WeightKind::analog);
      return digital;
    }
    const TileSpec tile = tile_spec(spec, unit, inputs, outputs);
    const OuterProductSpec& product = tile.counts_wear ? spec.hybrid.outer_product : spec.mixed_precision.outer_product;
    auto weights = std::make_unique<AnalogWeights>(Tile(tile, cell), product);
    weights->tile().set_weight_scale(static_cast<float>(scale));
    return weights;
  };
  return Graph(network, context);
}

}  // namespace ohmic
