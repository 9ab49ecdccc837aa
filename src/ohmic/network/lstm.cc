#include "ohmic/network/lstm.h"

#include <algorithm>
#include <utility>

#include "ohmic/core/lstm_kernel.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kSamplesPerChunk = 8, kStepsPerChunk = 8;

MatrixView<float> step_rows(Matrix& m, std::size_t step, std::size_t batch) {
  return {m.values().data() + step * batch * m.columns(), batch, m.columns()};
}

}  // namespace

LstmLayer::LstmLayer(std::string name, const Shape& input, int units, bool bias, std::unique_ptr<Weights> weights)
    : Layer(name, {input}, {input.steps, 1, 1, units}),
      bias_(bias),
      steps_(static_cast<std::size_t>(input.steps)),
      features_(input.size() / static_cast<std::size_t>(input.steps)),
      units_(static_cast<std::size_t>(units)) {
  OHMIC_EXPECT(static_cast<std::size_t>(weights->inputs()) == features_ + units_ + (bias ? 1 : 0));
  OHMIC_EXPECT(static_cast<std::size_t>(weights->outputs()) == 4 * units_);
  matrix_.name = std::move(name);
  matrix_.weights = std::move(weights);
  matrix_.factored = true;
}

void LstmLayer::begin(State& state, std::size_t batch, bool continues) const {
  if (continues && state.hidden.rows() == batch) return;
  for (Matrix* m : {&state.hidden, &state.cell}) {
    m->resize(batch, units_);
    std::fill(m->values().begin(), m->values().end(), 0.0f);
  }
}

// The vectors of all steps, [x_t h_(t-1) 1], but for the h that are still to come.
void LstmLayer::assemble(LayerInputs x, const State& state) {
  const std::size_t batch = state.hidden.rows();
  matrix_.inputs.resize(steps_ * batch, features_ + units_ + (bias_ ? 1 : 0));
  parallel_chunks(steps_, kStepsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const auto rows = step_rows(matrix_.inputs, t, batch);
      for (std::size_t s = 0; s < batch; ++s) {
        float* row = rows.row(s).data();
        std::copy_n(x[0].row(s).data() + t * features_, features_, row);
        if (t == 0) std::copy_n(state.hidden.row(s).data(), units_, row + features_);
        if (bias_) row[features_ + units_] = 1;
      }
    }
  });
}

void LstmLayer::advance(std::size_t step, MatrixView<float> y) {
  const auto gates = step_rows(gates_, step, y.rows), squashed = step_rows(squashed_, step, y.rows);
  const auto before = step_rows(cells_, step, y.rows), after = step_rows(cells_, step + 1, y.rows);
  parallel_chunks(y.rows, kSamplesPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      float* hidden = y.row(s).data() + step * units_;
      lstm_step(
          {units_, gates.row(s).data(), before.row(s).data(), after.row(s).data(), squashed.row(s).data(), hidden});
      if (step + 1 == steps_) continue;
      std::copy_n(hidden, units_, step_rows(matrix_.inputs, step + 1, y.rows).row(s).data() + features_);
    }
  });
}

void LstmLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  State& state = pass.training ? training_ : evaluation_;
  const std::size_t batch = y.rows;
  begin(state, batch, pass.continues);
  assemble(x, state);
  gates_.resize(steps_ * batch, 4 * units_);
  squashed_.resize(steps_ * batch, units_);
  cells_.resize((steps_ + 1) * batch, units_);
  std::copy(state.cell.values().begin(), state.cell.values().end(), cells_.values().begin());
  for (std::size_t t = 0; t < steps_; ++t) {
    const Pass reads{pass.first_read * steps_ + t * batch, pass.training, false, pass.calibrates};
    matrix_.weights->forward(step_rows(matrix_.inputs, t, batch), step_rows(gates_, t, batch), reads);
    advance(t, y);
  }
  const auto last = step_rows(cells_, steps_, batch);
  std::copy_n(last.data, batch * units_, state.cell.values().begin());
  for (std::size_t s = 0; s < batch; ++s) {
    std::copy_n(y.row(s).data() + (steps_ - 1) * units_, units_, state.hidden.row(s).data());
  }
}

// From the gradients behind a step, cell_gradient_ and the part of input_gradient_ by its h, to those by its gates.
void LstmLayer::retreat(std::size_t step, MatrixView<const float> dy) {
  const auto gates = step_rows(gates_, step, dy.rows), deltas = step_rows(matrix_.deltas, step, dy.rows);
  const auto before = step_rows(cells_, step, dy.rows), squashed = step_rows(squashed_, step, dy.rows);
  parallel_chunks(dy.rows, kSamplesPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      lstm_step_back({units_, gates.row(s).data(), before.row(s).data(), squashed.row(s).data(),
                      dy.row(s).data() + step * units_, input_gradient_.row(s).data() + features_,
                      cell_gradient_.row(s).data(), deltas.row(s).data()});
    }
  });
}

void LstmLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                         const Pass& pass) {
  const std::size_t batch = dy.rows;
  matrix_.deltas.resize(steps_ * batch, 4 * units_);
  for (auto [gradient, columns] : {std::pair{&cell_gradient_, units_}, {&input_gradient_, matrix_.inputs.columns()}}) {
    gradient->resize(batch, columns);
    std::fill(gradient->values().begin(), gradient->values().end(), 0.0f);
  }
  for (std::size_t t = steps_; t-- > 0;) {
    retreat(t, dy);
    if (t == 0 && dx[0].data == nullptr) break;
    const Pass reads{pass.first_read * steps_ + t * batch, pass.training};
    matrix_.weights->backward(step_rows(matrix_.deltas, t, batch), input_gradient_.view(), reads);
    if (dx[0].data == nullptr) continue;
    for (std::size_t s = 0; s < batch; ++s) {
      std::copy_n(input_gradient_.row(s).data(), features_, dx[0].row(s).data() + t * features_);
    }
  }
}

void LstmLayer::save(SafetensorsWriter& out) const {
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(training_.hidden.rows()),
                                           static_cast<std::int64_t>(units_)};
  out.add(name() + ".hidden", training_.hidden.values(), shape);
  out.add(name() + ".cell", training_.cell.values(), shape);
}

void LstmLayer::load(const SafetensorsFile& in) {
  const std::vector<float> hidden = in.read<float>(name() + ".hidden"), cell = in.read<float>(name() + ".cell");
  if (hidden.size() % units_ != 0 || hidden.size() != cell.size()) {
    fail("{}: the saved state has {} and {} values, which are no whole number of lanes of {} units; restore the file",
         name(), hidden.size(), cell.size(), units_);
  }
  for (auto [to, from] : {std::pair{&training_.hidden, &hidden}, std::pair{&training_.cell, &cell}}) {
    to->resize(from->size() / units_, units_);
    std::copy(from->begin(), from->end(), to->values().begin());
  }
}

LayerWork LstmLayer::work(Phase phase) const {
  const std::uint64_t cells = steps_ * units_;
  // Back: 1 + 3 x 5 + 1 operations; gates, c, tanh c, both gradients by h, that by c and its new value, four deltas.
  if (phase == Phase::backward) return {17 * cells, 14 * cells};
  // Gates, c before and after, h; for the way back also tanh c.
  return {4 * cells, (phase == Phase::forward ? 8 : 7) * cells};
}

}  // namespace ohmic
