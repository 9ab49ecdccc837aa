#include "ohmic/training/learner.h"

#include <cmath>

#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

constexpr const char* kDigitalParameters = "digital parameters";

// Digital parameters are not pulled towards zero: scales and biases have no reason to be small.
OptimizerSpec without_decay(OptimizerSpec spec) {
  spec.weight_decay = 0;
  return spec;
}

// Where a checkpoint keeps the counters of the parameters: several networks may share it.
std::string parameters_key(const Graph& graph) { return graph.parameters().front()->name + ".parameters"; }

double squared_norm(std::span<const float> values) {
  return lane_sum(values.size(), [=](std::size_t i) {
    const auto v = static_cast<double>(values[i]);
    return v * v;
  });
}

}  // namespace

Learner::Learner(const ExperimentSpec& spec, Graph graph)
    : optimizer_(spec.optimizer),
      clock_(spec.clock),
      renew_wires_every_(static_cast<std::uint64_t>(spec.wires.renew_every_samples)),
      graph_(std::move(graph)),
      noise_(spec.training.noise_injection, static_cast<std::uint64_t>(spec.seed)) {
  if (graph_.weight_matrices().empty() && graph_.parameters().empty()) {
    fail("network.layers has nothing to train; add [[network.layers]] with kind = \"dense\" and units");
  }
  for (const WeightMatrix* matrix : graph_.weight_matrices()) rules_.push_back(make_update_rule(spec, *matrix));
  for (const Parameter* parameter : graph_.parameters()) {
    parameter_optimizers_.emplace_back(without_decay(spec.optimizer), parameter->values.size());
  }
}

// The norm of the mean gradient of all weights together against the limit.
float Learner::clip_factor(const UpdateStep& step) {
  if (optimizer_.clip_norm == 0) return 1;
  double sum = 0;
  for (WeightMatrix* matrix : graph_.weight_matrices()) {
    if (matrix->factored) multiply_factors(*matrix);
    sum += squared_norm(matrix->gradient.values());
  }
  for (const Parameter* parameter : graph_.parameters()) sum += squared_norm(parameter->gradient);
  const double norm = std::sqrt(sum) / step.loss_terms;
  return norm > optimizer_.clip_norm ? static_cast<float>(optimizer_.clip_norm / norm) : 1.0f;
}

int Learner::update(UpdateStep step) {
  noise_.restore(graph_);
  step.gradient_factor = clip_factor(step);
  step.has_gradients = optimizer_.clip_norm > 0;
  int rewritten = 0;
  const double now_s = clock_.seconds_per_sample * static_cast<double>(step.samples_now);
  const bool renew_wires = step.samples_before / renew_wires_every_ != step.samples_now / renew_wires_every_;
  for (std::size_t m = 0; m < rules_.size(); ++m) {
    WeightMatrix& matrix = *graph_.weight_matrices()[m];
    rules_[m]->update(matrix, step);
    rewritten += rules_[m]->maintain(matrix, step);
    if (auto* analog = dynamic_cast<AnalogWeights*>(matrix.weights.get())) {
      analog->tile().advance_to(now_s);
      if (renew_wires) analog->tile().renew_wires();
    }
  }
  noise_.clip(graph_);
  const auto scale = static_cast<float>(step.gradient_factor / step.loss_terms);
  for (std::size_t p = 0; p < parameter_optimizers_.size(); ++p) {
    Parameter& parameter = *graph_.parameters()[p];
    for (float& g : parameter.gradient) g *= scale;
    change_.resize(parameter.values.size());
    parameter_optimizers_[p].make_step(parameter.gradient, parameter.values, step.learning_rate, change_);
    for (std::size_t i = 0; i < change_.size(); ++i) parameter.values[i] += change_[i];
    count_parameters(parameter_optimizers_[p], change_.size(), step.has_gradients);
  }
  return rewritten;
}

// Optimiser, step, and the number itself read and written; its gradient comes from the layer.
void Learner::count_parameters(const Optimizer& optimizer, std::size_t size, bool measures_norm) {
  Counters& counters = parameter_counters_[Phase::update];
  counters.optimizer_macs += size * (optimizer.macs_per_weight() + 1 + (measures_norm ? 1 : 0));
  counters.state_words += size * (optimizer.words_per_weight() + 2 + (measures_norm ? 2 : 0));
}

std::vector<Graph::LayerCounters> Learner::layer_counters() const {
  std::vector<Graph::LayerCounters> all = graph_.layer_counters();
  if (parameter_counters_ != PhaseCounters()) all.push_back({kDigitalParameters, parameter_counters_});
  return all;
}

std::vector<Learner::MatrixCounters> Learner::matrix_counters() const {
  std::vector<MatrixCounters> all;
  for (std::size_t m = 0; m < rules_.size(); ++m) {
    const WeightMatrix* matrix = graph_.weight_matrices()[m];
    all.push_back({matrix, matrix->weights->phase_counters()});
    all.back().counters += rules_[m]->phase_counters();
  }
  return all;
}

Counters Learner::counters() const {
  Counters total;
  for (const MatrixCounters& of_one : matrix_counters()) total += of_one.counters.total();
  return total;
}

void Learner::add_wear(WearRecord& wear) const {
  for (const WeightMatrix* matrix : graph_.weight_matrices()) {
    const auto* analog = dynamic_cast<const AnalogWeights*>(matrix->weights.get());
    if (analog == nullptr || !analog->tile().spec().counts_wear) continue;
    const CellArray& cells = analog->tile().cells();
    for (const int side : {0, 1}) {
      if (side == 1 && cells.is_single()) continue;
      const CellWear pulses = cells.wear(side);
      wear.add(side == 0 ? "MSB G+" : "MSB G-", pulses.sets, pulses.resets);
    }
  }
  for (const auto& rule : rules_) rule->add_wear(wear);
}

std::size_t Learner::bytes() const {
  std::size_t bytes = 0;
  for (const WeightMatrix* matrix : graph_.weight_matrices()) bytes += matrix->weights->bytes();
  for (const auto& rule : rules_) bytes += rule->bytes();
  for (const Parameter* parameter : graph_.parameters()) bytes += parameter->values.size() * sizeof(float);
  for (const Optimizer& optimizer : parameter_optimizers_) bytes += optimizer.bytes();
  return bytes;
}

void Learner::save(SafetensorsWriter& out) const {
  graph_.save(out);
  for (std::size_t m = 0; m < rules_.size(); ++m) rules_[m]->save(graph_.weight_matrices()[m]->name, out);
  for (std::size_t p = 0; p < parameter_optimizers_.size(); ++p) {
    parameter_optimizers_[p].save(graph_.parameters()[p]->name, out);
  }
  if (!parameter_optimizers_.empty()) parameter_counters_.save(parameters_key(graph_), out);
}

void Learner::load(const SafetensorsFile& in) {
  graph_.load(in);
  for (std::size_t m = 0; m < rules_.size(); ++m) rules_[m]->load(graph_.weight_matrices()[m]->name, in);
  for (std::size_t p = 0; p < parameter_optimizers_.size(); ++p) {
    parameter_optimizers_[p].load(graph_.parameters()[p]->name, in);
  }
  parameter_counters_ = {};
  if (parameter_optimizers_.empty() || !in.contains(parameters_key(graph_) + ".phase_counters")) return;
  parameter_counters_.load(parameters_key(graph_), in);
}

}  // namespace ohmic
