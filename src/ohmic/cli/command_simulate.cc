#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "ohmic/chip/simulator.h"
#include "ohmic/cli/command.h"
#include "ohmic/cli/mapping_options.h"
#include "ohmic/cli/plan_output.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/mapping/plan_file.h"

namespace ohmic {
namespace {

constexpr const char* kSimulateExamples =
    "Examples:\n"
    "  ohmic simulate resnet32 --images 8\n"
    "  ohmic simulate resnet32.json --images 8 --json\n"
    "  ohmic simulate resnet50 --arrays 2000 --buffers least\n"
    "  ohmic simulate resnet32 --buffer stem:stage1.block1.conv1=60\n\n"
    "NETWORK is what `ohmic map` takes, or a plan that it saved. Samples follow each other at the rate of the plan. A\n"
    "pipeline whose buffers are too small comes to stand still: the message says which stage waits for what.";

struct SimulateArguments {
  MappingArguments mapping;
  std::vector<std::string> buffers;
  int images = 4;
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
  return read_plan(read_text_file(path), a.network, [](const std::string& name, const std::vector<std::string>& set) {
    return load_network(name, set).stages();
  });
}

void simulate_network(const SimulateArguments& arguments) {
  Plan plan = plan_as_asked(arguments.mapping);
  for (const std::string& buffer : arguments.buffers) set_buffer(plan, buffer);
  const Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  const SimulationResult result = simulate(pipeline, arguments.images);
  if (!result.deadlock.empty()) fail("{}", explain(pipeline, result.deadlock[0]));
  if (arguments.json) {
    fmt::print("{}\n", simulation_json(plan, result).dump());
    return;
  }
  fmt::print("{}\n{}", simulation_summary(plan, result), format_table(simulation_table(plan, result)));
}

}  // namespace

void add_simulate_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = program.add_subcommand("simulate", "Run a network on a chip tick by tick");
  command->footer(kSimulateExamples);
  command->add_option("network", arguments->mapping.network, "A network, an experiment, or a plan (.json)")->required();
  add_mapping_options(*command, arguments->mapping);
  command->add_option("--images", arguments->images, "Samples that follow each other [4]")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--buffer", arguments->buffers, "Size of one buffer, FROM:TO=PIXELS; repeatable")
      ->type_name("BUFFER");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { simulate_network(*arguments); });
}

}  // namespace ohmic
