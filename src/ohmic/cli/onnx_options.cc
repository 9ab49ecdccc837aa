#include "ohmic/cli/onnx_options.h"

#include <fmt/format.h>

#include <charconv>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

// "1,3,224,224".
onnx::Dims parse_dims(const std::string& text) {
  onnx::Dims dims;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int64_t value = 0;
    const auto [rest, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || value < 1 || (rest < end && *rest != ',')) {
      fail("--input-shape {}: give whole numbers from 1, e.g. 1,3,224,224", text);
    }
    dims.push_back(value);
    at = rest + 1;
  }
  return dims;
}

onnx::ImageLayout parse_layout(const std::string& name) {
  if (name == "nchw") return onnx::ImageLayout::channels_first;
  if (name == "nhwc") return onnx::ImageLayout::channels_last;
  return name == "plain" ? onnx::ImageLayout::as_given : onnx::ImageLayout::automatic;
}

}  // namespace

onnx::ImportOptions OnnxArguments::import_options() const {
  onnx::ImportOptions options;
  options.layout = parse_layout(layout);
  options.input_dims = parse_dims(input_shape);
  options.output = output;
  return options;
}

void add_onnx_options(CLI::App& command, OnnxArguments& arguments, bool with_data) {
  command
      .add_option("--layout", arguments.layout,
                  "Of an ONNX file's input: nchw, nhwc, plain (no image), auto (by its dimensions) [auto]")
      ->check(CLI::IsMember({"auto", "nchw", "nhwc", "plain"}));
  command.add_option("--input-shape", arguments.input_shape, "Of an ONNX file, where dimensions are open: 1,3,224,224")
      ->type_name("DIMS");
  command.add_option("--output", arguments.output, "Of an ONNX file with several [the first]")->type_name("NAME");
  if (!with_data) return;
  command.add_option("--dataset", arguments.dataset, "To try an ONNX file on [mnist or cifar10, by its input]")
      ->type_name("NAME");
  command
      .add_option("--input-range", arguments.input_range,
                  "What an ONNX file takes pixels as: 0..1, 0..255, -1..1, normalised [what suits it best]")
      ->type_name("RANGE");
}

LoadedRun load_trained(const std::string& path, const OnnxArguments& arguments, const std::string& data_folder,
                       const std::function<void(const std::string&)>& on_message) {
  if (!is_onnx_file(path)) return load_run(path, data_folder, on_message);
  OnnxRunOptions options;
  options.dataset = arguments.dataset;
  options.data_folder = data_folder;
  options.input_range = arguments.input_range;
  options.import = arguments.import_options();
  return load_onnx_run(path, options, on_message);
}

std::filesystem::path result_path(const std::string& path, const std::string& name) {
  if (!is_onnx_file(path)) return std::filesystem::path(path) / name;
  const std::filesystem::path file(path);
  return file.filename().replace_extension("").string() + "." + name;
}

}  // namespace ohmic
