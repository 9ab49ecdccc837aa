#include "ohmic/cost/study.h"

#include <algorithm>
#include <cmath>

#include "ohmic/cost/run_cost.h"

namespace ohmic {
namespace {

constexpr int kStudyFloatBits = 32, kStudyNarrowBits = 8;
constexpr double kActivationKib = 8;

std::uint64_t weights_of(const MatrixEvents& m) {
  return static_cast<std::uint64_t>(m.rows) * static_cast<std::uint64_t>(m.columns);
}

double memory_kib_of(const std::vector<MatrixEvents>& layers, int bits) {
  double weights = 0;
  for (const MatrixEvents& m : layers) weights += static_cast<double>(weights_of(m));
  return weights * bits / 8 / 1024;
}

std::vector<std::string> layer_names(const std::vector<MatrixEvents>& layers) {
  std::vector<std::string> names;
  for (const MatrixEvents& m : layers) names.push_back(m.name);
  return names;
}

// A matrix times a vector in a digital unit: every weight read once.
void add_digital_product(StudyDesign& design, std::size_t layer, Phase phase, const MatrixEvents& m, int bits,
                         double kib, const Technology& technology) {
  const auto word = static_cast<std::uint64_t>(bits);
  const std::uint64_t images = design.images;
  CostTable& table = design.table;
  table.add(layer, phase, technology.figure(FigureName::mac, {bits, 0}), images * weights_of(m));
  table.add(layer, phase, technology.figure(FigureName::memory_bit, {0, kib}), images * weights_of(m) * word);
  const auto numbers = static_cast<std::uint64_t>(m.rows + m.columns);
  table.add(layer, phase, technology.figure(FigureName::memory_bit, {0, kActivationKib}), images * numbers * word);
}

void add_digital_passes(StudyDesign& design, const std::vector<MatrixEvents>& layers, int bits,
                        const Technology& technology) {
  const double kib = memory_kib_of(layers, bits);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    add_digital_product(design, l, Phase::forward, layers[l], bits, kib, technology);
    // Nobody needs the gradient of the image.
    if (l > 0) add_digital_product(design, l, Phase::backward, layers[l], bits, kib, technology);
  }
}

std::vector<FigureName> events_of(const StudyDesign& design) {
  std::vector<FigureName> names;
  for (std::size_t k = 0; k < kFigureCount; ++k) {
    const auto name = static_cast<FigureName>(k);
    if (design.events_per_image(name) > 0) names.push_back(name);
  }
  return names;
}

bool is_compared(Phase phase) {
  return std::find(kStudyPhases.begin(), kStudyPhases.end(), phase) != kStudyPhases.end();
}

}  // namespace

Energy StudyDesign::compared() const {
  Energy all;
  for (const Phase phase : kStudyPhases) all += table.of_phase(phase);
  return all;
}

Energy StudyDesign::compared(FigureName event) const {
  Energy all;
  for (const Phase phase : kStudyPhases) all += table.of(event, phase);
  return all;
}

double StudyDesign::events_per_image(FigureName event) const {
  double count = 0;
  for (const CostCell& cell : table.cells()) {
    if (cell.event == event && is_compared(cell.phase)) count += static_cast<double>(cell.count);
  }
  return count / static_cast<double>(images);
}

double accumulator_words(const RunEvents& run) {
  double words = 0;
  for (const MatrixEvents& m : run.matrices) {
    words += static_cast<double>(m.counters[Phase::update].accumulator_updates);
  }
  return words / static_cast<double>(run.samples);
}

StudyDesign digital_design(const std::vector<MatrixEvents>& layers, const Technology& technology) {
  StudyDesign design{"32-bit digital", "weights in SRAM, all arithmetic in 32 bits", CostTable(layer_names(layers)), 1};
  add_digital_passes(design, layers, kStudyFloatBits, technology);
  const double kib = memory_kib_of(layers, kStudyFloatBits);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::uint64_t weights = weights_of(layers[l]);
    design.table.add(l, Phase::update, technology.figure(FigureName::mac, {kStudyFloatBits, 0}), weights);
    design.table.add(l, Phase::update, technology.figure(FigureName::memory_bit, {0, kib}),
                     2 * weights * kStudyFloatBits);
  }
  return design;
}

StudyDesign digital_mixed_design(const RunEvents& run, const Technology& technology) {
  StudyDesign design{"digital mixed precision", "8-bit weights in SRAM, 32-bit accumulator, sparse updates",
                     CostTable(layer_names(run.matrices)), run.samples};
  add_digital_passes(design, run.matrices, kStudyNarrowBits, technology);
  const CostFigure weight =
      technology.figure(FigureName::memory_bit, {0, memory_kib_of(run.matrices, kStudyNarrowBits)});
  const CostFigure word = technology.figure(FigureName::memory_bit, {0, memory_kib_of(run.matrices, kStudyFloatBits)});
  for (std::size_t l = 0; l < run.matrices.size(); ++l) {
    const Counters& update = run.matrices[l].counters[Phase::update];
    design.table.add(l, Phase::update, technology.figure(FigureName::mac, {kStudyNarrowBits, 0}),
                     update.accumulator_updates);
    design.table.add(l, Phase::update, word, 2 * update.accumulator_updates * kStudyFloatBits);
    design.table.add(l, Phase::update, weight, 2 * update.set_pulses * kStudyNarrowBits);
  }
  return design;
}

StudyDesign cell_design(std::string name, std::string what, const RunEvents& run, const Technology& technology,
                        const ChipSpec& chip) {
  RunEvents matrices = run;
  matrices.layers.clear();
  return {std::move(name), std::move(what), cost_of_run(matrices, technology, chip), run.samples};
}

std::vector<StudyDesign> study_designs(const StudyRuns& runs, const Technology& technology, const ChipSpec& chip) {
  std::vector<StudyDesign> designs;
  designs.push_back(digital_design(runs.full.matrices, technology));
  designs.push_back(digital_mixed_design(runs.narrow, technology));
  designs.push_back(cell_design("computational memory", "mixed precision, outer product of factors of a few levels",
                                runs.narrow, technology, chip));
  designs.push_back(cell_design("computational memory, ternary", "mixed precision, outer product of -1, 0 and 1",
                                runs.ternary, technology, chip));
  designs.push_back(cell_design("computational memory, full", "mixed precision, outer product in 32 bits", runs.full,
                                technology, chip));
  designs.push_back(
      cell_design("hybrid", "accumulation in binary cells beside the weights", runs.hybrid, technology, chip));
  designs.push_back(cell_design("stochastic", "mixed precision, outer product by streams of bits", runs.stochastic,
                                technology, chip));
  return designs;
}

std::vector<RequiredFigure> required_figures(const StudyDesign& design, double target_nj) {
  std::vector<RequiredFigure> required;
  const double missing = target_nj - design.compared_nj();
  for (const FigureName name : events_of(design)) {
    const double share = design.nj(design.compared(name));
    const double now = 1e3 * share / design.events_per_image(name);
    required.push_back({name, now, now * (1 + missing / share)});
  }
  return required;
}

std::vector<Swing> ratio_swings(const StudyDesign& over, const StudyDesign& under) {
  std::vector<FigureName> names = events_of(over);
  for (const FigureName name : events_of(under)) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::vector<Swing> swings;
  for (const FigureName name : names) {
    const auto total_with = [&](const StudyDesign& design, Attojoules Energy::*end) {
      const Energy part = design.compared(name);
      return design.compared_nj() + (part.*end - part.value).joules() * 1e9 / static_cast<double>(design.images);
    };
    const auto ratio_at = [&](Attojoules Energy::*end) { return total_with(over, end) / total_with(under, end); };
    swings.push_back({name, ratio_at(&Energy::low), ratio_at(&Energy::high)});
  }
  std::stable_sort(swings.begin(), swings.end(), [](const Swing& a, const Swing& b) {
    return std::abs(a.at_high - a.at_low) > std::abs(b.at_high - b.at_low);
  });
  return swings;
}

}  // namespace ohmic
