#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "ohmic/deployment/deployed_network.h"
#include "ohmic/network/normalisation.h"

namespace ohmic {

/// What is done against drift when the network is read.
enum class Compensation {
  none,
  gdc,         ///< global drift compensation: per tile, outputs are scaled by r(t0) / r(t), r = mean |output| on a
               ///< calibration batch
  gdc_column,  ///< the same with a factor for each column
  adabs,  ///< batch norm takes its mean and variance anew from calibration data (BatchNormLayer::begin_reestimation)
};
inline constexpr std::array<std::string_view, 4> kCompensations = {"none", "gdc", "gdc_column", "adabs"};

/// Tiles of the layers, in their order.
std::vector<Tile*> tiles_of(Layer& layer);
std::vector<Tile*> tiles_of(Graph& graph);

/// Global drift compensation (Joshi et al., Nat. Commun. 11:2473, 2020): what each tile, or column, gives when the
/// object is made for some training images is compared with what it gives later for the same. Tiles are compensated in
/// the order of the network, so that each meets the inputs it met at the start.
class DriftCompensation {
 public:
  DriftCompensation(DeployedNetwork& network, std::size_t samples);

  /// Measures the tiles as they are now and sets their output scales.
  void calibrate(bool per_column);
  /// All scales 1.
  void undo();

 private:
  // Each measurement reads with noise of its own.
  std::uint64_t read_number() { return (1ull << 61) + (measurements_++ << 32); }

  Graph& graph_;
  Matrix samples_;
  std::vector<std::vector<double>> at_start_;  ///< per tile: mean magnitude of each column
  std::uint64_t measurements_ = 0;
};

/// Adaptive batch normalisation statistics (AdaBS; Joshi et al., Nat. Commun. 11:2473, 2020): the weights stay, batch
/// norm learns what comes out of the aged arrays. Images are cropped and mirrored as in training: what the network has
/// learnt since fits the statistics of such images.
class NormalisationCalibration {
 public:
  NormalisationCalibration(DeployedNetwork& network, std::size_t samples);

  bool has_layers() const { return !trained_.empty(); }
  void calibrate();
  /// Back to the statistics of training.
  void undo();

 private:
  struct Trained {
    BatchNormLayer* norm;
    std::vector<float> mean, variance;
  };
  static constexpr std::uint64_t kFirstRead = 3ull << 60;  // beside those of DriftCompensation

  DeployedNetwork& network_;
  std::size_t samples_;
  std::vector<Trained> trained_;
  std::uint64_t passes_ = 0;
};

/// Lets converters whose range is per_layer see the first `samples` training images; nothing where they all take theirs
/// from each vector.
void calibrate_converters(DeployedNetwork& network, std::size_t samples);

}  // namespace ohmic
