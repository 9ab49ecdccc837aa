#include "ohmic/training/trainer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"
#include "ohmic/training/gan_trainer.h"
#include "ohmic/training/image_trainer.h"
#include "ohmic/training/text_trainer.h"

namespace ohmic {

std::vector<std::int32_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  const RandomStream stream(seed, Purpose::data_order, 0, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i-- > 1;) {  // Fisher-Yates
    const auto word = static_cast<std::uint64_t>(random_word(stream, static_cast<std::uint32_t>(i)));
    std::swap(order[i], order[(word * (i + 1)) >> 32]);
  }
  return order;
}

namespace {

void check_hybrid(const HybridSpec& spec) {
  constexpr std::int64_t kFewestBits = 4;
  if (spec.lsb_bits > 0 && spec.lsb_bits < kFewestBits) {
    fail("hybrid.lsb_bits = {} leaves too few steps to accumulate on; choose {} to {}, or 0 for no limit",
         spec.lsb_bits, kFewestBits, RegisterRule::kMostBits);
  }
  if (spec.lsb_bits == 0 && spec.on_overflow == OnOverflow::clear) {
    fail(
        "hybrid.on_overflow = \"clear\" needs an LSB that can overflow, but hybrid.lsb_bits = 0 has no limit; choose 4 "
        "to {} bits, or on_overflow = \"keep\"",
        RegisterRule::kMostBits);
  }
}

void check_noise_injection(const TrainingSpec& spec) {
  if (!spec.noise_injection.any()) return;
  if (spec.rule != RuleKind::sgd) {
    fail(
        "training.noise_injection stands in for the errors of cells where weights are digital, but training.rule = "
        "\"{}\" trains on cells; set training.rule = \"sgd\", or eta = 0 and clip_sigmas = 0",
        kRuleKinds[static_cast<std::size_t>(spec.rule)]);
  }
  if (spec.task == TaskKind::gan) {
    fail("training.noise_injection is not made for training.task = \"gan\"; set eta = 0 and clip_sigmas = 0");
  }
}

}  // namespace

std::unique_ptr<Trainer> make_trainer(const ExperimentSpec& spec, const Dataset& data) {
  if (spec.training.task != TaskKind::language && data.is_text()) {
    fail("training.task = \"{}\" needs images, but {} is a text; set training.task = \"language\"",
         kTaskKinds[static_cast<std::size_t>(spec.training.task)], data.name);
  }
  if (spec.training.rule == RuleKind::pulsed_sgd && spec.optimizer.kind != OptimizerKind::sgd) {
    fail(
        "training.rule = \"pulsed_sgd\" sends pulses as they come and remembers nothing, so optimizer.kind = \"{}\" is "
        "not possible; set it to \"sgd\"",
        kOptimizerKinds[static_cast<std::size_t>(spec.optimizer.kind)]);
  }
  if (spec.training.rule == RuleKind::hybrid) check_hybrid(spec.hybrid);
  check_noise_injection(spec.training);
  switch (spec.training.task) {
    case TaskKind::language:
      return std::make_unique<TextTrainer>(spec, data);
    case TaskKind::gan:
      return std::make_unique<GanTrainer>(spec, data);
    case TaskKind::classification:
      break;
  }
  return std::make_unique<ImageTrainer>(spec, data);
}

std::uint64_t Trainer::samples_done() const {
  return static_cast<std::uint64_t>(position_.epoch * samples_per_epoch_ + position_.sample);
}

UpdateStep Trainer::next_step(std::size_t size, std::size_t terms_per_sample) const {
  const double epochs_done = static_cast<double>(samples_done()) / static_cast<double>(samples_per_epoch_);
  const double factor = learning_rate_factor(spec_.schedule, epochs_done, static_cast<double>(spec_.training.epochs));
  UpdateStep step;
  step.learning_rate = static_cast<float>(spec_.training.learning_rate * factor);
  step.loss_terms = static_cast<double>(size * terms_per_sample);
  step.number = steps_;
  step.samples_before = samples_done();
  step.samples_now = step.samples_before + size;
  return step;
}

std::optional<EpochMetrics> Trainer::step() {
  OHMIC_EXPECT(!finished());
  if (!in_epoch_) begin_epoch();
  in_epoch_ = true;
  const std::int64_t size = std::min(spec_.training.batch_size, samples_per_epoch_ - position_.sample);
  const BatchResult result = train_batch(static_cast<std::size_t>(size));
  position_.loss += result.loss;
  position_.correct += result.correct;
  position_.refreshed_pairs += result.refreshed_pairs;
  position_.sample += size;
  ++steps_;
  if (position_.sample < samples_per_epoch_) return std::nullopt;
  return finish_epoch();
}

EpochMetrics Trainer::finish_epoch() {
  const auto samples = static_cast<double>(samples_per_epoch_);
  const double terms = samples * static_cast<double>(terms_per_sample());
  const std::uint64_t pulses = counters().set_pulses;
  EpochMetrics m;
  m.epoch = position_.epoch + 1;
  m.train_loss = position_.loss / terms;
  m.train_accuracy = static_cast<double>(position_.correct) / terms;
  m.pulses_per_sample = static_cast<double>(pulses - position_.pulses_before) / samples;
  m.refreshed_pairs = position_.refreshed_pairs;
  m.seconds = seconds_on_chip();
  evaluate(m);
  position_ = TrainingPosition{};
  position_.epoch = m.epoch;
  position_.pulses_before = pulses;
  in_epoch_ = false;
  return m;
}

Counters Trainer::counters() {
  Counters total;
  for (const Learner* learner : learners()) total += learner->counters();
  return total;
}

WearRecord Trainer::wear() {
  WearRecord total;
  for (const Learner* learner : learners()) learner->add_wear(total);
  return total;
}

double Trainer::bytes_per_weight() {
  std::size_t bytes = 0, weights = 0;
  for (const Learner* learner : learners()) {
    bytes += learner->bytes();
    weights += learner->graph().weight_count();
  }
  return static_cast<double>(bytes) / static_cast<double>(weights);
}

void Trainer::save(SafetensorsWriter& out) {
  for (const Learner* learner : learners()) learner->save(out);
  out.keep(
      "trainer.position",
      std::vector<std::int64_t>{position_.epoch, position_.sample, position_.correct, position_.refreshed_pairs,
                                static_cast<std::int64_t>(position_.pulses_before), static_cast<std::int64_t>(steps_)});
  out.keep("trainer.loss", std::vector<double>{position_.loss});
}

void Trainer::load(const SafetensorsFile& in) {
  for (Learner* learner : learners()) learner->load(in);
  std::array<std::int64_t, 6> p{};
  in.read("trainer.position", std::span<std::int64_t>(p));
  std::array<double, 1> loss{};
  in.read("trainer.loss", std::span<double>(loss));
  position_ = {p[0], p[1], loss[0], p[2], p[3], static_cast<std::uint64_t>(p[4])};
  steps_ = static_cast<std::uint64_t>(p[5]);
  in_epoch_ = false;
}

}  // namespace ohmic
