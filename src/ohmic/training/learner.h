#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ohmic/network/graph.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/optimizer.h"
#include "ohmic/training/update_rule.h"

namespace ohmic {

/// A network with what trains it: an update rule for each weight matrix, an optimiser for each digital parameter.
class Learner {
 public:
  Learner(const ExperimentSpec& spec, Graph graph);

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }

  /// To be called before the forward pass of each batch: hardware-aware training perturbs the weights until `update`.
  void begin_batch(const UpdateStep& step) { noise_.perturb(graph_, step.number); }
  /// Changes all weights by what the last batch wants, lets the arrays do their maintenance and time pass. Returns the
  /// pairs rewritten.
  int update(UpdateStep step);

  Counters counters() const;
  /// What happened for each weight matrix, in their order.
  struct MatrixCounters {
    const WeightMatrix* matrix = nullptr;
    PhaseCounters counters;
  };
  std::vector<MatrixCounters> matrix_counters() const;
  /// Digital work of layers beside their matrices, and of the step of all digital parameters: "digital parameters".
  std::vector<Graph::LayerCounters> layer_counters() const;
  void add_wear(WearRecord& wear) const;
  /// Memory of the weights while training, all state and digit planes included.
  std::size_t bytes() const;

  void save(SafetensorsWriter& out) const;
  void load(const SafetensorsFile& in);

 private:
  float clip_factor(const UpdateStep& step);
  void count_parameters(const Optimizer& optimizer, std::size_t size, bool measures_norm);

  OptimizerSpec optimizer_;
  ClockSpec clock_;
  std::uint64_t renew_wires_every_;
  Graph graph_;
  NoiseInjection noise_;
  std::vector<std::unique_ptr<UpdateRule>> rules_;
  std::vector<Optimizer> parameter_optimizers_;
  PhaseCounters parameter_counters_;
  std::vector<float> change_;  ///< scratch
};

}  // namespace ohmic
