#pragma once

#include <memory>
#include <vector>

#include "ohmic/core/png.h"
#include "ohmic/training/feature_distance.h"
#include "ohmic/training/trainer.h"

namespace ohmic {

/// A generative adversarial pair (Goodfellow et al. 2014): a generator makes images from Gaussian numbers, a
/// discriminator is to tell them from those of the data, and each trains against the other with the non-saturating
/// loss. `network` describes the generator; its outputs are pixels from 0 to 1.
class GanTrainer final : public Trainer {
 public:
  GanTrainer(const ExperimentSpec& spec, const Dataset& data);

  /// The generator first.
  std::vector<Learner*> learners() override { return {&generator_, &discriminator_}; }
  std::vector<Artefact> artefacts() override;
  void save(SafetensorsWriter& out) override;
  void load(const SafetensorsFile& in) override;

 private:
  void begin_epoch() override;
  BatchResult train_batch(std::size_t size) override;
  void evaluate(EpochMetrics& metrics) override;

  void draw_latent(std::uint32_t use, std::uint64_t first, Matrix& latent) const;
  double train_discriminator(MatrixView<const float> made, BatchResult& result);
  double train_generator(MatrixView<const float> made, BatchResult& result);
  /// Images from latent vectors that no training step uses.
  Matrix generate(std::size_t count, std::uint64_t pass_number);
  void make_grid(const Matrix& images);

  const Dataset& data_;
  ImageDecoder decoder_;
  Learner generator_, discriminator_;
  std::unique_ptr<FeatureDistance> distance_;
  std::vector<std::int32_t> order_;
  double generator_loss_ = 0;                                          ///< of the current epoch so far
  Picture grid_;                                                       ///< samples of the last epoch
  Matrix latent_, both_, targets_, output_gradient_, image_gradient_;  ///< scratch
};

}  // namespace ohmic
