#include <fmt/format.h>

#include "ohmic/cli/command.h"
#include "ohmic/cli/mapping_options.h"
#include "ohmic/cli/plan_output.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/mapping/plan_file.h"

namespace ohmic {
namespace {

constexpr const char* kMapExamples =
    "Examples:\n"
    "  ohmic map resnet32\n"
    "  ohmic map resnet32 --ticks 64 --out resnet32.json\n"
    "  ohmic map resnet50 --arrays 2000 --pack --buffers rows\n"
    "  ohmic map mobilenet_v2 --depthwise digital --chip hermes_core\n"
    "  ohmic map cifar10_cnn --set network.layers.0.units=32 --chip hermes64 --chip-set topology=ring --json\n\n"
    "NETWORK is a network (`ohmic list networks`), or an experiment's name or file. A tick is the time of one\n"
    "matrix-vector product of the chip; a sample is an image, or a window of a text. Buffers are counted in pixels, "
    "all\n"
    "channels of one position of an image; least is as few as a sample needs to get through at all.";

struct MapArguments {
  MappingArguments mapping;
  std::string out;
  bool json = false;
};

void map(const MapArguments& arguments) {
  const Plan plan = map_as_asked(arguments.mapping);
  if (!arguments.out.empty()) write_file_atomically(arguments.out, plan_text(plan, arguments.mapping.settings));
  if (arguments.json) {
    fmt::print("{}\n", plan_json(plan).dump());
    return;
  }
  fmt::print("{}\n{}", plan_summary(plan), format_table(plan_table(plan)));
}

}  // namespace

void add_map_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<MapArguments>();
  CLI::App* command = program.add_subcommand("map", "Lay a network out on a chip: arrays, copies, buffers, cores");
  command->footer(kMapExamples);
  command->add_option("network", arguments->mapping.network, "A network or an experiment")->required();
  add_mapping_options(*command, arguments->mapping);
  command->add_option("--out", arguments->out, "Save the plan, for `ohmic simulate`")->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { map(*arguments); });
}

}  // namespace ohmic
