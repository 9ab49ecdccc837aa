#include "ohmic/cli/network_source.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "ohmic/core/error.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/mapping/networks.h"
#include "ohmic/onnx/network.h"

namespace ohmic {
namespace {

// What each data set holds; kept beside the sets themselves by a test.
struct KnownShape {
  std::string_view data;
  Shape image;
  int classes;
};

constexpr std::array kKnownShapes = {
    KnownShape{"mnist", {1, 28, 28, 1}, 10},
    KnownShape{"fashion_mnist", {1, 28, 28, 1}, 10},
    KnownShape{"cifar10", {1, 32, 32, 3}, 10},
    KnownShape{"ptb_char", {1, 1, 1, 1}, 50},
    KnownShape{"synthetic_digits", {1, 28, 28, 1}, 10},
    KnownShape{"synthetic_grey_images", {1, 28, 28, 1}, 10},
    KnownShape{"synthetic_images", {1, 32, 32, 3}, 10},
    KnownShape{"synthetic_text", {1, 1, 1, 1}, 32},
};

}  // namespace

SampleShape sample_shape(const ExperimentSpec& spec) {
  const auto found = std::find_if(kKnownShapes.begin(), kKnownShapes.end(),
                                  [&](const KnownShape& k) { return k.data == spec.data.name; });
  if (found == kKnownShapes.end()) {
    fail("data.name = \"{}\" is not a data set that ohmic knows; see `ohmic list datasets`", spec.data.name);
  }
  SampleShape sample{found->image, found->classes};
  if (spec.training.task == TaskKind::language) sample.shape.steps = static_cast<int>(spec.text.steps);
  if (spec.training.task == TaskKind::gan) sample.shape = {1, 1, 1, static_cast<int>(spec.gan.latent)};
  return sample;
}

namespace {

NetworkSource of_experiment(const std::string& name, ExperimentSpec spec) {
  NetworkSource source;
  source.name = name;
  const SampleShape sample = sample_shape(spec);
  source.input = sample.shape;
  source.classes = sample.classes;
  source.network = spec.network;
  source.experiment = std::move(spec);
  return source;
}

NetworkSource of_onnx_file(const std::string& name) {
  onnx::ImportedNetwork imported = onnx::import_network(onnx::read_model(name));
  NetworkSource source;
  source.name = name;
  source.input = imported.input;
  source.network = std::move(imported.network);
  std::int64_t outputs = 1;
  for (const std::int64_t d : imported.output_dims) outputs *= d;
  source.classes = static_cast<int>(outputs);
  return source;
}

}  // namespace

NetworkSource load_network(const std::string& name, const std::vector<std::string>& settings) {
  NetworkSource source;
  source.name = name;
  if (is_network_name(name) && !std::filesystem::exists(name)) {
    if (!settings.empty()) {
      fail("--set {}: settings are for experiments, but {} is a network; --chip-set changes the chip", settings[0],
           name);
    }
    NamedNetwork named = make_named_network(name);
    source.input = named.input;
    source.classes = named.classes;
    source.network = std::move(named.network);
    return source;
  }
  if (name.ends_with(".onnx")) {
    if (!settings.empty()) fail("--set {}: {} is an ONNX file, which has no settings", settings[0], name);
    return of_onnx_file(name);
  }
  const std::filesystem::path checkpoint = std::filesystem::path(name) / "checkpoint.safetensors";
  if (std::filesystem::exists(checkpoint)) {
    if (!settings.empty()) fail("--set {}: {} is a run, whose settings are fixed", settings[0], name);
    ExperimentSpec spec;
    const std::string config = SafetensorsFile(checkpoint).metadata("config");
    read_fields(ConfigDocument::parse(config, checkpoint.string()), "checkpoint", spec);
    return of_experiment(name, std::move(spec));
  }
  const auto known = experiment_names();
  const bool is_experiment = std::filesystem::exists(name) || name.ends_with(".toml") ||
                             std::find(known.begin(), known.end(), name) != known.end();
  if (!is_experiment) {
    std::vector<std::string> all = network_names();
    all.insert(all.end(), known.begin(), known.end());
    const std::string near = nearest_name(name, all);
    fail("{}: there is no network, experiment or file of that name{}; `ohmic list networks` shows the networks", name,
         near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  }
  return of_experiment(name, read_experiment(name, settings));
}

}  // namespace ohmic
