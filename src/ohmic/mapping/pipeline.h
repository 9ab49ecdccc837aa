#pragma once

// A plan as its stages and buffers behave in time, and what follows from that without running it.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ohmic/mapping/access.h"

namespace ohmic {

/// A tick is the time of one matrix-vector product.
using Tick = std::int64_t;

/// Parts of a tick in which the time on links is counted.
inline constexpr std::int64_t kLinkUnits = 1 << 20;

/// A buffer without bounds.
inline constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max() / 4;

/// The buffer between a stage and one that reads it. It holds pixels from the oldest that the reader still needs to the
/// newest that the writer has touched. A place freed in a tick can be written in that tick.
struct PipelineBuffer {
  int from = 0;
  InputAccess access;
  std::int64_t capacity = kUnbounded;  ///< pixels
  Tick delay = 0;                      ///< of the way between the two
  int link = -1;                       ///< that its pixels queue for; -1: none
  std::int64_t link_time = 0;          ///< of one pixel on it, in ticks / kLinkUnits
};

/// An iteration starts when all that it reads is there and there is room for what it writes. Reading in tick t what was
/// written in tick t - latency - delay. Each of `lanes` copies starts an iteration every `interval` ticks, in turn.
struct PipelineStage {
  std::string name;
  int rows = 1, columns = 1;  ///< iterations per sample
  OutputOrder output;
  std::vector<PipelineBuffer> inputs;
  int lanes = 1;
  Tick interval = 1;
  Tick latency = 1;  ///< 0 for what only adds or joins
  Tick slots = 1,
       slot = 0;  ///< iterations start in ticks t with t mod slots = slot: stages that share an array take turns

  Tick next_slot(Tick tick) const { return slots == 1 ? tick : tick + ((slot - tick) % slots + slots) % slots; }

  std::int64_t iterations() const { return static_cast<std::int64_t>(rows) * columns; }
};

/// Stage 0 is the source: it offers pixel q of sample m from tick ceil((m pixels + q + 1) ticks_per_sample / pixels) -
/// 1 on.
struct Pipeline {
  std::vector<PipelineStage> stages;
  Tick ticks_per_sample = 1;

  Tick offered(std::int64_t pixel) const {
    const std::int64_t pixels = stages[0].iterations();
    return ((pixel + 1) * ticks_per_sample + pixels - 1) / pixels - 1;
  }
};

/// A position in the endless sequence of iterations of one stage.
struct IterationCursor {
  std::int64_t sample = 0;
  int row = 0, column = 0;

  void step(const PipelineStage& stage) {
    if (++column < stage.columns) return;
    column = 0;
    if (++row < stage.rows) return;
    row = 0;
    ++sample;
  }
};

/// Pixels counted through all samples.
inline std::int64_t last_needed(const InputAccess& access, const IterationCursor& at) {
  return at.sample * access.pixels() + access.last_needed(at.row, at.column);
}
inline std::int64_t first_kept(const InputAccess& access, const IterationCursor& at) {
  return at.sample * access.pixels() + access.first_kept(at.row, at.column);
}
inline std::int64_t complete_after(const PipelineStage& stage, const IterationCursor& at) {
  return at.sample * stage.output.pixels() + stage.output.complete(at.row, at.column);
}
inline std::int64_t reached_after(const PipelineStage& stage, const IterationCursor& at) {
  return at.sample * stage.output.pixels() + stage.output.reached(at.row, at.column);
}

/// The times at which iterations start if no buffer is ever full (the recurrence of CHIP section 3): the earliest
/// possible.
struct Schedule {
  std::vector<std::vector<Tick>> starts;  ///< per stage: of the iterations of all samples
  int samples = 0;

  /// First tick of the first input pixel of a sample to the last output of it.
  Tick latency(int sample) const;
};

Schedule unbounded_schedule(const Pipeline& pipeline, int samples);

/// Pixels of one buffer.
struct BufferNeeds {
  std::int64_t full_rate = 0;  ///< the most that the unbounded schedule keeps in it: with as many it runs as fast
  std::int64_t least = 0;      ///< with as many in each buffer a run gets through
};

/// Whether the least sizes are only enough, or none of them can be smaller while the others stay. The first are exact
/// where streams do not meet, and elsewhere a few pixels larger; the second take a run without time for each input of
/// each stage with several.
enum class LeastBuffers { enough, exact };

/// Per stage and input. The schedule is followed until two samples in a row need the same, at most 16.
std::vector<std::vector<BufferNeeds>> buffer_needs(const Pipeline& pipeline, LeastBuffers least = LeastBuffers::enough);

}  // namespace ohmic
