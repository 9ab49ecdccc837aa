#pragma once

// A network as a pipeline of stages: what a chip runs one beside the other.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/network/shape.h"
#include "ohmic/network/spec.h"

namespace ohmic {

enum class StageKind {
  input,
  convolution,
  transposed_convolution,
  dense,
  lstm,
  pool,         ///< max or average over a window
  global_pool,  ///< mean over the image, summed up as it streams by
  add,
  concat,
  reshape,
  lookup,  ///< embedding or one-hot: a vector per token
};
inline constexpr std::array<std::string_view, 11> kStageKinds = {
    "input",   "convolution", "transposed_convolution", "dense", "lstm", "pool", "global_pool", "add", "concat",
    "reshape", "lookup"};

/// What feeds a stage.
struct StageInput {
  int from = 0;           ///< stage
  bool is_added = false;  ///< added to the result pixel by pixel, not read through the kernel
};

/// One stage: a layer with weights, or one that moves or summarises pixels, together with the layers that look at each
/// position alone (batch norm, ReLU), and with an addition where the stage is the deepest of those that feed it.
/// Images stream through it in raster order, all channels of a pixel at once.
struct Stage {
  std::string name;
  StageKind kind = StageKind::input;
  std::vector<StageInput> inputs;
  Shape output;                             ///< of one sample
  int kernel_height = 1, kernel_width = 1;  ///< extents on the image, dilation included; the image for dense
  int stride = 1, padding = 0;
  int groups = 1;
  std::int64_t rows = 0, columns = 0;  ///< of the matrix of one group; 0 without weights
  bool on_cells = false;               ///< whether its matrix lives on memory cells
  std::size_t final_layer = 0;         ///< of the Graph: the layer whose output it hands on; unused for the input
};

/// Stage 0 is the input; each stage stands after those that feed it, and the last one gives the network's output.
struct StageGraph {
  std::vector<Stage> stages;

  /// Stages that read a stage, each with the number of the input by which it does.
  struct Reader {
    int stage;
    int input;
  };
  std::vector<std::vector<Reader>> readers() const;
};

/// Rows of the stream of a shape: an image's, or the steps of a sequence.
inline int stream_height(const Shape& s) { return s.steps * s.height; }
/// Pixels of one sample.
inline std::int64_t stream_pixels(const Shape& s) { return static_cast<std::int64_t>(s.positions()); }

/// The stages of a network. `classes` as in GraphContext. No weights are made. Error where the description is no
/// network, or where a layer cannot be streamed: the message names it.
StageGraph make_stage_graph(const NetworkSpec& network, const Shape& input, int classes);

}  // namespace ohmic
