#pragma once

#include <cstddef>
#include <span>

#include "ohmic/core/aligned.h"
#include "ohmic/crossbar/patches.h"

namespace ohmic {

/// The sum of patches, one image after the other: only the lines that patches still fall on are kept, so that they stay
/// in the first-level cache; the image gets those that are done.
class TargetLines {
 public:
  /// With `is_added` images get their sums on top of what is there.
  void reshape(const PatchShape& shape, bool is_added);

  /// The next image; the one before must be finished.
  void begin(std::span<float> image);

  /// Where the first pixel of the first patch of a line of positions falls, in lines of PatchShape::padded_width
  /// pixels; until the next call. Lines of positions come in order, each as often as wanted.
  float* open(int position_line);

  /// All patches are there.
  void finish();

 private:
  int span() const { return shape_.dilation_y * (shape_.kernel_height - 1) + 1; }
  float* line(int number) { return lines_.data() + static_cast<std::size_t>(number - first_) * line_floats_; }
  void give(int end);

  PatchShape shape_;
  bool is_added_ = false;
  std::size_t line_floats_ = 0;
  int room_ = 0;  ///< lines
  AlignedVector<float> lines_;
  std::span<float> image_;
  int first_ = 0;  ///< line of the padded image in lines_
  int given_ = 0;  ///< lines before it are done
  int begun_ = 0;  ///< lines from here on have met no patch
};

}  // namespace ohmic
