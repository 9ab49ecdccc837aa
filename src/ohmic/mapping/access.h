#pragma once

// Which pixels of the streams between stages an iteration reads and writes. An iteration is one product with the
// stage's matrix, or for a digital stage one step of its unit; iterations go over the output in rows and columns.
// Pixels are numbered in raster order from 0 in each sample.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ohmic/mapping/stage_graph.h"

namespace ohmic {

/// Output pixels that one iteration makes.
struct Packing {
  int rows = 1;
  int columns = 1;

  bool operator==(const Packing&) const = default;
};

/// What iterations (row, column) read of one input stream.
class InputAccess {
 public:
  /// A window of extent_y x extent_x pixels that moves by step_y, step_x over an image with padding.
  static InputAccess window(int height, int width, int extent_y, int extent_x, int step_y, int step_x, int padding);
  /// Each input pixel's numbers spread over several outputs, or several pixels' numbers gathered in one: `rows` x
  /// `columns` iterations that take all numbers of the stream in order.
  static InputAccess in_order(int height, int width, int rows, int columns);

  std::int64_t pixels() const { return static_cast<std::int64_t>(height_) * width_; }

  /// The last pixel that must have arrived.
  std::int64_t last_needed(int row, int column) const {
    if (is_in_order_) {
      const std::int64_t through = (static_cast<std::int64_t>(row) * columns_ + column + 1) * pixels();
      return (through + iterations_ - 1) / iterations_ - 1;
    }
    const int y = std::clamp(row * step_y_ - padding_ + extent_y_ - 1, 0, height_ - 1);
    const int x = std::clamp(column * step_x_ - padding_ + extent_x_ - 1, 0, width_ - 1);
    return static_cast<std::int64_t>(y) * width_ + x;
  }
  /// The first pixel that this or a later iteration of the sample reads; all before it may be forgotten.
  std::int64_t first_kept(int row, int column) const {
    if (is_in_order_) return (static_cast<std::int64_t>(row) * columns_ + column) * pixels() / iterations_;
    return std::min(top_left(row, column), top_left(row + 1, 0));
  }
  /// Calls f(pixel) for each pixel that the iteration reads, in raster order; not for padding.
  template <class F>
  void each_pixel(int row, int column, const F& f) const {
    if (is_in_order_) {
      for (std::int64_t p = first_kept(row, column); p <= last_needed(row, column); ++p) f(p);
      return;
    }
    const int top = row * step_y_ - padding_, left = column * step_x_ - padding_;
    for (int y = std::max(0, top); y < std::min(height_, top + extent_y_); ++y) {
      for (int x = std::max(0, left); x < std::min(width_, left + extent_x_); ++x) {
        f(static_cast<std::int64_t>(y) * width_ + x);
      }
    }
  }

 private:
  std::int64_t top_left(int row, int column) const {
    const int y = std::clamp(row * step_y_ - padding_, 0, height_);
    const int x = y == height_ ? 0 : std::clamp(column * step_x_ - padding_, 0, width_ - 1);
    return static_cast<std::int64_t>(y) * width_ + x;
  }

  int height_ = 1, width_ = 1;
  int extent_y_ = 1, extent_x_ = 1, step_y_ = 1, step_x_ = 1, padding_ = 0;
  bool is_in_order_ = false;
  int columns_ = 1;
  std::int64_t iterations_ = 1;
};

/// In which order iterations finish the pixels of the output.
class OutputOrder {
 public:
  /// Each iteration makes a patch of pixels.
  static OutputOrder patches(int height, int width, const Packing& packing);
  /// Each iteration adds a kernel_y x kernel_x patch at a distance of `stride`: a transposed convolution.
  static OutputOrder overlapping(int height, int width, int rows, int columns, int kernel_y, int kernel_x, int stride,
                                 int padding);
  /// One pixel after the last of rows x columns iterations.
  static OutputOrder at_end(int rows, int columns);

  std::int64_t pixels() const { return static_cast<std::int64_t>(height_) * width_; }

  /// Pixels [0, complete) are final after the iteration.
  std::int64_t complete(int row, int column) const;
  /// Pixels [reached, ...) have not been touched after the iteration.
  std::int64_t reached(int row, int column) const;

 private:
  enum class Kind { patches, overlapping, at_end };

  Kind kind_ = Kind::patches;
  int height_ = 1, width_ = 1;   // of the output
  int rows_ = 1, columns_ = 1;   // iterations
  int step_y_ = 1, step_x_ = 1;  // between iterations
  int extent_y_ = 1, extent_x_ = 1, padding_ = 0;
};

/// All that a stage reads and writes.
struct StageAccess {
  int rows = 1, columns = 1;        ///< iterations per sample
  std::vector<InputAccess> inputs;  ///< as Stage::inputs
  OutputOrder output;

  std::int64_t iterations() const { return static_cast<std::int64_t>(rows) * columns; }
};

/// `packing` other than 1 x 1 is for convolutions. The input stage makes a pixel per iteration and reads nothing.
StageAccess stage_access(const StageGraph& graph, std::size_t stage, const Packing& packing = {});

}  // namespace ohmic
