#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "ohmic/cli/command.h"
#include "ohmic/cli/deploy_tables.h"
#include "ohmic/cli/onnx_options.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/data/sha256.h"
#include "ohmic/deployment/batch_norm_folding.h"
#include "ohmic/deployment/deploy.h"
#include "ohmic/deployment/precision_study.h"

namespace ohmic {
namespace {

constexpr const char* kDeployExamples =
    "Examples:\n"
    "  ohmic deploy runs/pcm --at 1s,1h,1d,1mo,1y --compensate none,gdc\n"
    "  ohmic deploy runs/cnn --at 1s,1y --compensate none,adabs --adabs-images 1000\n"
    "  ohmic deploy runs/sgd --device pcm_inference --at 25s,1h,1d,1mo,1y --chips 10\n"
    "  ohmic deploy runs/sgd --device pcm_inference --at 1d --compensate gdc --digital-budget 5%\n"
    "  ohmic deploy runs/sgd --device pcm_inference --study --at 1d --compensate gdc --limit-images 2000\n"
    "  ohmic deploy model.onnx --device pcm_inference --at 25s,1d --chips 10 --input-range 0..1\n"
    "  ohmic deploy runs/sgd --device pcm --set programming.method=verify --set synapse.cells=4\n\n"
    "Reads the trained cells as they age, without programming them again; times count from the end of training. With\n"
    "--device, --set or --chips, the trained weights are first written onto fresh cells, and times count from then; "
    "each\n"
    "chip has programming errors, drift exponents and faults of its own. Writes deploy.json into the run folder, "
    "where\n"
    "`ohmic report` finds it, after each chip: Ctrl-C keeps finished chips, --resume goes on with them.";

struct DeployArguments {
  std::string run;
  std::string data;
  std::string device;
  OnnxArguments onnx;
  std::vector<std::string> settings;
  std::vector<std::string> times = {"1s", "1h", "1d", "1mo", "1y"};
  std::vector<std::string> compensations = {"none", "gdc"};
  std::vector<std::string> digital;
  std::string digital_budget;
  std::string out;
  int chips = 1;
  int draws = 0;
  int images = 0;
  int adabs_images = 2600;
  int sensitivity_images = 1000;
  int threads = 0;
  bool sensitivity = false;
  bool folds = false;
  bool studies = false;
  bool resume = false;
  bool json = false;

  bool asks_for_cells = false;  ///< by an option that says nothing without them

  bool programs() const {
    return !device.empty() || !settings.empty() || chips > 1 || folds || studies || wants_sensitivity();
  }
  bool wants_sensitivity() const { return sensitivity || !digital_budget.empty(); }
};

Compensation parse_compensation(const std::string& name) {
  const auto found = std::find(kCompensations.begin(), kCompensations.end(), name);
  if (found == kCompensations.end()) {
    fail("--compensate {}: there is no such compensation; choose from {}", name, fmt::join(kCompensations, ", "));
  }
  return static_cast<Compensation>(found - kCompensations.begin());
}

// "5%" or "0.05", as a share.
double parse_share(const std::string& text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const double share = unit == "%" ? value / 100 : value;
  if (error != std::errc{} || (!unit.empty() && unit != "%") || share < 0 || share >= 1) {
    fail("--digital-budget {}: give a share of the weights below all of them, e.g. 5% or 0.05", text);
  }
  return share;
}

DeploymentRequest request_of(const DeployArguments& arguments) {
  DeploymentRequest request;
  for (const std::string& time : arguments.times) request.times.push_back(parse_time(time));
  for (const std::string& name : arguments.compensations) request.compensations.push_back(parse_compensation(name));
  request.programs = arguments.programs();
  request.chips = arguments.chips;
  request.draws = arguments.draws > 0 ? arguments.draws : arguments.chips > 1 ? 1 : 10;
  request.images = arguments.images;
  request.adabs_samples = arguments.adabs_images;
  return request;
}

LoadedRun open_run(const DeployArguments& arguments, ProgressLine& line) {
  return load_trained(arguments.run, arguments.onnx, arguments.data,
                      [&](const std::string& message) { line.print(message); });
}

// What tells the weights from others.
std::string source_of(const DeployArguments& arguments) {
  const std::filesystem::path path(arguments.run);
  return sha256_of_file(is_onnx_file(arguments.run) ? path : path / "checkpoint.safetensors");
}

std::filesystem::path record_path(const DeployArguments& arguments) {
  const char* name = arguments.studies ? "deploy_study.json" : "deploy.json";
  return arguments.out.empty() ? result_path(arguments.run, name) : std::filesystem::path(arguments.out);
}

// Which parts are on cells, after those named and those that the budget pays for.
std::vector<LayerReport> assign_layers(const DeployArguments& arguments, DeployedNetwork& network,
                                       NetworkOnCells& cells, DeploymentRequest& request, ProgressLine& line) {
  std::vector<bool> digital(cells.parts().size(), false);
  for (const std::string& name : arguments.digital) digital[cells.part_named(name)] = true;
  std::vector<LayerReport> layers;
  if (arguments.wants_sensitivity()) {
    SensitivityRequest wanted;
    wanted.images = arguments.sensitivity_images;
    for (const TimePoint& at : request.times) wanted.age_s = std::max(wanted.age_s, at.seconds);
    wanted.on_progress = [&](double done) { line.update("sensitivity of layers", done); };
    layers = measure_sensitivity(network, cells, wanted);
  }
  if (!arguments.digital_budget.empty()) {
    digital = choose_digital(layers, parse_share(arguments.digital_budget), digital);
  }
  request.on_cells.clear();
  for (const bool is_digital : digital) request.on_cells.push_back(!is_digital);
  return layers;
}

[[noreturn]] void fail_other_request(const std::filesystem::path& path) {
  fail("{} was made of another run or with other settings; give the same ones, or leave out --resume to begin anew",
       path.string());
}

// Chips of the same request that an earlier call has finished.
void take_finished(const DeployArguments& arguments, const DeployedNetwork& network, const DeploymentRequest& request,
                   DeploymentRecord& record) {
  const std::filesystem::path path = record_path(arguments);
  if (!arguments.resume || !std::filesystem::exists(path)) return;
  DeploymentRecord earlier = read_deployment(path);
  if (earlier.request != request_key(network, request)) fail_other_request(path);
  record.chips = std::move(earlier.chips);
  if (record.chips.size() > static_cast<std::size_t>(request.chips)) {
    record.chips.resize(static_cast<std::size_t>(request.chips));
  }
}

void print_record(const DeploymentRecord& record) {
  if (!record.chips.empty() && !record.chips.front().programmed.empty()) {
    fmt::print("{}\n", format_table(programming_table(record.chips.front().programmed)));
  }
  if (!record.layers.empty()) fmt::print("{}\n", format_table(layers_table(record.layers)));
  fmt::print("{}", format_table(results_table(record.results)));
  fmt::print("in fp32, on the same images: {:.2f} %\n", 100 * record.digital_accuracy);
}

// The toolbox, rung by rung.
int study(const DeployArguments& arguments, DeployedNetwork& network, NetworkOnCells& cells,
          const DeploymentRequest& request, ProgressLine& line) {
  const std::filesystem::path path = record_path(arguments);
  const std::vector<PrecisionRung> ladder = precision_ladder(network.spec);
  LadderRecord record;
  if (arguments.resume && std::filesystem::exists(path)) record = read_ladder(path);
  const std::string key = request_key(network, request) + fmt::format(" {} chips", request.chips);
  if (!record.rungs.empty() && (record.request != key || record.rungs.size() > ladder.size())) fail_other_request(path);
  record.request = key;
  climb_ladder(network, cells, request, ladder, record, [&] { write_file_atomically(path, ladder_json(record)); });
  line.clear();
  fmt::print("{}", arguments.json ? ladder_json(record) : format_table(ladder_table(record.rungs)));
  if (record.rungs.size() == ladder.size()) return 0;
  fmt::print(stderr, "interrupted after {} of {} rungs, which {} has; go on with the same command and --resume.\n",
             record.rungs.size(), ladder.size(), path.string());
  return 130;
}

// All that there is to say of an ONNX network that is not written onto cells.
int show_digital(const DeployArguments& arguments, LoadedRun& run, ProgressLine& line) {
  if (arguments.images > 0) run.data.test.count = std::min(run.data.test.count, arguments.images);
  const double share = test_accuracy(run, [&](double done) { line.update("digital", done); });
  line.clear();
  if (arguments.json) {
    fmt::print("{}\n", nlohmann::json{{"digital_accuracy", share}}.dump());
  } else {
    fmt::print("digital {:.2f} %\n", 100 * share);
  }
  return 0;
}

// Options that would go unheeded, and places that could not be written in the end.
void check_arguments(const DeployArguments& arguments) {
  const std::filesystem::path run(arguments.run);
  if (!is_onnx_file(arguments.run)) {
    const OnnxArguments& onnx = arguments.onnx;
    const std::array<std::pair<const char*, bool>, 5> given = {{{"--layout", onnx.layout != "auto"},
                                                                {"--input-shape", !onnx.input_shape.empty()},
                                                                {"--output", !onnx.output.empty()},
                                                                {"--dataset", !onnx.dataset.empty()},
                                                                {"--input-range", !onnx.input_range.empty()}}};
    for (const auto& [name, is_given] : given) {
      if (is_given) fail("{} is for ONNX files; {} is a run and knows its own data", name, arguments.run);
    }
    if (!std::filesystem::exists(run)) return;  // whoever loads it says so
  } else if (!arguments.programs() && arguments.asks_for_cells) {
    fail("{} has no cells whose ages or compensation could be looked at; name some, e.g. --device pcm_inference",
         arguments.run);
  }
  if (is_onnx_file(arguments.run) && !arguments.programs()) return;
  require_writable(record_path(arguments),
                   {{run, run / "run.json", run / "metrics.jsonl", run / "checkpoint.safetensors"}});
}

int deploy(const DeployArguments& arguments) {
  set_thread_count(arguments.threads);
  DeploymentRequest request = request_of(arguments);
  check_arguments(arguments);
  ProgressLine line;
  LoadedRun run = open_run(arguments, line);
  if (is_onnx_file(arguments.run) && !request.programs) return show_digital(arguments, run, line);
  request.source = source_of(arguments);
  DeployedNetwork network = network_of(std::move(run), arguments.run);
  NetworkOnCells cells(*network.graph);
  if (request.programs) {
    network.spec = chip_settings(network.spec, arguments.device, arguments.settings);
    cells.place(std::vector<bool>(cells.parts().size(), false));
  }
  if (arguments.folds) line.print(fmt::format("batch norms folded: {}", fold_batch_norms(*network.graph)));
  DeploymentRecord record;
  record.layers = assign_layers(arguments, network, cells, request, line);
  sort_times(request);
  request.stop = &watch_for_interrupt();
  request.on_progress = [&](const std::string& what, double done) { line.update(what, done); };
  if (arguments.studies) return study(arguments, network, cells, request, line);
  take_finished(arguments, network, request, record);
  const auto save = [&] { write_file_atomically(record_path(arguments), deployment_json(record, request.draws)); };
  evaluate_chips(network, cells, request, record, save);
  line.clear();
  const bool has_results = !record.results.empty();  // else interrupted before the first chip
  if (has_results && arguments.json) fmt::print("{}", deployment_json(record, request.draws));
  if (has_results && !arguments.json) print_record(record);
  if (record.chips.size() == static_cast<std::size_t>(request.chips)) return 0;
  fmt::print(stderr, "interrupted after {} of {} chips; go on with the same command and --resume.\n",
             record.chips.size(), request.chips);
  return 130;
}

void add_assignment_options(CLI::App& command, DeployArguments& arguments) {
  command.add_option("--digital", arguments.digital, "Layers that stay digital, e.g. convolution1,dense1")
      ->delimiter(',')
      ->type_name("LAYERS");
  command
      .add_option("--digital-budget", arguments.digital_budget,
                  "Share of the weights that may stay digital, chosen by sensitivity, e.g. 5%")
      ->type_name("SHARE");
  command.add_flag("--sensitivity", arguments.sensitivity, "Measure each layer alone on cells, the rest digital");
  command.add_option("--sensitivity-images", arguments.sensitivity_images, "Training images that this looks at [1000]")
      ->check(CLI::Range(1, 100000000));
  command.add_flag(
      "--study", arguments.studies,
      "Climb the ladder of precision: averaging, cells per weight, slices, verify effort, projected cells");
  command.add_flag("--fold-batch-norm", arguments.folds, "Put the factors of batch norm into the weights");
}

void add_chip_options(CLI::App& command, DeployArguments& arguments) {
  command.add_option("--device", arguments.device, "Cell to write the weights onto: a preset's name or file")
      ->type_name("NAME");
  command.add_option("--set", arguments.settings, "Change a setting of the chip, e.g. synapse.cells=4; repeatable")
      ->type_name("KEY=VALUE");
  command.add_option("--chips", arguments.chips, "Chips to write the weights onto, one after the other [1]")
      ->check(CLI::Range(1, 100000));
  command.add_flag("--resume", arguments.resume,
                   "Go on with the chips that deploy.json has, or the rungs of deploy_study.json");
}

void add_evaluation_options(CLI::App& command, DeployArguments& arguments) {
  command.add_option("--at", arguments.times, "Times after training, e.g. 25s,1h,1d,1mo,1y [1s,1h,1d,1mo,1y]")
      ->delimiter(',')
      ->type_name("TIMES");
  command
      .add_option("--compensate", arguments.compensations,
                  "Any of none, gdc (global drift compensation, a factor per tile), gdc_column (per column), adabs "
                  "(batch norm's statistics anew) [none,gdc]")
      ->delimiter(',')
      ->type_name("LIST");
  command.add_option("--adabs-images", arguments.adabs_images, "Training images that adabs looks at [2600]")
      ->check(CLI::Range(2, 100000000));
  command
      .add_option("--draws", arguments.draws,
                  "Evaluations of each chip with fresh read noise [10; 1 for several chips]")
      ->check(CLI::Range(1, 100000));
  command.add_option("--limit-images", arguments.images, "Test images, for a quick look; 0 for all [0]")
      ->check(CLI::Range(0, 100000000));
}

}  // namespace

void add_deploy_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = program.add_subcommand("deploy", "Evaluate a trained run as its memory cells age");
  command->footer(kDeployExamples);
  command->add_option("run", arguments->run, "Run folder made by `ohmic train`, or an ONNX file")->required();
  add_chip_options(*command, *arguments);
  add_evaluation_options(*command, *arguments);
  add_assignment_options(*command, *arguments);
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  command
      ->add_option("--out", arguments->out, "Where the result goes [deploy.json in the run folder; MODEL.deploy.json]")
      ->type_name("FILE");
  add_onnx_options(*command, arguments->onnx, true);
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, command, &status] {
    const auto is_given = [&](const char* option) { return command->count(option) > 0; };
    constexpr std::array<const char*, 7> kOfCells = {"--at",      "--compensate", "--adabs-images", "--draws",
                                                     "--digital", "--resume",     "--out"};
    arguments->asks_for_cells = std::any_of(kOfCells.begin(), kOfCells.end(), is_given);
    status.exit_code = deploy(*arguments);
  });
}

}  // namespace ohmic
