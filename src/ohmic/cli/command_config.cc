#include <fmt/format.h>

#include "ohmic/cli/command.h"
#include "ohmic/training/experiment.h"

namespace ohmic {
namespace {

constexpr const char* kConfigExamples =
    "Examples:\n"
    "  ohmic config mnist_mixed_precision\n"
    "  ohmic config mnist_mixed_precision --set device.cell=ideal > my_experiment.toml\n\n"
    "Prints every setting with its value, unit and meaning; what it prints is itself an experiment.";

struct ConfigArguments {
  std::string experiment;
  std::vector<std::string> settings;
  bool json = false;
};

}  // namespace

void add_config_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<ConfigArguments>();
  CLI::App* command = program.add_subcommand("config", "Print the resolved settings of an experiment");
  command->footer(kConfigExamples);
  command
      ->add_option("experiment", arguments->experiment,
                   "A .toml file, or the name of an experiment that ships with ohmic")
      ->required();
  command->add_option("--set", arguments->settings, "Change a setting: key=value; may be given several times")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--json", arguments->json, "Print as JSON");
  command->callback([arguments] {
    const ExperimentSpec spec = read_experiment(arguments->experiment, arguments->settings);
    fmt::print("{}\n", arguments->json ? to_json(spec) : to_toml(spec));
  });
}

}  // namespace ohmic
