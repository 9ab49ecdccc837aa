#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/safetensors.h"

namespace ohmic {

enum class OptimizerKind { sgd, momentum, adam };
inline constexpr std::array<std::string_view, 3> kOptimizerKinds = {"sgd", "momentum", "adam"};

/// How a gradient g becomes a wanted change of the weights, with w for the weights and r for the learning rate:
///
///     sgd       -r (g + weight_decay w)
///     momentum  m <- momentum m + g + weight_decay w;   -r m, or -r (g + weight_decay w + momentum m) with nesterov
///     adam      m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
///               -r (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) - r weight_decay w
///
/// Sources: Sutskever et al. 2013 (momentum); Kingma and Ba 2015 (adam); Loshchilov and Hutter 2019 (its decay).
struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::sgd;
  double momentum = 0.9;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double clip_norm = 0;  ///< of the gradient of all weights together; 0: none
};

void describe(FieldVisitor& v, OptimizerSpec& s);

enum class ScheduleKind { constant, step, cosine, linear };
inline constexpr std::array<std::string_view, 4> kScheduleKinds = {"constant", "step", "cosine", "linear"};

/// The learning rate over the epochs, as a factor: constant 1; step: `factor` for each milestone passed; cosine and
/// linear: from 1 to `final` at the end. In the first `warmup_epochs` it rises linearly from 0.
struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::constant;
  std::vector<double> milestones;
  double factor = 0.1;
  double final = 0;
  double warmup_epochs = 0;
};

void describe(FieldVisitor& v, ScheduleSpec& s);

/// The factor after `epochs_done` of `epochs` (fractions count).
double learning_rate_factor(const ScheduleSpec& spec, double epochs_done, double epochs);

/// An optimiser's memory of one tensor.
class Optimizer {
 public:
  Optimizer(const OptimizerSpec& spec, std::size_t size);

  /// True if the step is the gradient times the learning rate and nothing else.
  bool is_plain() const { return spec_.kind == OptimizerKind::sgd && spec_.weight_decay == 0; }
  /// True if the step depends on the weights themselves.
  bool reads_weights() const { return spec_.weight_decay > 0; }

  /// Operations per weight and step, but for the product with the learning rate: that is done together with the
  /// addition to what the step changes.
  std::uint64_t macs_per_weight() const;
  /// Words of its memory that a step reads and writes per weight.
  std::uint64_t words_per_weight() const;

  /// step[i] = the wanted change. gradient: mean over the batch; weights: as now (used where there is a decay).
  void make_step(std::span<const float> gradient, std::span<const float> weights, float learning_rate,
                 std::span<float> step);

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const { return (first_.size() + second_.size()) * sizeof(float); }

 private:
  OptimizerSpec spec_;
  std::vector<float> first_, second_;  ///< m and v
  std::int64_t steps_ = 0;
};

}  // namespace ohmic
