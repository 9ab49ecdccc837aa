#pragma once

#include <cstddef>
#include <span>

#include "ohmic/core/aligned.h"
#include "ohmic/core/error.h"

namespace ohmic {

/// A row-major matrix that somebody else owns. For activations a row is a sample.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  std::span<T> row(std::size_t r) const {
    OHMIC_EXPECT(r < rows);
    return {data + r * columns, columns};
  }
  operator MatrixView<const T>() const { return {data, rows, columns}; }
};

/// A row-major matrix of floats; growing keeps the storage for later use.
class Matrix {
 public:
  Matrix() = default;
  /// All 0.
  Matrix(std::size_t rows, std::size_t columns) : values_(rows * columns, 0.0f), rows_(rows), columns_(columns) {}

  /// What stands in it afterwards is not defined.
  void resize(std::size_t rows, std::size_t columns) {
    rows_ = rows;
    columns_ = columns;
    values_.resize(rows * columns);
  }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::span<float> row(std::size_t r) { return {values_.data() + r * columns_, columns_}; }
  std::span<const float> row(std::size_t r) const { return {values_.data() + r * columns_, columns_}; }
  /// Elements that fit without new storage.
  std::size_t capacity() const { return values_.capacity(); }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  MatrixView<float> view() { return {values_.data(), rows_, columns_}; }
  MatrixView<const float> view() const { return {values_.data(), rows_, columns_}; }

 private:
  std::vector<float, UnsetFloats> values_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

}  // namespace ohmic
