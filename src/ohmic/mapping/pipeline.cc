#include "ohmic/mapping/pipeline.h"

#include <algorithm>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

// When pixels of a stream are there, asked for in rising order.
class Arrivals {
 public:
  Arrivals(const PipelineStage& stage, const std::vector<Tick>& starts) : stage_(stage), starts_(starts) {}

  Tick of(std::int64_t pixel) {
    while (complete_after(stage_, at_) <= pixel) {
      at_.step(stage_);
      ++iteration_;
    }
    return starts_[iteration_];
  }

 private:
  const PipelineStage& stage_;
  const std::vector<Tick>& starts_;
  IterationCursor at_;
  std::size_t iteration_ = 0;
};

std::vector<Tick> source_starts(const Pipeline& pipeline, int samples) {
  std::vector<Tick> starts(static_cast<std::size_t>(pipeline.stages[0].iterations() * samples));
  for (std::size_t q = 0; q < starts.size(); ++q) starts[q] = pipeline.offered(static_cast<std::int64_t>(q));
  return starts;
}

std::vector<Tick> stage_starts(const PipelineStage& stage, const Pipeline& pipeline, const Schedule& schedule) {
  std::vector<Tick> starts(static_cast<std::size_t>(stage.iterations() * schedule.samples));
  std::vector<Arrivals> arrivals;
  for (const PipelineBuffer& b : stage.inputs) {
    arrivals.emplace_back(pipeline.stages[static_cast<std::size_t>(b.from)],
                          schedule.starts[static_cast<std::size_t>(b.from)]);
  }
  IterationCursor at;
  const auto lanes = static_cast<std::size_t>(stage.lanes);
  for (std::size_t i = 0; i < starts.size(); ++i, at.step(stage)) {
    Tick start = i >= lanes ? starts[i - lanes] + stage.interval : 0;
    for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
      const PipelineBuffer& b = stage.inputs[k];
      start = std::max(start, arrivals[k].of(last_needed(b.access, at)) + stage.latency + b.delay);
    }
    // Iterations start in their order, also where a stage has many lanes.
    starts[i] = stage.next_slot(i > 0 ? std::max(start, starts[i - 1]) : start);
  }
  return starts;
}

// The most pixels held by one buffer per sample written, under a schedule.
std::vector<std::int64_t> most_held(const PipelineStage& writer, const std::vector<Tick>& writes,
                                    const PipelineStage& reader, const std::vector<Tick>& reads,
                                    const InputAccess& access, int samples) {
  std::vector<std::int64_t> most(static_cast<std::size_t>(samples), 0);
  IterationCursor writing, reading;
  std::size_t r = 0;
  std::int64_t complete = 0;  // before the write
  for (const Tick t : writes) {
    // What is read in the tick of the write is read before it, unless it is only written by it.
    while (r < reads.size() && reads[r] <= t && last_needed(access, reading) < complete) {
      reading.step(reader);
      ++r;
    }
    complete = complete_after(writer, writing);
    std::int64_t& held = most[static_cast<std::size_t>(writing.sample)];
    held = std::max(held, reached_after(writer, writing) - first_kept(access, reading));
    writing.step(writer);
  }
  return most;
}

// Runs one sample without time: after each pixel every stage goes as far as it can, those behind the longest way to the
// output first, because a join waits for them.
class EagerRun {
 public:
  EagerRun(const Pipeline& pipeline, std::vector<std::vector<BufferNeeds>>& needs)
      : pipeline_(pipeline), needs_(needs), stages_(pipeline.stages.size()) {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      const auto& inputs = pipeline.stages[s].inputs;
      stages_[s].at.resize(inputs.size());
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        stages_[static_cast<std::size_t>(inputs[k].from)].readers.push_back({s, k});
      }
    }
    order_readers();
  }

  void run() {
    for (std::int64_t q = 0; q < pipeline_.stages[0].iterations(); ++q) start(0);
  }

 private:
  struct Reader {
    std::size_t stage, input;
  };
  struct StageState {
    IterationCursor next;
    std::int64_t complete = 0;  // output pixels
    std::vector<std::int64_t> at;
    std::vector<Reader> readers;
    double lag = 0;
  };

  // How far the output is behind, in input pixels: the rows below that a kernel waits for, on the longest way.
  void order_readers() {
    std::vector<double> scale(stages_.size(), 1);  // input pixels per pixel
    for (std::size_t s = 1; s < stages_.size(); ++s) {
      const double pixels = static_cast<double>(pipeline_.stages[s].output.pixels());
      scale[s] = static_cast<double>(pipeline_.stages[0].output.pixels()) / pixels;
    }
    for (std::size_t s = stages_.size(); s-- > 1;) {
      const PipelineStage& stage = pipeline_.stages[s];
      const auto& own = stage.inputs[0];
      const int row = stage.rows / 2, column = stage.columns / 2;
      const double ahead =
          static_cast<double>(own.access.last_needed(row, column) - own.access.first_kept(row, column));
      double behind = 0;
      for (const Reader& r : stages_[s].readers) behind = std::max(behind, stages_[r.stage].lag);
      stages_[s].lag = behind + ahead * scale[static_cast<std::size_t>(own.from)];
    }
    for (StageState& s : stages_) {
      std::stable_sort(s.readers.begin(), s.readers.end(),
                       [&](const Reader& a, const Reader& b) { return stages_[a.stage].lag > stages_[b.stage].lag; });
    }
  }

  bool can_start(std::size_t s) const {
    const PipelineStage& stage = pipeline_.stages[s];
    const StageState& state = stages_[s];
    if (state.next.sample > 0) return false;
    for (const PipelineBuffer& b : stage.inputs) {
      if (last_needed(b.access, state.next) >= stages_[static_cast<std::size_t>(b.from)].complete) return false;
    }
    return true;
  }

  void start(std::size_t s) {
    const PipelineStage& stage = pipeline_.stages[s];
    StageState& state = stages_[s];
    const std::int64_t reached = reached_after(stage, state.next);
    state.complete = complete_after(stage, state.next);
    state.next.step(stage);
    for (const Reader& r : state.readers) {
      const InputAccess& access = pipeline_.stages[r.stage].inputs[r.input].access;
      std::int64_t& least = needs_[r.stage][r.input].least;
      least = std::max(least, reached - first_kept(access, stages_[r.stage].next));
    }
    for (const Reader& r : state.readers) {
      while (can_start(r.stage)) start(r.stage);
    }
  }

  const Pipeline& pipeline_;
  std::vector<std::vector<BufferNeeds>>& needs_;
  std::vector<StageState> stages_;
};

// Runs one sample without time, with the buffers' capacities. In which order stages are looked at does not matter:
// starting an iteration never keeps another from starting.
class BoundedRun {
 public:
  explicit BoundedRun(const Pipeline& pipeline) : pipeline_(pipeline), stages_(pipeline.stages.size()) {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      for (std::size_t k = 0; k < pipeline.stages[s].inputs.size(); ++k) {
        stages_[static_cast<std::size_t>(pipeline.stages[s].inputs[k].from)].readers.emplace_back(s, k);
      }
    }
  }

  /// Whether it gets to the end.
  bool run() {
    for (std::size_t s = stages_.size(); s-- > 0;) wake(s);
    while (!work_.empty()) {
      const std::size_t s = work_.back();
      work_.pop_back();
      stages_[s].is_awake = false;
      while (can_start(s)) start(s);
    }
    return std::all_of(stages_.begin(), stages_.end(), [](const State& s) { return s.next.sample > 0; });
  }

 private:
  struct State {
    IterationCursor next;
    std::int64_t complete = 0;
    bool is_awake = false;
    std::vector<std::pair<std::size_t, std::size_t>> readers;  // stage, input
  };

  void wake(std::size_t s) {
    if (stages_[s].is_awake || stages_[s].next.sample > 0) return;
    stages_[s].is_awake = true;
    work_.push_back(s);
  }

  bool can_start(std::size_t s) const {
    const State& state = stages_[s];
    if (state.next.sample > 0) return false;
    for (const PipelineBuffer& b : pipeline_.stages[s].inputs) {
      if (last_needed(b.access, state.next) >= stages_[static_cast<std::size_t>(b.from)].complete) return false;
    }
    const std::int64_t reached = reached_after(pipeline_.stages[s], state.next);
    return std::all_of(state.readers.begin(), state.readers.end(), [&](const auto& r) {
      const PipelineBuffer& b = pipeline_.stages[r.first].inputs[r.second];
      return reached - first_kept(b.access, stages_[r.first].next) <= b.capacity;
    });
  }

  void start(std::size_t s) {
    State& state = stages_[s];
    state.complete = complete_after(pipeline_.stages[s], state.next);
    state.next.step(pipeline_.stages[s]);
    for (const PipelineBuffer& b : pipeline_.stages[s].inputs) wake(static_cast<std::size_t>(b.from));
    for (const auto& r : state.readers) wake(r.first);
  }

  const Pipeline& pipeline_;
  std::vector<State> stages_;
  std::vector<std::size_t> work_;
};

}  // namespace

Tick Schedule::latency(int sample) const {
  const auto per_sample = [&](const std::vector<Tick>& s) { return s.size() / static_cast<std::size_t>(samples); };
  const auto number = static_cast<std::size_t>(sample);
  const std::vector<Tick>& first = starts.front();
  const std::vector<Tick>& last = starts.back();
  return last[(number + 1) * per_sample(last) - 1] - first[number * per_sample(first)];
}

Schedule unbounded_schedule(const Pipeline& pipeline, int samples) {
  Schedule schedule;
  schedule.samples = samples;
  schedule.starts.push_back(source_starts(pipeline, samples));
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    schedule.starts.push_back(stage_starts(pipeline.stages[s], pipeline, schedule));
  }
  return schedule;
}

namespace {

// Whether the last two samples but one needed the same of each buffer; the last one may be cut off by the end.
bool find_full_rate(const Pipeline& pipeline, int samples, std::vector<std::vector<BufferNeeds>>& needs) {
  const Schedule schedule = unbounded_schedule(pipeline, samples);
  bool is_steady = true;
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    const PipelineStage& reader = pipeline.stages[s];
    for (std::size_t k = 0; k < reader.inputs.size(); ++k) {
      const auto from = static_cast<std::size_t>(reader.inputs[k].from);
      const auto held = most_held(pipeline.stages[from], schedule.starts[from], reader, schedule.starts[s],
                                  reader.inputs[k].access, samples);
      const std::int64_t most = *std::max_element(held.begin(), held.end());
      is_steady = is_steady && *std::max_element(held.begin(), held.end() - 1) == most;
      needs[s][k].full_rate = most;
    }
  }
  return is_steady;
}

}  // namespace

namespace {

// Whether a sample gets through the buffers as they are.
bool gets_through(const Pipeline& pipeline) { return BoundedRun(pipeline).run(); }

// Where streams meet, the schedule may need fewer pixels than the eager run; often the smaller of the two are enough.
void take_smaller(Pipeline pipeline, std::vector<std::vector<BufferNeeds>>& needs) {
  bool is_smaller = false;
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    for (std::size_t k = 0; k < needs[s].size(); ++k) {
      is_smaller = is_smaller || needs[s][k].full_rate < needs[s][k].least;
      pipeline.stages[s].inputs[k].capacity = std::min(needs[s][k].full_rate, needs[s][k].least);
    }
  }
  if (!is_smaller || !gets_through(pipeline)) return;
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    for (std::size_t k = 0; k < needs[s].size(); ++k) needs[s][k].least = pipeline.stages[s].inputs[k].capacity;
  }
}

// What only one buffer feeds is known exactly; where streams meet, what waits in the buffers before makes some room.
void tighten(Pipeline pipeline, std::vector<std::vector<BufferNeeds>>& needs) {
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    for (std::size_t k = 0; k < needs[s].size(); ++k) pipeline.stages[s].inputs[k].capacity = needs[s][k].least;
  }
  for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
    if (needs[s].size() < 2) continue;
    for (std::size_t k = 0; k < needs[s].size(); ++k) {
      std::int64_t& capacity = pipeline.stages[s].inputs[k].capacity;
      std::int64_t enough = capacity, too_few = 0;
      capacity = enough - 1;  // most often too few already
      if (capacity > 0 && gets_through(pipeline)) {
        enough = capacity;
        while (enough - too_few > 1) {
          capacity = (enough + too_few) / 2;
          (gets_through(pipeline) ? enough : too_few) = capacity;
        }
      }
      needs[s][k].least = capacity = enough;
    }
  }
}

}  // namespace

std::vector<std::vector<BufferNeeds>> buffer_needs(const Pipeline& pipeline, LeastBuffers least) {
  constexpr int kMostSamples = 16;
  std::vector<std::vector<BufferNeeds>> needs;
  for (const PipelineStage& stage : pipeline.stages) needs.emplace_back(stage.inputs.size());
  for (int samples = 2; samples <= kMostSamples; samples *= 2) {
    if (find_full_rate(pipeline, samples, needs)) break;
  }
  EagerRun(pipeline, needs).run();
  take_smaller(pipeline, needs);
  if (least == LeastBuffers::exact) tighten(pipeline, needs);
  return needs;
}

}  // namespace ohmic
