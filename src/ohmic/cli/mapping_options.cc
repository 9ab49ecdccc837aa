#include "ohmic/cli/mapping_options.h"

#include <algorithm>

#include "ohmic/chip/link_buffers.h"
#include "ohmic/core/error.h"

namespace ohmic {

void add_mapping_options(CLI::App& command, MappingArguments& a) {
  command.add_option("--chip", a.chip, "A chip's name (`ohmic list chips`), or a .toml file [paper]")
      ->type_name("NAME");
  command.add_option("--chip-set", a.chip_settings, "Change a constant of the chip, e.g. array_rows=128; repeatable")
      ->type_name("KEY=VALUE");
  command.add_option("--set", a.settings, "Change a setting of an experiment; repeatable")->type_name("KEY=VALUE");
  command.add_option("--ticks", a.ticks, "Copy layers until a sample takes at most so many ticks")
      ->check(CLI::Range(1, 1000000000))
      ->type_name("TICKS");
  command.add_option("--arrays", a.arrays, "Copy layers for the highest rate with at most so many arrays")
      ->check(CLI::Range(1, 1000000000))
      ->type_name("ARRAYS");
  command.add_option("--latency", a.latency, "Copy layers until a sample is through in at most so many ticks")
      ->check(CLI::Range(1, 1000000000))
      ->type_name("TICKS");
  command.add_flag("--pack", a.packs, "Several pixels per product where no further array is needed for it");
  command.add_flag("--share", a.shares, "Put small layers on one array, in turns, where that does not slow the plan");
  command.add_flag("--links", a.has_links, "Let pixels queue for links of the chip's bandwidth, with buffers for that");
  command.add_option("--depthwise", a.depthwise, "Where depthwise convolutions are done: arrays or digital [arrays]")
      ->check(CLI::IsMember({"arrays", "digital"}))
      ->type_name("PLACE");
  command.add_option("--buffers", a.buffers, "Size of the buffers: least, full-rate, rows or full-map [full-rate]")
      ->check(CLI::IsMember({"least", "full-rate", "rows", "full-map"}))
      ->type_name("SCHEME");
  command
      .add_option("--placement", a.placement,
                  "Where cores stand: snake, in the order of the stages, or search, from there with exchanges that "
                  "save bits x hops [search]")
      ->check(CLI::IsMember({"snake", "search"}))
      ->type_name("HOW");
}

MapRequest map_request(const MappingArguments& a) {
  MapRequest request;
  if (a.ticks > 0) request.ticks = a.ticks;
  if (a.arrays > 0) request.arrays = a.arrays;
  if (a.latency > 0) request.latency = a.latency;
  request.packing = a.packs ? WindowPacking::on : WindowPacking::off;
  request.sharing = a.shares ? ArraySharing::on : ArraySharing::off;
  request.depthwise = a.depthwise == "digital" ? DepthwisePlace::digital : DepthwisePlace::arrays;
  const auto scheme = std::find(kBufferSchemes.begin(), kBufferSchemes.end(), a.buffers);
  request.scheme = static_cast<BufferScheme>(scheme - kBufferSchemes.begin());
  request.placement = a.placement == "snake" ? Placement::snake : Placement::search;
  return request;
}

Plan map_as_asked(const MappingArguments& a) {
  const NetworkSource source = load_network(a.network, a.settings);
  Plan plan = map_network(source.name, source.stages(), load_chip(a.chip, a.chip_settings), map_request(a));
  if (a.has_links) plan = size_buffers_for_links(std::move(plan));
  if (const auto broken = check(plan); !broken.empty()) {
    fail("{} does not fit on {}; take a larger one (--chip-set), fewer copies, or --buffers least\n  {}", plan.network,
         plan.chip.name, fmt::join(broken, "\n  "));
  }
  return plan;
}

}  // namespace ohmic
