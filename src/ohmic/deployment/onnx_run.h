#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "ohmic/onnx/network.h"
#include "ohmic/training/run.h"

namespace ohmic {

/// What an ONNX file does not say of itself.
struct OnnxRunOptions {
  std::string dataset;                ///< empty: by the shape of the input
  std::filesystem::path data_folder;  ///< empty: search
  /// What the network takes pixels as; empty: what suits it best on some training images, with a message.
  std::string input_range;
  onnx::ImportOptions import;
};

/// "0..1", "0..255", "-1..1", "normalised": the input_range that each kind of normalisation stands for.
std::string input_range_name(Normalise normalise);

/// Whether a command was given an ONNX file, by its name.
bool is_onnx_file(const std::string& path);

/// An ONNX classifier with digital weights and the data it is to be tried on, as if ohmic had trained it. Error if
/// there are no data of its input's shape, or its outputs are not their classes.
LoadedRun load_onnx_run(const std::filesystem::path& path, const OnnxRunOptions& options,
                        const std::function<void(const std::string&)>& on_message);

/// Test accuracy of a run as it is, 0 to 1. `on_progress` gets the share that is done.
double test_accuracy(LoadedRun& run, const std::function<void(double)>& on_progress);

}  // namespace ohmic
