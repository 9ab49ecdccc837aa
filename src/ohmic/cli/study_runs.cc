#include "ohmic/cli/study_runs.h"

#include <fmt/format.h>

#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/training/run.h"

namespace ohmic {
namespace {

double judged(const EpochMetrics& metrics, const Judgement& judgement) {
  if (judgement.figure == "test_accuracy") return judgement.factor * metrics.test_accuracy;
  for (const Figure& figure : metrics.figures) {
    if (figure.name == judgement.figure) return judgement.factor * figure.value;
  }
  fail("the run measured no {}", judgement.figure);
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
  outcome.size = result.size;
  line.print(fmt::format("{}  {}, seed {}: {:.2f}  ({})", place, variant.title, seed, outcome.values.back(),
                         format_duration(result.wall_seconds)));
  return true;
}

}  // namespace

std::string value_text(const Outcome& o) {
  if (o.values.size() == 1) return fmt::format("{:.2f}", o.mean());
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", o.mean(), o.lowest(), o.highest());
}

std::optional<std::vector<Outcome>> train_variants(const StudyArguments& arguments, const std::string& folder,
                                                   const std::vector<StudyVariant>& variants,
                                                   const Judgement& judgement) {
  std::vector<Outcome> outcomes;
  std::size_t number = 0;
  const std::size_t total = variants.size() * arguments.seeds.size();
  for (const StudyVariant& variant : variants) {
    outcomes.push_back({variant, {}, {}});
    for (const std::int64_t seed : arguments.seeds) {
      const std::string place = fmt::format("[{}/{}]", ++number, total);
      if (train_variant(arguments, variant, seed, folder, place, judgement, outcomes.back())) continue;
      fmt::print(stderr, "interrupted; everything so far is saved. Go on with the same command and --resume.\n");
      return std::nullopt;
    }
  }
  return outcomes;
}

}  // namespace ohmic
