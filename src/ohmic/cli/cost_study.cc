#include "ohmic/cli/cost_study.h"

#include <fmt/format.h>

#include <algorithm>

#include "ohmic/core/error.h"
#include "ohmic/data/dataset.h"

namespace ohmic {
namespace {

using StudyJson = nlohmann::ordered_json;

Dataset study_data(const ExperimentSpec& spec, const CostStudyRequest& request) {
  DatasetRequest wanted;
  wanted.name = spec.data.name;
  wanted.folder = request.data;
  wanted.when_missing = spec.data.when_missing;
  wanted.train_limit = request.images;
  wanted.test_limit = 1;
  return load_dataset(wanted);
}

void subtract(Counters& from, const Counters& what) {
  std::vector<std::uint64_t> values;
  Counters::each(what, [&](std::string_view, const std::uint64_t& value) { values.push_back(value); });
  std::size_t next = 0;
  Counters::each(from, [&](std::string_view, std::uint64_t& value) { value -= values[next++]; });
}

// What happened between two states of a run.
RunEvents difference(RunEvents late, const RunEvents& early) {
  late.samples -= early.samples;
  for (std::size_t m = 0; m < late.matrices.size(); ++m) {
    for (std::size_t p = 0; p < kPhases.size(); ++p) {
      subtract(late.matrices[m].counters[static_cast<Phase>(p)], early.matrices[m].counters[static_cast<Phase>(p)]);
    }
  }
  for (std::size_t l = 0; l < late.layers.size(); ++l) {
    for (std::size_t p = 0; p < kPhases.size(); ++p) {
      subtract(late.layers[l].counters[static_cast<Phase>(p)], early.layers[l].counters[static_cast<Phase>(p)]);
    }
  }
  return late;
}

// The first images see a network that knows nothing and want more of its weights than later ones.
RunEvents train_and_count(const CostStudyRequest& request, const std::vector<std::string>& more, const char* name) {
  std::vector<std::string> settings = request.settings;
  settings.insert(settings.end(), more.begin(), more.end());
  const ExperimentSpec spec = read_experiment(request.experiment, settings);
  if (request.on_progress) request.on_progress(fmt::format("training {} images, {}", request.images, name));
  const Dataset data = study_data(spec, request);
  const auto trainer = make_trainer(spec, data);
  const auto train_to = [&](std::int64_t sample) {
    while (trainer->position().sample < sample && trainer->position().epoch == 0) trainer->step();
  };
  train_to(request.images / 2);
  const RunEvents early = events_of(spec, *trainer);
  train_to(request.images - 1);
  return difference(events_of(spec, *trainer), early);
}

UpdateArithmetic arithmetic_of(const OuterProductSpec& spec) {
  switch (spec.kind) {
    case OuterProductKind::low_precision:
      return UpdateArithmetic::narrow;
    case OuterProductKind::stochastic:
      return UpdateArithmetic::stochastic;
    case OuterProductKind::full:
      break;
  }
  return UpdateArithmetic::full;
}

std::vector<std::string> needs_row(const char* design, const RequiredFigure& r) {
  return {design, std::string(traits_of(r.name).name), fmt::format("{:.4g} pJ", r.now_pj),
          r.needed_pj > 0 ? fmt::format("{:.4g} pJ", r.needed_pj) : "no value can",
          r.needed_pj > 0 ? fmt::format("{:.3g}", r.needed_pj / r.now_pj) : "-"};
}

}  // namespace

RunEvents events_of(const ExperimentSpec& spec, Trainer& trainer) {
  constexpr int kFloatBits = 32;
  RunEvents events;
  events.name = spec.name;
  events.samples = trainer.samples_done();
  events.array_rows = spec.periphery.array_rows;
  events.array_columns = spec.periphery.array_columns;
  events.adc_bits = static_cast<int>(spec.periphery.adc_bits);
  const bool is_hybrid = spec.training.rule == RuleKind::hybrid;
  const bool is_mixed = spec.training.rule == RuleKind::mixed_precision;
  events.accumulator_bits = is_mixed || (is_hybrid && spec.hybrid.lsb_bits == 0) ? kFloatBits : 0;
  if (is_mixed) events.arithmetic = arithmetic_of(spec.mixed_precision.outer_product);
  if (is_hybrid) events.arithmetic = arithmetic_of(spec.hybrid.outer_product);
  for (const Learner* learner : trainer.learners()) {
    for (const Learner::MatrixCounters& of_one : learner->matrix_counters()) {
      const Weights& weights = *of_one.matrix->weights;
      MatrixEvents m;
      m.name = of_one.matrix->name;
      m.rows = weights.inputs();
      m.columns = weights.outputs();
      const auto* analog = dynamic_cast<const AnalogWeights*>(&weights);
      m.on_cells = analog != nullptr;
      if (analog != nullptr) {
        const CellArray& cells = analog->tile().cells();
        m.arrays = cells.layout().arrays();
        m.cells_per_crossing = cells.layout().cells() * (cells.is_single() ? 1 : 2);
      }
      m.counters = of_one.counters;
      events.matrices.push_back(std::move(m));
    }
    for (const auto& [layer, counters] : learner->layer_counters()) events.layers.push_back({layer, counters});
  }
  return events;
}

namespace {

// If the digital design needs memory at a certain figure to take what is published, what does computational memory have
// room for?
double allowed_words(const CostStudyResult& study) {
  constexpr double kWordBits = 2 * 32;
  const StudyDesign& cells = study.designs[kMemoryDesign];
  for (const RequiredFigure& r : study.digital_needs) {
    if (r.name != FigureName::memory_bit) continue;
    const double rest_nj = cells.phase_nj(Phase::forward) + cells.phase_nj(Phase::backward);
    return std::max(0.0, study.published.computational_memory_nj - rest_nj) * 1e3 / (kWordBits * r.needed_pj);
  }
  return 0;
}

}  // namespace

CostStudyResult make_study(const CostStudyRequest& request, const Technology& technology, const ChipSpec& chip) {
  StudyRuns runs;
  const std::string rule = "training.rule=";
  const std::string kind = "mixed_precision.outer_product.kind=";
  runs.full = train_and_count(request, {rule + "mixed_precision", kind + "full"}, "outer product in full");
  runs.narrow = train_and_count(request, {rule + "mixed_precision", kind + "low_precision"}, "few levels");
  runs.ternary =
      train_and_count(request,
                      {rule + "mixed_precision", kind + "low_precision", "mixed_precision.outer_product.input_levels=1",
                       "mixed_precision.outer_product.delta_levels=1"},
                      "ternary");
  runs.hybrid = train_and_count(request, {rule + "hybrid"}, "hybrid");
  runs.stochastic = train_and_count(request, {rule + "mixed_precision", kind + "stochastic"}, "streams of bits");
  CostStudyResult study;
  study.designs = study_designs(runs, technology, chip);
  study.published = published_study();
  study.digital_needs = required_figures(study.designs[kDigitalDesign], study.published.digital_nj);
  study.memory_needs = required_figures(study.designs[kMemoryDesign], study.published.computational_memory_nj);
  study.swings = ratio_swings(study.designs[kDigitalDesign], study.designs[kMemoryDesign]);
  study.words = accumulator_words(runs.narrow);
  study.words_allowed = allowed_words(study);
  study.technology = technology.spec().name;
  study.images = request.images;
  return study;
}

TextRows study_rows(const CostStudyResult& study) {
  TextRows rows = {{"design", "forward", "backward", "update", "together", "low", "high", "32-bit over it", "refresh"}};
  const auto nj = [](double value) { return value > 0 ? format_energy(value * 1e-9) : std::string("-"); };
  for (const StudyDesign& d : study.designs) {
    const Energy all = d.compared();
    const double per_image = 1e9 / static_cast<double>(d.images);
    rows.push_back({d.name, nj(d.phase_nj(Phase::forward)), nj(d.phase_nj(Phase::backward)),
                    nj(d.phase_nj(Phase::update)), nj(d.compared_nj()), nj(all.low.joules() * per_image),
                    nj(all.high.joules() * per_image),
                    fmt::format("{:.1f}", study.designs[kDigitalDesign].compared_nj() / d.compared_nj()),
                    nj(d.phase_nj(Phase::refresh))});
  }
  const PublishedStudy& p = study.published;
  rows.push_back({"32-bit digital, published", nj(p.forward_nj) + " ?", nj(p.backward_nj) + " ?",
                  nj(p.update_nj) + " ?", nj(p.digital_nj), "", "", "1.0", ""});
  rows.push_back({"computational memory, published", "", "", "", nj(p.computational_memory_nj), "", "",
                  fmt::format("{:.1f}", p.ratio()), ""});
  return rows;
}

TextRows needs_rows(const CostStudyResult& study) {
  TextRows rows = {{"to meet what is published", "figure", "mean now", "needed", "times"}};
  for (const RequiredFigure& r : study.digital_needs) rows.push_back(needs_row("32-bit digital", r));
  for (const RequiredFigure& r : study.memory_needs) rows.push_back(needs_row("computational memory", r));
  return rows;
}

TextRows swing_rows(const CostStudyResult& study) {
  TextRows rows = {{"figure", "ratio at its low end", "at its high end"}};
  for (const Swing& s : study.swings) {
    rows.push_back(
        {std::string(traits_of(s.name).name), fmt::format("{:.1f}", s.at_low), fmt::format("{:.1f}", s.at_high)});
  }
  return rows;
}

std::string study_summary(const CostStudyResult& study) {
  const PublishedStudy& p = study.published;
  const double digital = study.designs[kDigitalDesign].compared_nj();
  const double memory = study.designs[kMemoryDesign].compared_nj();
  const double ternary = study.designs[kTernaryDesign].compared_nj();
  return fmt::format(
      "One training image of the perceptron, technology {}, counted over {} images; nothing is fitted to the study.\n"
      "32-bit digital: {:.4g} uJ, published {:.4g} uJ ({:+.0f} %)\n"
      "computational memory: {:.4g} nJ, published {:.4g} nJ ({:+.0f} %); with factors -1, 0 and 1 {:.4g} nJ ({:+.0f} "
      "%)\n"
      "ratio: {:.1f}, published {:.1f} ({:+.0f} %); with factors -1, 0 and 1 {:.1f}\n"
      "An image changes {:.0f} words of the accumulator.\n"
      "With the memory that the 32-bit design would need for its published energy, it could change {:.0f} within the "
      "other.\n"
      "A refresh, which is not part of the comparison, stands beside.\n"
      "The split of the published digital design (?) is {}.\n",
      study.technology, study.images / 2, digital / 1000, p.digital_nj / 1000, 100 * (digital / p.digital_nj - 1),
      memory, p.computational_memory_nj, 100 * (memory / p.computational_memory_nj - 1), ternary,
      100 * (ternary / p.computational_memory_nj - 1), study.ratio(), p.ratio(), 100 * (study.ratio() / p.ratio() - 1),
      digital / ternary, study.words, study.words_allowed, p.split_source);
}

nlohmann::ordered_json cost_study_json(const CostStudyResult& study) {
  StudyJson json = {{"technology", study.technology},
                    {"images", study.images},
                    {"ratio", study.ratio()},
                    {"accumulator_words", study.words},
                    {"accumulator_words_allowed", study.words_allowed},
                    {"published",
                     {{"digital_nj", study.published.digital_nj},
                      {"computational_memory_nj", study.published.computational_memory_nj},
                      {"ratio", study.published.ratio()},
                      {"source", study.published.source}}}};
  for (const StudyDesign& d : study.designs) {
    StudyJson row = {{"name", d.name}, {"what", d.what}, {"compared_nj", d.compared_nj()}};
    const Energy all = d.compared();
    row["low_nj"] = all.low.joules() * 1e9 / static_cast<double>(d.images);
    row["high_nj"] = all.high.joules() * 1e9 / static_cast<double>(d.images);
    for (const Phase p : d.table.phases()) {
      row["phases_nj"][std::string(kPhases[static_cast<std::size_t>(p)])] = d.phase_nj(p);
    }
    for (const Component c : d.table.components()) {
      row["components_nj"][std::string(kComponents[static_cast<std::size_t>(c)])] = d.nj(d.table.of_component(c));
    }
    for (std::size_t k = 0; k < kFigureCount; ++k) {
      const auto name = static_cast<FigureName>(k);
      const double events = d.events_per_image(name);
      if (events > 0) row["events_per_image"][std::string(traits_of(name).name)] = events;
    }
    json["designs"].push_back(std::move(row));
  }
  const auto needs = [](const std::vector<RequiredFigure>& all) {
    StudyJson list = StudyJson::array();
    for (const RequiredFigure& r : all) {
      list.push_back({{"figure", traits_of(r.name).name}, {"now_pj", r.now_pj}, {"needed_pj", r.needed_pj}});
    }
    return list;
  };
  json["digital_needs"] = needs(study.digital_needs);
  json["memory_needs"] = needs(study.memory_needs);
  for (const Swing& s : study.swings) {
    json["swings"].push_back({{"figure", traits_of(s.name).name}, {"at_low", s.at_low}, {"at_high", s.at_high}});
  }
  return json;
}

}  // namespace ohmic
