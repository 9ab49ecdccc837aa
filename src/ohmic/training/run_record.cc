#include "ohmic/training/run_record.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "ohmic/core/cpu.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/version.h"
#include "ohmic/crossbar/bit_errors.h"

namespace ohmic {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBins = 48;

std::string_view status_name(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::interrupted:
      return "interrupted";
    case RunStatus::finished:
      return "finished";
  }
  return "running";
}

Json metrics_json(const EpochMetrics& m) {
  Json json = {{"epoch", m.epoch},
               {"train_loss", m.train_loss},
               {"train_accuracy", m.train_accuracy},
               {"test_accuracy", m.test_accuracy},
               {"pulses_per_sample", m.pulses_per_sample},
               {"refreshed_pairs", m.refreshed_pairs},
               {"seconds", m.seconds}};
  for (const Figure& figure : m.figures) json[figure.name] = figure.value;
  return json;
}

constexpr std::size_t kCommonMetrics = 7;

struct Histogram {
  double low, high;
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(kBins, 0);

  void add(double value) {
    const double at = (value - low) / (high - low) * kBins;
    ++counts[static_cast<std::size_t>(std::clamp(at, 0.0, kBins - 1.0))];
  }
  std::vector<double> edges() const {
    std::vector<double> e;
    for (int i = 0; i <= kBins; ++i) e.push_back(low + (high - low) * i / kBins);
    return e;
  }
};

Json counters_json(const Counters& counters) {
  Json json = Json::object();
  Counters::each(counters, [&](std::string_view name, const std::uint64_t& value) { json[std::string(name)] = value; });
  return json;
}

// What happened, phase by phase; phases without events are left out.
Json phases_json(const PhaseCounters& of_one) {
  Json phases = Json::object();
  for (std::size_t p = 0; p < kPhases.size(); ++p) {
    const Counters& counters = of_one[static_cast<Phase>(p)];
    if (counters != Counters()) phases[std::string(kPhases[p])] = counters_json(counters);
  }
  return phases;
}

Json matrix_json(const Learner::MatrixCounters& of_one) {
  const WeightMatrix& matrix = *of_one.matrix;
  const auto* analog = dynamic_cast<const AnalogWeights*>(matrix.weights.get());
  return {
      {"name", matrix.name},
      {"rows", matrix.weights->inputs()},
      {"columns", matrix.weights->outputs()},
      {"on_cells", analog != nullptr},
      {"arrays", analog != nullptr ? analog->tile().cells().layout().arrays() : 0},
      {"cells_per_crossing",
       analog != nullptr ? analog->tile().cells().layout().cells() * (analog->tile().cells().is_single() ? 1 : 2) : 0},
      {"phases", phases_json(of_one.counters)}};
}

Json tile_json(const std::string& name, const Tile& tile) {
  const auto count = static_cast<std::uint32_t>(tile.pairs().size());
  std::vector<double> plus(count), minus(count);
  for (std::uint32_t p = 0; p < count; ++p) {
    plus[p] = tile.conductance_us(p, 0);
    minus[p] = tile.conductance_us(p, 1);
  }
  const double top =
      std::max({1e-9, *std::max_element(plus.begin(), plus.end()), *std::max_element(minus.begin(), minus.end())});
  Histogram plus_histogram{0, top}, minus_histogram{0, top};
  const double most = top / tile.spec().synapse.weight_conductance_us;
  Histogram weights{-most, most};
  for (std::uint32_t p = 0; p < count; ++p) {
    plus_histogram.add(plus[p]);
    minus_histogram.add(minus[p]);
  }
  for (int i = 0; i < tile.inputs(); ++i) {
    for (int j = 0; j < tile.outputs(); ++j) weights.add(static_cast<double>(tile.effective_weight(i, j)));
  }
  return {{"name", name},
          {"inputs", tile.inputs()},
          {"outputs", tile.outputs()},
          {"conductance_histogram",
           {{"unit", "uS"},
            {"edges", plus_histogram.edges()},
            {"g_plus", plus_histogram.counts},
            {"g_minus", minus_histogram.counts}}},
          {"weight_histogram", {{"edges", weights.edges()}, {"counts", weights.counts}}}};
}

Json wear_kind_json(const WearRecord::Kind& kind) {
  // Bins of whole numbers.
  const std::uint64_t most = std::max(kind.most_sets, kind.most_resets);
  const std::uint64_t width = most / kBins + 1, bins = most / width + 1;
  std::vector<double> edges;
  for (std::uint64_t b = 0; b <= bins; ++b) edges.push_back(static_cast<double>(b * width));
  const auto binned = [&](const std::map<std::uint64_t, std::uint64_t>& cells_by_count) {
    std::vector<std::uint64_t> counts(bins);
    for (const auto& [count, cells] : cells_by_count) counts[count / width] += cells;
    return counts;
  };
  return {{"name", kind.name},
          {"cells", kind.cells},
          {"sets", kind.sets},
          {"resets", kind.resets},
          {"most_sets", kind.most_sets},
          {"most_resets", kind.most_resets},
          {"most_writes", kind.most_writes},
          {"histogram",
           {{"edges", edges}, {"sets", binned(kind.cells_by_sets)}, {"resets", binned(kind.cells_by_resets)}}}};
}

// How likely a bit is misread soon after its write, and if it was written before all training.
Json misreads_json(const ExperimentSpec& spec, double seconds) {
  const auto cell = spec.hybrid.lsb.device.make();
  const BitErrors errors(*cell, spec.hybrid.lsb.threshold_us);
  Json misreads = Json::array();
  for (const double age : {cell->drift().reference_age_s, cell->drift().reference_age_s + seconds}) {
    misreads.push_back({{"age_s", age},
                        {"zero", errors.misread_probability(false, age)},
                        {"one", errors.misread_probability(true, age)}});
  }
  return {{"threshold_us", errors.threshold_us()}, {"probability", std::move(misreads)}};
}

Json wear_json(const ExperimentSpec& spec, const RunResult& result, double seconds) {
  Json kinds = Json::array();
  for (const WearRecord::Kind& kind : result.wear.kinds()) kinds.push_back(wear_kind_json(kind));
  Json json = {{"endurance", spec.wear.endurance},         {"duty", spec.wear.duty},
               {"most_writes", result.wear.most_writes()}, {"lifetime_trainings", result.lifetime.trainings},
               {"lifetime_s", result.lifetime.seconds},    {"kinds", std::move(kinds)}};
  if (spec.hybrid.lsb_bits > 0) json["misreads"] = misreads_json(spec, seconds);
  return json;
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string metrics_line(const EpochMetrics& metrics) { return metrics_json(metrics).dump() + "\n"; }

EpochMetrics read_metrics_line(const std::string& line, const std::string& source) {
  try {
    const Json json = Json::parse(line);
    EpochMetrics m;
    json.at("epoch").get_to(m.epoch);
    json.at("train_loss").get_to(m.train_loss);
    json.at("train_accuracy").get_to(m.train_accuracy);
    const Json& accuracy = json.at("test_accuracy");
    m.test_accuracy = accuracy.is_null() ? std::numeric_limits<double>::quiet_NaN() : accuracy.get<double>();
    json.at("pulses_per_sample").get_to(m.pulses_per_sample);
    json.at("refreshed_pairs").get_to(m.refreshed_pairs);
    json.at("seconds").get_to(m.seconds);
    std::size_t position = 0;
    for (const auto& [name, value] : json.items()) {
      if (position++ >= kCommonMetrics) m.figures.push_back({name, value.get<double>()});
    }
    return m;
  } catch (const Json::exception& e) {
    fail("{}: this line is not an epoch's metrics: {} ({}); restore the file, or start anew with another --out", source,
         line, e.what());
  }
}

std::vector<double> recorded_wall_seconds(const std::filesystem::path& run_json) {
  std::vector<double> walls;
  if (!std::filesystem::exists(run_json)) return walls;
  const Json record = Json::parse(read_text_file(run_json), nullptr, false);
  if (record.is_discarded() || !record.contains("epochs") || !record["epochs"].is_array()) return walls;
  for (const Json& epoch : record["epochs"]) {
    const bool known = epoch.is_object() && epoch.contains("wall_seconds") && epoch["wall_seconds"].is_number();
    walls.push_back(known ? epoch["wall_seconds"].get<double>() : 0);
  }
  return walls;
}

std::string run_record_json(const ExperimentSpec& spec, const Dataset& data, const RunResult& result, Trainer& trainer,
                            const std::string& started) {
  Json epochs = Json::array();
  for (const EpochRecord& e : result.epochs) {
    Json json = metrics_json(e.metrics);
    json["wall_seconds"] = e.wall_seconds;
    epochs.push_back(std::move(json));
  }
  Json tiles = Json::array(), matrices = Json::array(), layers = Json::array();
  std::size_t weights = 0;
  for (const Learner* learner : trainer.learners()) {
    weights += learner->graph().weight_count();
    for (const auto& of_one : learner->matrix_counters()) matrices.push_back(matrix_json(of_one));
    for (const auto& [layer, counters] : learner->layer_counters()) {
      layers.push_back({{"name", layer}, {"phases", phases_json(counters)}});
    }
    for (const WeightMatrix* matrix : learner->graph().weight_matrices()) {
      const auto* analog = dynamic_cast<const AnalogWeights*>(matrix->weights.get());
      if (analog != nullptr) tiles.push_back(tile_json(matrix->name, analog->tile()));
    }
  }
  Json record = {
      {"format", 1},
      {"program", "ohmic"},
      {"version", kVersion},
      {"name", spec.name},
      {"status", status_name(result.status)},
      {"started", started},
      {"seed", spec.seed},
      {"config", Json::parse(to_json(spec))},
      {"machine", {{"cpu", cpu_name()}, {"threads", thread_count()}, {"instruction_set", instruction_set()}}},
      {"data", {{"name", data.name}, {"provenance", data.provenance}, {"synthetic", data.synthetic}}},
      {"epochs", std::move(epochs)},
      {"counters", counters_json(result.counters)},
      {"matrices", std::move(matrices)},
      {"layers", std::move(layers)},
      {"samples_trained", trainer.samples_done()},
      {"weights", weights},
      {"bytes_per_weight", result.bytes_per_weight},
      {"model_bits", {{"training", result.size.training_bits}, {"inference", result.size.inference_bits}}},
      {"wall_seconds", result.wall_seconds},
      {"tiles", std::move(tiles)}};
  if (!result.wear.kinds().empty()) record["wear"] = wear_json(spec, result, trainer.seconds_on_chip());
  return record.dump(1) + "\n";
}

}  // namespace ohmic
