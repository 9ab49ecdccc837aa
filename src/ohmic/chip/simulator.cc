#include "ohmic/chip/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr Tick kNever = -1;

// What a reader can see of the pixels on their way to it.
class Arrival {
 public:
  explicit Arrival(Tick lag = 0) : lag_(lag), pending_(static_cast<std::size_t>(lag) + 2) {}

  /// `queued`: ticks that the pixels wait for links.
  void write(Tick now, std::int64_t complete, Tick queued) {
    Tick tick = now + lag_ + queued;
    see(now);
    if (count_ > 0) tick = std::max(tick, at(count_ - 1).tick);
    if (tick == now) {
      visible_ = complete;
    } else if (count_ > 0 && at(count_ - 1).tick == tick) {
      at(count_ - 1).complete = complete;
    } else {
      if (count_ == pending_.size()) grow();
      at(count_++) = {tick, complete};
    }
  }
  void see(Tick now) {
    while (count_ > 0 && pending_[first_].tick <= now) {
      visible_ = pending_[first_].complete;
      first_ = (first_ + 1) % pending_.size();
      --count_;
    }
  }
  std::int64_t visible() const { return visible_; }
  /// The tick in which a pixel that is on its way will be there, or kNever.
  Tick tick_of(std::int64_t pixel) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const Entry& e = pending_[(first_ + i) % pending_.size()];
      if (e.complete > pixel) return e.tick;
    }
    return kNever;
  }

 private:
  struct Entry {
    Tick tick = 0;
    std::int64_t complete = 0;
  };
  Entry& at(std::size_t i) { return pending_[(first_ + i) % pending_.size()]; }
  void grow() {
    std::rotate(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(first_), pending_.end());
    first_ = 0;
    pending_.resize(2 * pending_.size());
  }

  Tick lag_;
  std::vector<Entry> pending_;  // a ring: one entry per tick in which pixels arrive
  std::size_t first_ = 0, count_ = 0;
  std::int64_t visible_ = 0;
};

struct Reader {
  std::size_t stage, input;
};

struct BufferState {
  Arrival arrival;
  std::int64_t needed = 0;  // by the reader's next iteration
  std::int64_t kept = 0;    // first pixel that the reader still needs
  std::int64_t complete = 0;
};

struct StageState {
  IterationCursor next;
  std::int64_t done = 0, total = 0;
  std::int64_t next_reached = 0, next_complete = 0;
  std::vector<BufferState> inputs;
  std::vector<Reader> readers;
  std::vector<Tick> lane_free;  // of the lane whose turn it is, in turn
  std::size_t lane = 0;
  Tick scheduled = kNever;  // tick of its event, if any
  bool waits_for_room = false;
  Tick data_since = 0;  // when what the next iteration reads was there
};

class Simulator {
 public:
  Simulator(const Pipeline& pipeline, int samples, const OnStart& on_start)
      : pipeline_(pipeline), samples_(samples), on_start_(on_start), states_(pipeline.stages.size()) {
    result_.stages.resize(states_.size());
    result_.buffers.resize(states_.size());
    result_.first_input.assign(static_cast<std::size_t>(samples), 0);
    result_.last_output.assign(static_cast<std::size_t>(samples), 0);
    for (std::size_t s = 0; s < states_.size(); ++s) prepare(s);
  }

  SimulationResult run() {
    for (std::size_t s = 0; s < states_.size(); ++s) schedule(s, s == 0 ? pipeline_.offered(0) : 0);
    while (!events_.empty()) {
      const auto [tick, stage] = events_.top();
      events_.pop();
      StageState& state = states_[stage];
      if (state.scheduled != tick) continue;  // moved to an earlier tick
      state.scheduled = kNever;
      now_ = tick;
      advance(stage);
    }
    if (states_.back().done < states_.back().total) explain_deadlock();
    result_.ticks = result_.last_output.back();
    return std::move(result_);
  }

 private:
  using Event = std::pair<Tick, std::size_t>;

  void prepare(std::size_t s) {
    const PipelineStage& stage = pipeline_.stages[s];
    StageState& state = states_[s];
    state.total = stage.iterations() * samples_;
    state.lane_free.assign(static_cast<std::size_t>(stage.lanes), 0);
    result_.buffers[s].resize(stage.inputs.size());
    result_.stages[s].spans.resize(static_cast<std::size_t>(samples_));
    for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
      const PipelineBuffer& b = stage.inputs[k];
      state.inputs.push_back({Arrival(stage.latency + b.delay)});
      states_[static_cast<std::size_t>(b.from)].readers.push_back({s, k});
    }
    look_ahead(s);
  }

  // What the next iteration reads and writes.
  void look_ahead(std::size_t s) {
    const PipelineStage& stage = pipeline_.stages[s];
    StageState& state = states_[s];
    for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
      BufferState& b = state.inputs[k];
      b.kept = first_kept(stage.inputs[k].access, state.next);
      if (state.done < state.total) b.needed = last_needed(stage.inputs[k].access, state.next);
    }
    if (state.done == state.total) return;
    state.next_reached = reached_after(stage, state.next);
    state.next_complete = complete_after(stage, state.next);
  }

  void schedule(std::size_t s, Tick tick) {
    StageState& state = states_[s];
    if (state.scheduled != kNever && state.scheduled <= tick) return;
    state.scheduled = tick;
    events_.emplace(tick, s);
  }

  // Starts as many iterations as can start now, and sees to it that the stage is looked at again.
  void advance(std::size_t s) {
    StageState& state = states_[s];
    while (state.done < state.total) {
      Tick free = state.lane_free[state.lane];
      if (s == 0) free = std::max(free, pipeline_.offered(state.done));
      free = pipeline_.stages[s].next_slot(std::max(free, now_));
      if (free > now_) return schedule(s, free);
      if (!has_data(s)) return;
      if (!has_room(s)) {
        state.waits_for_room = true;
        return;
      }
      start(s);
    }
  }

  bool has_data(std::size_t s) {
    StageState& state = states_[s];
    bool has_all = true;
    Tick later = 0;
    for (BufferState& b : state.inputs) {
      b.arrival.see(now_);
      if (b.arrival.visible() > b.needed) continue;
      has_all = false;
      const Tick tick = b.arrival.tick_of(b.needed);
      if (tick == kNever) return false;  // its writer wakes us
      later = std::max(later, tick);
    }
    if (!has_all) schedule(s, later);
    if (has_all && !state.waits_for_room) state.data_since = now_;
    return has_all;
  }

  bool has_room(std::size_t s) const {
    const StageState& state = states_[s];
    return std::all_of(state.readers.begin(), state.readers.end(), [&](const Reader& r) {
      const BufferState& b = states_[r.stage].inputs[r.input];
      return state.next_reached - b.kept <= pipeline_.stages[r.stage].inputs[r.input].capacity;
    });
  }

  void start(std::size_t s) {
    const PipelineStage& stage = pipeline_.stages[s];
    StageState& state = states_[s];
    StageRun& run = result_.stages[s];
    if (state.waits_for_room) run.waited_for_room += now_ - state.data_since;
    if (run.iterations == 0) run.first = now_;
    const Tick free = std::max(state.lane_free[state.lane], run.last);
    if (run.iterations > 0) run.waited_for_data += std::max<Tick>(0, state.data_since - free);
    run.last = now_;
    run.busy += stage.interval;
    ++run.iterations;
    state.waits_for_room = false;
    if (on_start_) on_start_(s, state.next, now_);
    note_sample(s);
    const std::int64_t reached = state.next_reached, complete = state.next_complete;
    state.lane_free[state.lane] = now_ + stage.interval;
    state.lane = (state.lane + 1) % state.lane_free.size();
    state.next.step(stage);
    ++state.done;
    look_ahead(s);
    write(s, reached, complete);
    for (const PipelineBuffer& b : stage.inputs) {
      const auto from = static_cast<std::size_t>(b.from);
      if (states_[from].waits_for_room) schedule(from, now_);
    }
  }

  void write(std::size_t s, std::int64_t reached, std::int64_t complete) {
    for (const Reader& r : states_[s].readers) {
      BufferState& b = states_[r.stage].inputs[r.input];
      BufferRun& run = result_.buffers[r.stage][r.input];
      run.most = std::max(run.most, reached - b.kept);
      if (complete == b.complete) continue;
      const Tick queued = queue_for_link(pipeline_.stages[r.stage].inputs[r.input], complete - b.complete);
      b.complete = complete;
      const bool is_awaited = complete > b.needed && b.arrival.visible() <= b.needed;
      b.arrival.write(now_, complete, queued);
      if (is_awaited) schedule(r.stage, b.arrival.visible() > b.needed ? now_ : b.arrival.tick_of(b.needed));
    }
  }

  // Whole ticks that new pixels wait for their link; what gets through within the tick costs nothing.
  Tick queue_for_link(const PipelineBuffer& buffer, std::int64_t pixels) {
    if (buffer.link < 0) return 0;
    const auto link = static_cast<std::size_t>(buffer.link);
    if (link >= link_free_.size()) link_free_.resize(link + 1, 0);
    const std::int64_t now = now_ * kLinkUnits;
    link_free_[link] = std::max(link_free_[link], now) + pixels * buffer.link_time;
    return std::max<std::int64_t>(0, link_free_[link] - now - 1) / kLinkUnits;
  }

  void note_sample(std::size_t s) {
    const IterationCursor& at = states_[s].next;
    const auto sample = static_cast<std::size_t>(at.sample);
    SampleSpan& span = result_.stages[s].spans[sample];
    if (at.row == 0 && at.column == 0) span.first = now_;
    span.last = now_;
    if (s == 0 && at.row == 0 && at.column == 0) result_.first_input[sample] = now_;
    if (s + 1 == states_.size()) result_.last_output[sample] = now_;
  }

  // What a stage that has not finished waits for.
  Waiting waiting_of(std::size_t s) {
    const StageState& state = states_[s];
    const PipelineStage& stage = pipeline_.stages[s];
    Waiting w;
    w.stage = static_cast<int>(s);
    w.sample = state.next.sample;
    w.iteration = static_cast<std::int64_t>(state.next.row) * stage.columns + state.next.column;
    for (std::size_t k = 0; k < state.inputs.size(); ++k) {
      const BufferState& b = state.inputs[k];
      if (b.complete > b.needed) continue;
      w.other = stage.inputs[k].from;
      w.buffer = static_cast<int>(k);
      w.pixel = b.needed % stage.inputs[k].access.pixels();
      w.capacity = stage.inputs[k].capacity;
      return w;
    }
    w.for_room = true;
    for (const Reader& r : state.readers) {
      const PipelineBuffer& buffer = pipeline_.stages[r.stage].inputs[r.input];
      if (state.next_reached - states_[r.stage].inputs[r.input].kept <= buffer.capacity) continue;
      w.other = static_cast<int>(r.stage);
      w.buffer = static_cast<int>(r.input);
      w.pixel = (state.next_reached - 1) % stage.output.pixels();
      w.capacity = buffer.capacity;
      return w;
    }
    OHMIC_EXPECT(false);
    return w;
  }

  void explain_deadlock() {
    Deadlock deadlock;
    deadlock.tick = now_;
    std::vector<int> waiting(states_.size(), -1);
    for (std::size_t s = 0; s < states_.size(); ++s) {
      if (states_[s].done == states_[s].total) continue;
      waiting[s] = static_cast<int>(deadlock.all.size());
      deadlock.all.push_back(waiting_of(s));
    }
    // Whoever waits, waits for somebody who waits: following them leads into a circle.
    std::vector<int> visit(states_.size(), -1);
    std::vector<Waiting> way;
    for (int s = deadlock.all.front().stage; visit[static_cast<std::size_t>(s)] < 0; s = way.back().other) {
      visit[static_cast<std::size_t>(s)] = static_cast<int>(way.size());
      way.push_back(deadlock.all[static_cast<std::size_t>(waiting[static_cast<std::size_t>(s)])]);
    }
    const int first = visit[static_cast<std::size_t>(way.back().other)];
    deadlock.circle.assign(way.begin() + first, way.end());
    result_.deadlock.push_back(std::move(deadlock));
  }

  const Pipeline& pipeline_;
  int samples_;
  const OnStart& on_start_;
  std::vector<StageState> states_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::int64_t> link_free_;  // when each link has sent what it was given, in ticks / kLinkUnits
  Tick now_ = 0;
  SimulationResult result_;
};

std::string explain_one(const Pipeline& pipeline, const Waiting& w) {
  const auto& stages = pipeline.stages;
  const std::string& name = stages[static_cast<std::size_t>(w.stage)].name;
  const std::string& other = stages[static_cast<std::size_t>(w.other)].name;
  if (w.for_room) {
    return fmt::format(
        "{} (sample {}, iteration {}) waits for room for pixel {} in the buffer from it to {}: {} pixels, full", name,
        w.sample, w.iteration, w.pixel, other, w.capacity);
  }
  return fmt::format("{} (sample {}, iteration {}) waits for pixel {} of {}", name, w.sample, w.iteration, w.pixel,
                     other);
}

}  // namespace

Tick SimulationResult::ticks_per_sample() const {
  const std::size_t count = last_output.size();
  return count > 1 ? last_output[count - 1] - last_output[count - 2] : 0;
}

SimulationResult simulate(const Pipeline& pipeline, int samples, const OnStart& on_start) {
  return Simulator(pipeline, samples, on_start).run();
}

std::string explain(const Pipeline& pipeline, const Deadlock& deadlock) {
  std::string text = fmt::format("the pipeline stands still at tick {}; in a circle:\n", deadlock.tick);
  for (const Waiting& w : deadlock.circle) text += "  " + explain_one(pipeline, w) + "\n";
  std::vector<std::string> full;
  for (const Waiting& w : deadlock.circle) {
    if (!w.for_room) continue;
    full.push_back(fmt::format("from {} to {}", pipeline.stages[static_cast<std::size_t>(w.stage)].name,
                               pipeline.stages[static_cast<std::size_t>(w.other)].name));
  }
  return text + fmt::format("give the buffer {} more pixels", fmt::join(full, ", or the one "));
}

}  // namespace ohmic
