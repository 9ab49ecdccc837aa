#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/version.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"
#include "ohmic/training/run.h"
#include "ohmic/training/study.h"

namespace ohmic {
namespace {

constexpr const char* kStudyExamples =
    "Examples:\n"
    "  ohmic study mnist_mixed_precision --set training.epochs=5\n"
    "  ohmic study cifar10_cnn --seeds 1,2,3 --out studies/cnn --resume\n"
    "  ohmic study mnist_mixed_precision --only fp32,cell,noise_and_drift\n\n"
    "Trains the experiment's network on a ladder of cells: fp32, a linear cell with a fine step, + finite step, + step "
    "at\n"
    "random, the experiment's cell, + read noise and drift, + converters of 8 to 4 bits. Writes a run folder for "
    "each,\n"
    "study.json and study.html. Ctrl-C saves; --resume goes on and trains only what is missing.";

struct StudyArguments {
  std::string experiment;
  std::vector<std::string> settings;
  std::vector<std::int64_t> seeds = {1};
  std::vector<std::string> only;
  std::string out;
  std::string data;
  bool resume = false;
  bool json = false;
  int threads = 0;
};

struct Outcome {
  StudyVariant variant;
  std::vector<double> values;  ///< of each seed, in the judgement's unit

  double mean() const {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  }
  double lowest() const { return *std::min_element(values.begin(), values.end()); }
  double highest() const { return *std::max_element(values.begin(), values.end()); }
};

std::vector<StudyVariant> chosen_variants(const ExperimentSpec& spec, const std::vector<std::string>& only) {
  std::vector<StudyVariant> ladder = study_ladder(spec);
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

double judged(const EpochMetrics& metrics, const Judgement& judgement) {
  if (judgement.figure == "test_accuracy") return judgement.factor * metrics.test_accuracy;
  for (const Figure& figure : metrics.figures) {
    if (figure.name == judgement.figure) return judgement.factor * figure.value;
  }
  fail("the run measured no {}", judgement.figure);
}

std::string value_text(const Outcome& o) {
  if (o.values.size() == 1) return fmt::format("{:.2f}", o.mean());
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", o.mean(), o.lowest(), o.highest());
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

// Trains one variant with one seed; false if interrupted.
bool train_variant(const StudyArguments& arguments, const StudyVariant& variant, std::int64_t seed,
                   const std::string& folder, const std::string& place, const Judgement& judgement, Outcome& outcome) {
  std::vector<std::string> settings = arguments.settings;
  settings.insert(settings.end(), variant.settings.begin(), variant.settings.end());
  settings.push_back(fmt::format("seed={}", seed));
  settings.push_back(fmt::format("name=\"{}\"", variant.name));
  const ExperimentSpec spec = read_experiment(arguments.experiment, settings);
  ProgressLine line;
  RunOptions options;
  options.folder = fmt::format("{}/{}_seed{}", folder, variant.name, seed);
  options.data_folder = arguments.data;
  options.resume = arguments.resume;
  options.stop = &watch_for_interrupt();
  options.on_progress = [&](const Progress& p) {
    std::string text = fmt::format("{}  {}, seed {}: epoch {}/{}", place, variant.title, seed, p.epoch, p.epochs);
    if (p.seconds_left >= 0 && p.done < 1) text += "  " + format_duration(p.seconds_left) + " left of it";
    line.update(text);
  };
  const RunResult result = train_in_folder(spec, options);
  line.clear();
  if (result.status != RunStatus::finished) return false;
  outcome.values.push_back(judged(result.epochs.back().metrics, judgement));
  line.print(fmt::format("{}  {}, seed {}: {:.2f}  ({})", place, variant.title, seed, outcome.values.back(),
                         format_duration(result.wall_seconds)));
  return true;
}

int study(const StudyArguments& arguments) {
  set_thread_count(arguments.threads);
  const ExperimentSpec spec = read_experiment(arguments.experiment, arguments.settings);
  const std::string folder = arguments.out.empty() ? "studies/" + spec.name : arguments.out;
  const Judgement judgement = judgement_of(spec.training.task);
  const std::vector<StudyVariant> variants = chosen_variants(spec, arguments.only);
  std::vector<Outcome> outcomes;
  std::size_t number = 0;
  const std::size_t total = variants.size() * arguments.seeds.size();
  for (const StudyVariant& variant : variants) {
    outcomes.push_back({variant, {}});
    for (const std::int64_t seed : arguments.seeds) {
      const std::string place = fmt::format("[{}/{}]", ++number, total);
      if (train_variant(arguments, variant, seed, folder, place, judgement, outcomes.back())) continue;
      fmt::print(stderr, "interrupted; everything so far is saved. Go on with the same command and --resume.\n");
      return 130;
    }
  }
  const nlohmann::ordered_json json = json_of(spec, outcomes, judgement, arguments);
  write_file_atomically(folder + "/study.json", json.dump(1) + "\n");
  write_file_atomically(folder + "/study.html", page_of(spec, outcomes, judgement, arguments));
  if (arguments.json) {
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}", format_table(table_of(outcomes, judgement)));
    fmt::print("{}/study.html\n", folder);
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
  command->add_option("--seeds", arguments->seeds, "Seeds, each a run of every variant")->delimiter(',');
  command->add_option("--only", arguments->only, "Only these variants")->delimiter(',');
  command->add_option("--out", arguments->out, "Folder [studies/NAME]")->type_name("DIR");
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  command->add_flag("--resume", arguments->resume, "Go on; runs that are finished are taken as they are");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status.exit_code = study(*arguments); });
}

}  // namespace ohmic
