#pragma once

#include <string>
#include <vector>

#include "ohmic/training/experiment.h"

namespace ohmic {

/// One rung of the ladder from a perfect cell to the real one.
struct StudyVariant {
  std::string name;                   ///< of its folder: "finite_step"
  std::string title;                  ///< for people: "+ finite step"
  std::vector<std::string> settings;  ///< key=value, on top of the experiment
};

/// The non-idealities of an experiment one after the other, each on top of those before: fp32; a linear cell with a
/// fine step; the finite step of the pcm cell; that step at random; all of the experiment's cell but for read noise and
/// drift; those too; converters from 8 to 4 bits. Up to there the converters are off.
/// For the rule hybrid, with the experiment's converters: fp32; a linear cell; then its cell without noise and drift, +
/// write noise, + read noise, + drift; and from there one setting each: bits of the LSB, refresh interval, rounding,
/// carry.
std::vector<StudyVariant> study_ladder(const ExperimentSpec& spec);

/// The number that a task is judged by.
struct Judgement {
  std::string figure;  ///< "test_accuracy", "bits_per_character", "frechet_distance"
  std::string title;   ///< with its unit, for people
  double factor;       ///< from the metric to that unit
  bool more_is_better;
};
Judgement judgement_of(TaskKind task);

}  // namespace ohmic
