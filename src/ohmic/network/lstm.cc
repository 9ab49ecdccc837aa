#include "ohmic/network/lstm.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kSamplesPerChunk = 8;

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

// The vectors of one step: [x_t h_(t-1) 1].
void LstmLayer::assemble(LayerInputs x, std::size_t step, const Matrix& hidden) {
  const std::size_t batch = hidden.rows();
  const auto rows = step_rows(matrix_.inputs, step, batch);
  for (std::size_t s = 0; s < batch; ++s) {
    float* row = rows.row(s).data();
    std::copy_n(x[0].row(s).data() + step * features_, features_, row);
    std::copy_n(hidden.row(s).data(), units_, row + features_);
    if (bias_) row[features_ + units_] = 1;
  }
}

void LstmLayer::advance(State& state, std::size_t step, MatrixView<float> y) {
  const std::size_t batch = state.cell.rows();
  const auto gates = step_rows(gates_, step, batch);
  const auto after = step_rows(cells_, step + 1, batch);
  parallel_chunks(batch, kSamplesPerChunk, [&](std::size_t begin, std::size_t end) {
    thread_local std::vector<float> squashed;
    squashed.resize(units_);
    for (std::size_t s = begin; s < end; ++s) {
      const std::span<float> g = gates.row(s);
      sigmoid(g.subspan(0, 2 * units_));
      hyperbolic_tangent(g.subspan(2 * units_, units_));
      sigmoid(g.subspan(3 * units_, units_));
      const std::span<float> cell = state.cell.row(s), hidden = state.hidden.row(s);
      for (std::size_t u = 0; u < units_; ++u) cell[u] = g[units_ + u] * cell[u] + g[u] * g[2 * units_ + u];
      std::copy(cell.begin(), cell.end(), after.row(s).begin());
      std::copy(cell.begin(), cell.end(), squashed.begin());
      hyperbolic_tangent(squashed);
      for (std::size_t u = 0; u < units_; ++u) hidden[u] = g[3 * units_ + u] * squashed[u];
      std::copy(hidden.begin(), hidden.end(), y.row(s).data() + step * units_);
    }
  });
}

void LstmLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  State& state = pass.training ? training_ : evaluation_;
  const std::size_t batch = y.rows;
  begin(state, batch, pass.continues);
  matrix_.inputs.resize(steps_ * batch, features_ + units_ + (bias_ ? 1 : 0));
  gates_.resize(steps_ * batch, 4 * units_);
  cells_.resize((steps_ + 1) * batch, units_);
  std::copy(state.cell.values().begin(), state.cell.values().end(), cells_.values().begin());
  for (std::size_t t = 0; t < steps_; ++t) {
    assemble(x, t, state.hidden);
    const Pass reads{pass.first_read * steps_ + t * batch, pass.training};
    matrix_.weights->forward(step_rows(matrix_.inputs, t, batch), step_rows(gates_, t, batch), reads);
    advance(state, t, y);
  }
}

void LstmLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                         const Pass& pass) {
  const std::size_t batch = dy.rows;
  matrix_.deltas.resize(steps_ * batch, 4 * units_);
  hidden_gradient_.resize(batch, units_);
  cell_gradient_.resize(batch, units_);
  input_gradient_.resize(batch, matrix_.inputs.columns());
  std::fill(hidden_gradient_.values().begin(), hidden_gradient_.values().end(), 0.0f);
  std::fill(cell_gradient_.values().begin(), cell_gradient_.values().end(), 0.0f);
  for (std::size_t t = steps_; t-- > 0;) {
    const auto gates = step_rows(gates_, t, batch), deltas = step_rows(matrix_.deltas, t, batch);
    const auto before = step_rows(cells_, t, batch), after = step_rows(cells_, t + 1, batch);
    parallel_chunks(batch, kSamplesPerChunk, [&](std::size_t begin, std::size_t end) {
      thread_local std::vector<float> squashed;
      squashed.resize(units_);
      for (std::size_t s = begin; s < end; ++s) {
        std::copy(after.row(s).begin(), after.row(s).end(), squashed.begin());
        hyperbolic_tangent(squashed);
        const std::span<const float> g = gates.row(s);
        const std::span<float> d = deltas.row(s), dc = cell_gradient_.row(s), dh = hidden_gradient_.row(s);
        const float* wanted = dy.row(s).data() + t * units_;
        for (std::size_t u = 0; u < units_; ++u) {
          const float i = g[u], f = g[units_ + u], n = g[2 * units_ + u], o = g[3 * units_ + u];
          const float h = dh[u] + wanted[u];
          const float c = dc[u] + h * o * (1 - squashed[u] * squashed[u]);
          d[u] = c * n * i * (1 - i);
          d[units_ + u] = c * before.row(s)[u] * f * (1 - f);
          d[2 * units_ + u] = c * i * (1 - n * n);
          d[3 * units_ + u] = h * squashed[u] * o * (1 - o);
          dc[u] = c * f;
        }
      }
    });
    if (t == 0 && dx[0].data == nullptr) break;
    const Pass reads{pass.first_read * steps_ + t * batch, pass.training};
    matrix_.weights->backward(deltas, input_gradient_.view(), reads);
    for (std::size_t s = 0; s < batch; ++s) {
      const float* row = input_gradient_.row(s).data();
      if (dx[0].data != nullptr) std::copy_n(row, features_, dx[0].row(s).data() + t * features_);
      std::copy_n(row + features_, units_, hidden_gradient_.row(s).data());
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

}  // namespace ohmic
