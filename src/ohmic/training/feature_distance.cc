#include "ohmic/training/feature_distance.h"

#define EIGEN_DONT_PARALLELIZE  // the same sums whatever the threads
#include <Eigen/Dense>
#include <algorithm>

#include "ohmic/training/image_trainer.h"

namespace ohmic {
namespace {

constexpr std::int64_t kFeatures = 128;
constexpr std::size_t kHiddenOutput = 2;  // of the classifier's layers: flatten by dense, then ReLU
constexpr std::uint64_t kFirstRead = 1ull << 60;

ExperimentSpec classifier_spec(const Dataset& data) {
  ExperimentSpec spec;
  LayerSpec hidden, relu, out;
  hidden.kind = out.kind = LayerKind::dense;
  hidden.weight_scale = out.weight_scale = WeightScale::fan_in;
  relu.kind = LayerKind::relu;
  hidden.units = kFeatures;
  out.units = data.class_count;
  spec.network.layers = {hidden, relu, out};
  spec.training.rule = RuleKind::sgd;
  spec.training.loss = LossKind::cross_entropy;
  spec.training.epochs = 3;
  spec.training.batch_size = 50;
  spec.training.learning_rate = 1e-3;
  spec.optimizer.kind = OptimizerKind::adam;
  return spec;
}

using MatrixXd = Eigen::MatrixXd;

MatrixXd square_matrix(const std::vector<double>& values, std::size_t size) {
  const auto n = static_cast<Eigen::Index>(size);
  return Eigen::Map<const MatrixXd>(values.data(), n, n);
}

// The root of a symmetric matrix without negative eigenvalues, but for rounding.
MatrixXd root(const MatrixXd& m) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(m);
  return solver.eigenvectors() * solver.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() *
         solver.eigenvectors().transpose();
}

}  // namespace

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  const std::size_t size = a.mean.size();
  OHMIC_EXPECT(b.mean.size() == size);
  double distance = 0;
  for (std::size_t i = 0; i < size; ++i) distance += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
  const MatrixXd ca = square_matrix(a.covariance, size), cb = square_matrix(b.covariance, size);
  const MatrixXd root_a = root(ca);
  const Eigen::SelfAdjointEigenSolver<MatrixXd> mixed(root_a * cb * root_a, Eigen::EigenvaluesOnly);
  return distance + ca.trace() + cb.trace() - 2 * mixed.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
}

FeatureStatistics statistics_of(const Matrix& features) {
  const std::size_t n = features.columns();
  const auto count = static_cast<double>(features.rows());
  FeatureStatistics s{std::vector<double>(n, 0.0), std::vector<double>(n * n, 0.0)};
  for (std::size_t r = 0; r < features.rows(); ++r) {
    for (std::size_t i = 0; i < n; ++i) s.mean[i] += static_cast<double>(features.row(r)[i]) / count;
  }
  std::vector<double> d(n);
  for (std::size_t r = 0; r < features.rows(); ++r) {
    for (std::size_t i = 0; i < n; ++i) d[i] = static_cast<double>(features.row(r)[i]) - s.mean[i];
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) s.covariance[i * n + j] += d[i] * d[j];
    }
  }
  for (double& c : s.covariance) c /= std::max(1.0, count - 1);
  return s;
}

struct FeatureDistance::Classifier {
  ExperimentSpec spec;
  ImageTrainer trainer;

  explicit Classifier(const Dataset& data) : spec(classifier_spec(data)), trainer(spec, data) {}
};

FeatureDistance::FeatureDistance(const Dataset& data) : classifier_(std::make_unique<Classifier>(data)) {
  ImageTrainer& trainer = classifier_->trainer;
  while (!trainer.finished()) {
    if (const auto metrics = trainer.step()) accuracy_ = metrics->test_accuracy;
  }
  const ImageDecoder decoder(data, Normalise::none);
  Matrix images(static_cast<std::size_t>(data.test.count), trainer.graph().input_size());
  for (std::size_t s = 0; s < images.rows(); ++s) decoder.decode(data.test, s, images.row(s));
  real_ = features(images);
}

FeatureDistance::~FeatureDistance() = default;

FeatureStatistics FeatureDistance::features(const Matrix& images) {
  Graph& graph = classifier_->trainer.graph();
  constexpr std::size_t kBatch = 500;
  Matrix all(images.rows(), static_cast<std::size_t>(kFeatures));
  for (std::size_t begin = 0; begin < images.rows(); begin += kBatch) {
    const std::size_t size = std::min(kBatch, images.rows() - begin);
    const MatrixView<const float> batch{images.row(begin).data(), size, images.columns()};
    const auto hidden = graph.forward_until(kHiddenOutput, batch, {kFirstRead + begin, false});
    std::copy_n(hidden.data, size * hidden.columns, all.row(begin).data());
  }
  return statistics_of(all);
}

double FeatureDistance::distance(const Matrix& images) { return frechet_distance(real_, features(images)); }

}  // namespace ohmic
