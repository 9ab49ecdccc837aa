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

/// Computes one convolution in fp32 by oneDNN, image by image on the calling thread alone, so that the order of the
/// sums depends neither on the number of threads nor on the batch.
class Convolver {
 public:
  /// Null where oneDNN has no vectorised way for these sizes; a matrix product is faster then.
  static std::unique_ptr<Convolver> make(const ConvolutionSizes& sizes);
  ~Convolver();
  Convolver(const Convolver&) = delete;
  Convolver& operator=(const Convolver&) = delete;

  /// weights: (kernel row, kernel column, channel) x output, as the matrix of a convolution.
  void set_weights(const float* weights);
  /// image: height x width x channels; out: out_height x out_width x outputs, overwritten. By several threads at a
  /// time.
  void convolve(const float* image, float* out) const;

 private:
  struct Impl;
  explicit Convolver(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ohmic
