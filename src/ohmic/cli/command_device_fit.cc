#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command_device.h"
#include "ohmic/cli/device_fit_output.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/device/fit.h"
#include "ohmic/device/preset.h"
#include "ohmic/device/sampling.h"

namespace ohmic {
namespace {

constexpr const char* kFitExamples =
    "Examples:\n"
    "  ohmic device fit measured.csv\n"
    "  ohmic device fit measured.csv --unit nS --out cells/mine.toml --report mine.html\n"
    "  ohmic train mnist_mixed_precision --set device.cell=cells/mine.toml --out runs/mine\n\n"
    "The table has a header and the columns cell, pulse (SET pulses since RESET, 0 is after RESET), conductance and, "
    "if "
    "recorded, time (seconds since that pulse) and read. The heading may name the unit: conductance_nS. Several reads "
    "of a cell after the same pulse tell read noise; several times tell drift. Read noise is taken out of the "
    "constants. Constants that the data do not hold are marked as assumed.";

constexpr const char* kSampleExamples =
    "Examples:\n"
    "  ohmic device sample pcm --cells 1000 --pulses 20 --out pcm.csv\n"
    "  ohmic device sample pcm --reads 2 --times 1,38.6,1000 --seed 7 --out pcm.csv\n"
    "  ohmic device sample my_cell.toml --out mine.csv\n\n"
    "Simulates an experiment: cells are RESET, given SET pulses one by one, and read with their read noise after each. "
    "`ohmic device fit` takes the table.";

struct FitArguments {
  std::string data, unit, out, report;
  double reference_age_s = 0;
  int threads = 0;
  bool force = false, json = false;
};

/// Ending and folder replaced.
std::filesystem::path default_preset(const std::string& data) {
  return std::filesystem::path(data).filename().replace_extension(".toml");
}

// A preset's text takes a file name between quotes.
std::string plain(std::string name) {
  for (char& c : name) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '_';
  }
  return name;
}

// Before the work, not after it.
void require_place(const std::filesystem::path& path, bool force) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder)) {
    fail("{}: there is no folder {}; make it, or choose another place", path.string(), folder.string());
  }
  if (force || !std::filesystem::exists(path)) return;
  fail("{} exists already and would be replaced; choose another name by --out or --report, or say --force",
       path.string());
}

void require_apart(const std::filesystem::path& one, const std::filesystem::path& other, const char* option) {
  if (std::filesystem::weakly_canonical(one) != std::filesystem::weakly_canonical(other)) return;
  fail("{} {}: data, preset and page must be three files; choose another name", option, other.string());
}

FitFiles choose_files(const FitArguments& arguments) {
  const std::filesystem::path preset =
      arguments.out.empty() ? default_preset(arguments.data) : std::filesystem::path(arguments.out);
  if (preset.extension() != ".toml") {
    fail("--out {}: a preset is recognised by its ending; use {}", preset.string(),
         std::filesystem::path(preset).replace_extension(".toml").string());
  }
  const std::filesystem::path report = arguments.report.empty()
                                           ? std::filesystem::path(preset).replace_extension(".html")
                                           : std::filesystem::path(arguments.report);
  require_apart(preset, report, "--report");
  require_apart(arguments.data, preset, "--out");
  require_apart(arguments.data, report, "--report");
  require_place(preset, arguments.force);
  require_place(report, arguments.force);
  return {preset.string(), report.string()};
}

void fit_device(const FitArguments& arguments) {
  set_thread_count(arguments.threads);
  const FitFiles files = choose_files(arguments);
  std::optional<ConductanceUnit> unit;
  if (!arguments.unit.empty()) unit = parse_conductance_unit(arguments.unit);
  const Measurements measurements = read_measurements(read_text_file(arguments.data), arguments.data, unit);
  ProgressLine line;
  FitOptions options;
  options.reference_age_s = arguments.reference_age_s;
  options.on_progress = [&](const std::string& what) { line.update(what); };
  CellFit fit = fit_cell(measurements, options);
  line.clear();
  const std::filesystem::path data = std::filesystem::path(arguments.data).filename();
  write_file_atomically(files.preset, fitted_preset_text(fit, measurements, plain(data.string())));
  write_file_atomically(files.report, fit_page(fit, measurements, std::filesystem::path(files.preset).stem().string()));
  fmt::print("{}", arguments.json ? fit_json(fit, measurements, files) : fit_text(fit, measurements, files));
}

struct SampleArguments {
  std::string cell, out;
  SamplingPlan plan;
  bool force = false, json = false;
};

void sample_device(const SampleArguments& arguments) {
  for (const double time : arguments.plan.times_s) {
    if (!(time > 0)) fail("--times {}: times count in seconds from the last pulse and must be above 0", time);
  }
  require_place(arguments.out, arguments.force);
  const Measurements measurements = sample_cells(*load_cell_preset(arguments.cell)->make(), arguments.plan);
  write_file_atomically(arguments.out, to_csv(measurements));
  if (arguments.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"data", arguments.out}, {"reads", measurements.read_count()}}.dump());
  } else {
    fmt::print("{}: {} reads\n", arguments.out, with_thousands(measurements.read_count()));
  }
}

}  // namespace

void add_device_fit_command(CLI::App& device, CommandStatus&) {
  auto arguments = std::make_shared<FitArguments>();
  CLI::App* command = device.add_subcommand("fit", "Fit a cell to measured conductances; writes a preset and a page");
  command->footer(kFitExamples);
  command->add_option("data", arguments->data, "Table of measurements (CSV)")->required()->type_name("DATA.csv");
  command->add_option("--unit", arguments->unit,
                      "Unit of the conductances, if the heading does not say: nS, uS, mS, S [uS]");
  command->add_option("--out", arguments->out, "The preset [name of the data, .toml, in this folder]")
      ->type_name("FILE");
  command->add_option("--report", arguments->report, "The page [beside the preset]")->type_name("FILE");
  command
      ->add_option("--reference-age", arguments->reference_age_s,
                   "Seconds after a pulse at which conductances are stated [the middle one of the times in the data]")
      ->check(CLI::Range(1e-9, 1e9))
      ->type_name("S");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--force", arguments->force, "Replace files that exist");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { fit_device(*arguments); });
}

void add_device_sample_command(CLI::App& device, CommandStatus&) {
  auto arguments = std::make_shared<SampleArguments>();
  CLI::App* command = device.add_subcommand("sample", "Simulate measurements of a cell; writes a table");
  command->footer(kSampleExamples);
  command->add_option("cell", arguments->cell, "A preset's name (`ohmic list devices`) or file")->required();
  command->add_option("--cells", arguments->plan.cells, "Cells [1000]")->check(CLI::Range(1, 1000000));
  command->add_option("--pulses", arguments->plan.pulses, "SET pulses per cell [20]")->check(CLI::Range(0, 100000));
  command->add_option("--reads", arguments->plan.reads, "Reads at each time [1]")->check(CLI::Range(1, 1000));
  command
      ->add_option("--times", arguments->plan.times_s,
                   "Seconds after each pulse at which cells are read [the cell's reference age, without a column time]")
      ->delimiter(',')
      ->type_name("TIMES");
  command->add_option("--seed", arguments->plan.seed, "Seed of the random numbers [1]");
  command->add_option("--out", arguments->out, "The table")->required()->type_name("FILE");
  command->add_flag("--force", arguments->force, "Replace the file if it exists");
  command->add_flag("--json", arguments->json, "Print what was written as JSON");
  command->callback([arguments] { sample_device(*arguments); });
}

}  // namespace ohmic
