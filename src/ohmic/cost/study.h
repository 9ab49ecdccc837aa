#pragma once

// One training image of a perceptron on several designs, from the figures of one technology: the study of Nandakumar et
// al., Front. Neurosci. 14:406 (2020), with nothing fitted to its results.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/cost/cost_table.h"
#include "ohmic/cost/run_events.h"
#include "ohmic/cost/technology.h"
#include "ohmic/mapping/chip_spec.h"

namespace ohmic {

/// What happened while the same network trained by each rule, each over its own number of images.
struct StudyRuns {
  RunEvents full;        ///< mixed precision, outer product in full
  RunEvents narrow;      ///< mixed precision, factors of a few levels
  RunEvents ternary;     ///< the same with -1, 0 and 1 only
  RunEvents hybrid;      ///< accumulation in binary cells
  RunEvents stochastic;  ///< mixed precision, outer product by streams of bits
};

/// What the study compares; a refresh is shown beside.
inline constexpr std::array<Phase, 3> kStudyPhases = {Phase::forward, Phase::backward, Phase::update};

struct StudyDesign {
  std::string name, what;
  CostTable table{{}};
  std::uint64_t images = 1;  ///< that the table covers

  double nj(const Energy& energy) const { return energy.value.joules() * 1e9 / static_cast<double>(images); }
  double phase_nj(Phase phase) const { return nj(table.of_phase(phase)); }
  /// Forward, backward and update, of all events or of one kind.
  Energy compared() const;
  Energy compared(FigureName event) const;
  double compared_nj() const { return nj(compared()); }
  /// Events of a kind per image in these phases.
  double events_per_image(FigureName event) const;
};

/// 32-bit digital: each weight read and multiplied forward, those of all layers but the first backward; in the update
/// read, multiplied, added and written back. Weights in one memory of all of them.
StudyDesign digital_design(const std::vector<MatrixEvents>& layers, const Technology& technology);
/// Mixed precision without cells: weights of 8 bits, 8-bit multiply-adds; the accumulator of 32 bits changed at the
/// crossings that `run` changed, a weight rewritten for each of its pulses.
StudyDesign digital_mixed_design(const RunEvents& run, const Technology& technology);
/// The events of a run on cells, but for layers without weights: all designs do the same for these.
StudyDesign cell_design(std::string name, std::string what, const RunEvents& run, const Technology& technology,
                        const ChipSpec& chip);

/// All designs: the two digital ones first, then computational memory with the narrow outer product and the others.
std::vector<StudyDesign> study_designs(const StudyRuns& runs, const Technology& technology, const ChipSpec& chip);
inline constexpr std::size_t kDigitalDesign = 0, kMemoryDesign = 2, kTernaryDesign = 3;

/// Words of the accumulator that an image changes.
double accumulator_words(const RunEvents& run);

/// What a figure would have to be for a design to take `target_nj`, all else as it is.
struct RequiredFigure {
  FigureName name = FigureName::mac;
  double now_pj = 0;     ///< mean over its events
  double needed_pj = 0;  ///< below 0: no value of it alone can do it
};
std::vector<RequiredFigure> required_figures(const StudyDesign& design, double target_nj);

/// The ratio of two designs' energies with one figure at the ends of its interval, the others at their values.
struct Swing {
  FigureName name = FigureName::mac;
  double at_low = 0, at_high = 0;
};
/// By how far they swing the ratio, the farthest first.
std::vector<Swing> ratio_swings(const StudyDesign& over, const StudyDesign& under);

}  // namespace ohmic
