#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ohmic/cli/device_tables.h"

namespace ohmic {
namespace {

using Json = nlohmann::ordered_json;

Json spread_json(const ConductanceSpread& spread) {
  Json quantiles = Json::object();
  for (std::size_t k = 0; k < kQuantiles.size(); ++k) {
    quantiles[fmt::format("{}", kQuantiles[k])] = spread.quantiles_us[k];
  }
  return {{"mean_us", spread.mean_us}, {"stddev_us", spread.stddev_us}, {"quantiles_us", quantiles}};
}

template <class Item, class Convert>
Json array_json(const std::vector<Item>& items, const Convert& convert) {
  Json array = Json::array();
  for (const Item& item : items) array.push_back(convert(item));
  return array;
}

Json pulse_json(const PulseOutcome& outcome) {
  return {{"pulse", outcome.pulse},
          {"conductance", spread_json(outcome.conductance)},
          {"noise_free_us", outcome.noise_free_us},
          {"mean_step_us", outcome.mean_step_us},
          {"step_stddev_us", outcome.step_stddev_us},
          {"share_negative", outcome.share_negative}};
}

Json histogram_json(const ConductanceHistogram& h) {
  return {{"pulses", h.pulses}, {"edges_us", h.edges_us}, {"counts", h.counts}};
}

Json aged_json(const AgedConductance& aged) {
  return {{"age_s", aged.age_s},
          {"mean_us", aged.mean_us},
          {"stddev_us", aged.stddev_us},
          {"read_noise_us", aged.read_noise_us}};
}

Json drift_json(const DriftCurve& curve) {
  return {{"level_us", curve.level_us},
          {"exponent_mean", curve.exponent_mean},
          {"exponent_stddev", curve.exponent_stddev},
          {"ages", array_json(curve.ages, aged_json)}};
}

Json noise_json(const ReadNoisePoint& point) {
  return {{"conductance_us", point.conductance_us}, {"stddev_us", point.stddev_us}};
}

Json target_json(const TargetOutcome& t) {
  return {{"target_us", t.target_us},
          {"achieved", spread_json(t.achieved)},
          {"rms_error_us", t.rms_error_us},
          {"share_converged", t.share_converged},
          {"pulses", t.pulses},
          {"resets", t.resets},
          {"reads", t.reads}};
}

Json constant_json(const CellConstant& c) {
  return {{"name", c.name},       {"value", c.value},   {"unit", c.unit},
          {"meaning", c.meaning}, {"status", c.status}, {"source", c.source}};
}

Json study_json(const DeviceStudy& study) {
  const Characterisation& f = study.figures;
  return {{"name", study.name},
          {"description", study.description},
          {"model", study.model},
          {"seed", study.seed},
          {"cells", f.cells},
          {"pulses", f.pulses},
          {"lowest_us", f.lowest_us},
          {"usable_us", f.usable_us},
          {"highest_us", f.highest_us},
          {"potentiation", array_json(f.potentiation, pulse_json)},
          {"depression", array_json(f.depression, pulse_json)},
          {"histograms", array_json(f.histograms, histogram_json)},
          {"drift_reference_age_s", f.drift_reference_age_s},
          {"drift", array_json(f.drift, drift_json)},
          {"read_noise", array_json(f.read_noise, noise_json)},
          {"programming_method", kProgrammingMethods[static_cast<std::size_t>(f.programming_method)]},
          {"programming", array_json(f.targets, target_json)},
          {"constants", array_json(study.constants, constant_json)}};
}

}  // namespace

std::string device_json(std::span<const DeviceStudy> studies, const std::string& page) {
  Json cells = Json::array();
  for (const DeviceStudy& study : studies) cells.push_back(study_json(study));
  Json document = {{"cells", cells}};
  if (!page.empty()) document["page"] = page;
  return document.dump() + "\n";
}

}  // namespace ohmic
