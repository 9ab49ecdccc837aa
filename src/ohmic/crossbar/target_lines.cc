#include "ohmic/crossbar/target_lines.h"

#include <algorithm>

#include "ohmic/core/channel_kernels.h"

namespace ohmic {

void TargetLines::reshape(const PatchShape& shape, bool is_added) {
  shape_ = shape;
  is_added_ = is_added;
  line_floats_ = static_cast<std::size_t>(shape.padded_width()) * static_cast<std::size_t>(shape.channels);
  room_ = std::min(2 * span(), shape.padded_height());  // lines move to the front once for as many
  lines_.resize(static_cast<std::size_t>(room_) * line_floats_);
}

void TargetLines::begin(std::span<float> image) {
  image_ = image;
  first_ = given_ = begun_ = 0;
}

float* TargetLines::open(int position_line) {
  const int top = position_line * shape_.stride_y, end = top + span();
  give(top);
  if (end > first_ + room_) {
    if (top < begun_) std::copy(line(top), line(begun_), lines_.data());
    first_ = top;
  }
  begun_ = std::max(begun_, top);
  if (begun_ < end) {
    std::fill(line(begun_), line(end), 0.0f);
    begun_ = end;
  }
  return line(top);
}

void TargetLines::finish() { give(shape_.padded_height()); }

// Lines up to `end` are done; those in the padding are nobody's.
void TargetLines::give(int end) {
  const auto channels = static_cast<std::size_t>(shape_.channels);
  const std::size_t size = static_cast<std::size_t>(shape_.width) * channels;
  for (; given_ < end; ++given_) {
    const int y = given_ - shape_.pad_top;
    if (y < 0 || y >= shape_.height) continue;
    float* const to = image_.data() + static_cast<std::size_t>(y) * size;
    if (given_ >= begun_) {
      if (!is_added_) std::fill_n(to, size, 0.0f);
      continue;
    }
    const float* const sums = line(given_) + static_cast<std::size_t>(shape_.pad_left) * channels;
    if (is_added_) {
      add_values(to, sums, size, false, to);
    } else {
      std::copy_n(sums, size, to);
    }
  }
}

}  // namespace ohmic
