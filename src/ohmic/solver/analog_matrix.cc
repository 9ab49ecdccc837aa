#include "ohmic/solver/analog_matrix.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"

namespace ohmic {

AnalogMatrix::AnalogMatrix(const Eigen::MatrixXd& matrix, const SolverSpec& spec) : matrix_(matrix) {
  find_scales(spec.equilibrate);
  diagonal_ = Eigen::VectorXd::Zero(matrix.rows());
  if (spec.digital_diagonal) {
    diagonal_ = row_scale_.cwiseProduct(matrix.diagonal()).cwiseProduct(column_scale_);
  }
  program(spec);
}

// With a positive diagonal both sides by its root, which keeps symmetry; else each row by its largest element.
void AnalogMatrix::find_scales(bool equilibrate) {
  const Eigen::Index size = matrix_.rows();
  row_scale_ = column_scale_ = Eigen::VectorXd::Ones(size);
  if (!equilibrate) return;
  if (matrix_.diagonal().minCoeff() > 0) {
    row_scale_ = column_scale_ = matrix_.diagonal().cwiseSqrt().cwiseInverse();
  } else {
    row_scale_ = matrix_.cwiseAbs().rowwise().maxCoeff().cwiseInverse();
  }
}

// Tiles compute x W: W is the transpose.
void AnalogMatrix::program(const SolverSpec& spec) {
  const auto size = static_cast<std::size_t>(matrix_.rows());
  Matrix weights(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      const auto row = static_cast<Eigen::Index>(j), column = static_cast<Eigen::Index>(i);
      const double scaled = row_scale_[row] * matrix_(row, column) * column_scale_[column];
      const bool is_digital = row == column && spec.digital_diagonal;
      weights.row(i)[j] = is_digital ? 0.0f : static_cast<float>(scaled);
    }
  }
  TileSpec tile;
  tile.inputs = tile.outputs = static_cast<int>(size);
  tile.synapse = spec.synapse;
  tile.periphery = spec.periphery;
  tile.faults = spec.faults;
  tile.seed = static_cast<std::uint64_t>(spec.seed);
  tile.write_once = true;
  tile_ = std::make_unique<Tile>(tile, spec.device.make());
  const double largest = static_cast<double>(max_abs(weights.values()));
  const double range_us = spec.programming.range_us > 0 ? spec.programming.range_us : tile_->programmable_range_us();
  const double stored = range_us / spec.synapse.weight_conductance_us;
  const double scale = largest > 0 ? largest / stored : 1;
  tile_->set_weight_scale(static_cast<float>(scale));
  const ProgrammingResult result =
      tile_->program(static_cast<const Matrix&>(weights).view(), spec.programming, 0, scale);
  cells_ = static_cast<std::int64_t>(result.cells);
  if (spec.age_s > 0) tile_->age(spec.age_s);
  in_.resize(1, size);
  out_.resize(1, size);
}

Eigen::VectorXd AnalogMatrix::product(const Eigen::VectorXd& v) {
  // Floats reach down to 1e-38: the DAC takes its range from the vector anyway.
  const double norm = v.cwiseAbs().maxCoeff();
  if (norm == 0) return Eigen::VectorXd::Zero(v.size());
  for (Eigen::Index i = 0; i < v.size(); ++i) in_.row(0)[static_cast<std::size_t>(i)] = static_cast<float>(v[i] / norm);
  tile_->forward(static_cast<const Matrix&>(in_).view(), out_.view(), static_cast<std::uint64_t>(products_), true);
  ++products_;
  Eigen::VectorXd y = diagonal_.cwiseProduct(v);
  for (Eigen::Index i = 0; i < v.size(); ++i)
    y[i] += norm * static_cast<double>(out_.row(0)[static_cast<std::size_t>(i)]);
  return y;
}

Eigen::VectorXd AnalogMatrix::exact_product(const Eigen::VectorXd& v) const {
  return row_scale_.cwiseProduct(matrix_ * column_scale_.cwiseProduct(v));
}

}  // namespace ohmic
