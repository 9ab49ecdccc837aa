#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ohmic {

/// A x = b.
struct LinearSystem {
  std::string name;
  Eigen::MatrixXd matrix;
  Eigen::VectorXd right_side;
};

/// Matrices to try the solver with, n x n, i and j from 1:
///
///     covariance  a_ii = 1 + sqrt(i), a_ij = 1 / |i - j|^2: a model covariance matrix, as in Le Gallo et al., Nature
///                 Electronics 1:246 (2018), symmetric positive definite, condition number in the tens
///     random      identity + 0.5 / sqrt(n) N(0, 1): not symmetric, well conditioned
///     poisson     2 on the diagonal, -1 beside it: symmetric positive definite, condition number about (2 n / pi)^2
///     hilbert     1 / (i + j - 1): symmetric positive definite, condition number about e^(3.5 n)
enum class SystemFamily { covariance, random, poisson, hilbert };
inline constexpr std::array<std::string_view, 4> kSystemFamilies = {"covariance", "random", "poisson", "hilbert"};

Eigen::MatrixXd make_matrix(SystemFamily family, int size, std::uint64_t seed);

/// Standard normal numbers.
Eigen::VectorXd random_vector(int size, std::uint64_t seed);

/// Reads a matrix: Matrix Market (array or coordinate; real, integer or pattern; general, symmetric or skew-symmetric)
/// by its banner, else numbers in rows, apart by commas, semicolons, tabs or blanks. Error names file and line.
Eigen::MatrixXd read_matrix(const std::filesystem::path& path);

/// One number per row, to full precision.
std::string vector_csv(const Eigen::VectorXd& values);

/// Whether a_ij = a_ji but for rounding.
bool is_symmetric(const Eigen::MatrixXd& matrix);

}  // namespace ohmic
