#include "ohmic/deployment/onnx_run.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "ohmic/core/error.h"
#include "ohmic/training/image_trainer.h"

namespace ohmic {
namespace {

// In the order of Normalise.
constexpr std::array<std::string_view, 4> kInputRanges = {"0..1", "normalised", "0..255", "-1..1"};
constexpr int kTrialImages = 500;  // of the training data, for the choice between input ranges

Normalise parse_input_range(const std::string& name) {
  const auto found = std::find(kInputRanges.begin(), kInputRanges.end(), name);
  if (found == kInputRanges.end()) {
    fail("--input-range {}: there is no such range; choose from {}", name, fmt::join(kInputRanges, ", "));
  }
  return static_cast<Normalise>(found - kInputRanges.begin());
}

// The data set whose images have as many numbers as the network's input.
std::string dataset_for(const onnx::ImportedNetwork& network) {
  switch (network.input.size()) {
    case 28 * 28:
      return "mnist";
    case 32 * 32 * 3:
      return "cifar10";
    default:
      fail("the network takes {}, but none of the data sets has images of that size; see `ohmic list datasets`",
           to_string(network.input));
  }
}

ExperimentSpec experiment_of(const std::filesystem::path& path, const onnx::ImportedNetwork& network,
                             const OnnxRunOptions& options) {
  ExperimentSpec spec;
  spec.name = path.stem().string();
  spec.data.name = options.dataset.empty() ? dataset_for(network) : options.dataset;
  spec.network = network.network;
  spec.training.rule = RuleKind::sgd;
  return spec;
}

Dataset load_data_for(const ExperimentSpec& spec, const OnnxRunOptions& options) {
  DatasetRequest request;
  request.name = spec.data.name;
  request.folder = options.data_folder;
  return load_dataset(request);
}

Split first_images(const Split& split, int count) {
  Split part = split;
  part.count = std::min(count, split.count);
  return part;
}

// The range with which most of some training images are told right.
Normalise best_range(LoadedRun& run, const std::function<void(const std::string&)>& on_message) {
  const Split trial = first_images(run.data.train, kTrialImages);
  std::array<double, kInputRanges.size()> right{};
  for (std::size_t r = 0; r < right.size(); ++r) {
    const ImageDecoder decoder(run.data, static_cast<Normalise>(r));
    right[r] = accuracy(run.trainer->graph(), decoder, trial, 0);
  }
  const auto best = static_cast<std::size_t>(std::max_element(right.begin(), right.end()) - right.begin());
  std::vector<std::string> tried;
  for (std::size_t r = 0; r < right.size(); ++r)
    tried.push_back(fmt::format("{} {:.0f} %", kInputRanges[r], 100 * right[r]));
  on_message(fmt::format("pixels: {}, which suits the network best on {} training images ({}); --input-range says it",
                         kInputRanges[best], trial.count, fmt::join(tried, ", ")));
  return static_cast<Normalise>(best);
}

Shape shape_of_data(const Dataset& data) {
  const ImageShape image = image_shape(data.train);
  return {1, image.height, image.width, image.channels};
}

}  // namespace

std::string input_range_name(Normalise normalise) {
  return std::string(kInputRanges[static_cast<std::size_t>(normalise)]);
}

bool is_onnx_file(const std::string& path) { return path.ends_with(".onnx"); }

LoadedRun load_onnx_run(const std::filesystem::path& path, const OnnxRunOptions& options,
                        const std::function<void(const std::string&)>& on_message) {
  const onnx::Model model = onnx::read_model(path);
  onnx::ImportedNetwork network = onnx::import_network(model, options.import);
  LoadedRun run;
  run.spec = experiment_of(path, network, options);
  run.data = load_data_for(run.spec, options);
  on_message("data: " + run.data.provenance);
  const Shape sample = shape_of_data(run.data);
  if (network.input != sample) {  // an image may go in as one long vector
    onnx::ImportOptions with_sample = options.import;
    with_sample.sample = sample;
    network = onnx::import_network(model, with_sample);
    run.spec.network = network.network;
  }
  if (network.input != sample) {
    fail("{} takes {}, but the images of {} are {}; choose other data with --dataset", path.string(),
         to_string(network.input), run.data.name, to_string(sample));
  }
  run.trainer = make_trainer(run.spec, run.data);
  onnx::load_numbers(network, run.trainer->graph());
  if (options.input_range.empty()) {
    run.spec.data.normalise = best_range(run, on_message);
  } else {
    run.spec.data.normalise = parse_input_range(options.input_range);
    on_message(fmt::format("pixels: {}", options.input_range));
  }
  return run;
}

double test_accuracy(LoadedRun& run, const std::function<void(double)>& on_progress) {
  const ImageDecoder decoder(run.data, run.spec.data.normalise);
  return accuracy(run.trainer->graph(), decoder, run.data.test, 0, on_progress);
}

}  // namespace ohmic
