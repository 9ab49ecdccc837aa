#include "ohmic/report/json_record.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <system_error>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/report/json_fields.h"

namespace ohmic::report {
namespace {

namespace fs = std::filesystem;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Whether it is there and we may see it; a later read explains the rest.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void check_format(const JsonFields& document) {
  if (!document.has("format")) fail("{}: format is absent, so this is no record of ohmic", document.where());
  if (document.number("format") != 1)
    document.refuse("format", "this program reads format 1; use the ohmic that wrote it");
}

EpochRecord read_epoch(const JsonFields& fields) {
  if (!fields.has("epoch")) fields.refuse("epoch", "every epoch must carry its number");
  EpochRecord epoch;
  epoch.epoch = fields.number("epoch", 0, 1e9);
  epoch.train_loss = fields.number("train_loss");
  epoch.train_accuracy = fields.number("train_accuracy", 0, 1);
  epoch.test_accuracy = fields.number("test_accuracy", 0, 1);
  epoch.pulses_per_sample = fields.number("pulses_per_sample", 0, kInfinity);
  epoch.refreshed_pairs = fields.number("refreshed_pairs", 0, kInfinity);
  epoch.seconds = fields.number("seconds", 0, kInfinity);
  epoch.wall_seconds = fields.number("wall_seconds", 0, kInfinity);
  epoch.bits_per_character = fields.number("bits_per_character", 0, kInfinity);
  epoch.frechet_distance = fields.number("frechet_distance", -kInfinity, kInfinity);
  return epoch;
}

using EpochsByNumber = std::map<double, EpochRecord>;

/// A torn last line is what a crash leaves behind, so it counts as not written; damage before it is an error.
void read_metrics(const fs::path& path, EpochsByNumber& epochs) {
  const std::string text = read_text_file(path);
  int line_number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    const bool last = text.find_first_not_of(" \t\r\n", end) == std::string::npos;
    start = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (last && !Json::accept(line)) break;
    const std::string where = fmt::format("{}:{}", path.string(), line_number);
    const Json node = parse_json(line, where);
    const EpochRecord epoch = read_epoch(JsonFields(node, where));
    epochs.insert_or_assign(epoch.epoch, epoch);
  }
}

std::vector<EpochRecord> read_epochs(const JsonFields& run, RunStatus status, const fs::path& metrics_path) {
  EpochsByNumber epochs;
  const std::vector<JsonFields> recorded = run.objects("epochs");
  if ((recorded.empty() || status != RunStatus::finished) && is_there(metrics_path)) read_metrics(metrics_path, epochs);
  for (const JsonFields& fields : recorded) {
    const EpochRecord epoch = read_epoch(fields);
    epochs.insert_or_assign(epoch.epoch, epoch);
  }
  std::vector<EpochRecord> ordered;
  for (const auto& [number, epoch] : epochs) ordered.push_back(epoch);
  return ordered;
}

RunStatus read_status(const JsonFields& run) {
  const std::string status = run.text("status");
  if (status.empty() || status == "finished") return RunStatus::finished;
  if (status == "interrupted") return RunStatus::interrupted;
  if (status == "running") return RunStatus::running;
  run.refuse("status", "must be finished, interrupted or running");
}

/// Walks down to the scalars; the depth is bounded by parse_json.
void flatten(const Json& node, const std::string& path, std::vector<ConfigEntry>& entries) {
  const bool is_table_list = node.is_array() && !node.empty() && node.front().is_structured();
  if (node.is_object() || is_table_list) {
    for (const auto& [key, value] : node.items()) flatten(value, path.empty() ? key : path + "." + key, entries);
  } else if (!path.empty()) {
    entries.push_back({path, node.is_string() ? node.get<std::string>() : node.dump()});
  }
}

std::vector<CounterRecord> read_counters(const JsonFields& run) {
  std::vector<CounterRecord> counters;
  const auto fields = run.object("counters");
  if (!fields) return counters;
  for (const auto& [key, value] : fields->node().items()) {
    counters.push_back({key, fields->number(key.c_str(), 0, kInfinity)});
  }
  return counters;
}

/// Reads one row of counts and checks it against the bins.
std::vector<double> read_counts(const JsonFields& histogram, const char* key, const std::vector<double>& edges) {
  std::vector<double> counts = histogram.numbers(key);
  if (counts.empty()) return counts;
  if (counts.size() + 1 != edges.size()) {
    fail("{}: {} has {} counts for {} edges; a histogram has one edge more than counts", histogram.where(), key,
         counts.size(), edges.size());
  }
  if (std::any_of(counts.begin(), counts.end(), [](double count) { return !(count >= 0); })) {
    histogram.refuse(key, "counts must not be negative");
  }
  return counts;
}

std::vector<double> read_edges(const JsonFields& histogram) {
  std::vector<double> edges = histogram.numbers("edges");
  if (std::adjacent_find(edges.begin(), edges.end(), [](double a, double b) { return !(a < b); }) != edges.end()) {
    histogram.refuse("edges", "must increase from bin to bin");
  }
  return edges;
}

TileRecord read_tile(const JsonFields& fields) {
  TileRecord tile;
  tile.name = fields.text("name");
  tile.inputs = fields.number("inputs", 0, kInfinity);
  tile.outputs = fields.number("outputs", 0, kInfinity);
  if (const auto histogram = fields.object("conductance_histogram")) {
    tile.conductances.unit = histogram->text("unit");
    tile.conductances.edges = read_edges(*histogram);
    tile.conductances.g_plus = read_counts(*histogram, "g_plus", tile.conductances.edges);
    tile.conductances.g_minus = read_counts(*histogram, "g_minus", tile.conductances.edges);
  }
  if (const auto histogram = fields.object("weight_histogram")) {
    tile.weights.edges = read_edges(*histogram);
    tile.weights.counts = read_counts(*histogram, "counts", tile.weights.edges);
  }
  return tile;
}

WearKindRecord read_wear_kind(const JsonFields& fields) {
  WearKindRecord kind;
  kind.name = fields.text("name");
  for (const auto& [key, value] : {std::pair{"cells", &kind.cells},
                                   {"sets", &kind.sets},
                                   {"resets", &kind.resets},
                                   {"most_sets", &kind.most_sets},
                                   {"most_resets", &kind.most_resets},
                                   {"most_writes", &kind.most_writes}}) {
    *value = fields.number(key, 0, kInfinity);
  }
  if (const auto histogram = fields.object("histogram")) {
    kind.edges = read_edges(*histogram);
    kind.set_counts = read_counts(*histogram, "sets", kind.edges);
    kind.reset_counts = read_counts(*histogram, "resets", kind.edges);
  }
  return kind;
}

WearRecord read_wear(const JsonFields& fields) {
  WearRecord wear;
  wear.endurance = fields.number("endurance", 0, kInfinity);
  wear.duty = fields.number("duty", 0, 1);
  wear.most_writes = fields.number("most_writes", 0, kInfinity);
  wear.lifetime_trainings = fields.number("lifetime_trainings", 0, kInfinity);
  wear.lifetime_s = fields.number("lifetime_s", 0, kInfinity);
  for (const JsonFields& kind : fields.objects("kinds")) wear.kinds.push_back(read_wear_kind(kind));
  return wear;
}

DeployResult read_deploy_result(const JsonFields& fields, double draws) {
  DeployResult result;
  result.compensate = fields.text("compensate");
  result.at = fields.text("at");
  result.at_seconds = fields.number("at_seconds", 0, kInfinity);
  result.accuracy_mean = fields.number("accuracy_mean", 0, 1);
  result.accuracy_std = fields.number("accuracy_std", 0, 1);
  result.accuracy_min = fields.number("accuracy_min", 0, 1);
  result.accuracy_max = fields.number("accuracy_max", 0, 1);
  result.draws = fields.has("draws") ? fields.number("draws", 0, kInfinity) : draws;
  return result;
}

LayerRecord read_layer(const JsonFields& fields) {
  LayerRecord layer;
  layer.name = fields.text("layer");
  layer.on_cells = fields.flag("on_cells");
  layer.accuracy_loss = fields.number("accuracy_loss", -1, 1);
  layer.output_error = fields.number("output_error", 0, kInfinity);
  for (const JsonFields& snr : fields.objects("snr")) {
    layer.snr.push_back({snr.text("at"), snr.text("compensate"), snr.number("snr_db")});
  }
  return layer;
}

void read_deploy(const fs::path& path, RunRecord& record) {
  if (!is_there(path)) return;
  const Json node = parse_json(read_text_file(path), path.string());
  const JsonFields document(node, path.string());
  check_format(document);
  const double draws = document.number("draws", 0, kInfinity);
  for (const JsonFields& fields : document.objects("results")) {
    record.deploy.push_back(read_deploy_result(fields, draws));
  }
  for (const JsonFields& fields : document.objects("layers")) record.layers.push_back(read_layer(fields));
}

LadderRung read_rung(const JsonFields& fields) {
  LadderRung rung;
  rung.name = fields.text("rung");
  rung.measure = fields.text("measure");
  rung.cells_per_weight = fields.number("cells_per_weight", 0, kInfinity);
  rung.pulses_per_cell = fields.number("pulses_per_cell", 0, kInfinity);
  rung.reads_per_cell = fields.number("reads_per_cell", 0, kInfinity);
  rung.pulses_per_weight = rung.cells_per_weight * rung.pulses_per_cell;
  rung.weight_error = fields.number("weight_error", 0, kInfinity);
  for (const JsonFields& r : fields.objects("results")) {
    rung.results.push_back(
        {r.text("at"), r.text("compensate"), r.number("accuracy_mean", 0, 1), r.number("accuracy_std", 0, 1)});
  }
  return rung;
}

void read_ladder(const fs::path& path, RunRecord& record) {
  if (!is_there(path)) return;
  const Json node = parse_json(read_text_file(path), path.string());
  const JsonFields document(node, path.string());
  check_format(document);
  for (const JsonFields& fields : document.objects("rungs")) record.ladder.push_back(read_rung(fields));
}

void read_surroundings(const JsonFields& run, RunRecord& record) {
  if (const auto machine = run.object("machine")) {
    record.machine = {machine->text("cpu"), machine->number("threads"), machine->text("instruction_set")};
  }
  if (const auto data = run.object("data")) {
    record.data = {data->text("name"), data->text("provenance"), data->flag("synthetic")};
  }
}

/// The last part of the path, also of "runs/a/" and ".".
std::string folder_name(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

RunRecord read_run_json(const JsonFields& run, const fs::path& folder) {
  RunRecord record;
  record.name = run.text("name");
  if (record.name.empty()) record.name = folder_name(folder);
  record.status = read_status(run);
  record.version = run.text("version");
  record.started = run.text("started");
  record.seed = run.natural("seed");
  if (const auto config = run.object("config")) flatten(config->node(), "", record.config);
  read_surroundings(run, record);
  record.epochs = read_epochs(run, record.status, folder / "metrics.jsonl");
  record.counters = read_counters(run);
  record.bytes_per_weight = run.number("bytes_per_weight", 0, kInfinity);
  record.weights = run.number("weights", 0, kInfinity);
  record.wall_seconds = run.number("wall_seconds", 0, kInfinity);
  if (const auto size = run.object("model_bits")) {
    record.training_bits = size->number("training", 0, kInfinity);
    record.inference_bits = size->number("inference", 0, kInfinity);
  }
  if (const auto wear = run.object("wear")) record.wear = read_wear(*wear);
  for (const JsonFields& fields : run.objects("tiles")) record.tiles.push_back(read_tile(fields));
  return record;
}

}  // namespace

std::string RunRecord::setting(std::string_view path) const {
  const auto found = std::find_if(config.begin(), config.end(), [&](const ConfigEntry& e) { return e.path == path; });
  return found == config.end() ? std::string() : found->value;
}

double RunRecord::counter(std::string_view counter_name) const {
  for (const CounterRecord& counter : counters) {
    if (counter.name == counter_name) return counter.count;
  }
  return kNotRecorded;
}

RunRecord read_run(const std::filesystem::path& folder) {
  const fs::path path = folder / "run.json";
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) fail("{}: no such folder; give the folder that a run wrote", folder.string());
  if (!is_there(path)) fail("{}: holds no run.json, so it is not a run folder", folder.string());
  const Json node = parse_json(read_text_file(path), path.string());
  const JsonFields run(node, path.string());
  check_format(run);
  RunRecord record = read_run_json(run, folder);
  read_deploy(folder / "deploy.json", record);
  read_ladder(folder / "deploy_study.json", record);
  if (is_there(folder / "samples.png")) record.samples.png = read_text_file(folder / "samples.png");
  if (is_there(folder / "samples.txt")) record.samples.text = read_text_file(folder / "samples.txt");
  return record;
}

}  // namespace ohmic::report
