#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/network/layer.h"

// What the digital layers share: loops over flat data whose parts and orders of sums depend on sizes only, and checks.

namespace ohmic {

/// Floats that one task works on: 64 KiB, so that a second look at them finds them in the cache.
inline constexpr std::size_t kElementsPerTask = 16384;

/// Rows of `columns` elements that one task works on.
inline std::size_t rows_per_task(std::size_t columns) {
  return std::max<std::size_t>(1, kElementsPerTask / std::max<std::size_t>(1, columns));
}

/// y[i] = f(x[i]); y may be x.
template <class F>
void map_elements(std::size_t count, const float* x, float* y, const F& f) {
  parallel_chunks(count, kElementsPerTask, [=](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) y[i] = f(x[i]);
  });
}

/// y[i] = f(a[i], b[i]); y may be a or b.
template <class F>
void map_elements(std::size_t count, const float* a, const float* b, float* y, const F& f) {
  parallel_chunks(count, kElementsPerTask, [=](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) y[i] = f(a[i], b[i]);
  });
}

inline void copy_elements(std::size_t count, const float* x, float* y) {
  parallel_chunks(count, kElementsPerTask,
                  [=](std::size_t begin, std::size_t end) { std::copy(x + begin, x + end, y + begin); });
}

/// Sum of term(i) in eight interleaved partial sums, an order that every vector width can keep.
template <class Term>
double lane_sum(std::size_t count, const Term& term) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] += term(i + k);
  }
  for (std::size_t k = 0; i + k < count; ++k) lanes[k] += term(i + k);
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/// The largest of x; count >= 1.
inline float largest(const float* x, std::size_t count) {
  constexpr std::size_t kLanes = 8;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, x[0]);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] = lanes[k] < x[i + k] ? x[i + k] : lanes[k];
  }
  for (; i < count; ++i) lanes[0] = lanes[0] < x[i] ? x[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

/// The input of a layer that takes one.
inline const Shape& single_input(std::string_view name, std::string_view kind, const std::vector<Shape>& inputs) {
  if (inputs.size() != 1) {
    fail("layer \"{}\" of kind {} takes 1 input but has {}; join them first with a layer of kind add or concat", name,
         kind, inputs.size());
  }
  return inputs.front();
}

}  // namespace ohmic
