#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/core/files.h"
#include "ohmic/report/report.h"

namespace ohmic {
namespace {

constexpr const char* kReportExamples =
    "Examples:\n"
    "  ohmic report runs/pcm\n"
    "  ohmic report runs/pcm runs/sgd runs/ideal --out report.html --title \"MNIST on PCM\"\n\n"
    "Writes one self-contained HTML page: open it in any browser, print it, mail it.";

struct ReportArguments {
  std::vector<std::string> runs;
  std::string out;
  std::string title = "ohmic report";
  bool json = false;
};

void write_report(const ReportArguments& arguments) {
  std::vector<RunRecord> records;
  std::vector<std::filesystem::path> read;
  for (const std::string& run : arguments.runs) {
    for (const char* name :
         {"run.json", "metrics.jsonl", "checkpoint.safetensors", "deploy.json", "deploy_study.json"}) {
      read.push_back(std::filesystem::path(run) / name);
    }
    records.push_back(read_run(run));
  }
  const std::filesystem::path out = arguments.out.empty()
                                        ? std::filesystem::path(arguments.runs.front()) / "report.html"
                                        : std::filesystem::path(arguments.out);
  require_writable(out, read);
  write_file_atomically(out, render_report(records, arguments.title));
  if (arguments.json) {
    fmt::print("{}\n", nlohmann::json{{"report", out.string()}}.dump());
  } else {
    fmt::print("{}\n", out.string());
  }
}

}  // namespace

void add_report_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command = program.add_subcommand("report", "Make a page with charts of one or several runs");
  command->footer(kReportExamples);
  command->add_option("runs", arguments->runs, "Run folders")->required();
  command->add_option("--out", arguments->out, "The page [report.html in the first run folder]")->type_name("FILE");
  command->add_option("--title", arguments->title, "Its title")->type_name("TEXT");
  command->add_flag("--json", arguments->json, "Print where the page is as JSON");
  command->callback([arguments] { write_report(*arguments); });
}

}  // namespace ohmic
