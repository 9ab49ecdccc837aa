#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "ohmic/cli/command.h"
#include "ohmic/cli/onnx_options.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/onnx/network.h"

namespace ohmic {
namespace {

constexpr const char* kEvaluateExamples =
    "Examples:\n"
    "  ohmic evaluate model.onnx\n"
    "  ohmic evaluate model.onnx --inputs x.safetensors --out y.safetensors\n"
    "  ohmic evaluate model.onnx --inputs x.safetensors --out y.safetensors --batch 32 --repeat 10\n\n"
    "Without --inputs, lists the layers that the file becomes. Inputs are the only tensor of the file, or the one of "
    "the\n"
    "input's name: fp32, dimensions as the model has them, the batch of any size. Outputs are written under the name "
    "of\n"
    "the model's output. All weights are digital.";

struct EvaluateArguments {
  std::string model, inputs, out;
  OnnxArguments onnx;
  int batch = 32, repeat = 1, threads = 0;
  bool json = false;
};

using Clock = std::chrono::steady_clock;

std::string input_tensor(const SafetensorsFile& file, const std::string& path, const std::string& wanted) {
  const std::vector<std::string> names = file.names();
  if (names.size() == 1) return names.front();
  if (file.contains(wanted)) return wanted;
  fail("{} holds the tensors {}; name the one that goes in \"{}\"", path, fmt::join(names, ", "), wanted);
}

// The number of samples in a tensor of these dimensions. Error if it does not fit the model.
std::size_t sample_count(const std::vector<std::int64_t>& dims, const onnx::ImportedNetwork& network) {
  onnx::Dims wanted = network.input_dims;
  const auto axis = static_cast<std::size_t>(network.input_batch_axis);
  if (dims.size() == wanted.size()) wanted[axis] = dims[axis];
  if (dims != wanted || dims[axis] < 1) {
    fail("the inputs are {}, but the model takes {} with any number in dimension {}", onnx::to_string(dims),
         onnx::to_string(network.input_dims), axis);
  }
  return static_cast<std::size_t>(dims[axis]);
}

// The rows through the graph in batches, `repeat` times; returns the time of the fastest pass, in seconds.
double evaluate_rows(Graph& graph, const Matrix& inputs, const EvaluateArguments& arguments, Matrix& outputs) {
  const auto batch = static_cast<std::size_t>(arguments.batch);
  outputs.resize(inputs.rows(), graph.output_shape().size());
  double best = 0;
  for (int r = 0; r < arguments.repeat; ++r) {
    const auto start = Clock::now();
    for (std::size_t begin = 0; begin < inputs.rows(); begin += batch) {
      const std::size_t count = std::min(batch, inputs.rows() - begin);
      const auto y = graph.forward({inputs.row(begin).data(), count, inputs.columns()}, {begin, false});
      std::copy_n(y.data, y.rows * y.columns, outputs.row(begin).data());
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = r == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

nlohmann::ordered_json layers_json(const Graph& graph, const NetworkSpec& network) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t p = 0; p < graph.position_count(); ++p) {
    const LayerSpec& layer = network.layers[p];
    list.push_back({{"name", layer.name},
                    {"kind", kLayerKinds[static_cast<std::size_t>(layer.kind)]},
                    {"inputs", layer.inputs},
                    {"output", to_string(graph.layer(graph.layer_at(p)).output_shape())}});
  }
  return list;
}

void print_layers(const Graph& graph, const NetworkSpec& network) {
  std::vector<std::vector<std::string>> rows = {{"layer", "kind", "output"}};
  for (const auto& layer : layers_json(graph, network)) rows.push_back({layer["name"], layer["kind"], layer["output"]});
  fmt::print("{}{} trained numbers\n", format_table(rows), with_thousands(graph.weight_count()));
}

void evaluate(const EvaluateArguments& arguments) {
  set_thread_count(arguments.threads);
  if (!arguments.out.empty()) require_writable(arguments.out, {{arguments.model, arguments.inputs}});
  const onnx::Model model = onnx::read_model(arguments.model);
  const onnx::ImportedNetwork network = onnx::import_network(model, arguments.onnx.import_options());
  Graph graph = onnx::make_digital_graph(network);
  nlohmann::ordered_json record = {{"model", arguments.model}, {"weights", graph.weight_count()}};
  if (arguments.inputs.empty()) {
    record["layers"] = layers_json(graph, network.network);
    if (arguments.json) return fmt::print("{}\n", record.dump());
    return print_layers(graph, network.network);
  }
  const SafetensorsFile file(arguments.inputs);
  const std::string tensor = input_tensor(file, arguments.inputs, network.input_name);
  const std::size_t samples = sample_count(file.shape(tensor), network);
  const Matrix inputs = onnx::rows_of(network, file.read<float>(tensor), samples);
  Matrix outputs;
  const double seconds = evaluate_rows(graph, inputs, arguments, outputs);
  const std::vector<float> values = onnx::tensor_of(network, static_cast<const Matrix&>(outputs).view());
  onnx::Dims dims = network.output_dims;
  if (network.output_batch_axis >= 0) {
    dims[static_cast<std::size_t>(network.output_batch_axis)] *= static_cast<std::int64_t>(samples);
  } else if (samples > 1) {
    dims.insert(dims.begin(), static_cast<std::int64_t>(samples));
  }
  SafetensorsWriter writer;
  writer.add(network.output_name, std::span<const float>(values), dims);
  writer.write(arguments.out);
  record["samples"] = samples;
  record["batch"] = arguments.batch;
  record["seconds_per_sample"] = seconds / static_cast<double>(samples);
  if (arguments.json) return fmt::print("{}\n", record.dump());
  fmt::print("{} samples, {:.4f} ms each in batches of {}; outputs in {}\n", samples,
             1e3 * seconds / static_cast<double>(samples), arguments.batch, arguments.out);
}

}  // namespace

void add_evaluate_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = program.add_subcommand("evaluate", "Compute an ONNX network with digital weights");
  command->footer(kEvaluateExamples);
  command->add_option("model", arguments->model, "ONNX file")->required();
  CLI::Option* inputs =
      command->add_option("--inputs", arguments->inputs, "Safetensors file with what goes in")->type_name("FILE");
  CLI::Option* out =
      command->add_option("--out", arguments->out, "Safetensors file for what comes out")->type_name("FILE");
  inputs->needs(out);
  out->needs(inputs);
  command->add_option("--batch", arguments->batch, "Samples at a time [32]")->check(CLI::Range(1, 65536));
  command->add_option("--repeat", arguments->repeat, "Passes; the time is that of the fastest [1]")
      ->check(CLI::Range(1, 100000));
  add_onnx_options(*command, arguments->onnx, false);
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { evaluate(*arguments); });
}

}  // namespace ohmic
