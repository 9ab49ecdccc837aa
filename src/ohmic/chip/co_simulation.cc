#include "ohmic/chip/co_simulation.h"

#include <algorithm>
#include <map>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::int64_t kNothing = -1;  // in a place of a ring that was never written
constexpr std::int64_t kUnseen = -2;   // pixel that has neither been written nor read
constexpr int kSampleLayer = -1;

// The layers that a stage computes, and where their inputs come from.
struct StageProgram {
  std::vector<std::size_t> layers;  // in their order
  std::size_t result = 0;           // layer
};

// A sample as one reader sees it: which pixel of the writer's stream each of its pixels is.
using SeenPixels = std::vector<std::int64_t>;

class CoSimulator {
 public:
  CoSimulator(Graph& graph, const Plan& plan, const Pipeline& pipeline, MatrixView<const float> samples,
              std::uint64_t first_read)
      : graph_(graph), plan_(plan), pipeline_(pipeline), samples_(samples), first_read_(first_read) {
    const auto& stages = plan.graph.stages;
    stage_of_layer_.assign(graph.layer_count(), -1);
    for (std::size_t s = 1; s < stages.size(); ++s) stage_of_layer_[stages[s].final_layer] = static_cast<int>(s);
    states_.resize(stages.size());
    for (std::size_t s = 0; s < stages.size(); ++s) {
      State& state = states_[s];
      state.access = stage_access(plan.graph, s, plan.stages[s].packing);
      if (s > 0) state.program = make_program(stages[s].final_layer);
      for (std::size_t k = 0; k < stages[s].inputs.size(); ++k) {
        state.inputs.push_back({std::vector<std::int64_t>(ring_places(s, k), kNothing), {}});
        states_[static_cast<std::size_t>(stages[s].inputs[k].from)].readers.emplace_back(s, k);
      }
    }
    tail_ = make_program(graph.layer_count() - 1);
    result_.outputs.resize(samples.rows, graph.output_shape().size());
  }

  CoSimulationResult run() {
    result_.timing = simulate(pipeline_, static_cast<int>(samples_.rows),
                              [&](std::size_t s, const IterationCursor& at, Tick) { start(s, at); });
    if (!result_.timing.deadlock.empty()) result_.outputs.resize(0, 0);
    return std::move(result_);
  }

 private:
  struct Input {
    std::vector<std::int64_t> ring;           // pixels, counted through all samples
    std::map<std::int64_t, SeenPixels> seen;  // per sample under way
  };
  struct State {
    StageAccess access;
    StageProgram program;
    std::vector<Input> inputs;
    std::vector<std::pair<std::size_t, std::size_t>> readers;  // stage, input
    std::int64_t complete = 0;                                 // pixels written
    std::map<std::int64_t, bool> is_through;  // samples whose iterations are all done, not computed yet
    std::map<std::int64_t, Matrix> values;    // computed samples that are still read
    std::map<std::int64_t, std::size_t> readers_left;
  };

  std::size_t ring_places(std::size_t s, std::size_t k) const {
    const PipelineBuffer& b = pipeline_.stages[s].inputs[k];
    const std::int64_t all = b.access.pixels() * static_cast<std::int64_t>(samples_.rows);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(b.capacity, 1, all));
  }

  // What leads to a layer from the outputs of stages.
  StageProgram make_program(std::size_t result) const {
    StageProgram program;
    program.result = result;
    collect(result, result, program.layers);
    std::sort(program.layers.begin(), program.layers.end());
    return program;
  }

  void collect(std::size_t layer, std::size_t result, std::vector<std::size_t>& layers) const {
    const bool is_other_stage = stage_of_layer_[layer] >= 0 && layer != result;
    if (is_other_stage || std::find(layers.begin(), layers.end(), layer) != layers.end()) return;
    layers.push_back(layer);
    for (const int from : graph_.inputs_of(layer)) {
      if (from != kSampleLayer) collect(static_cast<std::size_t>(from), result, layers);
    }
  }

  void start(std::size_t s, const IterationCursor& at) {
    State& state = states_[s];
    for (std::size_t k = 0; k < state.inputs.size(); ++k) read(state, k, at);
    const std::int64_t complete = complete_after(pipeline_.stages[s], at);
    for (; state.complete < complete; ++state.complete) write(s, state.complete);
    if (at.row + 1 == state.access.rows && at.column + 1 == state.access.columns) {
      state.is_through[at.sample] = true;
      compute(s, at.sample);
    }
  }

  void write(std::size_t s, std::int64_t pixel) {
    for (const auto& [r, k] : states_[s].readers) {
      Input& in = states_[r].inputs[k];
      in.ring[static_cast<std::size_t>(pixel) % in.ring.size()] = pixel;
      const std::int64_t pixels = states_[r].access.inputs[k].pixels();
      // Also where no kernel looks: converters look at all that arrives.
      std::int64_t& arrived = seen(in, pixel / pixels, pixels)[static_cast<std::size_t>(pixel % pixels)];
      if (arrived == kUnseen) arrived = pixel;
      ++result_.moved_pixels;
    }
  }

  static SeenPixels& seen(Input& in, std::int64_t sample, std::int64_t pixels) {
    SeenPixels& s = in.seen[sample];
    if (s.empty()) s.assign(static_cast<std::size_t>(pixels), kUnseen);
    return s;
  }

  void read(State& state, std::size_t k, const IterationCursor& at) {
    Input& in = state.inputs[k];
    const InputAccess& access = state.access.inputs[k];
    SeenPixels& image = seen(in, at.sample, access.pixels());
    access.each_pixel(at.row, at.column, [&](std::int64_t p) {
      const std::int64_t due = at.sample * access.pixels() + p;
      const std::int64_t found = in.ring[static_cast<std::size_t>(due) % in.ring.size()];
      std::int64_t& pixel = image[static_cast<std::size_t>(p)];
      if (found != due || pixel == kUnseen) pixel = found;  // one wrong read is enough to spoil it
      result_.wrong_pixels += found != due;
    });
  }

  bool has_inputs(std::size_t s, std::int64_t sample) const {
    const auto& inputs = plan_.graph.stages[s].inputs;
    return std::all_of(inputs.begin(), inputs.end(), [&](const StageInput& in) {
      return states_[static_cast<std::size_t>(in.from)].values.contains(sample);
    });
  }

  // Computes a sample where the stage is through with it and what it reads is known; a stage that does not need the
  // last pixels of another one can be through before that is.
  void compute(std::size_t s, std::int64_t sample) {
    State& state = states_[s];
    if (!state.is_through.contains(sample) || !has_inputs(s, sample)) return;
    state.is_through.erase(sample);
    Matrix& values = state.values[sample];
    if (s == 0) {
      values.resize(1, samples_.columns);
      const auto row = samples_.row(static_cast<std::size_t>(sample));
      std::copy(row.begin(), row.end(), values.values().begin());
    } else {
      values = run_program(s, sample);
    }
    state.readers_left[sample] = state.readers.size();
    for (std::size_t k = 0; k < state.inputs.size(); ++k) release(s, k, sample);
    if (s + 1 == states_.size()) finish(sample);
    for (const auto& reader : state.readers) compute(reader.first, sample);
  }

  void release(std::size_t s, std::size_t k, std::int64_t sample) {
    states_[s].inputs[k].seen.erase(sample);
    State& from = states_[static_cast<std::size_t>(plan_.graph.stages[s].inputs[k].from)];
    if (--from.readers_left[sample] > 0) return;
    from.readers_left.erase(sample);
    from.values.erase(sample);
  }

  // The image that the reads delivered.
  Matrix delivered(std::size_t s, std::size_t k, std::int64_t sample) const {
    const State& from = states_[static_cast<std::size_t>(plan_.graph.stages[s].inputs[k].from)];
    const SeenPixels& pixels = states_[s].inputs[k].seen.at(sample);
    const auto count = static_cast<std::int64_t>(pixels.size());
    const std::size_t size = from.values.at(sample).values().size(), channels = size / pixels.size();
    Matrix image(1, size);
    std::fill(image.values().begin(), image.values().end(), 0.0f);
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      if (pixels[p] < 0) continue;
      const auto source = from.values.find(pixels[p] / count);
      if (source == from.values.end()) continue;
      const auto values = source->second.values().subspan(static_cast<std::size_t>(pixels[p] % count) * channels);
      std::copy_n(values.begin(), channels, image.values().begin() + static_cast<std::ptrdiff_t>(p * channels));
    }
    return image;
  }

  Matrix run_program(std::size_t s, std::int64_t sample) {
    std::map<int, Matrix> from_stages;  // by the layer whose output each is
    const auto& inputs = plan_.graph.stages[s].inputs;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const auto from = static_cast<std::size_t>(inputs[k].from);
      const int layer = from == 0 ? kSampleLayer : static_cast<int>(plan_.graph.stages[from].final_layer);
      from_stages.emplace(layer, delivered(s, k, sample));
    }
    return evaluate(states_[s].program, std::move(from_stages), sample);
  }

  Matrix evaluate(const StageProgram& program, std::map<int, Matrix> values, std::int64_t sample) {
    const Pass pass{first_read_ + static_cast<std::uint64_t>(sample), false};
    for (const std::size_t l : program.layers) {
      Layer& layer = graph_.layer(l);
      std::vector<MatrixView<const float>> x;
      for (const int from : graph_.inputs_of(l)) x.push_back(static_cast<const Matrix&>(values.at(from)).view());
      Matrix y(1, layer.output_shape().size());
      layer.forward(x, y.view(), pass);
      values[static_cast<int>(l)] = std::move(y);
    }
    return std::move(values.at(static_cast<int>(program.result)));
  }

  // What follows the last stage position by position.
  void finish(std::int64_t sample) {
    State& last = states_.back();
    const std::size_t final_layer = plan_.graph.stages.back().final_layer;
    Matrix values = std::move(last.values.at(sample));
    if (tail_.result != final_layer) {
      std::map<int, Matrix> from;
      from.emplace(static_cast<int>(final_layer), std::move(values));
      values = evaluate(tail_, std::move(from), sample);
    }
    std::copy(values.values().begin(), values.values().end(),
              result_.outputs.row(static_cast<std::size_t>(sample)).begin());
    last.values.erase(sample);
    last.readers_left.erase(sample);
  }

  Graph& graph_;
  const Plan& plan_;
  const Pipeline& pipeline_;
  MatrixView<const float> samples_;
  std::uint64_t first_read_;
  std::vector<int> stage_of_layer_;
  std::vector<State> states_;
  StageProgram tail_;
  CoSimulationResult result_;
};

}  // namespace

CoSimulationResult co_simulate(Graph& graph, const Plan& plan, const Pipeline& pipeline,
                               MatrixView<const float> samples, std::uint64_t first_read) {
  OHMIC_EXPECT(samples.columns == graph.input_size());
  return CoSimulator(graph, plan, pipeline, samples, first_read).run();
}

}  // namespace ohmic
