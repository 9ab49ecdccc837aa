#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "ohmic/cli/command.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/config.h"
#include "ohmic/core/error.h"
#include "ohmic/training/experiment.h"

namespace ohmic {
namespace {

constexpr const char* kReproduceExamples =
    "Examples:\n"
    "  ohmic reproduce hybrid_sizes\n"
    "  ohmic reproduce hybrid_time --full --out figures/full\n"
    "  ohmic reproduce hybrid_ablation --set seed=2 --out figures/seed2\n\n"
    "Runs the commands that make the figure and prints each, so that it can be run by itself with other settings. "
    "Ctrl-C "
    "saves;\nthe same command goes on, and what is trained already is not trained again.";

using Words = std::vector<std::string>;

struct ReproduceArguments {
  std::string figure;
  bool full = false;
  bool resume = false;  ///< nobody asks: whoever knows the other commands may write it
  std::string out = "figures";
  Words settings;
  std::string data;
  int threads = 0;
};

// What differs between a quick look and the network and length of the paper.
struct FigureScale {
  std::string experiment;
  Words settings;
};

struct PaperFigure {
  std::string name, what, source;
  FigureScale quick, full;
  std::function<std::vector<Words>(const FigureScale&, const std::string& folder)> commands;
};

const char* const kHybridPaper = "Joshi et al., arXiv 2102.05271 (2021)";

const FigureScale kQuickResnet = {"cifar10_hybrid_resnet8", {"training.epochs=4", "training.learning_rate=0.02"}};
const FigureScale kFullResnet = {"cifar10_hybrid_resnet32", {}};

Words with_option(Words command, const std::string& option, const Words& values) {
  for (const std::string& value : values) command.insert(command.end(), {option, value});
  return command;
}

// hybrid_time and hybrid_wear share a run.
Words training_command(const FigureScale& scale, const std::string& folder) {
  return with_option({"train", scale.experiment, "--resume", "--out", folder + "/" + scale.experiment}, "--set",
                     scale.settings);
}

std::vector<Words> sizes_commands(const FigureScale& scale, const std::string& folder) {
  const Words study = {"study",    scale.experiment, "--widths",
                       "1,1.4,2",  "--fp32-widths",  "0.35,0.5,0.7,1",
                       "--resume", "--out",          fmt::format("{}/{}_sizes", folder, scale.experiment)};
  return {with_option(with_option(study, "--set", scale.settings), "--set-fp32",
                      {"optimizer.momentum=0.9", "training.learning_rate=0.1"})};
}

std::vector<Words> ablation_commands(const FigureScale& scale, const std::string& folder) {
  const std::string out = fmt::format("{}/{}_ablation", folder, scale.experiment);
  return {with_option({"study", scale.experiment, "--resume", "--out", out}, "--set", scale.settings)};
}

std::vector<Words> time_commands(const FigureScale& scale, const std::string& folder) {
  const std::string run = folder + "/" + scale.experiment;
  return {training_command(scale, folder),
          {"deploy", run, "--resume", "--at", "1s,1h,1d,1mo,1y", "--compensate", "none,gdc,adabs", "--draws", "2"},
          {"report", run}};
}

std::vector<Words> wear_commands(const FigureScale& scale, const std::string& folder) {
  return {training_command(scale, folder), {"report", folder + "/" + scale.experiment}};
}

const std::vector<PaperFigure>& paper_figures() {
  static const std::vector<PaperFigure> all = {
      {"hybrid_sizes", "accuracy against the size of the model, hybrid and fp32, over widths", kHybridPaper,
       kQuickResnet, kFullResnet, sizes_commands},
      {"hybrid_time", "accuracy from a second to a year: uncompensated, GDC, AdaBS", kHybridPaper, kQuickResnet,
       kFullResnet, time_commands},
      {"hybrid_wear", "writes and erases of every bit and cell, and the lifetime that follows", kHybridPaper,
       kQuickResnet, kFullResnet, wear_commands},
      {"hybrid_ablation",
       "accuracy with one non-ideality after the other, and other carries and bits",
       kHybridPaper,
       {"mnist_hybrid", {"training.epochs=3"}},
       kFullResnet,
       ablation_commands},
  };
  return all;
}

const PaperFigure& figure_named(const std::string& name) {
  std::vector<std::string> names;
  for (const PaperFigure& figure : paper_figures()) {
    if (figure.name == name) return figure;
    names.push_back(figure.name);
  }
  const std::string near = nearest_name(name, names);
  fail("there is no figure \"{}\"{}; there are {}", name,
       near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near), fmt::join(names, ", "));
}

// As a shell would take it.
std::string shell_word(const std::string& word) {
  const bool is_plain = std::none_of(word.begin(), word.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) == 0 && std::string_view("_-./=,:").find(c) == std::string::npos;
  });
  if (is_plain && !word.empty()) return word;
  std::string quoted;
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + quoted + "'";
}

int reproduce(const ReproduceArguments& arguments) {
  constexpr int kInterrupted = 130;
  const std::atomic<bool>& interrupt = watch_for_interrupt();  // also between two commands
  if (arguments.out.empty()) fail("--out is empty; name a folder, or leave it out for \"figures\"");
  const PaperFigure& figure = figure_named(arguments.figure);
  FigureScale scale = arguments.full ? figure.full : figure.quick;
  scale.settings.insert(scale.settings.end(), arguments.settings.begin(), arguments.settings.end());
  read_experiment(scale.experiment, scale.settings);  // mistakes show before anything else
  fmt::print("{}: {}\n{}, {}\n", figure.name, figure.what, figure.source,
             arguments.full ? "the paper's network" : "a small network; --full takes the paper's");
  for (Words command : figure.commands(scale, arguments.out)) {
    if (command.front() != "report") {
      if (!arguments.data.empty()) command.insert(command.end(), {"--data", arguments.data});
      if (arguments.threads > 0) command.insert(command.end(), {"--threads", std::to_string(arguments.threads)});
    }
    Words shown;
    std::transform(command.begin(), command.end(), std::back_inserter(shown), shell_word);
    fmt::print("\n$ ohmic {}\n", fmt::join(shown, " "));
    std::fflush(stdout);
    int status = run_command(command);
    if (status == 0 && interrupt) status = kInterrupted;
    if (status == kInterrupted)
      fmt::print(stderr, "`ohmic reproduce {}` with the same options goes on.\n", figure.name);
    if (status != 0) return status;
  }
  return 0;
}

std::string paper_figure_list() {
  std::string list;
  for (const PaperFigure& figure : paper_figures()) list += fmt::format("  {:<18}{}\n", figure.name, figure.what);
  return list;
}

}  // namespace

void add_reproduce_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<ReproduceArguments>();
  CLI::App* command = program.add_subcommand("reproduce", "Make a figure of a paper anew");
  command->footer("Figures:\n" + paper_figure_list() + "\n" + kReproduceExamples);
  command->add_option("figure", arguments->figure, "One of those below")->required();
  command->add_flag("--full", arguments->full, "The paper's network at full length: days instead of minutes");
  command->add_option("--out", arguments->out, "Folder [figures]")->type_name("DIR");
  command->add_flag("--resume", arguments->resume, "Go on, as it always does");
  command->add_option("--set", arguments->settings, "Change a setting of the experiment: key=value; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->callback([arguments, &status] { status.exit_code = reproduce(*arguments); });
}

}  // namespace ohmic
