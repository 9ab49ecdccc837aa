#include "ohmic/training/run.h"

#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/training/run_record.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Settings = std::vector<std::pair<std::string, std::string>>;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void note(const std::function<void(const std::string&)>& sink, const std::string& message) {
  if (sink) sink(message);
}

Dataset load_data(const ExperimentSpec& spec, const fs::path& folder) {
  DatasetRequest request;
  request.name = spec.data.name;
  request.folder = folder;
  request.when_missing = spec.data.when_missing;
  request.train_limit = static_cast<int>(spec.data.train_limit);
  request.test_limit = static_cast<int>(spec.data.test_limit);
  return load_dataset(request);
}

// What must be equal for a run to be continued, by dotted key: everything but how long and how often.
Settings comparable_settings(ExperimentSpec spec) {
  spec.training.epochs = 1;
  spec.training.checkpoint_every_s = 0;
  std::string& from = spec.training.start_from;
  if (!from.empty()) from = fs::weakly_canonical(from).string();  // a folder has many names
  Settings settings;
  const nlohmann::ordered_json tree = nlohmann::ordered_json::parse(to_json(spec)).flatten();
  for (const auto& [pointer, value] : tree.items()) {
    std::string key = pointer.substr(1);
    std::replace(key.begin(), key.end(), '/', '.');
    settings.emplace_back(std::move(key), value.dump());
  }
  return settings;
}

// Settings come in the same order; the first that differs is the one nearest to what the user changed.
void require_same_experiment(const ExperimentSpec& wanted, const ExperimentSpec& saved, const fs::path& path) {
  const Settings ours = comparable_settings(wanted), theirs = comparable_settings(saved);
  const auto [a, b] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
  if (a == ours.end() && b == theirs.end()) return;
  const auto text = [](const Settings& all, Settings::const_iterator at) {
    return at == all.end() ? std::string("no more settings") : fmt::format("{} = {}", at->first, at->second);
  };
  fail(
      "{} was made by another experiment: it has `{}` where this one has `{}`; give the same settings, or another "
      "folder with --out",
      path.string(), text(theirs, b), text(ours, a));
}

void require_same_data(const std::string& saved, const Dataset& data, const fs::path& path) {
  if (saved == fingerprint_of(data)) return;
  fail("{} was made with the data \"{}\", but those at hand are \"{}\" ({}); point --data at the folder used then",
       path.string(), saved, fingerprint_of(data), data.provenance);
}

fs::path checkpoint_of(const fs::path& folder) {
  fs::path path = folder / "checkpoint.safetensors";
  if (fs::exists(path)) return path;
  fail("{} holds no checkpoint.safetensors; give the folder of a run made by `ohmic train`", folder.string());
}

ExperimentSpec spec_of(const SafetensorsFile& file, const fs::path& path) {
  ExperimentSpec spec;
  read_fields(ConfigDocument::parse(file.metadata("config"), path.string()), "checkpoint", spec);
  return spec;
}

// The first `epochs` lines of metrics.jsonl: a run cut after a line but before its checkpoint does that epoch again.
std::string kept_metrics(const fs::path& path, std::int64_t epochs) {
  std::string kept;
  if (epochs == 0) return kept;
  std::istringstream lines(read_text_file(path));
  std::string line;
  for (std::int64_t e = 0; e < epochs; ++e) {
    if (!std::getline(lines, line))
      fail("{} has {} lines but its checkpoint stands after epoch {}; restore it, or start anew with another --out",
           path.string(), e, epochs);
    kept += line + "\n";
  }
  return kept;
}

// The weights, digital parameters and running statistics of a finished or running training of the same network. Weights
// on cells are programmed. What there is to say about it.
std::string take_weights(const ExperimentSpec& spec, const fs::path& from, const Dataset& data, Graph& to) {
  const fs::path path = checkpoint_of(from);
  const SafetensorsFile file(path);
  const auto trainer = make_trainer(spec_of(file, path), data);
  trainer->load(file);
  const Graph& source = trainer->graph();
  const auto &theirs = source.weight_matrices(), &ours = to.weight_matrices();
  bool same = theirs.size() == ours.size();
  for (std::size_t m = 0; same && m < ours.size(); ++m) {
    const Weights &a = *theirs[m]->weights, &b = *ours[m]->weights;
    same = theirs[m]->name == ours[m]->name && a.inputs() == b.inputs() && a.outputs() == b.outputs();
  }
  if (!same || source.layer_count() != to.layer_count()) {
    fail("training.start_from = \"{}\": that run trained another network; give one of the same layers and sizes",
         from.string());
  }
  ProgrammingResult programmed;
  for (std::size_t m = 0; m < ours.size(); ++m) {
    const Matrix values = values_of(*theirs[m]->weights);
    if (auto* digital = dynamic_cast<DigitalWeights*>(ours[m]->weights.get())) {
      digital->values() = values;
    } else {
      Tile& tile = dynamic_cast<AnalogWeights&>(*ours[m]->weights).tile();
      programmed += tile.program(values.view(), spec.programming, 0, static_cast<double>(tile.weight_scale()));
    }
  }
  to.copy_digital_state(source);
  std::string done = fmt::format("weights from {}", from.string());
  if (programmed.cells > 0) {
    const auto cells = static_cast<double>(programmed.cells);
    done += fmt::format(", written onto {} cells, {:.1f} % of them within programming.tolerance_us, error {:.2f} uS",
                        programmed.cells, 100 * static_cast<double>(programmed.converged) / cells,
                        std::sqrt(programmed.squared_error_us2 / cells));
  }
  return done;
}

// One training run in its folder, from opening to the last write.
class FolderRun {
 public:
  FolderRun(const ExperimentSpec& spec, const RunOptions& options)
      : spec_(spec),
        options_(options),
        data_(load_data(spec, options.data_folder)),
        trainer_(make_trainer(spec, data_)) {
    result_.data_provenance = data_.provenance;
    result_.synthetic_data = data_.synthetic;
  }

  RunResult run() {
    open();
    while (!trainer_->finished() && !stopped()) train_some();
    result_.status = trainer_->finished() ? RunStatus::finished : RunStatus::interrupted;
    if (unsaved_) save_checkpoint();
    write_record();
    return result_;
  }

 private:
  fs::path path(std::string_view name) const { return options_.folder / name; }
  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  void open() {
    note(options_.on_message, "data: " + data_.provenance);
    const bool holds_run = fs::exists(path("run.json")) || fs::exists(path("checkpoint.safetensors"));
    if (holds_run && !options_.resume) {
      fail("{} already holds a run; go on with it by --resume, or choose another folder with --out",
           options_.folder.string());
    }
    const bool continues = fs::exists(path("checkpoint.safetensors"));
    if (!continues && !spec_.training.start_from.empty()) {
      note(options_.on_message, take_weights(spec_, spec_.training.start_from, data_, trainer_->graph()));
      trainer_->leave_pulses_out();
    }
    make_folder(options_.folder);
    if (continues) {
      continue_run();
    } else {
      write_file_atomically(path("metrics.jsonl"), "");
    }
    write_record();
    start_ = last_save_ = Clock::now();
    epoch_start_ = start_;
  }

  void continue_run() {
    const SafetensorsFile file(path("checkpoint.safetensors"));
    require_same_experiment(spec_, spec_of(file, path("checkpoint.safetensors")), path("checkpoint.safetensors"));
    require_same_data(file.metadata("data"), data_, path("checkpoint.safetensors"));
    trainer_->load(file);
    const std::int64_t epochs = trainer_->position().epoch;
    if (epochs > spec_.training.epochs) {
      fail("{} has {} epochs behind it, more than training.epochs = {}; give at least as many, or another --out",
           path("checkpoint.safetensors").string(), epochs, spec_.training.epochs);
    }
    if (epochs < spec_.training.epochs) put_aside_deployments(epochs);
    metrics_ = kept_metrics(path("metrics.jsonl"), epochs);
    write_file_atomically(path("metrics.jsonl"), metrics_);
    restore_history(epochs);
    note(options_.on_message,
         fmt::format("resumed after {} epochs and {} samples", epochs, trainer_->position().sample));
    first_samples_ = samples_done();
  }

  // What was found out about the weights as they were.
  void put_aside_deployments(std::int64_t epochs) {
    for (const char* name : {"deploy", "deploy_study"}) {
      const std::filesystem::path of_earlier = path(fmt::format("{}.json", name));
      const std::string aside = fmt::format("{}.{}-epochs.json", name, epochs);
      std::error_code error;
      std::filesystem::rename(of_earlier, path(aside), error);
      if (!error) {
        note(options_.on_message,
             fmt::format("{} is about the weights as they were; now {}", of_earlier.string(), aside));
      }
    }
  }

  // The epochs already done, for run.json: what they measured from metrics.jsonl, how long they took from the earlier
  // record.
  void restore_history(std::int64_t epochs) {
    const std::vector<double> walls = recorded_wall_seconds(path("run.json"));
    std::istringstream lines(metrics_);
    std::string line;
    for (std::int64_t e = 0; e < epochs; ++e) {
      std::getline(lines, line);
      const auto at = static_cast<std::size_t>(e);
      const double wall = at < walls.size() ? walls[at] : 0;
      result_.epochs.push_back({read_metrics_line(line, path("metrics.jsonl").string()), wall});
      earlier_wall_seconds_ += wall;
    }
  }

  double samples_done() const {
    return static_cast<double>(trainer_->position().epoch) * static_cast<double>(trainer_->samples_per_epoch()) +
           static_cast<double>(trainer_->position().sample);
  }

  void train_some() {
    const auto ended = trainer_->step();
    unsaved_ = true;
    if (ended) return end_epoch(*ended);
    if (++steps_ % kStepsPerLook != 0 && seconds_since(last_look_) < kSecondsPerLook) return;
    last_look_ = Clock::now();
    if (seconds_since(last_progress_) > 0.2) report(false);
    if (seconds_since(last_save_) > spec_.training.checkpoint_every_s) save_checkpoint();
  }

  void end_epoch(const EpochMetrics& metrics) {
    result_.epochs.push_back({metrics, seconds_since(epoch_start_)});
    epoch_start_ = Clock::now();
    append_metrics(metrics_line(metrics));
    for (const Artefact& artefact : trainer_->artefacts())
      write_file_atomically(path(artefact.name.c_str()), artefact.content);
    report(true);
    if (seconds_since(last_save_) > spec_.training.checkpoint_every_s) {
      save_checkpoint();
      write_record();
    }
  }

  void append_metrics(const std::string& line) {
    metrics_ += line;
    std::ofstream out(path("metrics.jsonl"), std::ios::app | std::ios::binary);
    out << line << std::flush;
    if (!out)
      fail(
          "{}: cannot append the epoch's metrics; free some space or mend the permissions, then continue with --resume",
          path("metrics.jsonl").string());
  }

  void report(bool epoch_ended) {
    last_progress_ = Clock::now();
    if (!options_.on_progress) return;
    const TrainingPosition& at = trainer_->position();
    Progress p;
    p.epochs = spec_.training.epochs;
    p.epoch_ended = epoch_ended;
    p.epoch = epoch_ended ? at.epoch : at.epoch + 1;
    const double total = static_cast<double>(p.epochs) * static_cast<double>(trainer_->samples_per_epoch());
    p.done = samples_done() / total;
    const double speed = (samples_done() - first_samples_) / seconds_since(start_);
    if (speed > 0) p.seconds_left = (total - samples_done()) / speed;
    if (!result_.epochs.empty()) p.test_accuracy = result_.epochs.back().metrics.test_accuracy;
    if (epoch_ended) {
      p.train_accuracy = result_.epochs.back().metrics.train_accuracy;
      p.pulses_per_sample = result_.epochs.back().metrics.pulses_per_sample;
    } else if (at.sample > 0) {
      p.train_accuracy = static_cast<double>(at.correct) / static_cast<double>(at.sample);
      p.pulses_per_sample =
          static_cast<double>(trainer_->counters().set_pulses - at.pulses_before) / static_cast<double>(at.sample);
    }
    options_.on_progress(p);
  }

  void save_checkpoint() {
    SafetensorsWriter out;
    trainer_->save(out);
    out.set_metadata("config", to_toml(spec_));
    out.set_metadata("data", fingerprint_of(data_));
    out.set_metadata("format", "ohmic checkpoint 1");
    out.write(path("checkpoint.safetensors"));
    last_save_ = Clock::now();
    unsaved_ = false;
  }

  void write_record() {
    result_.counters = trainer_->counters();
    result_.bytes_per_weight = trainer_->bytes_per_weight();
    result_.size = {};
    for (const Learner* learner : trainer_->learners()) result_.size += model_size(spec_, learner->graph());
    result_.wear = trainer_->wear();
    result_.lifetime = projected_lifetime(spec_.wear, result_.wear.most_writes(), trainer_->seconds_on_chip());
    result_.wall_seconds = earlier_wall_seconds_ + (start_ == Clock::time_point{} ? 0 : seconds_since(start_));
    write_file_atomically(path("run.json"), run_record_json(spec_, data_, result_, *trainer_, started_));
  }

  // How often progress and checkpoints are thought of: steps take from microseconds to seconds.
  static constexpr int kStepsPerLook = 32;
  static constexpr double kSecondsPerLook = 0.2;

  ExperimentSpec spec_;
  const RunOptions& options_;
  Dataset data_;
  std::unique_ptr<Trainer> trainer_;
  RunResult result_;
  std::string metrics_;
  std::string started_ = utc_now();
  Clock::time_point start_{}, last_save_{}, last_progress_{}, last_look_{}, epoch_start_{};
  double first_samples_ = 0;
  double earlier_wall_seconds_ = 0;
  std::int64_t steps_ = 0;
  bool unsaved_ = false;
};

}  // namespace

RunResult train_in_folder(const ExperimentSpec& spec, const RunOptions& options) {
  return FolderRun(spec, options).run();
}

LoadedRun load_run(const fs::path& folder, const fs::path& data_folder,
                   const std::function<void(const std::string&)>& on_message) {
  const fs::path path = checkpoint_of(folder);
  const SafetensorsFile file(path);
  LoadedRun run;
  run.spec = spec_of(file, path);
  run.data = load_data(run.spec, data_folder);
  note(on_message, "data: " + run.data.provenance);
  require_same_data(file.metadata("data"), run.data, path);
  run.trainer = make_trainer(run.spec, run.data);
  run.trainer->load(file);
  return run;
}

}  // namespace ohmic
