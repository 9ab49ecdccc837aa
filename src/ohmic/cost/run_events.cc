#include "ohmic/cost/run_events.h"

#include <nlohmann/json.hpp>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"

namespace ohmic {
namespace {

using EventsJson = nlohmann::json;

Counters read_counter_set(const EventsJson& json) {
  Counters counters;
  Counters::each(counters, [&](std::string_view name, std::uint64_t& value) {
    value = json.value(std::string(name), std::uint64_t{0});
  });
  return counters;
}

PhaseCounters read_phases(const EventsJson& phases) {
  PhaseCounters counters;
  for (std::size_t p = 0; p < kPhases.size(); ++p) {
    const auto found = phases.find(std::string(kPhases[p]));
    if (found != phases.end()) counters[static_cast<Phase>(p)] = read_counter_set(*found);
  }
  return counters;
}

MatrixEvents read_matrix(const EventsJson& json) {
  MatrixEvents m;
  json.at("name").get_to(m.name);
  json.at("rows").get_to(m.rows);
  json.at("columns").get_to(m.columns);
  json.at("on_cells").get_to(m.on_cells);
  json.at("arrays").get_to(m.arrays);
  json.at("cells_per_crossing").get_to(m.cells_per_crossing);
  m.counters = read_phases(json.at("phases"));
  return m;
}

// Versions without matrices counted the whole network together; their products are taken as whole arrays.
MatrixEvents whole_network(const EventsJson& run, const RunEvents& events) {
  MatrixEvents all;
  all.name = "all layers";
  all.rows = events.array_rows;
  all.columns = events.array_columns;
  Counters& counters = all.counters[Phase::unsplit];
  counters = read_counter_set(run.at("counters"));
  all.on_cells = counters.mvm > 0;
  counters.crossing_reads =
      counters.mvm * static_cast<std::uint64_t>(events.array_rows) * static_cast<std::uint64_t>(events.array_columns);
  return all;
}

std::uint64_t samples_of(const EventsJson& run) {
  if (run.contains("samples_trained")) return run.at("samples_trained").get<std::uint64_t>();
  const EventsJson& epochs = run.at("epochs");
  const double seconds = epochs.empty() ? 0 : epochs.back().at("seconds").get<double>();
  const double per_sample = run.at("config").at("clock").at("seconds_per_sample").get<double>();
  return static_cast<std::uint64_t>(per_sample > 0 ? seconds / per_sample + 0.5 : 0);
}

void read_rule(const EventsJson& config, RunEvents& events) {
  constexpr int kFloatBits = 32;
  const auto rule = config.at("training").at("rule").get<std::string>();
  if (rule == "sgd" || rule == "pulsed_sgd") return;
  const EventsJson& settings = config.at(rule);
  const bool in_cells = rule == "hybrid" && settings.at("lsb_bits").get<int>() > 0;
  events.accumulator_bits = in_cells ? 0 : kFloatBits;
  const auto kind = settings.at("outer_product").at("kind").get<std::string>();
  if (kind == "low_precision") events.arithmetic = UpdateArithmetic::narrow;
  if (kind == "stochastic") events.arithmetic = UpdateArithmetic::stochastic;
}

RunEvents read_events(const EventsJson& run) {
  RunEvents events;
  run.at("name").get_to(events.name);
  const EventsJson& config = run.at("config");
  const EventsJson& periphery = config.at("periphery");
  periphery.at("array_rows").get_to(events.array_rows);
  periphery.at("array_columns").get_to(events.array_columns);
  periphery.at("adc_bits").get_to(events.adc_bits);
  read_rule(config, events);
  if (run.contains("wear")) events.most_writes = run.at("wear").value("most_writes", std::uint64_t{0});
  events.samples = samples_of(run);
  events.counts_digital_work = run.contains("layers");
  for (const EventsJson& layer : run.value("layers", EventsJson::array())) {
    events.layers.push_back({layer.at("name").get<std::string>(), read_phases(layer.at("phases"))});
  }
  if (!run.contains("matrices")) {
    events.matrices.push_back(whole_network(run, events));
    return events;
  }
  for (const EventsJson& matrix : run.at("matrices")) events.matrices.push_back(read_matrix(matrix));
  return events;
}

}  // namespace

RunEvents read_run_events(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "run.json";
  const std::string text = read_text_file(file);
  try {
    return read_events(EventsJson::parse(text));
  } catch (const EventsJson::exception& error) {
    fail("{}: is no record of a run that can be costed: {}; train it again or resume it", file.string(), error.what());
  }
}

}  // namespace ohmic
