#include <fmt/format.h>

#include "ohmic/chip/explore.h"
#include "ohmic/cli/chip_page.h"
#include "ohmic/cli/command.h"
#include "ohmic/cli/mapping_options.h"
#include "ohmic/cli/network_catalogue.h"
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
    "  ohmic map googlenet --share\n"
    "  ohmic map googlenet --fabrics\n"
    "  ohmic map googlenet --placement snake\n"
    "  ohmic map resnet32 --explore --page resnet32.html\n"
    "  ohmic map cifar10_cnn --set network.layers.0.units=32 --chip hermes64 --chip-set topology=ring --json\n\n"
    "NETWORK is a network (`ohmic list networks`), or an experiment's name or file. A tick is the time of one\n"
    "matrix-vector product of the chip; a sample is an image, or a window of a text. Buffers are counted in pixels, "
    "all\n"
    "channels of one position of an image; least is as few as a sample needs to get through at all.";

struct MapArguments {
  MappingArguments mapping;
  std::string out, page;
  std::vector<std::int64_t> array_sizes = {128, 256, 512};
  bool explores = false;
  bool compares_fabrics = false;
  bool json = false;
};

nlohmann::ordered_json exploration_json(const std::vector<ExploredPlan>& plans) {
  auto list = nlohmann::ordered_json::array();
  for (const ExploredPlan& p : plans) {
    list.push_back({{"array_size", p.array_size},
                    {"packs", p.packing == WindowPacking::on},
                    {"buffers", kBufferSchemes[static_cast<std::size_t>(p.scheme)]},
                    {"arrays", p.arrays},
                    {"sram_bytes", p.sram_bytes},
                    {"ticks_per_sample", p.ticks_per_sample},
                    {"latency_ticks", p.latency},
                    {"is_best", p.is_best}});
  }
  return list;
}

void explore_network(const MapArguments& arguments) {
  const MappingArguments& m = arguments.mapping;
  if (m.ticks + m.arrays + m.latency > 0 || m.packs || m.shares || m.has_links || !arguments.out.empty()) {
    fail(
        "--explore tries all numbers of copies, with and without packing; leave out --ticks, --arrays, --latency, "
        "--pack, --share, --links and --out");
  }
  const NetworkSource source = load_network(m.network, m.settings);
  const ChipSpec chip = load_chip(m.chip, m.chip_settings);
  ExploreRequest request;
  request.array_sizes = arguments.array_sizes;
  request.depthwise = map_request(m).depthwise;
  const auto plans = explore(source.name, source.stages(), chip, request);
  const double tick_ns = chip.constants.mvm_ns;
  if (!arguments.page.empty()) {
    write_file_atomically(arguments.page, exploration_page(source.name, plans, tick_ns));
  }
  if (arguments.json) {
    fmt::print("{}\n", exploration_json(plans).dump());
    return;
  }
  const auto table = exploration_table(plans, tick_ns);
  fmt::print("{}: {} of {} plans are not beaten in cells, memory, rate and latency at once\n\n{}", source.name,
             table.size() - 1, plans.size(), format_table(table));
}

void map(const MapArguments& arguments) {
  if (arguments.explores) return explore_network(arguments);
  const Plan plan = map_as_asked(arguments.mapping);
  if (!arguments.out.empty()) write_file_atomically(arguments.out, plan_text(plan, arguments.mapping.settings));
  if (!arguments.page.empty()) write_file_atomically(arguments.page, plan_page(plan));
  if (arguments.json) {
    fmt::print("{}\n", plan_json(plan).dump());
    return;
  }
  fmt::print("{}\n", plan_summary(plan));
  if (arguments.compares_fabrics) {
    const FabricStudy study = study_fabrics(plan, CoreTraffic::included);
    fmt::print("{}\n{}\n", format_table(fabric_table(plan, study)), prism_text(plan, study));
    return;
  }
  fmt::print("{}", format_table(plan_table(plan)));
}

}  // namespace

void add_map_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<MapArguments>();
  CLI::App* command = program.add_subcommand("map", "Lay a network out on a chip: arrays, copies, buffers, cores");
  command->footer(kMapExamples);
  command->add_option("network", arguments->mapping.network, "A network or an experiment")->required();
  add_mapping_options(*command, arguments->mapping);
  command->add_option("--out", arguments->out, "Save the plan, for `ohmic simulate`")->type_name("FILE");
  command->add_option("--page", arguments->page, "Write an HTML page with a floor plan, or of what was explored")
      ->type_name("FILE");
  command->add_flag("--explore", arguments->explores, "Trade memory, arrays, rate and latency against each other");
  command->add_option("--array-sizes", arguments->array_sizes, "Array sizes that --explore tries [128,256,512]")
      ->delimiter(',')
      ->check(CLI::Range(4, 65536));
  command->add_flag("--fabrics", arguments->compares_fabrics, "Hops and loads on each topology in place of the stages");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { map(*arguments); });
}

}  // namespace ohmic
