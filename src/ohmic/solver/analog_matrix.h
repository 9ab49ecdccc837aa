#pragma once

#include <Eigen/Core>
#include <memory>

#include "ohmic/crossbar/tile.h"
#include "ohmic/solver/solver.h"

namespace ohmic {

/// A square matrix whose products with vectors are made by arrays of cells, but for its diagonal where that is digital.
/// Rows and columns are scaled so that its elements are of like size:  S_r A S_c = D + R,  R on the cells.
class AnalogMatrix {
 public:
  AnalogMatrix(const Eigen::MatrixXd& matrix, const SolverSpec& spec);

  /// S_r A S_c v, with the errors of cells and converters.
  Eigen::VectorXd product(const Eigen::VectorXd& v);
  /// The same in double precision.
  Eigen::VectorXd exact_product(const Eigen::VectorXd& v) const;
  Eigen::VectorXd scale_right_side(const Eigen::VectorXd& r) const { return row_scale_.cwiseProduct(r); }
  Eigen::VectorXd unscale_solution(const Eigen::VectorXd& z) const { return column_scale_.cwiseProduct(z); }

  std::int64_t products() const { return products_; }
  std::int64_t cells() const { return cells_; }
  Counters counters() const { return tile_->counters(); }

 private:
  void find_scales(bool equilibrate);
  void program(const SolverSpec& spec);

  const Eigen::MatrixXd& matrix_;
  Eigen::VectorXd row_scale_, column_scale_, diagonal_;  ///< diagonal_: D, zeros where it is on the cells
  std::unique_ptr<Tile> tile_;
  Matrix in_, out_;  ///< scratch
  std::int64_t products_ = 0, cells_ = 0;
};

}  // namespace ohmic
