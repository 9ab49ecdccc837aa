#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace ohmic {

/// Where commands leave their exit code.
struct CommandStatus {
  int exit_code = 0;
};

// One line per command: each adds its subcommand, with help and examples, to the program.
void add_train_command(CLI::App& program, CommandStatus& status);
void add_deploy_command(CLI::App& program, CommandStatus& status);
void add_evaluate_command(CLI::App& program, CommandStatus& status);
void add_report_command(CLI::App& program, CommandStatus& status);
void add_study_command(CLI::App& program, CommandStatus& status);
void add_config_command(CLI::App& program, CommandStatus& status);
void add_device_command(CLI::App& program, CommandStatus& status);
void add_map_command(CLI::App& program, CommandStatus& status);
void add_simulate_command(CLI::App& program, CommandStatus& status);
void add_cost_command(CLI::App& program, CommandStatus& status);
void add_solve_command(CLI::App& program, CommandStatus& status);
void add_list_command(CLI::App& program, CommandStatus& status);
void add_reproduce_command(CLI::App& program, CommandStatus& status);

/// Runs the program. Returns its exit code: 0 done, 2 a mistake that the user can mend, 3 a defect of the program, 130
/// interrupted.
int run_program(int argc, char** argv);

/// The same from within, with the words behind `ohmic`.
int run_command(const std::vector<std::string>& words);

}  // namespace ohmic
