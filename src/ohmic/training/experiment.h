#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/register_kernel.h"
#include "ohmic/crossbar/bit_cell_spec.h"
#include "ohmic/crossbar/outer_product.h"
#include "ohmic/crossbar/specs.h"
#include "ohmic/data/dataset.h"
#include "ohmic/data/image.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/graph.h"
#include "ohmic/network/loss.h"
#include "ohmic/network/spec.h"
#include "ohmic/training/noise_injection.h"
#include "ohmic/training/optimizer.h"
#include "ohmic/training/wear.h"

namespace ohmic {

enum class RuleKind {
  sgd,              ///< plain fp32, all weights digital
  mixed_precision,  ///< digital accumulation, blind pulses on the analog layers
  pulsed_sgd,       ///< stochastic pulses straight to the cells, nothing accumulated
  hybrid,           ///< accumulation in binary cells beside the analog ones
};
inline constexpr std::array<std::string_view, 4> kRuleKinds = {"sgd", "mixed_precision", "pulsed_sgd", "hybrid"};
inline std::string rule_name(RuleKind rule) { return std::string(kRuleKinds[static_cast<std::size_t>(rule)]); }

enum class TaskKind {
  classification,  ///< labelled images
  language,        ///< the next character of a text
  gan,             ///< images like those of the data
};
inline constexpr std::array<std::string_view, 3> kTaskKinds = {"classification", "language", "gan"};

struct TrainingSpec {
  TaskKind task = TaskKind::classification;
  RuleKind rule = RuleKind::mixed_precision;
  std::int64_t epochs = 30;
  std::int64_t batch_size = 1;
  double learning_rate = 0.4;
  LossKind loss = LossKind::squared_error;
  bool shuffle = true;
  double checkpoint_every_s = 20;
  NoiseInjectionSpec noise_injection;
  std::string start_from;
};

struct MixedPrecisionSpec {
  double epsilon = 0.096;  ///< Nandakumar et al. 2020: the mean step of one SET pulse
  double threshold = 1;
  bool dither = false;
  std::int64_t most_pulses_per_crossing = 1;
  OuterProductSpec outer_product;
  RefreshSpec refresh;
};

struct PulsedSgdSpec {
  double epsilon = 0.096;         ///< as MixedPrecisionSpec's; of a weight of one unit
  std::int64_t pulse_slots = 10;  ///< Gokmen and Vlasov, Front. Neurosci. 10:333 (2016), find 10 enough
  RefreshSpec refresh;
};

/// The hybrid synapse; see training/hybrid.h.
struct HybridSpec {
  double weight_max = 0.768;  ///< [derived: 4 bits then make epsilon_M = 0.096, the mean step of a SET pulse]
  std::int64_t msb_bits = 4;  ///< Joshi et al. 2021: about 4
  std::int64_t lsb_bits = 7;  ///< Joshi et al. 2021: about 7
  Rounding rounding = Rounding::stochastic;
  OnOverflow on_overflow = OnOverflow::keep;
  double threshold = 1;
  bool dither = false;
  std::int64_t most_pulses = RegisterRule::kMostCarries;
  BitCellSpec lsb;
  OuterProductSpec outer_product;
  RefreshSpec refresh;

  /// Weight change that one pulse on the MSB stands for.
  double epsilon() const;
};

struct TextSpec {
  std::int64_t steps = 50;
};

struct GanSpec {
  std::int64_t latent = 100;
  double real_target = 0.9;  ///< one-sided label smoothing, Salimans et al. 2016
  std::int64_t evaluation_images = 10000;
};

struct ClockSpec {
  double seconds_per_sample = 0.1;  ///< [assumed: a chip driven from outside, cell by cell]
};

struct DriftSpec {
  double tolerance = 3e-3;                 ///< a fifteenth of the read noise of a cell at 8 uS
  std::int64_t sweep_every_samples = 500;  ///< each sweep costs about as much as 40 samples of the MNIST experiment
};

struct DataSpec {
  std::string name = "mnist";
  MissingData when_missing = MissingData::download_or_synthetic;
  std::int64_t train_limit = 0;
  std::int64_t test_limit = 0;
  Normalise normalise = Normalise::none;
  AugmentationSpec augmentation;
};

/// Everything that defines a training run. Two runs with equal specs on equal data give equal bytes.
struct ExperimentSpec {
  std::string name = "experiment";
  std::int64_t seed = 1;
  DataSpec data;
  NetworkSpec network;
  DeviceSpec device;
  SynapseSpec synapse;
  PeripherySpec periphery;
  FaultSpec faults;
  WireSpec wires;
  ProgrammingSpec programming;
  DriftSpec drift;
  ClockSpec clock;
  TrainingSpec training;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  MixedPrecisionSpec mixed_precision;
  PulsedSgdSpec pulsed_sgd;
  HybridSpec hybrid;
  WearSpec wear;
  TextSpec text;
  GanSpec gan;
  NetworkSpec discriminator;
};

void describe(FieldVisitor& v, TrainingSpec& s);
void describe(FieldVisitor& v, MixedPrecisionSpec& s);
void describe(FieldVisitor& v, PulsedSgdSpec& s);
void describe(FieldVisitor& v, HybridSpec& s);
void describe(FieldVisitor& v, TextSpec& s);
void describe(FieldVisitor& v, GanSpec& s);
void describe(FieldVisitor& v, ClockSpec& s);
void describe(FieldVisitor& v, DriftSpec& s);
void describe(FieldVisitor& v, DataSpec& s);
void describe(FieldVisitor& v, ExperimentSpec& s);

/// Reads an experiment: a path, or the name of one that ships with the program ("mnist_sgd" or
/// "experiments/mnist_sgd.toml"). `settings` are key=value changes.
ExperimentSpec read_experiment(const std::string& path_or_name, std::span<const std::string> settings);

/// The names of the experiments that ship with the program.
std::vector<std::string> experiment_names();

/// What the comment at the head of a shipped experiment says, on one line.
std::string experiment_description(std::string_view name);

/// The tile of weight matrix number `unit` as the experiment describes it.
TileSpec tile_spec(const ExperimentSpec& spec, std::uint32_t unit, int inputs, int outputs);

/// Makes a network of the experiment, untrained. `prefix` and `first_unit` as in GraphContext.
Graph make_graph(const ExperimentSpec& spec, const NetworkSpec& network, const Shape& input, int classes,
                 const std::string& prefix = "", std::uint32_t first_unit = 0);

}  // namespace ohmic
