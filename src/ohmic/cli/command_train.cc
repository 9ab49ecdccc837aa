#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/parallel.h"
#include "ohmic/training/run.h"

namespace ohmic {
namespace {

constexpr const char* kTrainExamples =
    "Examples:\n"
    "  ohmic train mnist_mixed_precision --out runs/pcm\n"
    "  ohmic train mnist_mixed_precision --set training.epochs=3 --set device.parameters.drift_exponent=0.06\n"
    "  ohmic train my_experiment.toml --out runs/mine --resume\n"
    "  ohmic train mnist_sgd --from runs/sgd --set training.noise_injection.eta=0.038 --out runs/noisy\n\n"
    "Writes a run folder: run.json, metrics.jsonl (a line per epoch), checkpoint.safetensors. Ctrl-C saves and leaves; "
    "go on with\n"
    "--resume. The result does not depend on --threads, nor on how often the run was cut.";

struct TrainArguments {
  std::string experiment;
  std::vector<std::string> settings;
  std::string out;
  std::string data;
  std::string from;
  bool resume = false;
  bool json = false;
  int threads = 0;
};

std::string progress_text(const Progress& p) {
  std::string text =
      fmt::format("epoch {}/{}  {:3.0f} %  train {:.2f} %", p.epoch, p.epochs, 100 * p.done, 100 * p.train_accuracy);
  if (p.test_accuracy >= 0) text += fmt::format("  test {:.2f} %", 100 * p.test_accuracy);
  if (p.pulses_per_sample > 0) text += fmt::format("  {:.2f} pulses/sample", p.pulses_per_sample);
  if (p.seconds_left >= 0 && p.done < 1) text += "  " + format_duration(p.seconds_left) + " left";
  return text;
}

std::string megabits(std::uint64_t bits) { return fmt::format("{:.3f} Mbit", static_cast<double>(bits) / 1e6); }

std::string lifetime_text(double seconds) {
  constexpr double kYear = 365.25 * 86400;
  return seconds < kYear ? format_duration(seconds) : fmt::format("{:.3g} years", seconds / kYear);
}

void add_wear(const RunResult& result, std::vector<std::vector<std::string>>& rows) {
  const WearRecord::Kind* most = nullptr;
  for (const WearRecord::Kind& kind : result.wear.kinds()) {
    if (most == nullptr || kind.most_writes > most->most_writes) most = &kind;
  }
  if (most == nullptr || most->most_writes == 0) return;
  rows.push_back({"most written cell", fmt::format("{} writes, {}", with_thousands(most->most_writes), most->name)});
  rows.push_back({"projected lifetime", fmt::format("{:.3g} such trainings, {}", result.lifetime.trainings,
                                                    lifetime_text(result.lifetime.seconds))});
}

void print_result(const RunResult& result, const std::string& folder) {
  const EpochRecord* last = result.epochs.empty() ? nullptr : &result.epochs.back();
  std::vector<std::vector<std::string>> rows = {{"run folder", folder}, {"data", result.data_provenance}};
  if (last != nullptr) {
    rows.push_back({"epochs", fmt::format("{}", last->metrics.epoch)});
    if (!std::isnan(last->metrics.test_accuracy)) {
      rows.push_back({"test accuracy", fmt::format("{:.2f} %", 100 * last->metrics.test_accuracy)});
    }
    for (const Figure& figure : last->metrics.figures) {
      std::string name = figure.name;
      std::replace(name.begin(), name.end(), '_', ' ');
      rows.push_back({name, fmt::format("{:.4g}", figure.value)});
    }
    rows.push_back({"pulses per sample, last epoch", fmt::format("{:.2f}", last->metrics.pulses_per_sample)});
    rows.push_back({"time on the chip", format_duration(last->metrics.seconds)});
  }
  Counters::each(result.counters, [&](std::string_view name, const std::uint64_t& value) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', ' ');
    if (value > 0) rows.push_back({text, with_thousands(value)});
  });
  add_wear(result, rows);
  rows.push_back({"model size", fmt::format("{} in training, {} in inference", megabits(result.size.training_bits),
                                            megabits(result.size.inference_bits))});
  rows.push_back({"memory per weight", fmt::format("{:.1f} bytes", result.bytes_per_weight)});
  rows.push_back({"wall time", format_duration(result.wall_seconds)});
  for (const auto& row : rows) fmt::print("{:<30}{}\n", row[0], row[1]);
}

void print_json(const RunResult& result, const std::string& folder) {
  nlohmann::ordered_json json = {{"run", folder},
                                 {"status", result.status == RunStatus::finished ? "finished" : "interrupted"},
                                 {"epochs", result.epochs.size()},
                                 {"wall_seconds", result.wall_seconds},
                                 {"model_bits_training", result.size.training_bits},
                                 {"model_bits_inference", result.size.inference_bits}};
  if (!result.epochs.empty()) {
    json["test_accuracy"] = result.epochs.back().metrics.test_accuracy;
    json["pulses_per_sample"] = result.epochs.back().metrics.pulses_per_sample;
    for (const Figure& figure : result.epochs.back().metrics.figures) json[figure.name] = figure.value;
  }
  fmt::print("{}\n", json.dump());
}

int train(const TrainArguments& arguments) {
  set_thread_count(arguments.threads);
  ExperimentSpec spec = read_experiment(arguments.experiment, arguments.settings);
  if (!arguments.from.empty()) spec.training.start_from = arguments.from;
  const std::string folder = arguments.out.empty() ? "runs/" + spec.name : arguments.out;
  ProgressLine line;
  RunOptions options;
  options.folder = folder;
  options.data_folder = arguments.data;
  options.resume = arguments.resume;
  options.stop = &watch_for_interrupt();
  options.on_message = [&](const std::string& message) { line.print(message); };
  options.on_progress = [&](const Progress& p) {
    if (p.epoch_ended) {
      line.print(progress_text(p));
    } else {
      line.update(progress_text(p));
    }
  };
  const RunResult result = train_in_folder(spec, options);
  line.clear();
  if (arguments.json) {
    print_json(result, folder);
  } else {
    print_result(result, folder);
  }
  if (result.status == RunStatus::finished) return 0;
  fmt::print(stderr, "interrupted; everything so far is saved. Go on with the same command and --resume.\n");
  return 130;
}

}  // namespace

void add_train_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = program.add_subcommand("train", "Train a network as an experiment says");
  command->footer(kTrainExamples);
  command
      ->add_option("experiment", arguments->experiment,
                   "A .toml file, or the name of an experiment that ships with ohmic")
      ->required();
  command->add_option("--set", arguments->settings, "Change a setting: key=value; may be given several times")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--out", arguments->out, "Run folder [runs/NAME]")->type_name("DIR");
  command
      ->add_option("--data", arguments->data,
                   "Folder of the data sets [$OHMIC_DATA, ./data, ../shared/data, else as data.when_missing says]")
      ->type_name("DIR");
  command
      ->add_option("--from", arguments->from,
                   "Run whose weights are the first ones, for fine-tuning; short for training.start_from")
      ->type_name("RUN");
  command->add_flag("--resume", arguments->resume, "Go on with the run in the folder, if there is one");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status.exit_code = train(*arguments); });
}

}  // namespace ohmic
