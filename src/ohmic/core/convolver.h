#pragma once

#include <cstddef>
#include <memory>

namespace ohmic {

/// A convolution of images, channels last. Sizes in pixels; outside the image there are zeros.
struct ConvolutionSizes {
  int height = 1, width = 1, channels = 1;  ///< of the image
  int out_height = 1, out_width = 1, outputs = 1;
  int kernel_height = 1, kernel_width = 1;
  int stride_y = 1, stride_x = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int dilation_y = 1, dilation_x = 1;
};

/// Computes one convolution and its gradients in fp32 by oneDNN, each call on its thread alone, so that the order of
/// the sums does not depend on the number of threads.
///
/// weights: (kernel row, kernel column, channel) x output, as the matrix of a convolution.
/// image: height x width x channels; position: out_height x out_width x outputs; several lie one behind the other.
class Convolver {
 public:
  /// Plans for so many images at a time. Null where oneDNN has no vectorised way for these sizes; a matrix product is
  /// faster then.
  static std::unique_ptr<Convolver> make(const ConvolutionSizes& sizes, int images);
  ~Convolver();
  Convolver(const Convolver&) = delete;
  Convolver& operator=(const Convolver&) = delete;

  /// Makes convolve possible for another number of images at a time; false where oneDNN has no vectorised way.
  bool prepare(int images);
  void set_weights(const float* weights);
  /// out: positions of the images, overwritten. By several threads at a time.
  void convolve(int images, const float* image, float* out) const;

  /// The same for the way back.
  bool prepare_back(int images);
  void set_back_weights(const float* weights);
  /// Gradients of the positions to those of the images, overwritten. By several threads at a time.
  void convolve_back(int images, const float* positions, float* image) const;

  /// The same for the gradient of the weights.
  bool prepare_gradient(int images);
  /// Gradient of the weights, summed over `images` images and their positions, one after the other; overwritten. By
  /// several threads at a time.
  void find_gradient(int images, const float* image, const float* positions, float* gradient) const;

 private:
  struct Impl;
  explicit Convolver(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ohmic
