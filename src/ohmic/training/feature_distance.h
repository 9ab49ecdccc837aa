#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/data/dataset.h"

namespace ohmic {

/// Mean and covariance of some features.
struct FeatureStatistics {
  std::vector<double> mean;
  std::vector<double> covariance;  ///< features x features
};

/// The Frechet distance of two Gaussians, squared, as Heusel et al. 2017 use it for generated images:
/// |m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)).
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);

/// Statistics of the rows of `features`.
FeatureStatistics statistics_of(const Matrix& features);

/// How far images are from those of a data set, seen through the hidden layer of a classifier that is trained on the
/// data set in fp32 when the object is made. The classifier is the same for every experiment on the same data:
/// inputs-128-10, ReLU, cross entropy, Adam, 3 epochs, seed 1. Distances are comparable between experiments on the same
/// data, not with those of other feature networks.
class FeatureDistance {
 public:
  /// The real statistics are those of the test images.
  explicit FeatureDistance(const Dataset& data);
  ~FeatureDistance();

  /// images: count x pixels, from 0 to 1, channels last.
  double distance(const Matrix& images);
  /// Of the classifier, on the test images, 0 to 1.
  double classifier_accuracy() const { return accuracy_; }

 private:
  struct Classifier;
  FeatureStatistics features(const Matrix& images);

  std::unique_ptr<Classifier> classifier_;
  FeatureStatistics real_;
  double accuracy_ = 0;
};

}  // namespace ohmic
