#pragma once

// Tensors whose numbers are known when a network is read: weights, and the shapes that it computes.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ohmic::onnx {

using Dims = std::vector<std::int64_t>;

/// Most elements of one tensor; larger ones are refused before memory is asked for.
inline constexpr std::int64_t kMostElements = std::int64_t{1} << 28;

/// The product of the dimensions. Error naming `what` if one is negative or the product is above kMostElements.
std::int64_t checked_count(const std::string& what, std::span<const std::int64_t> dims);

/// "[1, 3, 32, 32]".
std::string to_string(std::span<const std::int64_t> dims);

/// Numbers in the order of an ONNX tensor, the last dimension fastest: whole ones or fp32.
struct Tensor {
  Dims dims;
  bool is_whole = false;
  std::vector<std::int64_t> whole;
  std::vector<float> real;

  static Tensor of_whole(std::vector<std::int64_t> values);
  static Tensor zeros(const std::string& what, const Dims& dims, bool is_whole);

  std::size_t count() const { return is_whole ? whole.size() : real.size(); }
  double at(std::size_t i) const { return is_whole ? static_cast<double>(whole[i]) : static_cast<double>(real[i]); }
  /// Rounds towards zero where the tensor is whole.
  void set(std::size_t i, double value);
  std::int64_t rank() const { return static_cast<std::int64_t>(dims.size()); }
  /// All as fp32.
  std::vector<float> reals() const;
};

/// The elements of `tensor` in the order that a walk over `extents` with these steps from element `first` on meets them
/// (a step of 0 repeats).
Tensor strided(const Tensor& tensor, const Dims& extents, const Dims& steps, std::int64_t first = 0);

/// Steps from element to element in each dimension.
Dims steps_of(const Dims& dims);

/// The tensor repeated to `dims`, which its own must fit from the last on. Error naming `what` otherwise.
Tensor broadcast(const std::string& what, const Tensor& tensor, const Dims& dims);

/// What two shapes become together. Error naming `what` if they do not go together.
Dims broadcast_dims(const std::string& what, const Dims& a, const Dims& b);

/// order[k]: which dimension becomes the k-th.
Tensor transposed(const Tensor& tensor, const std::vector<std::size_t>& order);

}  // namespace ohmic::onnx
