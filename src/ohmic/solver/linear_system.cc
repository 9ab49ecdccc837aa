#include "ohmic/solver/linear_system.h"

#include <fmt/format.h>

#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

Eigen::MatrixXd random_matrix(int size, std::uint64_t seed) {
  std::vector<float> z(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  gaussians(RandomStream(seed, Purpose::weight_initialisation, 0, 0), z);
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(size, size);
  const double scale = 0.5 / std::sqrt(size);
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      matrix(i, j) +=
          scale * static_cast<double>(
                      z[static_cast<std::size_t>(i) * static_cast<std::size_t>(size) + static_cast<std::size_t>(j)]);
    }
  }
  return matrix;
}

double element(SystemFamily family, int i, int j) {
  const int distance = std::abs(i - j);
  switch (family) {
    case SystemFamily::covariance:
      return distance == 0 ? 1 + std::sqrt(i) : 1 / (static_cast<double>(distance) * distance);
    case SystemFamily::poisson:
      return distance == 0 ? 2 : distance == 1 ? -1 : 0;
    default:
      return 1.0 / (i + j - 1);
  }
}

}  // namespace

Eigen::MatrixXd make_matrix(SystemFamily family, int size, std::uint64_t seed) {
  if (family == SystemFamily::random) return random_matrix(size, seed);
  Eigen::MatrixXd matrix(size, size);
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) matrix(i, j) = element(family, i + 1, j + 1);
  }
  return matrix;
}

Eigen::VectorXd random_vector(int size, std::uint64_t seed) {
  std::vector<float> z(static_cast<std::size_t>(size));
  gaussians(RandomStream(seed, Purpose::latent, 0, 0), z);
  return Eigen::Map<const Eigen::VectorXf>(z.data(), size).cast<double>();
}

std::string vector_csv(const Eigen::VectorXd& values) {
  std::string text;
  for (const double v : values) text += fmt::format("{:.17g}\n", v);
  return text;
}

bool is_symmetric(const Eigen::MatrixXd& matrix) {
  return (matrix - matrix.transpose()).cwiseAbs().maxCoeff() <= 1e-12 * matrix.cwiseAbs().maxCoeff();
}

}  // namespace ohmic
