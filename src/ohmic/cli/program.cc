#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <system_error>

#include "ohmic/cli/command.h"
#include "ohmic/core/config.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/error.h"
#include "ohmic/core/version.h"

namespace ohmic {
namespace {

constexpr int kUserMistake = 2;
constexpr int kDefect = 3;

// The parser misses a command without saying which word it took for none.
int report_unknown_command(const CLI::App& program, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  const std::string near = nearest_name(word, names);
  fmt::print(stderr, "ohmic: there is no command \"{}\"; choose one of {}{}\n", word, fmt::join(names, ", "),
             near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  return kUserMistake;
}

int report_parse_error(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
  const std::vector<std::string> unknown = program.remaining();
  const bool is_word = !unknown.empty() && !unknown.front().starts_with('-');
  if (program.get_subcommands().empty() && is_word) return report_unknown_command(program, unknown.front());
  fmt::print(stderr, "ohmic: {}\nSee `ohmic --help`, or `ohmic COMMAND --help` for examples.\n", error.what());
  return kUserMistake;
}

int report_lost_output(const std::string& why) {
  fmt::print(stderr, "ohmic: cannot write to standard output: {}; free some space or write elsewhere\n", why);
  return kUserMistake;
}

// What was printed may still wait in a buffer, and `ohmic config > file` must not succeed with half a file.
int flush_output(int exit_code) {
  return std::fflush(stdout) == 0 ? exit_code : report_lost_output(std::generic_category().message(errno));
}

int run_parsed(const std::function<void(CLI::App&)>& parse) {
  CLI::App program("Train and deploy neural networks on simulated analog in-memory-computing hardware.", "ohmic");
  program.set_version_flag("--version", std::string("ohmic ") + kVersion);
  program.require_subcommand(1);
  program.footer(
      "Examples:\n"
      "  ohmic train mnist_mixed_precision --out runs/pcm\n"
      "  ohmic deploy runs/pcm --at 1h,1d,1y --compensate none,gdc\n"
      "  ohmic report runs/pcm --out report.html\n\n"
      "OHMIC_DATA names the folder of data sets; OHMIC_ISA (baseline, avx2, avx512, avx512_vnni, amx) limits the "
      "instruction set.");
  CommandStatus status;
  add_train_command(program, status);
  add_deploy_command(program, status);
  add_evaluate_command(program, status);
  add_report_command(program, status);
  add_study_command(program, status);
  add_config_command(program, status);
  add_device_command(program, status);
  add_map_command(program, status);
  add_simulate_command(program, status);
  add_cost_command(program, status);
  add_solve_command(program, status);
  add_reproduce_command(program, status);
  add_list_command(program, status);
  try {
    if (const char* isa = std::getenv("OHMIC_ISA"); isa != nullptr && *isa != '\0') limit_instruction_set(isa);
    parse(program);
    return flush_output(status.exit_code);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(program, error);
  } catch (const Error& error) {
    fmt::print(stderr, "ohmic: {}\n", error.what());
    return kUserMistake;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ohmic: not enough memory; use a smaller network, a smaller batch_size, or a larger machine\n");
    return kUserMistake;
  } catch (const std::filesystem::filesystem_error& error) {
    fmt::print(stderr, "ohmic: {}: {}; choose another path\n", error.path1().string(), error.code().message());
    return kUserMistake;
  } catch (const std::system_error& error) {
    return report_lost_output(error.code().message());
  } catch (const std::exception& error) {
    fmt::print(stderr, "ohmic: this is a defect of ohmic, please report it: {}\n", error.what());
    return kDefect;
  }
}

}  // namespace

int run_program(int argc, char** argv) {
  take_signals_apart();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond `ulimit -f` is an error to report, not the end
  return run_parsed([&](CLI::App& program) { program.parse(argc, argv); });
}

int run_command(const std::vector<std::string>& words) {
  return run_parsed([&](CLI::App& program) { program.parse(std::vector<std::string>(words.rbegin(), words.rend())); });
}

}  // namespace ohmic
