#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/cli/study_runs.h"
#include "ohmic/cli/study_sizes.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/version.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

constexpr const char* kStudyExamples =
    "Examples:\n"
    "  ohmic study mnist_mixed_precision --set training.epochs=5\n"
    "  ohmic study cifar10_cnn --seeds 1,2,3 --out studies/cnn --resume\n"
    "  ohmic study mnist_mixed_precision --only fp32,cell,noise_and_drift\n"
    "  ohmic study cifar10_hybrid_resnet8 --widths 1,2 --fp32-widths 0.35,0.7,1 --set training.epochs=6 --set-fp32 "
    "optimizer.momentum=0.9\n\n"
    "Trains the experiment's network on a ladder of cells: fp32, a linear cell with a fine step, + finite step, + step "
    "at\n"
    "random, the experiment's cell, + read noise and drift, + converters of 8 to 4 bits. With --widths: accuracy "
    "against\n"
    "the size of the model, beside fp32. Writes a run folder for each, study.json and study.html. Ctrl-C saves; "
    "--resume goes on and trains only what is missing.";

std::vector<StudyVariant> chosen_variants(const ExperimentSpec& spec, const StudyArguments& arguments) {
  std::vector<StudyVariant> ladder = study_ladder(spec);
  std::vector<std::string>& fp32 = ladder.front().settings;
  fp32.insert(fp32.end(), arguments.fp32_settings.begin(), arguments.fp32_settings.end());
  const std::vector<std::string>& only = arguments.only;
  if (only.empty()) return ladder;
  std::vector<StudyVariant> chosen;
  std::vector<std::string> names;
  for (const StudyVariant& v : ladder) names.push_back(v.name);
  for (const std::string& name : only) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string near = nearest_name(name, names);
      fail("--only {}: there is no such variant{}; there are {}", name,
           near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near), fmt::join(names, ", "));
    }
    chosen.push_back(ladder[static_cast<std::size_t>(found - names.begin())]);
  }
  return chosen;
}

std::vector<std::vector<std::string>> table_of(const std::vector<Outcome>& outcomes, const Judgement& judgement) {
  std::vector<std::vector<std::string>> rows = {{"cell", judgement.title, "against the first"}};
  for (const Outcome& o : outcomes) {
    rows.push_back({o.variant.title, value_text(o), fmt::format("{:+.2f}", o.mean() - outcomes.front().mean())});
  }
  return rows;
}

std::string chart_of(const std::vector<Outcome>& outcomes, const Judgement& judgement) {
  using namespace report;
  Series series;
  series.label = "";
  series.extent = Extent::error_bars;
  double low = outcomes.front().lowest(), high = outcomes.front().highest();
  Axis x;
  x.title = "rung of the ladder, as numbered in the table";
  x.low = 0.5;
  x.high = static_cast<double>(outcomes.size()) + 0.5;
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    const Outcome& o = outcomes[k];
    const auto place = static_cast<double>(k + 1);
    x.ticks.push_back({place, fmt::format("{}", k + 1)});
    series.points.push_back(
        {place, o.mean(), o.lowest(), o.highest(), fmt::format("{}: {}", o.variant.title, value_text(o))});
    low = std::min(low, o.lowest());
    high = std::max(high, o.highest());
  }
  const double margin = std::max(0.02 * (high - low), 1e-3);
  const LineChart chart{{"ladder", "From a perfect cell to the real one", judgement.title},
                        x,
                        linear_axis(judgement.title, low - margin, high + margin, 7),
                        {series}};
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

std::string page_of(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const Judgement& judgement,
                    const StudyArguments& arguments) {
  using namespace report;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    const Outcome& o = outcomes[k];
    rows.push_back({fmt::format("{}. {}", k + 1, escape_html(o.variant.title)), escape_html(value_text(o)),
                    fmt::format("{:+.2f}", o.mean() - outcomes.front().mean()),
                    escape_html(fmt::format("{}", fmt::join(o.variant.settings, ", ")))});
  }
  const std::string title = fmt::format("What each non-ideality costs: {}", spec.name);
  const std::string header = fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"meta\"><span>{} epochs</span><span>seeds {}</span><span>ohmic "
      "{}</span></p>\n</header>\n",
      escape_html(title), spec.training.epochs, fmt::join(arguments.seeds, ", "), kVersion);
  const std::string body =
      header +
      html_section("Ladder",
                   chart_of(outcomes, judgement) +
                       html_note("Mean over the seeds after the last epoch; bars from the lowest to the highest.")) +
      html_section(
          "Table",
          html_table(
              "Last epoch",
              {{"cell"}, {judgement.title, Alignment::right}, {"against the first", Alignment::right}, {"settings"}},
              rows));
  return html_page(title, body);
}

nlohmann::ordered_json json_of(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes,
                               const Judgement& judgement, const StudyArguments& arguments) {
  nlohmann::ordered_json variants = nlohmann::ordered_json::array();
  for (const Outcome& o : outcomes) {
    variants.push_back(
        {{"name", o.variant.name}, {"title", o.variant.title}, {"settings", o.variant.settings}, {"values", o.values}});
  }
  return {{"experiment", spec.name},
          {"epochs", spec.training.epochs},
          {"seeds", arguments.seeds},
          {"figure", judgement.title},
          {"variants", variants}};
}

struct StudyResult {
  nlohmann::ordered_json json;
  std::string page;
  std::string text;  ///< for the terminal
};

int study(const StudyArguments& arguments) {
  set_thread_count(arguments.threads);
  const ExperimentSpec spec = read_experiment(arguments.experiment, arguments.settings);
  const bool over_widths = !arguments.widths.empty();
  if (over_widths && !arguments.only.empty()) fail("--only chooses from the ladder, which --widths does not climb");
  if (!over_widths && !arguments.fp32_widths.empty()) fail("--fp32-widths goes with --widths, those of the rule");
  const std::string folder =
      arguments.out.empty() ? fmt::format("studies/{}{}", spec.name, over_widths ? "_sizes" : "") : arguments.out;
  const Judgement judgement = judgement_of(spec.training.task);
  const std::vector<StudyVariant> variants =
      over_widths ? size_variants_of(spec, arguments) : chosen_variants(spec, arguments);
  const auto outcomes = train_variants(arguments, folder, variants, judgement);
  if (!outcomes) return 130;
  StudyResult result;
  if (over_widths) {
    const SizeFinding finding = size_finding_of(*outcomes, arguments, judgement);
    result = {size_json(spec, *outcomes, finding, judgement, arguments),
              size_page(spec, *outcomes, finding, judgement, arguments),
              format_table(size_table(*outcomes, judgement)) + size_sentence(finding, judgement) + "\n"};
  } else {
    result = {json_of(spec, *outcomes, judgement, arguments), page_of(spec, *outcomes, judgement, arguments),
              format_table(table_of(*outcomes, judgement))};
  }
  write_file_atomically(folder + "/study.json", result.json.dump(1) + "\n");
  write_file_atomically(folder + "/study.html", result.page);
  if (arguments.json) {
    fmt::print("{}\n", result.json.dump());
  } else {
    fmt::print("{}{}/study.html\n", result.text, folder);
  }
  return 0;
}

}  // namespace

void add_study_command(CLI::App& program, CommandStatus& status) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* command = program.add_subcommand("study", "Train a network with one non-ideality after the other");
  command->footer(kStudyExamples);
  command->add_option("experiment", arguments->experiment, "A .toml file, or the name of an experiment")->required();
  command->add_option("--set", arguments->settings, "Change a setting: key=value; may be given several times")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--set-fp32", arguments->fp32_settings,
                   "The same for the fp32 networks alone, e.g. optimizer.momentum=0.9")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--seeds", arguments->seeds, "Seeds, each a run of every variant")->delimiter(',');
  command->add_option("--only", arguments->only, "Only these variants")->delimiter(',');
  command
      ->add_option("--widths", arguments->widths,
                   "Instead: this rule and fp32 with so many times the channels (network.resnet.width)")
      ->delimiter(',')
      ->check(CLI::Range(0.05, 16.0));
  command->add_option("--fp32-widths", arguments->fp32_widths, "Other widths for fp32, e.g. of the same size in bits")
      ->delimiter(',')
      ->check(CLI::Range(0.05, 16.0));
  command->add_option("--out", arguments->out, "Folder [studies/NAME]")->type_name("DIR");
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  command->add_flag("--resume", arguments->resume, "Go on; runs that are finished are taken as they are");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status.exit_code = study(*arguments); });
}

}  // namespace ohmic
