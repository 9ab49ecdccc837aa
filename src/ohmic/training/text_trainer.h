#pragma once

#include <vector>

#include "ohmic/data/text_streams.h"
#include "ohmic/training/trainer.h"

namespace ohmic {

/// Trains a network to tell the next character of a text. The text is cut into as many lanes as a batch has samples; a
/// sample is a window of `text.steps` characters of one lane, and the states of recurrent layers go on from window to
/// window (truncated back-propagation through time).
class TextTrainer final : public Trainer {
 public:
  TextTrainer(const ExperimentSpec& spec, const Dataset& data);

  std::vector<Learner*> learners() override { return {&learner_}; }
  std::vector<Artefact> artefacts() override;

 private:
  BatchResult train_batch(std::size_t size) override;
  std::size_t terms_per_sample() const override { return steps_; }
  void evaluate(EpochMetrics& metrics) override;
  /// `count` characters drawn from the network one by one.
  std::string sample_text(std::size_t count, std::uint64_t pass_number);

  const Dataset& data_;
  std::size_t steps_;
  TextStreams streams_;
  Learner learner_;
  std::string sample_;
  TextWindow window_;
  Matrix batch_, output_gradient_;
  std::vector<int> labels_;
};

/// How well a network tells the next token of a text.
struct TextScore {
  double loss = 0;  ///< mean cross entropy per token, in nats
  double accuracy = 0;
};
TextScore score_text(Graph& graph, std::span<const std::uint8_t> tokens, std::size_t lanes, std::size_t steps,
                     std::uint64_t pass_number);

}  // namespace ohmic
