#include "ohmic/training/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kElementsPerChunk = 1 << 14;

}  // namespace

void describe(FieldVisitor& v, OptimizerSpec& s) {
  v.choice({"kind", "", "how gradients become steps"}, kOptimizerKinds, s.kind);
  v.field({"momentum", "", "of the optimiser momentum: share of the step before that is kept", 0, 0.99999}, s.momentum);
  v.field({"nesterov", "", "of the optimiser momentum: look ahead along the momentum"}, s.nesterov);
  v.field({"beta1", "", "of adam: memory of the mean of the gradient", 0, 0.99999}, s.beta1);
  v.field({"beta2", "", "of adam: memory of its square", 0, 0.9999999}, s.beta2);
  v.field({"epsilon", "", "of adam: added to the root of the mean square", 1e-16, 1}, s.epsilon);
  v.field({"weight_decay", "", "pull of all weight matrices towards zero, per step and learning rate", 0, 10},
          s.weight_decay);
  v.field({"clip_norm", "", "largest norm of the gradient of all weights together; 0: no limit", 0, 1e9}, s.clip_norm);
}

void describe(FieldVisitor& v, ScheduleSpec& s) {
  v.choice({"kind", "", "how the learning rate goes over the epochs"}, kScheduleKinds, s.kind);
  v.field({"milestones", "epochs", "of step: after which the rate falls", 0, 1e9}, s.milestones);
  v.field({"factor", "", "of step: by which it falls", 0, 1}, s.factor);
  v.field({"final", "", "of cosine and linear: share of the learning rate left at the end", 0, 1}, s.final);
  v.field({"warmup_epochs", "epochs", "in which it rises from 0", 0, 1e9}, s.warmup_epochs);
}

double learning_rate_factor(const ScheduleSpec& spec, double epochs_done, double epochs) {
  const double warmup = spec.warmup_epochs > 0 ? std::min(1.0, epochs_done / spec.warmup_epochs) : 1;
  const double done = std::min(1.0, epochs_done / epochs);
  switch (spec.kind) {
    case ScheduleKind::constant:
      return warmup;
    case ScheduleKind::step: {
      const auto passed = std::count_if(spec.milestones.begin(), spec.milestones.end(),
                                        [&](double milestone) { return epochs_done >= milestone; });
      return warmup * std::pow(spec.factor, static_cast<double>(passed));
    }
    case ScheduleKind::cosine:
      return warmup * (spec.final + (1 - spec.final) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    case ScheduleKind::linear:
      return warmup * (spec.final + (1 - spec.final) * (1 - done));
  }
  return warmup;
}

Optimizer::Optimizer(const OptimizerSpec& spec, std::size_t size) : spec_(spec) {
  if (spec.kind != OptimizerKind::sgd) first_.assign(size, 0.0f);
  if (spec.kind == OptimizerKind::adam) second_.assign(size, 0.0f);
}

std::uint64_t Optimizer::macs_per_weight() const {
  const std::uint64_t decay = spec_.weight_decay > 0 ? 1 : 0;
  if (spec_.kind == OptimizerKind::momentum) return (spec_.nesterov ? 2 : 1) + decay;
  // Two products in m, three in v, a root and a quotient.
  if (spec_.kind == OptimizerKind::adam) return 7 + decay;
  return decay;
}

std::uint64_t Optimizer::words_per_weight() const {
  constexpr std::uint64_t kReadAndWritten = 2;
  return kReadAndWritten * ((first_.empty() ? 0u : 1u) + (second_.empty() ? 0u : 1u));
}

void Optimizer::make_step(std::span<const float> gradient, std::span<const float> weights, float learning_rate,
                          std::span<float> step) {
  ++steps_;
  const auto decay = static_cast<float>(spec_.weight_decay);
  const auto weight = [&](std::size_t i) { return decay > 0 ? decay * weights[i] : 0.0f; };
  if (spec_.kind == OptimizerKind::sgd) {
    parallel_chunks(gradient.size(), kElementsPerChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) step[i] = -learning_rate * (gradient[i] + weight(i));
    });
    return;
  }
  if (spec_.kind == OptimizerKind::momentum) {
    const auto momentum = static_cast<float>(spec_.momentum);

    parallel_chunks(gradient.size(), kElementsPerChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const float g = gradient[i] + weight(i);
        const float m = momentum * first_[i] + g;
        first_[i] = m;
        step[i] = -learning_rate * (spec_.nesterov ? g + momentum * m : m);
      }
    });
    return;
  }
  const auto beta1 = static_cast<float>(spec_.beta1), beta2 = static_cast<float>(spec_.beta2);
  const auto epsilon = static_cast<float>(spec_.epsilon);
  const auto t = static_cast<double>(steps_);
  const auto first_scale = static_cast<float>(1 / (1 - std::pow(spec_.beta1, t)));
  const auto second_scale = static_cast<float>(1 / (1 - std::pow(spec_.beta2, t)));
  parallel_chunks(gradient.size(), kElementsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const float g = gradient[i];
      first_[i] = beta1 * first_[i] + (1 - beta1) * g;
      second_[i] = beta2 * second_[i] + (1 - beta2) * g * g;
      const float direction = first_[i] * first_scale / (std::sqrt(second_[i] * second_scale) + epsilon);
      step[i] = -learning_rate * (direction + weight(i));
    }
  });
}

void Optimizer::save(const std::string& prefix, SafetensorsWriter& out) const {
  if (first_.empty()) return;
  out.add(prefix + ".first_moment", std::span<const float>(first_));
  if (!second_.empty()) out.add(prefix + ".second_moment", std::span<const float>(second_));
  out.keep(prefix + ".optimizer_steps", std::vector<std::int64_t>{steps_});
}

void Optimizer::load(const std::string& prefix, const SafetensorsFile& in) {
  if (first_.empty()) return;
  in.read(prefix + ".first_moment", std::span<float>(first_));
  if (!second_.empty()) in.read(prefix + ".second_moment", std::span<float>(second_));
  steps_ = in.read<std::int64_t>(prefix + ".optimizer_steps").at(0);
}

}  // namespace ohmic
