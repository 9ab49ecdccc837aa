#include <fmt/format.h>

#include "ohmic/cli/command.h"
#include "ohmic/cli/onnx_options.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/deployment/deploy.h"

namespace ohmic {
namespace {

constexpr const char* kDeployExamples =
    "Examples:\n"
    "  ohmic deploy runs/pcm --at 1s,1h,1d,1mo,1y --compensate none,gdc\n"
    "  ohmic deploy runs/cnn --at 1s,1y --compensate none,adabs --adabs-images 1000\n"
    "  ohmic deploy runs/pcm --at 1y --draws 30 --json\n"
    "  ohmic deploy runs/sgd --device pcm_inference --at 25s,1d,1y\n"
    "  ohmic deploy model.onnx --device pcm_inference --at 25s,1d --input-range 0..1\n"
    "  ohmic deploy runs/sgd --device pcm --set programming.method=verify --set synapse.cells=4\n\n"
    "Reads the trained cells as they age, without programming them again; times count from the end of training. With\n"
    "--device or --set, the trained weights are first written onto fresh cells, and times count from then.\n"
    "The spread is over draws of the read noise. Writes deploy.json into the run folder, where `ohmic report` finds "
    "it.";

struct DeployArguments {
  std::string run;
  std::string data;
  std::string device;
  OnnxArguments onnx;
  std::vector<std::string> settings;
  std::vector<std::string> times = {"1s", "1h", "1d", "1mo", "1y"};
  std::vector<std::string> compensations = {"none", "gdc"};
  int draws = 10;
  int adabs_images = 2600;
  int threads = 0;
  bool json = false;
};

Compensation parse_compensation(const std::string& name) {
  const auto found = std::find(kCompensations.begin(), kCompensations.end(), name);
  if (found == kCompensations.end()) {
    fail("--compensate {}: there is no such compensation; choose from {}", name, fmt::join(kCompensations, ", "));
  }
  return static_cast<Compensation>(found - kCompensations.begin());
}

void print_table(const std::vector<DeploymentResult>& results) {
  std::vector<std::vector<std::string>> rows = {{"at", "compensate", "accuracy", "+-", "lowest", "highest", "draws"}};
  for (const DeploymentResult& r : results) {
    const auto percent = [](double share) { return fmt::format("{:.2f} %", 100 * share); };
    rows.push_back({r.at.label, std::string(kCompensations[static_cast<std::size_t>(r.compensation)]), percent(r.mean),
                    percent(r.stddev), percent(r.lowest), percent(r.highest), fmt::format("{}", r.draws)});
  }
  fmt::print("{}", format_table(rows));
}

void deploy(const DeployArguments& arguments) {
  set_thread_count(arguments.threads);
  DeploymentRequest request;
  for (const std::string& time : arguments.times) request.times.push_back(parse_time(time));
  for (const std::string& name : arguments.compensations) request.compensations.push_back(parse_compensation(name));
  request.draws = arguments.draws;
  request.adabs_samples = arguments.adabs_images;
  ProgressLine line;
  LoadedRun run = load_trained(arguments.run, arguments.onnx, arguments.data, arguments.json,
                               [&](const std::string& message) { line.print(message); });
  const bool is_digital = is_onnx_file(arguments.run) && arguments.device.empty() && arguments.settings.empty();
  if (is_digital) return;
  request.on_progress = [&](double done) { line.update(fmt::format("evaluating  {:3.0f} %", 100 * done)); };
  std::vector<ProgrammedLayer> programmed;
  if (!arguments.device.empty() || !arguments.settings.empty()) {
    line.update("programming");
    programmed = program_run(run, arguments.device, arguments.settings);
  }
  const auto results = evaluate_over_time(run, request);
  line.clear();
  const std::string json = deployment_json(results, request.draws, programmed);
  write_file_atomically(result_path(arguments.run, "deploy.json"), json);
  if (arguments.json) {
    fmt::print("{}", json);
  } else {
    if (!programmed.empty()) fmt::print("{}\n", format_table(programming_table(programmed)));
    print_table(results);
  }
}

}  // namespace

void add_deploy_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = program.add_subcommand("deploy", "Evaluate a trained run as its memory cells age");
  command->footer(kDeployExamples);
  command->add_option("run", arguments->run, "Run folder made by `ohmic train`, or an ONNX file")->required();
  command->add_option("--device", arguments->device, "Cell to write the weights onto: a preset's name or file")
      ->type_name("NAME");
  command->add_option("--set", arguments->settings, "Change a setting of the chip, e.g. synapse.cells=4; repeatable")
      ->type_name("KEY=VALUE");
  command->add_option("--at", arguments->times, "Times after training, e.g. 25s,1h,1d,1mo,1y [1s,1h,1d,1mo,1y]")
      ->delimiter(',')
      ->type_name("TIMES");
  command
      ->add_option("--compensate", arguments->compensations,
                   "Any of none, gdc (global drift compensation), adabs (batch norm's statistics anew) [none,gdc]")
      ->delimiter(',')
      ->type_name("LIST");
  command->add_option("--adabs-images", arguments->adabs_images, "Training images that adabs looks at [2600]")
      ->check(CLI::Range(2, 100000000));
  command->add_option("--draws", arguments->draws, "Evaluations with fresh read noise [10]")
      ->check(CLI::Range(1, 100000));
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  add_onnx_options(*command, arguments->onnx, true);
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { deploy(*arguments); });
}

}  // namespace ohmic
