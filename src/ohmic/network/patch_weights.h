#pragma once

#include <memory>
#include <string>

#include "ohmic/core/convolver.h"
#include "ohmic/crossbar/patches.h"
#include "ohmic/network/layer.h"
#include "ohmic/network/window.h"

namespace ohmic {

/// Which side of a weight matrix stands for the patches of an image; the other stands for the positions of the window.
enum class PatchSide {
  inputs,   ///< a convolution
  outputs,  ///< a transposed convolution
};

/// Some channels of a batch of images, channels last.
template <class T>
struct Channels {
  MatrixView<T> batch;
  int pixel_channels;  ///< of each pixel in `batch`
  int first, count;    ///< those meant

  std::size_t pixels() const { return batch.columns / static_cast<std::size_t>(pixel_channels); }
  T* of_sample(std::size_t s) const { return batch.data + s * batch.columns; }
  operator Channels<const T>() const { return {batch, pixel_channels, first, count}; }
};

/// The products of one weight matrix with the patches of images: one group of a convolution or transposed convolution.
class PatchWeights {
 public:
  PatchWeights(std::string name, std::unique_ptr<Weights> weights, const Window& window, PatchSide side);

  WeightMatrix& matrix() { return matrix_; }

  /// Each position gets the product of its patch with the matrix (or its transpose): positions is overwritten.
  /// `finish` is done to them while they are in the cache; only if `finishes()`.
  void read_patches(const Channels<const float>& images, const Channels<float>& positions, const Pass& pass,
                    const FinishRows& finish = {});
  /// The same with samples that may be made when they are wanted, only if `takes_samples()`; all channels are meant.
  void read_patches(const SampleBatch& images, MatrixView<float> positions, const Pass& pass, const FinishRows& finish);
  bool takes_samples() const { return tile() != nullptr && tile()->reads_once(); }
  /// Whether outputs come a few at a time: from cells, or sample by sample from digital weights of patches.
  bool finishes() const { return tile() != nullptr || side_ == PatchSide::inputs; }
  /// The product of each position's numbers with the matrix is added to an image as a patch; images is
  /// overwritten with the sums, or they are added to it with `is_added`, only if `adds_images()`.
  void read_and_paste(const Channels<const float>& positions, const Channels<float>& images, const Pass& pass,
                      bool is_added);
  bool adds_images() const { return tile() != nullptr && tile()->adds_images(); }
  /// The same with samples as above.
  void read_and_paste(const SampleBatch& positions, MatrixView<float> images, const Pass& pass, bool is_added);
  /// Sets matrix().gradient from the images and positions that went in. A tile's comes from the codes of its DACs:
  /// both directions must have been read before, or the deltas given to `encode_deltas`.
  void find_gradient(const Channels<const float>& images, const Channels<const float>& positions);
  /// The same where it does not, after a batch of so many samples.
  void find_gradient(std::size_t batch);
  /// Where nobody needs the product that `find_gradient` counts on: takes the codes of the deltas only. `deltas`: the
  /// positions of a convolution, the images of a transposed one.
  void encode_deltas(const Channels<const float>& deltas);
  void encode_deltas(const SampleBatch& deltas);
  /// Whether find_gradient reads its arguments.
  bool needs_values() const { return tile() == nullptr; }

 private:
  Tile* tile() const;
  void prepare_gradient(std::size_t batch);
  void find_coded_gradient();
  void multiply_codes(const CodeImages& images, const CodeImages& positions, bool is_first);
  void read_digital(const DigitalWeights& weights, const Channels<const float>& images,
                    const Channels<float>& positions, const FinishRows& finish) const;
  bool convolve_digital(const DigitalWeights& weights, const Channels<const float>& images,
                        const Channels<float>& positions, const FinishRows& finish);
  bool convolve_back_digital(const DigitalWeights& weights, const Channels<const float>& positions,
                             const Channels<float>& images);
  bool has_convolver(bool images_are_whole, bool positions_are_whole, int outputs, std::size_t batch);
  void find_digital_gradient(const Channels<const float>& images, const Channels<const float>& positions);
  void multiply_part(const Channels<const float>& images, const Channels<const float>& positions, std::size_t begin,
                     std::size_t end, float* sum) const;
  void paste_digital(const DigitalWeights& weights, const Channels<const float>& positions,
                     const Channels<float>& images) const;

  Window window_;
  PatchSide side_;
  WeightMatrix matrix_;
  PatchShape shape_;
  CodeImages image_codes_, position_codes_;  ///< of the last pass through a tile
  std::uint64_t first_read_ = 0;             ///< of the last pass
  CodeImages image_bits_, position_bits_;    ///< scratch
  Matrix from_, to_, product_;               ///< scratch, for some channels of several
  std::unique_ptr<Convolver> convolver_;     ///< of digital weights, once it was asked for
  bool has_no_convolver_ = false;
};

}  // namespace ohmic
