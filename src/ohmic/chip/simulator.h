#pragma once

// Runs a pipeline tick by tick, with buffers that fill up.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ohmic/mapping/pipeline.h"

namespace ohmic {

/// Ticks in which a stage started the first and the last iteration of a sample.
struct SampleSpan {
  Tick first = 0, last = 0;
};

/// What one stage did.
struct StageRun {
  std::int64_t iterations = 0;
  Tick busy = 0;                  ///< copies x ticks in which one worked
  Tick waited_for_data = 0;       ///< ticks between iterations in which what it reads was missing
  Tick waited_for_room = 0;       ///< ticks in which all was there but a buffer behind it was full
  std::vector<SampleSpan> spans;  ///< per sample
  Tick first = 0, last = 0;       ///< starts of its first and its last iteration
};

/// What one buffer held.
struct BufferRun {
  std::int64_t most = 0;  ///< pixels
};

/// What a stage that cannot go on waits for.
struct Waiting {
  int stage = 0;
  std::int64_t sample = 0, iteration = 0;  ///< that does not start
  bool for_room = false;                   ///< else for a pixel
  int other = 0;                           ///< the stage that would have to write it, or to free room
  int buffer = 0;                          ///< number of the input, of this stage or with for_room of the other one
  std::int64_t pixel = 0;                  ///< of the sample: the one missing, or the one there is no room for
  std::int64_t capacity = 0;               ///< of the buffer
};

/// A run that got stuck: the stages that wait for each other, in a circle.
struct Deadlock {
  Tick tick = 0;
  std::vector<Waiting> circle;
  std::vector<Waiting> all;  ///< every stage that has not finished
};

struct SimulationResult {
  std::vector<StageRun> stages;
  std::vector<std::vector<BufferRun>> buffers;  ///< per stage and input
  std::vector<Tick> first_input, last_output;   ///< per sample
  Tick ticks = 0;                               ///< to the last output
  std::vector<Deadlock> deadlock;               ///< one, if the run got stuck

  Tick latency(std::size_t sample) const { return last_output[sample] - first_input[sample]; }
  /// Ticks between the last outputs of the last two samples; with one sample, 0.
  Tick ticks_per_sample() const;
};

/// Called at each start of an iteration: stage, where it stands, tick. Iterations of a stage come in order; within a
/// tick a writer's before its readers'.
using OnStart = std::function<void(std::size_t stage, const IterationCursor& at, Tick tick)>;

/// Sends `samples` through. Whatever order events of one tick are taken in, the same iterations start in it: starting
/// one never keeps another from starting. Where pixels queue for links, those of stages that come first go first.
SimulationResult simulate(const Pipeline& pipeline, int samples, const OnStart& on_start = {});

/// The deadlock in words: stage, buffer, who waits for what, and the way out.
std::string explain(const Pipeline& pipeline, const Deadlock& deadlock);

}  // namespace ohmic
