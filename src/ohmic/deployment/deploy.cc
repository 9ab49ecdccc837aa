#include "ohmic/deployment/deploy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "ohmic/core/error.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/training/image_trainer.h"

namespace ohmic {
namespace {

struct TimeUnit {
  std::string_view name;
  double seconds;
};
constexpr std::array<TimeUnit, 6> kTimeUnits = {
    {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"mo", 30 * 86400.0}, {"y", 365 * 86400.0}}};

// Evaluation passes during training are numbered by epoch; those here begin above any epoch.
constexpr std::uint64_t kFirstPass = 1u << 29;

std::vector<Tile*> tiles_of(Graph& graph) {
  std::vector<Tile*> tiles;
  for (WeightMatrix* matrix : graph.weight_matrices()) {
    if (auto* analog = dynamic_cast<AnalogWeights*>(matrix->weights.get())) tiles.push_back(&analog->tile());
  }
  return tiles;
}

// Global drift compensation (Joshi et al., Nat. Commun. 11:2473, 2020): what each tile gave at the end of training for
// some samples is compared with what it gives later for the same. Tiles are compensated in the order of the network, so
// that each meets the inputs it met at the start.
class DriftCompensation {
 public:
  DriftCompensation(LoadedRun& run, int samples) : graph_(run.trainer->graph()), tiles_(tiles_of(graph_)) {
    const auto count = static_cast<std::size_t>(std::min(samples, run.data.train.count));
    samples_.resize(count, graph_.input_size());
    const ImageDecoder decoder(run.data, run.spec.data.normalise);
    for (std::size_t s = 0; s < count; ++s) decoder.decode(run.data.train, s, samples_.row(s));
    at_start_ = mean_outputs(tiles_);
  }

  /// Measures the tiles as they are now and sets their output scales.
  void calibrate() {
    for (Tile* tile : tiles_) tile->set_output_scale(1);
    for (std::size_t t = 0; t < tiles_.size(); ++t) {
      const double now = mean_outputs({&tiles_[t], 1}).front();
      if (now > 0) tiles_[t]->set_output_scale(static_cast<float>(at_start_[t] / now));
    }
  }

 private:
  // Each measurement reads with noise of its own.
  std::uint64_t read_number() { return (1ull << 61) + (measurements_++ << 32); }

  std::vector<double> mean_outputs(std::span<Tile* const> tiles) {
    for (Tile* tile : tiles) tile->begin_measurement();
    graph_.forward(static_cast<const Matrix&>(samples_).view(), {read_number(), false});
    std::vector<double> means;
    for (Tile* tile : tiles) means.push_back(tile->end_measurement());
    return means;
  }

  Graph& graph_;
  std::vector<Tile*> tiles_;
  Matrix samples_;
  std::vector<double> at_start_;
  std::uint64_t measurements_ = 0;
};

// Adaptive batch normalisation statistics (AdaBS; Joshi et al., Nat. Commun. 11:2473, 2020): the weights stay, batch
// norm learns what comes out of the aged arrays. Images are cropped and mirrored as in training: what the network has
// learnt since fits the statistics of such images.
class NormalisationCalibration {
 public:
  NormalisationCalibration(LoadedRun& run, int samples)
      : graph_(run.trainer->graph()),
        data_(run.data),
        decoder_(run.data, run.spec.data.normalise),
        augmentation_(run.spec.data.augmentation),
        seed_(static_cast<std::uint64_t>(run.spec.seed)) {
    samples_ = static_cast<std::size_t>(std::min(samples, data_.train.count));
    for (std::size_t l = 0; l < graph_.layer_count(); ++l) {
      if (auto* norm = dynamic_cast<BatchNormLayer*>(&graph_.layer(l))) {
        trained_.push_back({norm, norm->running_mean(), norm->running_variance()});
      }
    }
  }

  bool has_layers() const { return !trained_.empty(); }

  void calibrate() {
    constexpr std::size_t kBatch = 200;
    for (const Trained& t : trained_) t.norm->begin_reestimation();
    Matrix batch;
    for (std::size_t begin = 0; begin < samples_; begin += kBatch) {
      // None of the batches is much smaller than the others: its own statistics normalise it.
      const std::size_t size = samples_ - begin < 2 * kBatch ? samples_ - begin : kBatch;
      batch.resize(size, graph_.input_size());
      for (std::size_t s = 0; s < size; ++s) {
        const auto sample = static_cast<std::uint32_t>(begin + s);
        decoder_.decode(data_.train, sample, draw_augmentation(augmentation_, seed_, 0, sample), batch.row(s));
      }
      graph_.forward(static_cast<const Matrix&>(batch).view(), {kFirstRead + (passes_ << 32) + begin, false});
      if (size != kBatch) break;
    }
    ++passes_;
    for (const Trained& t : trained_) t.norm->end_reestimation();
  }

  /// Back to the statistics of training.
  void undo() {
    for (const Trained& t : trained_) t.norm->set_running_statistics(t.mean, t.variance);
  }

 private:
  struct Trained {
    BatchNormLayer* norm;
    std::vector<float> mean, variance;
  };
  static constexpr std::uint64_t kFirstRead = 3ull << 60;  // beside those of DriftCompensation

  Graph& graph_;
  const Dataset& data_;
  ImageDecoder decoder_;
  AugmentationSpec augmentation_;
  std::uint64_t seed_;
  std::size_t samples_;
  std::vector<Trained> trained_;
  std::uint64_t passes_ = 0;
};

DeploymentResult summarise(Compensation compensation, const TimePoint& at, std::span<const double> draws) {
  DeploymentResult r;
  r.compensation = compensation;
  r.at = at;
  r.draws = static_cast<int>(draws.size());
  r.mean = std::accumulate(draws.begin(), draws.end(), 0.0) / static_cast<double>(draws.size());
  double squares = 0;
  for (const double d : draws) squares += (d - r.mean) * (d - r.mean);
  r.stddev = draws.size() > 1 ? std::sqrt(squares / static_cast<double>(draws.size() - 1)) : 0;
  r.lowest = *std::min_element(draws.begin(), draws.end());
  r.highest = *std::max_element(draws.begin(), draws.end());
  return r;
}

}  // namespace

TimePoint parse_time(std::string_view text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  for (const TimeUnit& u : kTimeUnits) {
    if (error == std::errc{} && u.name == unit && value > 0 && value * u.seconds <= 1e10) {
      return {std::string(text), value * u.seconds};
    }
  }
  fail(
      "\"{}\" is not a time; write a number above 0 and one of s, min, h, d, mo, y, at most 317y, e.g. --at "
      "25s,1h,1d,1y",
      text);
}

std::vector<DeploymentResult> evaluate_over_time(LoadedRun& run, const DeploymentRequest& request) {
  Graph& graph = run.trainer->graph();
  if (run.spec.training.task != TaskKind::classification) {
    fail("`ohmic deploy` evaluates classifiers of images, but this run has training.task = \"{}\"",
         kTaskKinds[static_cast<std::size_t>(run.spec.training.task)]);
  }
  const std::vector<Tile*> tiles = tiles_of(graph);
  if (tiles.empty()) {
    fail(
        "this run has no analog layers (training.rule = \"sgd\"), so nothing ages; write its weights onto cells with "
        "--device, e.g. --device pcm_inference");
  }
  const ImageDecoder decoder(run.data, run.spec.data.normalise);
  NormalisationCalibration normalisation(run, request.adabs_samples);
  if (std::count(request.compensations.begin(), request.compensations.end(), Compensation::adabs) > 0 &&
      !normalisation.has_layers()) {
    fail("--compensate adabs estimates batch norm's statistics anew, but this network has no batch norm; use gdc");
  }
  DriftCompensation compensation(run, request.calibration_samples);
  std::vector<TimePoint> times = request.times;
  std::sort(times.begin(), times.end(), [](const TimePoint& a, const TimePoint& b) { return a.seconds < b.seconds; });
  std::vector<DeploymentResult> results;
  std::uint64_t pass = kFirstPass;
  double age = 0;
  double done = 0;
  const double total = static_cast<double>(times.size() * request.compensations.size()) * request.draws;
  for (const TimePoint& at : times) {
    for (Tile* tile : tiles) tile->age(at.seconds - age);
    age = at.seconds;
    for (const Compensation kind : request.compensations) {
      if (kind == Compensation::gdc) compensation.calibrate();
      if (kind == Compensation::adabs) normalisation.calibrate();
      std::vector<double> draws;
      for (int d = 0; d < request.draws; ++d) {
        draws.push_back(accuracy(graph, decoder, run.data.test, pass++));
        if (request.on_progress) request.on_progress(++done / total);
      }
      for (Tile* tile : tiles) tile->set_output_scale(1);
      if (kind == Compensation::adabs) normalisation.undo();
      results.push_back(summarise(kind, at, draws));
    }
  }
  return results;
}

namespace {

nlohmann::ordered_json programming_json(std::span<const ProgrammedLayer> programmed) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ProgrammedLayer& layer : programmed) {
    const ProgrammingResult& r = layer.result;
    list.push_back({{"layer", layer.name},
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
                    {"error_stddev_us", layer.error_stddev_us}});
  }
  return list;
}

}  // namespace

std::string deployment_json(std::span<const DeploymentResult> results, int draws,
                            std::span<const ProgrammedLayer> programmed) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const DeploymentResult& r : results) {
    list.push_back({{"compensate", kCompensations[static_cast<std::size_t>(r.compensation)]},
                    {"at", r.at.label},
                    {"at_seconds", r.at.seconds},
                    {"accuracy_mean", r.mean},
                    {"accuracy_std", r.stddev},
                    {"accuracy_min", r.lowest},
                    {"accuracy_max", r.highest},
                    {"draws", r.draws}});
  }
  nlohmann::ordered_json json = {{"format", 1}, {"draws", draws}, {"results", list}};
  if (!programmed.empty()) json["programming"] = programming_json(programmed);
  return json.dump(1) + "\n";
}

}  // namespace ohmic
