#include "ohmic/deployment/precision_study.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

std::string projected_twin(const std::string& cell) {
  if (cell == "pcm_inference") return "projected_pcm_inference";
  return cell == "pcm" ? "projected_pcm" : "";
}

struct Effort {
  double weights = 0, cells = 0, pulses = 0, reads = 0;
};

Effort effort_of(const NetworkOnCells& cells, const DeploymentRequest& request,
                 std::span<const ProgrammedLayer> programmed) {
  Effort e;
  for (std::size_t p = 0; p < cells.parts().size(); ++p) {
    if (request.on_cells[p]) e.weights += static_cast<double>(cells.parts()[p].weights);
  }
  for (const ProgrammedLayer& layer : programmed) {
    const ProgrammingResult& r = layer.result;
    e.cells += static_cast<double>(r.cells);
    e.pulses += static_cast<double>(r.set_pulses + r.depression_pulses + r.resets);
    e.reads += static_cast<double>(r.reads);
  }
  return e;
}

}  // namespace

std::vector<PrecisionRung> precision_ladder(const ExperimentSpec& chip) {
  const std::string verify = "programming.method=verify";
  std::vector<PrecisionRung> ladder = {
      {"as set", "as set", "", {}},
      {"2 copies", "averaging", "", {"synapse.copies=2"}},
      {"4 copies", "averaging", "", {"synapse.copies=4"}},
      {"8 copies", "averaging", "", {"synapse.copies=8"}},
      {"2 cells", "cells per weight", "", {"synapse.cells=2"}},
      {"4 cells", "cells per weight", "", {"synapse.cells=4"}},
      {"8 cells", "cells per weight", "", {"synapse.cells=8"}},
      {"2 slices, ratio 1", "slices of equal significance", "", {"synapse.slices=2", "synapse.slice_ratio=1"}},
      {"2 slices, ratio 8", "slices of unequal significance", "", {"synapse.slices=2", "synapse.slice_ratio=8"}},
      {"3 slices, ratio 8", "slices of unequal significance", "", {"synapse.slices=3", "synapse.slice_ratio=8"}},
      {"2 cells, ratio 4", "cells of unequal significance", "", {"synapse.cells=2", "synapse.cell_ratio=4"}},
      {"verify, 5 rounds", "verify effort", "", {verify, "programming.most_iterations=5"}},
      {"verify, 20 rounds", "verify effort", "", {verify, "programming.most_iterations=20"}},
      {"verify, 20 rounds of 4 reads",
       "verify effort",
       "",
       {verify, "programming.most_iterations=20", "programming.reads_per_verify=4", "programming.tolerance_us=0.25"}},
  };
  const std::string projected = projected_twin(chip.device.cell());
  if (!projected.empty()) {
    ladder.push_back({"projected cell", "projected cell", projected, {}});
    ladder.push_back({"projected cell, 4 copies", "projected cell", projected, {"synapse.copies=4"}});
  }
  return ladder;
}

void climb_ladder(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                  std::span<const PrecisionRung> ladder, LadderRecord& record, const std::function<void()>& save) {
  const ExperimentSpec chip = network.spec;
  for (std::size_t k = record.rungs.size(); k < ladder.size(); ++k) {
    RungResult result;
    result.rung = ladder[k];
    network.spec = chip_settings(chip, ladder[k].device, ladder[k].settings);
    DeploymentRequest own = request;
    own.programs = true;
    own.noise_samples = 0;
    double error = 0;
    own.on_programmed = [&] { error += cells.weight_error(); };
    own.on_progress = [&](const std::string& what, double done) {
      if (!request.on_progress) return;
      const double rung_count = static_cast<double>(ladder.size());
      request.on_progress(ladder[k].name + "  " + what, (static_cast<double>(k) + done) / rung_count);
    };
    DeploymentRecord deployed;
    evaluate_chips(network, cells, own, deployed, [] {});
    if (deployed.chips.size() < static_cast<std::size_t>(request.chips)) break;
    const Effort effort = effort_of(cells, own, deployed.chips.front().programmed);
    result.cells_per_weight = effort.cells / effort.weights;
    result.pulses_per_cell = effort.pulses / effort.cells;
    result.reads_per_cell = effort.reads / effort.cells;
    result.weight_error = error / static_cast<double>(deployed.chips.size());
    result.results = std::move(deployed.results);
    record.rungs.push_back(std::move(result));
    save();
  }
  network.spec = chip;
}

std::string ladder_json(const LadderRecord& record) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const RungResult& rung : record.rungs) {
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    for (const DeploymentResult& r : rung.results) {
      results.push_back({{"at", r.at.label},
                         {"at_seconds", r.at.seconds},
                         {"compensate", kCompensations[static_cast<std::size_t>(r.compensation)]},
                         {"accuracy_mean", r.mean},
                         {"accuracy_std", r.stddev},
                         {"chips", r.chips.size()}});
    }
    list.push_back({{"rung", rung.rung.name},
                    {"measure", rung.rung.measure},
                    {"device", rung.rung.device},
                    {"settings", rung.rung.settings},
                    {"cells_per_weight", rung.cells_per_weight},
                    {"pulses_per_cell", rung.pulses_per_cell},
                    {"reads_per_cell", rung.reads_per_cell},
                    {"weight_error", rung.weight_error},
                    {"results", results}});
  }
  return nlohmann::ordered_json{{"format", 1}, {"request", record.request}, {"rungs", list}}.dump(1) + "\n";
}

namespace {

DeploymentResult read_rung_result(const nlohmann::json& json) {
  DeploymentResult result;
  const auto kind = json.at("compensate").get<std::string>();
  const auto found = std::find(kCompensations.begin(), kCompensations.end(), kind);
  if (found == kCompensations.end()) fail("it knows a compensation \"{}\"", kind);
  result.compensation = static_cast<Compensation>(found - kCompensations.begin());
  json.at("at").get_to(result.at.label);
  json.at("at_seconds").get_to(result.at.seconds);
  json.at("accuracy_mean").get_to(result.mean);
  json.at("accuracy_std").get_to(result.stddev);
  result.chips.resize(json.at("chips").get<std::size_t>(), result.mean);
  return result;
}

RungResult read_rung(const nlohmann::json& json) {
  RungResult rung;
  json.at("rung").get_to(rung.rung.name);
  json.at("measure").get_to(rung.rung.measure);
  json.at("device").get_to(rung.rung.device);
  json.at("settings").get_to(rung.rung.settings);
  json.at("cells_per_weight").get_to(rung.cells_per_weight);
  json.at("pulses_per_cell").get_to(rung.pulses_per_cell);
  json.at("reads_per_cell").get_to(rung.reads_per_cell);
  json.at("weight_error").get_to(rung.weight_error);
  for (const auto& result : json.at("results")) rung.results.push_back(read_rung_result(result));
  return rung;
}

}  // namespace

LadderRecord read_ladder(const std::filesystem::path& path) {
  try {
    const auto json = nlohmann::json::parse(read_text_file(path));
    LadderRecord record;
    json.at("request").get_to(record.request);
    for (const auto& rung : json.at("rungs")) record.rungs.push_back(read_rung(rung));
    return record;
  } catch (const nlohmann::json::exception& error) {
    fail("{} is no record of finished rungs ({}); leave out --resume to begin anew", path.string(), error.what());
  }
}

}  // namespace ohmic
