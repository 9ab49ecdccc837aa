#include <fmt/format.h>

#include <cstdlib>

#include "ohmic/cli/command.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/error.h"
#include "ohmic/core/version.h"

namespace ohmic {
namespace {

constexpr int kUserMistake = 2;
constexpr int kDefect = 3;

int report_parse_error(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
  fmt::print(stderr, "ohmic: {}\nSee `ohmic --help`, or `ohmic COMMAND --help` for examples.\n", error.what());
  return kUserMistake;
}

}  // namespace

int run_program(int argc, char** argv) {
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
  add_report_command(program, status);
  add_config_command(program, status);
  add_list_command(program, status);
  try {
    if (const char* isa = std::getenv("OHMIC_ISA"); isa != nullptr && *isa != '\0') limit_instruction_set(isa);
    program.parse(argc, argv);
    return status.exit_code;
  } catch (const CLI::ParseError& error) {
    return report_parse_error(program, error);
  } catch (const Error& error) {
    fmt::print(stderr, "ohmic: {}\n", error.what());
    return kUserMistake;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ohmic: not enough memory; use a smaller network, a smaller batch_size, or a larger machine\n");
    return kUserMistake;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ohmic: this is a defect of ohmic, please report it: {}\n", error.what());
    return kDefect;
  }
}

}  // namespace ohmic
