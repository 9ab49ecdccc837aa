#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "ohmic/deployment/onnx_run.h"

namespace ohmic {

/// Settings of commands that take an ONNX file.
struct OnnxArguments {
  std::string dataset, input_range, layout = "auto", input_shape, output;

  onnx::ImportOptions import_options() const;
};

/// --layout, --input-shape, --output; where the file is to be tried on data, also --dataset and --input-range.
void add_onnx_options(CLI::App& command, OnnxArguments& arguments, bool with_data);

/// A trained network: the folder of a run, or an ONNX file.
LoadedRun load_trained(const std::string& path, const OnnxArguments& arguments, const std::string& data_folder,
                       const std::function<void(const std::string&)>& on_message);

/// Where a command keeps what it finds out about a trained network: in the run's folder, or for an ONNX file MODEL.NAME
/// in the current one.
std::filesystem::path result_path(const std::string& path, const std::string& name);

}  // namespace ohmic
