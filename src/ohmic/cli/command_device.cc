#include "ohmic/cli/command_device.h"

#include <fmt/format.h>

#include <filesystem>

#include "ohmic/cli/command.h"
#include "ohmic/cli/device_page.h"
#include "ohmic/cli/device_tables.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr const char* kDeviceExamples =
    "Examples:\n"
    "  ohmic device pcm\n"
    "  ohmic device my_cell.toml --pulses 50 --out my_cell.html\n"
    "  ohmic device pcm --set parameters.drift_exponent=0.06 --set programming.tolerance_us=0.25\n"
    "  ohmic device pcm --set variation.pulse_to_pulse=0 --json\n"
    "  ohmic device compare pcm projected_pcm rram_soft_bounds\n\n"
    "`ohmic list devices` lists the cells. Keys of --set: parameters.*, variation.* and programming.*, as in an "
    "experiment.";

constexpr const char* kCompareExamples =
    "Examples:\n"
    "  ohmic device compare pcm rram_soft_bounds\n"
    "  ohmic device compare pcm pcm_exponential pcm_spread --pulses 20 --out three.html\n\n"
    "A --set applies to each of the cells.";

struct DeviceArguments {
  std::vector<std::string> names;
  StudyRequest request;
  std::string out;
  int threads = 0;
  bool json = false;
};

void add_options(CLI::App& command, DeviceArguments& arguments) {
  command.add_option("--pulses", arguments.request.pulses, "SET pulses per cell [until the cells saturate]")
      ->check(CLI::Range(std::int64_t{1}, kMostStudiedPulses));
  command.add_option("--cells", arguments.request.cells, "Simulated cells [10000]")
      ->check(CLI::Range(std::int64_t{100}, std::int64_t{1000000}));
  command.add_option("--seed", arguments.request.seed, "Keys every random number [1]")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9'000'000'000'000'000}));
  command.add_option("--set", arguments.request.settings, "Change a setting of the cell or of its programming")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--out", arguments.out, "The page with charts [device_NAME.html; none with --json]")
      ->type_name("FILE");
  command.add_option("--threads", arguments.threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command.add_flag("--json", arguments.json, "Print the figures as JSON");
}

void study(const DeviceArguments& arguments, const std::string& default_page) {
  set_thread_count(arguments.threads);
  const std::vector<DeviceStudy> studies = study_devices(arguments.names, arguments.request);
  const std::string page = arguments.out.empty() && !arguments.json ? default_page : arguments.out;
  if (!page.empty()) write_file_atomically(page, device_page(studies));
  if (arguments.json) {
    fmt::print("{}", device_json(studies, page));
  } else {
    fmt::print("{}", studies.size() == 1 ? device_text(studies.front()) : comparison_text(studies));
    fmt::print("\nCharts: {}\n", page);
  }
}

std::string page_of(const std::string& name) {
  return fmt::format("device_{}.html", std::filesystem::path(name).stem().string());
}

void study_one(const CLI::App& command, const DeviceArguments& arguments) {
  std::vector<std::string> subcommands;
  for (const CLI::App* subcommand : command.get_subcommands({})) subcommands.push_back(subcommand->get_name());
  if (arguments.names.empty()) {
    fail("device: name a cell (`ohmic list devices` lists them), or one of the subcommands {}",
         fmt::join(subcommands, ", "));
  }
  for (const std::string& name : arguments.names) require_cell(name, subcommands);
  if (arguments.names.size() > 1) {
    fail("device {}: name one cell; several are studied by `ohmic device compare {}`", fmt::join(arguments.names, " "),
         fmt::join(arguments.names, " "));
  }
  study(arguments, page_of(arguments.names.front()));
}

void add_compare_command(CLI::App& device, CommandStatus&) {
  auto arguments = std::make_shared<DeviceArguments>();
  CLI::App* command = device.add_subcommand("compare", "Study several cells side by side");
  command->footer(kCompareExamples);
  command->add_option("names", arguments->names, "2 to 6 cells: presets' names, or .toml files")
      ->required()
      ->expected(2, 6);
  add_options(*command, *arguments);
  command->callback([arguments] { study(*arguments, "device_compare.html"); });
}

// What stands before a subcommand would be lost in silence: it is refused.
void keep_apart(CLI::App& device) {
  for (CLI::App* subcommand : device.get_subcommands({})) {
    for (CLI::Option* option : device.get_options()) {
      if (option != device.get_help_ptr()) subcommand->excludes(option);
    }
  }
}

}  // namespace

void add_device_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<DeviceArguments>();
  CLI::App* command = program.add_subcommand("device", "Study a memory cell: pulses, drift, noise, programming");
  command->footer(kDeviceExamples);
  command->add_option("name", arguments->names, "A preset's name, or a .toml file");
  add_options(*command, *arguments);
  // One line per subcommand.
  add_compare_command(*command, status);
  add_device_fit_command(*command, status);
  add_device_sample_command(*command, status);
  keep_apart(*command);
  command->callback([command, arguments] {
    if (command->get_subcommands().empty()) study_one(*command, *arguments);
  });
}

}  // namespace ohmic
