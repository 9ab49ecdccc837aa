#pragma once

#include <vector>

#include "ohmic/data/batch_loader.h"
#include "ohmic/training/trainer.h"

namespace ohmic {

/// Trains a network to tell the classes of labelled images.
class ImageTrainer final : public Trainer {
 public:
  ImageTrainer(const ExperimentSpec& spec, const Dataset& data);

  std::vector<Learner*> learners() override { return {&learner_}; }

 private:
  void begin_epoch() override;
  BatchResult train_batch(std::size_t size) override;
  void evaluate(EpochMetrics& metrics) override;

  const Dataset& data_;
  Learner learner_;
  BatchLoader loader_;
  Matrix output_gradient_;
};

/// The shape of one image of a data set, as networks take it.
Shape network_shape(const Dataset& data);

}  // namespace ohmic
