#pragma once

// Networks from ONNX files as networks of ohmic: layers in the list of an experiment, with their trained numbers.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ohmic/network/graph.h"
#include "ohmic/network/spec.h"
#include "ohmic/onnx/model.h"

namespace ohmic::onnx {

/// How the samples that a network takes are laid out in ONNX.
enum class ImageLayout {
  automatic,  ///< images, where one of the dimensions is 1, 3 or 4 channels
  channels_first,
  channels_last,
  as_given,  ///< whatever the dimensions mean, numbers in their order
};

struct ImportOptions {
  ImageLayout layout = ImageLayout::automatic;
  /// What unknown dimensions of the input are, one number per dimension, the batch's among them (its value does not
  /// matter); empty: none are unknown.
  Dims input_dims;
  /// The samples that the network will be given, where that is known: an image in them may be one long vector here.
  std::optional<Shape> sample;
  /// Name of the output wanted; empty: the first.
  std::string output;
};

/// A network read from a file.
struct ImportedNetwork {
  NetworkSpec network;
  Shape input;             ///< of one sample as the graph takes it
  std::string input_name;  ///< in the file
  Dims input_dims;         ///< of the file, batch included (1 where it is open)
  int input_batch_axis = 0;
  /// For each number of one sample in the order of the file: where the graph wants it. Empty: in the same order.
  std::vector<std::size_t> input_places;
  std::string output_name;
  Dims output_dims;           ///< of the file, batch included as 1
  int output_batch_axis = 0;  ///< -1: the file has dropped it
  /// Weight matrices (row-major) and parameters by name.
  std::map<std::string, std::vector<float>> numbers;
  /// Mean and variance of each batch norm by name.
  std::map<std::string, std::pair<std::vector<float>, std::vector<float>>> statistics;
};

/// Translates a model. Error naming the node where an operator, or what it is asked, is not known.
ImportedNetwork import_network(const Model& model, const ImportOptions& options = {});

/// A tensor of the file's dimensions as a row per sample in the order in which the graph takes its numbers.
/// values: input_dims with `samples` for the batch.
Matrix rows_of(const ImportedNetwork& network, const std::vector<float>& values, std::size_t samples);
/// Rows that the graph gave, as a tensor of the file's dimensions.
std::vector<float> tensor_of(const ImportedNetwork& network, MatrixView<const float> rows);

/// Puts the numbers of the file into a graph of that network, whose weights must be digital.
void load_numbers(const ImportedNetwork& imported, Graph& graph);

/// A graph of the network with all weights digital.
Graph make_digital_graph(const ImportedNetwork& imported);

/// The operators that are known, in alphabetical order.
std::vector<std::string> known_operators();

}  // namespace ohmic::onnx
