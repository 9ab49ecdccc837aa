#include "ohmic/mapping/plan_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

using PlanJson = nlohmann::ordered_json;

constexpr std::string_view kPlanFormat = "ohmic plan 1";
constexpr std::array<std::string_view, 2> kDepthwisePlaces = {"arrays", "digital"};
constexpr std::array<std::string_view, 2> kLinkWidths = {"as needed", "of the chip"};

template <class Names>
int index_of(const Names& names, const std::string& name, std::string_view what) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail("{} = \"{}\" is none of {}", what, name, fmt::join(names, ", "));
  return static_cast<int>(found - names.begin());
}

void read_stage(const PlanJson& json, Plan& plan, std::size_t s) {
  const Stage& stage = plan.graph.stages[s];
  StagePlan& p = plan.stages[s];
  if (json.at("name").get<std::string>() != stage.name) {
    fail("stage {} is \"{}\", but the network has \"{}\" there", s, json.at("name").get<std::string>(), stage.name);
  }
  p.packing = {json.at("packing").at(0).get<int>(), json.at("packing").at(1).get<int>()};
  if (p.packing.rows < 1 || p.packing.columns < 1 || (p.packing != Packing() && stage.kind != StageKind::convolution)) {
    fail("{}.packing = [{}, {}] must be at least 1, and for convolutions only", stage.name, p.packing.rows,
         p.packing.columns);
  }
  p.copies = json.at("copies").get<int>();
  if (p.copies < 1) fail("{}.copies = {} must be at least 1", stage.name, p.copies);
  const PlanJson& shares = json.at("shares");
  p.leader = shares.at("leader").get<int>();
  p.slots = shares.at("slots").get<Tick>();
  p.slot = shares.at("slot").get<Tick>();
  const auto stages = static_cast<int>(plan.stages.size());
  if (p.slots < 1 || p.slot < 0 || p.slot >= p.slots || p.leader < -1 || p.leader == 0 || p.leader >= stages) {
    fail("{}.shares: turn {} of {} on the array of stage {} cannot be", stage.name, p.slot, p.slots, p.leader);
  }
  p.cores = json.at("cores").get<std::vector<int>>();
  for (const PlanJson& pixels : json.at("buffers")) {
    BufferPlan b;
    b.pixels = pixels.get<std::int64_t>();
    p.buffers.push_back(b);
  }
  if (p.buffers.size() != stage.inputs.size()) {
    fail("{}.buffers has {} entries, but the stage has {} inputs", stage.name, p.buffers.size(), stage.inputs.size());
  }
}

void find_needs(Plan& plan) {
  const auto needs = buffer_needs(make_pipeline(plan, BufferBounds::unbounded), LeastBuffers::exact);
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (std::size_t k = 0; k < plan.stages[s].buffers.size(); ++k) {
      BufferPlan& b = plan.stages[s].buffers[k];
      const auto from = static_cast<std::size_t>(plan.graph.stages[s].inputs[k].from);
      b.needs = needs[s][k];
      b.bytes = static_cast<double>(b.pixels) * plan.chip.pixel_bytes(plan.graph.stages[from].output.channels);
    }
  }
}

ChipSpec read_chip_of_plan(const PlanJson& json) {
  ChipSpec chip;
  chip.name = json.at("name").get<std::string>();
  chip.topology = static_cast<Topology>(index_of(kTopologies, json.at("topology").get<std::string>(), "chip.topology"));
  ConfigDocument constants;
  for (const auto& [key, value] : json.at("constants").items()) {
    constants.set(fmt::format("{}={}", key, value.get<double>()));
  }
  read_fields(constants, "chip.constants", chip.constants);
  return chip;
}

Plan read_json(const PlanJson& json, const GraphSource& graphs) {
  if (json.at("format").get<std::string>() != kPlanFormat) {
    fail("its format is \"{}\", this version reads \"{}\"", json.at("format").get<std::string>(), kPlanFormat);
  }
  const auto network = json.at("network").get<std::string>();
  const auto depthwise =
      static_cast<DepthwisePlace>(index_of(kDepthwisePlaces, json.at("depthwise").get<std::string>(), "depthwise"));
  Plan plan = split(network, graphs(network, json.at("settings").get<std::vector<std::string>>()),
                    read_chip_of_plan(json.at("chip")), depthwise);
  plan.scheme = static_cast<BufferScheme>(index_of(kBufferSchemes, json.at("buffers").get<std::string>(), "buffers"));
  // Files from before there was a choice stand along the snake.
  plan.placement = static_cast<Placement>(index_of(kPlacements, json.value("placement", "snake"), "placement"));
  plan.links = static_cast<LinkWidth>(index_of(kLinkWidths, json.value("links", "as needed"), "links"));
  const PlanJson& stages = json.at("stages");
  if (stages.size() + 1 != plan.stages.size()) {
    fail("it has {} stages, but {} has {}", stages.size(), network, plan.stages.size() - 1);
  }
  for (std::size_t s = 1; s < plan.stages.size(); ++s) read_stage(stages.at(s - 1), plan, s);
  plan.cores = json.at("cores").get<int>();
  if (plan.cores < 1) fail("cores = {} must be at least 1", plan.cores);
  return derive(std::move(plan));
}

}  // namespace

std::string plan_text(const Plan& plan, const std::vector<std::string>& settings) {
  PlanJson json = {{"format", kPlanFormat},
                   {"network", plan.network},
                   {"settings", settings},
                   {"depthwise", kDepthwisePlaces[static_cast<std::size_t>(plan.depthwise)]},
                   {"buffers", kBufferSchemes[static_cast<std::size_t>(plan.scheme)]},
                   {"placement", kPlacements[static_cast<std::size_t>(plan.placement)]},
                   {"links", kLinkWidths[static_cast<std::size_t>(plan.links)]},
                   {"cores", plan.cores}};
  json["chip"] = {{"name", plan.chip.name},
                  {"topology", kTopologies[static_cast<std::size_t>(plan.chip.topology)]},
                  {"constants", PlanJson::parse(to_json(plan.chip.constants))}};
  json["stages"] = PlanJson::array();
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const StagePlan& p = plan.stages[s];
    PlanJson buffers = PlanJson::array();
    for (const BufferPlan& b : p.buffers) buffers.push_back(b.pixels);
    json["stages"].push_back({{"name", plan.graph.stages[s].name},
                              {"packing", {p.packing.rows, p.packing.columns}},
                              {"copies", p.copies},
                              {"shares", {{"leader", p.leader}, {"slots", p.slots}, {"slot", p.slot}}},
                              {"cores", p.cores},
                              {"buffers", buffers}});
  }
  return json.dump(1) + "\n";
}

Plan read_plan(std::string_view text, std::string_view source, const GraphSource& graphs) {
  Plan plan;
  try {
    plan = read_json(PlanJson::parse(text), graphs);
  } catch (const nlohmann::json::exception& error) {
    fail("{}: is no plan that `ohmic map --out` wrote: {}; map the network again", source, error.what());
  } catch (const Error& error) {
    fail("{}: {}; correct it, or map the network again", source, error.what());
  }
  for (const StagePlan& p : plan.stages) {
    for (const int core : p.cores) {
      const int cores = plan_fabric(plan).cores();
      if (core < 0 || core >= cores) {
        fail("{}: core {} is not one of the {} of the chip; correct it, or map the network again", source, core, cores);
      }
    }
  }
  plan = weigh_places(std::move(plan), Placement::snake);  // they stay
  find_needs(plan);
  if (const auto broken = check(plan); !broken.empty()) {
    fail("{}: the plan breaks {} rule{}; correct it, or map the network again\n  {}", source, broken.size(),
         broken.size() == 1 ? "" : "s", fmt::join(broken, "\n  "));
  }
  return plan;
}

}  // namespace ohmic
