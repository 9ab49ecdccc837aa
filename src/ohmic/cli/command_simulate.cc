#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "ohmic/chip/co_simulation.h"
#include "ohmic/chip/link_buffers.h"
#include "ohmic/cli/chip_page.h"
#include "ohmic/cli/command.h"
#include "ohmic/cli/mapping_options.h"
#include "ohmic/cli/plan_output.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/data/image.h"
#include "ohmic/mapping/plan_file.h"
#include "ohmic/training/run.h"

namespace ohmic {
namespace {

constexpr const char* kSimulateExamples =
    "Examples:\n"
    "  ohmic simulate resnet32 --images 8\n"
    "  ohmic simulate resnet32.json --images 8 --json\n"
    "  ohmic simulate resnet50 --arrays 2000 --buffers least\n"
    "  ohmic simulate resnet32 --ticks 64 --page resnet32.html\n"
    "  ohmic simulate densenet121 --links --chip-set link_bits=16\n"
    "  ohmic simulate small_inception --activations --images 16\n"
    "  ohmic simulate resnet32 --buffer stem:stage1.block1.conv1=60\n\n"
    "NETWORK is what `ohmic map` takes, or a plan that it saved. Samples follow each other at the rate of the plan, "
    "with\n"
    "--links at that of the busiest link if it is slower; a plan that was saved with --links is run with it. A\n"
    "pipeline whose buffers are too small comes to stand still: the message says which stage waits for what. With\n"
    "--activations the buffers hold real activations, and the outputs are compared to the bit with those of the "
    "network\n"
    "run layer by layer, read noise included. Of a run folder the trained cells and test images are taken; of others "
    "fresh\n"
    "cells and random images.";

struct SimulateArguments {
  MappingArguments mapping;
  std::vector<std::string> buffers;
  std::string page, data;
  int images = 4;
  int threads = 0;
  bool has_activations = false;
  bool json = false;
};

// FROM:TO=PIXELS
void set_buffer(Plan& plan, const std::string& text) {
  const std::size_t equals = text.rfind('='), colon = text.find(':');
  std::int64_t pixels = 0;
  const char* const end = text.data() + text.size();
  const bool is_whole = equals != std::string::npos && colon < equals &&
                        std::from_chars(text.data() + equals + 1, end, pixels).ptr == end && equals + 1 < text.size();
  if (!is_whole || pixels < 1) fail("--buffer {}: write FROM:TO=PIXELS, e.g. stem:stage1.block1.conv1=60", text);
  const std::string from = text.substr(0, colon), to = text.substr(colon + 1, equals - colon - 1);
  std::vector<std::string> known;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.graph.stages[s];
    for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
      const std::string& writer = plan.graph.stages[static_cast<std::size_t>(stage.inputs[k].from)].name;
      known.push_back(fmt::format("{}:{}", writer, stage.name));
      if (writer != from || stage.name != to) continue;
      plan.stages[s].buffers[k].pixels = pixels;
      return;
    }
  }
  const std::string near = nearest_name(fmt::format("{}:{}", from, to), known);
  fail("--buffer {}: no stage {} reads a stage {}{}; `ohmic map` lists the stages", text, to, from,
       near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

Plan plan_as_asked(const MappingArguments& a) {
  const std::filesystem::path path = a.network;
  if (path.extension() != ".json") return map_as_asked(a);
  Plan plan = read_plan(
      read_text_file(path), a.network,
      [](const std::string& name, const std::vector<std::string>& set) { return load_network(name, set).stages(); });
  return plan.links == LinkWidth::of_chip ? find_link_needs(std::move(plan)) : plan;
}

// A network with its cells and what it is to look at.
struct LiveNetwork {
  std::optional<LoadedRun> run;
  std::optional<Graph> made;
  Matrix samples;

  Graph& graph() { return run ? run->trainer->graph() : *made; }
};

LiveNetwork load_live(const SimulateArguments& arguments) {
  const NetworkSource source = load_network(arguments.mapping.network, arguments.mapping.settings);
  const auto images = static_cast<std::size_t>(arguments.images);
  LiveNetwork live;
  if (std::filesystem::is_directory(arguments.mapping.network)) {
    live.run = load_run(arguments.mapping.network, arguments.data, {});
    const Dataset& data = live.run->data;
    if (live.run->spec.training.task != TaskKind::classification) {
      fail(
          "{}: activations of a run are those of test images, but it does not classify images; leave out --activations",
          arguments.mapping.network);
    }
    if (images > static_cast<std::size_t>(data.test.count)) {
      fail("--images {} is more than the {} test images; ask for fewer", images, data.test.count);
    }
    const ImageDecoder decoder(data, live.run->spec.data.normalise);
    live.samples.resize(images, live.graph().input_size());
    for (std::size_t s = 0; s < images; ++s) decoder.decode(data.test, s, live.samples.row(s));
    return live;
  }
  const bool has_tokens = source.experiment && source.experiment->training.task == TaskKind::language;
  if (has_tokens) fail("{}: activations are those of images; leave out --activations", source.name);
  ExperimentSpec spec = source.experiment.value_or(ExperimentSpec());
  spec.network = source.network;
  live.made.emplace(make_graph(spec, spec.network, source.input, source.classes));
  live.samples.resize(images, live.made->input_size());
  gaussians(RandomStream(static_cast<std::uint64_t>(spec.seed), Purpose::latent, 0, 0), live.samples.values());
  return live;
}

// Layer by layer, a sample at a time: an LSTM numbers its reads by place in the batch.
std::size_t count_equal(LiveNetwork& live, const Matrix& outputs) {
  std::size_t equal = 0;
  for (std::size_t s = 0; s < outputs.rows(); ++s) {
    const auto y = live.graph().forward({live.samples.row(s).data(), 1, live.samples.columns()},
                                        Pass{kFirstEvaluationRead + s, false});
    const auto ours = outputs.row(s);
    equal += std::equal(ours.begin(), ours.end(), y.data);
  }
  return equal;
}

SimulationResult simulate_live(const SimulateArguments& arguments, const Plan& plan, const Pipeline& pipeline,
                               std::string& remark) {
  LiveNetwork live = load_live(arguments);
  CoSimulationResult result = co_simulate(live.graph(), plan, pipeline, live.samples.view(), kFirstEvaluationRead);
  if (!result.timing.deadlock.empty()) return std::move(result.timing);
  const std::size_t equal = count_equal(live, result.outputs);
  if (equal < result.outputs.rows()) {
    throw std::logic_error(
        fmt::format("the chip's outputs of {} of {} samples differ from those layer by layer; {} pixels "
                    "were read wrong",
                    result.outputs.rows() - equal, result.outputs.rows(), result.wrong_pixels));
  }
  remark = fmt::format(
      "activations: {} pixels moved; the outputs of all {} samples are those of the network run layer by "
      "layer, to the bit\n",
      with_thousands(static_cast<std::uint64_t>(result.moved_pixels)), equal);
  return std::move(result.timing);
}

void simulate_network(const SimulateArguments& arguments) {
  set_thread_count(arguments.threads);
  const bool is_plan = std::filesystem::path(arguments.mapping.network).extension() == ".json";
  if (is_plan && arguments.has_activations) {
    fail("--activations needs the network, not a plan; give its name with the options that it was mapped with");
  }
  Plan plan = plan_as_asked(arguments.mapping);
  for (const std::string& buffer : arguments.buffers) set_buffer(plan, buffer);
  Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  if (arguments.mapping.has_links || plan.links == LinkWidth::of_chip) pipeline = with_links(std::move(pipeline), plan);
  std::string remark;
  const SimulationResult result = arguments.has_activations ? simulate_live(arguments, plan, pipeline, remark)
                                                            : simulate(pipeline, arguments.images);
  if (!result.deadlock.empty()) fail("{}", explain(pipeline, result.deadlock[0]));
  if (!arguments.page.empty()) write_file_atomically(arguments.page, simulation_page(plan, result));
  if (arguments.json) {
    fmt::print("{}\n", simulation_json(plan, result).dump());
    return;
  }
  fmt::print("{}{}{}\n{}", simulation_summary(plan, result), remark, link_summary(plan),
             format_table(simulation_table(plan, result)));
}

}  // namespace

void add_simulate_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = program.add_subcommand("simulate", "Run a network on a chip tick by tick");
  command->footer(kSimulateExamples);
  command->add_option("network", arguments->mapping.network, "A network, an experiment, a run, or a plan (.json)")
      ->required();
  add_mapping_options(*command, arguments->mapping);
  command->add_option("--images", arguments->images, "Samples that follow each other [4]")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--buffer", arguments->buffers, "Size of one buffer, FROM:TO=PIXELS; repeatable")
      ->type_name("BUFFER");
  command->add_flag("--activations", arguments->has_activations, "Move real activations and compare the outputs");
  command->add_option("--data", arguments->data, "Folder of the data sets, for a run's test images")->type_name("DIR");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_option("--page", arguments->page, "Write an HTML page with a Gantt chart and a floor plan")
      ->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { simulate_network(*arguments); });
}

}  // namespace ohmic
