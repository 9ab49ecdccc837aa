// deploy.json, written and read.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/deployment/deploy.h"

namespace ohmic {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson programmed_json(const ProgrammedLayer& layer) {
  const ProgrammingResult& r = layer.result;
  return {{"layer", layer.name},
          {"fault_error_us2", r.fault_error_us2},
          {"fault_error_unmapped_us2", r.fault_error_unmapped_us2},
          {"inputs", layer.inputs},
          {"outputs", layer.outputs},
          {"largest_weight", layer.largest_weight},
          {"range_us", layer.range_us},
          {"cells", r.cells},
          {"converged", r.converged},
          {"nonzero_cells", r.nonzero_cells},
          {"nonzero_converged", r.nonzero_converged},
          {"set_pulses", r.set_pulses},
          {"depression_pulses", r.depression_pulses},
          {"resets", r.resets},
          {"reads", r.reads},
          {"error_stddev_us", layer.error_stddev_us}};
}

ProgrammedLayer read_programmed(const OrderedJson& json) {
  ProgrammedLayer layer;
  ProgrammingResult& r = layer.result;
  json.at("layer").get_to(layer.name);
  json.at("fault_error_us2").get_to(r.fault_error_us2);
  json.at("fault_error_unmapped_us2").get_to(r.fault_error_unmapped_us2);
  json.at("inputs").get_to(layer.inputs);
  json.at("outputs").get_to(layer.outputs);
  json.at("largest_weight").get_to(layer.largest_weight);
  json.at("range_us").get_to(layer.range_us);
  json.at("cells").get_to(r.cells);
  json.at("converged").get_to(r.converged);
  json.at("nonzero_cells").get_to(r.nonzero_cells);
  json.at("nonzero_converged").get_to(r.nonzero_converged);
  json.at("set_pulses").get_to(r.set_pulses);
  json.at("depression_pulses").get_to(r.depression_pulses);
  json.at("resets").get_to(r.resets);
  json.at("reads").get_to(r.reads);
  json.at("error_stddev_us").get_to(layer.error_stddev_us);
  return layer;
}

OrderedJson programming_json(std::span<const ProgrammedLayer> programmed) {
  OrderedJson list = OrderedJson::array();
  for (const ProgrammedLayer& layer : programmed) list.push_back(programmed_json(layer));
  return list;
}

// JSON has no infinity: parts in fp32 are null.
OrderedJson finite_or_null(double value) { return std::isfinite(value) ? OrderedJson(value) : OrderedJson(); }

OrderedJson layer_json(const LayerReport& layer) {
  OrderedJson json = {{"layer", layer.name}, {"weights", layer.weights}, {"on_cells", layer.on_cells}};
  OrderedJson snr = OrderedJson::array();
  for (const LayerReport::Snr& s : layer.snr) {
    snr.push_back({{"at", s.at}, {"compensate", s.compensate}, {"snr_db", finite_or_null(s.db)}});
  }
  json["snr"] = snr;
  if (layer.has_sensitivity) {
    json["accuracy_loss"] = layer.accuracy_loss;
    json["output_error"] = layer.output_error;
  }
  return json;
}

OrderedJson chip_json(const ChipRecord& chip) {
  OrderedJson snr = OrderedJson::array();
  for (const std::vector<double>& parts : chip.snr_db) {
    OrderedJson& list = snr.emplace_back(OrderedJson::array());
    for (const double db : parts) list.push_back(finite_or_null(db));
  }
  return {{"chip", chip.chip},
          {"accuracies", chip.accuracies},
          {"snr_db", snr},
          {"programming", programming_json(chip.programmed)}};
}

ChipRecord read_chip(const OrderedJson& json) {
  ChipRecord chip;
  json.at("chip").get_to(chip.chip);
  json.at("accuracies").get_to(chip.accuracies);
  for (const OrderedJson& parts : json.at("snr_db")) {
    std::vector<double>& list = chip.snr_db.emplace_back();
    for (const OrderedJson& db : parts) {
      list.push_back(db.is_null() ? std::numeric_limits<double>::infinity() : db.get<double>());
    }
  }
  for (const OrderedJson& layer : json.at("programming")) chip.programmed.push_back(read_programmed(layer));
  return chip;
}

OrderedJson result_json(const DeploymentResult& r) {
  return {{"compensate", kCompensations[static_cast<std::size_t>(r.compensation)]},
          {"at", r.at.label},
          {"at_seconds", r.at.seconds},
          {"accuracy_mean", r.mean},
          {"accuracy_std", r.stddev},
          {"accuracy_min", r.lowest},
          {"accuracy_max", r.highest},
          {"read_std", r.read_stddev},
          {"draws", r.draws},
          {"chips", r.chips}};
}

}  // namespace

std::string deployment_json(const DeploymentRecord& record, int draws) {
  OrderedJson results = OrderedJson::array(), chips = OrderedJson::array(), layers = OrderedJson::array();
  for (const DeploymentResult& r : record.results) results.push_back(result_json(r));
  for (const ChipRecord& chip : record.chips) chips.push_back(chip_json(chip));
  for (const LayerReport& layer : record.layers) layers.push_back(layer_json(layer));
  OrderedJson json = {
      {"format", 1}, {"draws", draws}, {"chip_count", record.chips.size()}, {"results", results}, {"layers", layers}};
  if (!record.chips.empty() && !record.chips.front().programmed.empty()) {
    json["programming"] = programming_json(record.chips.front().programmed);
  }
  json["digital_accuracy"] = record.digital_accuracy;
  json["request"] = record.request;
  json["chips"] = chips;
  return json.dump(1) + "\n";
}

DeploymentRecord read_deployment(const std::filesystem::path& path) {
  try {
    const OrderedJson json = OrderedJson::parse(read_text_file(path));
    DeploymentRecord record;
    json.at("request").get_to(record.request);
    for (const OrderedJson& chip : json.at("chips")) record.chips.push_back(read_chip(chip));
    return record;
  } catch (const nlohmann::json::exception& error) {
    fail("{} is no record of finished chips ({}); leave out --resume to begin anew", path.string(), error.what());
  }
}

}  // namespace ohmic
