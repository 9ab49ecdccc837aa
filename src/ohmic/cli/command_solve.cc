#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/cli/solve_page.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/config.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/solver/solver.h"

namespace ohmic {
namespace {

constexpr const char* kSolveExamples =
    "Examples:\n"
    "  ohmic solve covariance --size 500\n"
    "  ohmic solve matrix.mtx --right-side b.csv --out x.csv\n"
    "  ohmic solve covariance --size 500 --page solve.html --set synapse.copies=4\n"
    "  ohmic solve random --size 300 --device projected_pcm_inference --json\n\n"
    "Solves A x = b with A on arrays of cells inside a Krylov method, and iterative refinement in double precision. "
    "The\n"
    "matrix is a family (covariance, random, poisson, hilbert) or a file: Matrix Market, or rows of numbers. Without\n"
    "--right-side, b is random. `ohmic solve --list-settings` prints all settings.";

struct SolveArguments {
  std::string matrix;
  std::string right_side;
  std::string device;
  std::string out;
  std::string page;
  std::vector<std::string> settings;
  int size = 500;
  int threads = 0;
  bool lists_settings = false;
  bool json = false;
};

SolverSpec solver_spec(const SolveArguments& arguments) {
  SolverSpec base;
  if (!arguments.device.empty()) base.device = DeviceSpec(arguments.device);
  ConfigDocument document = ConfigDocument::parse(to_toml(base), "the solver's settings");
  for (const std::string& setting : arguments.settings) document.set(setting);
  SolverSpec spec;
  read_fields(document, "solver", spec);
  return spec;
}

LinearSystem system_of(const SolveArguments& arguments, const SolverSpec& spec) {
  LinearSystem system;
  system.name = arguments.matrix;
  const auto seed = static_cast<std::uint64_t>(spec.seed);
  const auto family = std::find(kSystemFamilies.begin(), kSystemFamilies.end(), arguments.matrix);
  if (family != kSystemFamilies.end()) {
    system.matrix = make_matrix(static_cast<SystemFamily>(family - kSystemFamilies.begin()), arguments.size, seed);
  } else if (std::filesystem::exists(arguments.matrix)) {
    system.matrix = read_matrix(arguments.matrix);
  } else {
    fail("{}: there is no such file, nor a family of that name; families are {}", arguments.matrix,
         fmt::join(kSystemFamilies, ", "));
  }
  if (arguments.right_side.empty()) {
    system.right_side = random_vector(static_cast<int>(system.matrix.rows()), seed);
    return system;
  }
  const Eigen::MatrixXd b = read_matrix(arguments.right_side);
  if (b.rows() != 1 && b.cols() != 1) {
    fail("{} holds {} x {} numbers; a right side is one row or one column", arguments.right_side, b.rows(), b.cols());
  }
  system.right_side = b.reshaped();
  return system;
}

std::string result_json(const LinearSystem& system, const SolverResult& result) {
  constexpr std::array<std::string_view, 4> kStatuses = {"converged", "stalled", "out_of_refinements", "interrupted"};
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const RefinementStep& step : result.steps) {
    steps.push_back({{"residual", step.residual}, {"analog_products", step.analog_products}});
  }
  const nlohmann::ordered_json json = {{"matrix", system.name},
                                       {"unknowns", system.matrix.rows()},
                                       {"status", kStatuses[static_cast<std::size_t>(result.status)]},
                                       {"method", kKrylovMethods[static_cast<std::size_t>(result.method)]},
                                       {"residual", result.steps.back().residual},
                                       {"refinements", result.steps.size() - 1},
                                       {"analog_products", result.analog_products},
                                       {"digital_products", result.digital_products},
                                       {"product_error", result.product_error},
                                       {"condition_seen", result.condition},
                                       {"cells", result.cells},
                                       {"steps", steps}};
  return json.dump(1) + "\n";
}

int solve(const SolveArguments& arguments) {
  set_thread_count(arguments.threads);
  const SolverSpec spec = solver_spec(arguments);
  if (arguments.lists_settings) {
    fmt::print("{}", to_toml(spec));
    return 0;
  }
  if (arguments.matrix.empty()) fail("name a matrix: a family ({}) or a file", fmt::join(kSystemFamilies, ", "));
  const LinearSystem system = system_of(arguments, spec);
  const std::atomic<bool>& stop = watch_for_interrupt();
  ProgressLine line;
  line.update("programming");
  const SolverResult result = solve_in_memory(system, spec, [&](const RefinementStep& step) {
    line.update(fmt::format("residual {:.2e}  {} analog products", step.residual, step.analog_products));
    return !stop.load();
  });
  line.clear();
  if (!arguments.out.empty()) write_file_atomically(arguments.out, vector_csv(result.x));
  if (!arguments.page.empty()) write_file_atomically(arguments.page, solution_page(system, result));
  const bool has_failed = result.status == SolverStatus::stalled || result.status == SolverStatus::out_of_refinements;
  if (has_failed) fail("{}", result.explanation);
  if (arguments.json) {
    fmt::print("{}", result_json(system, result));
  } else {
    for (const auto& row : solution_table(system, result)) fmt::print("{:<38}{}\n", row[0], row[1]);
  }
  return result.status == SolverStatus::interrupted ? 130 : 0;
}

}  // namespace

void add_solve_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<SolveArguments>();
  CLI::App* command = program.add_subcommand("solve", "Solve linear equations with the matrix on memory cells");
  command->footer(kSolveExamples);
  command->add_option("matrix", arguments->matrix, "A family's name, or a file with the matrix");
  command->add_option("--size", arguments->size, "Unknowns, of a family [500]")->check(CLI::Range(1, 20000));
  command->add_option("--right-side", arguments->right_side, "File with b")->type_name("FILE");
  command->add_option("--device", arguments->device, "Cell: a preset's name or file [pcm_inference]")
      ->type_name("NAME");
  command->add_option("--set", arguments->settings, "Change a setting, e.g. synapse.copies=4; repeatable")
      ->type_name("KEY=VALUE");
  command->add_option("--out", arguments->out, "Where the solution goes, a number per line")->type_name("FILE");
  command->add_option("--page", arguments->page, "HTML page with the residual as a chart")->type_name("FILE");
  command->add_flag("--list-settings", arguments->lists_settings, "Print the settings and leave");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status.exit_code = solve(*arguments); });
}

}  // namespace ohmic
