#include "ohmic/deployment/deploy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "ohmic/core/error.h"
#include "ohmic/data/sha256.h"

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
constexpr std::uint64_t kNoiseReads = 9ull << 59;  // beside those of evaluations and calibrations

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squares_about_mean(std::span<const double> values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return squares;
}

double stddev_of(std::span<const double> values) {
  if (values.size() < 2) return 0;
  return std::sqrt(squares_about_mean(values) / static_cast<double>(values.size() - 1));
}

// One chip through all times.
class ChipEvaluation {
 public:
  ChipEvaluation(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                 std::function<void(double)> on_draw)
      : network_(network), cells_(cells), request_(request), on_draw_(std::move(on_draw)) {}

  /// False if it was stopped.
  bool run(ChipRecord& record) {
    if (request_.programs) {
      record.programmed = cells_.program(network_.spec, record.chip, request_.on_cells);
      if (request_.on_programmed) request_.on_programmed();
      calibrate_converters(network_, static_cast<std::size_t>(network_.spec.periphery.calibration_vectors));
    } else {
      cells_.place(request_.on_cells);
    }
    NormalisationCalibration normalisation(network_, static_cast<std::size_t>(request_.adabs_samples));
    DriftCompensation compensation(network_, static_cast<std::size_t>(request_.calibration_samples));
    double age = 0;
    for (const TimePoint& at : request_.times) {
      for (Tile* tile : tiles_of(*network_.graph)) tile->age(at.seconds - age);
      age = at.seconds;
      for (const Compensation kind : request_.compensations) {
        if (kind == Compensation::gdc || kind == Compensation::gdc_column) {
          compensation.calibrate(kind == Compensation::gdc_column);
        }
        if (kind == Compensation::adabs) normalisation.calibrate();
        const bool done = measure(record);
        if (kind == Compensation::adabs) normalisation.undo();
        compensation.undo();
        if (!done) return false;
      }
    }
    return true;
  }

 private:
  bool measure(ChipRecord& record) {
    const Split& test = network_.data.test;
    const auto images = static_cast<std::size_t>(request_.images > 0 ? request_.images : test.count);
    std::vector<double>& draws = record.accuracies.emplace_back();
    for (int d = 0; d < request_.draws; ++d) {
      const std::uint64_t first_read = kFirstEvaluationRead + ((kFirstPass + passes_++) << 32);
      const Matrix outputs = outputs_of(network_, test, images, first_read, {request_.stop, on_draw_});
      if (outputs.rows() == 0) return false;
      draws.push_back(accuracy_of(outputs, test.labels));
    }
    if (request_.noise_samples > 0) {
      const Matrix some = decoded_images(network_, test, static_cast<std::size_t>(request_.noise_samples));
      const std::uint64_t first_read = kNoiseReads + (passes_ << 32);
      record.snr_db.push_back(signal_to_noise(network_, cells_, request_.on_cells, some, first_read));
    }
    return true;
  }

  DeployedNetwork& network_;
  NetworkOnCells& cells_;
  const DeploymentRequest& request_;
  std::function<void(double)> on_draw_;  // share of one draw that is done
  std::uint64_t passes_ = 0;
};

void check_request(const DeployedNetwork& network, const NetworkOnCells& cells, const DeploymentRequest& request) {
  if (!request.programs && !cells.has_cells()) {
    fail(
        "this run has no analog layers (training.rule = \"sgd\"), so nothing ages; write its weights onto cells with "
        "--device, e.g. --device pcm_inference");
  }
  if (std::count(request.on_cells.begin(), request.on_cells.end(), true) == 0) {
    fail("--digital leaves nothing on cells; name fewer layers, or a smaller --digital-budget");
  }
  if (!request.programs && request.chips > 1) {
    fail("--chips {} writes the weights onto fresh cells, but these are those of training; give --device",
         request.chips);
  }
  const auto& kinds = request.compensations;
  bool has_norm = false;
  for (std::size_t l = 0; l < network.graph->layer_count(); ++l) {
    has_norm |= dynamic_cast<const BatchNormLayer*>(&network.graph->layer(l)) != nullptr;
  }
  if (std::count(kinds.begin(), kinds.end(), Compensation::adabs) > 0 && !has_norm) {
    fail("--compensate adabs estimates batch norm's statistics anew, but this network has no batch norm; use gdc");
  }
}

// Nothing if it was interrupted.
std::optional<double> digital_accuracy(DeployedNetwork& network, NetworkOnCells& cells,
                                       const DeploymentRequest& request,
                                       const std::function<void(double)>& on_progress) {
  const Split& test = network.data.test;
  const auto images = static_cast<std::size_t>(request.images > 0 ? request.images : test.count);
  cells.place(std::vector<bool>(cells.parts().size(), false));
  const Matrix outputs = outputs_of(network, test, images, kFirstEvaluationRead, {request.stop, on_progress});
  if (outputs.rows() == 0) return std::nullopt;
  return accuracy_of(outputs, test.labels);
}

std::vector<LayerReport> report_layers(const NetworkOnCells& cells, const DeploymentRequest& request,
                                       std::span<const ChipRecord> chips) {
  std::vector<LayerReport> layers;
  for (std::size_t p = 0; p < cells.parts().size(); ++p) {
    LayerReport layer;
    layer.name = cells.parts()[p].name;
    layer.weights = cells.parts()[p].weights;
    layer.on_cells = request.on_cells[p];
    for (std::size_t k = 0; layer.on_cells && k < request.times.size() * request.compensations.size(); ++k) {
      double sum = 0;
      for (const ChipRecord& chip : chips) sum += k < chip.snr_db.size() ? chip.snr_db[k][p] : 0;
      if (chips.empty() || chips.front().snr_db.empty()) break;
      const TimePoint& at = request.times[k / request.compensations.size()];
      const Compensation kind = request.compensations[k % request.compensations.size()];
      layer.snr.push_back({at.label, std::string(kCompensations[static_cast<std::size_t>(kind)]),
                           sum / static_cast<double>(chips.size())});
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

// What was measured of the layers before any chip stays.
void update_layers(std::vector<LayerReport> fresh, std::vector<LayerReport>& layers) {
  for (std::size_t p = 0; p < fresh.size() && p < layers.size(); ++p) {
    fresh[p].has_sensitivity = layers[p].has_sensitivity;
    fresh[p].accuracy_loss = layers[p].accuracy_loss;
    fresh[p].output_error = layers[p].output_error;
  }
  layers = std::move(fresh);
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

std::vector<DeploymentResult> summarise(const DeploymentRequest& request, std::span<const ChipRecord> chips) {
  std::vector<DeploymentResult> results;
  for (std::size_t k = 0; k < request.times.size() * request.compensations.size() && !chips.empty(); ++k) {
    DeploymentResult r;
    r.compensation = request.compensations[k % request.compensations.size()];
    r.at = request.times[k / request.compensations.size()];
    r.draws = static_cast<int>(chips.front().accuracies[k].size());
    r.lowest = 1;
    double squares = 0;
    for (const ChipRecord& chip : chips) {
      const std::vector<double>& draws = chip.accuracies[k];
      r.chips.push_back(mean_of(draws));
      squares += squares_about_mean(draws);
      r.lowest = std::min(r.lowest, *std::min_element(draws.begin(), draws.end()));
      r.highest = std::max(r.highest, *std::max_element(draws.begin(), draws.end()));
    }
    const double freedom = static_cast<double>(chips.size()) * (r.draws - 1);
    r.read_stddev = freedom > 0 ? std::sqrt(squares / freedom) : 0;
    r.mean = mean_of(r.chips);
    r.stddev = chips.size() > 1 ? stddev_of(r.chips) : stddev_of(chips.front().accuracies[k]);
    results.push_back(std::move(r));
  }
  return results;
}

void sort_times(DeploymentRequest& request) {
  std::stable_sort(request.times.begin(), request.times.end(),
                   [](const TimePoint& a, const TimePoint& b) { return a.seconds < b.seconds; });
  const auto same = [](const TimePoint& a, const TimePoint& b) { return a.seconds == b.seconds; };
  request.times.erase(std::unique(request.times.begin(), request.times.end(), same), request.times.end());
}

std::string request_key(const DeployedNetwork& network, const DeploymentRequest& request) {
  std::string text = request.source + to_toml(network.spec);
  for (const TimePoint& at : request.times) text += fmt::format("{} ", at.seconds);
  for (const Compensation kind : request.compensations) text += fmt::format("{} ", static_cast<int>(kind));
  for (const bool on_cells : request.on_cells) text += on_cells ? 'a' : 'd';
  text += fmt::format(" {} {} {} {} {} {}", request.programs, request.draws, request.images,
                      request.calibration_samples, request.adabs_samples, request.noise_samples);
  return sha256_of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void evaluate_chips(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                    DeploymentRecord& record, const std::function<void()>& save) {
  check_request(network, cells, request);
  record.request = request_key(network, request);
  const auto draws_per_chip = static_cast<double>(request.times.size() * request.compensations.size()) * request.draws;
  const double evaluations = 1 + draws_per_chip * request.chips;
  const auto report = [&](const std::string& what, double done) {
    if (request.on_progress) request.on_progress(what, done / evaluations);
  };
  const std::optional<double> digital =
      digital_accuracy(network, cells, request, [&](double done) { report("in fp32", done); });
  if (!digital) return;
  record.digital_accuracy = *digital;
  const auto update = [&] {
    record.results = summarise(request, record.chips);
    update_layers(report_layers(cells, request, record.chips), record.layers);
    save();
  };
  if (!record.chips.empty()) update();
  for (std::size_t c = record.chips.size(); c < static_cast<std::size_t>(request.chips); ++c) {
    double done = 1 + static_cast<double>(c) * draws_per_chip;
    const std::string place = fmt::format("chip {}/{}  ", c + 1, request.chips);
    report(place + (request.programs ? "programming" : "evaluating"), done);
    ChipRecord chip;
    chip.chip = c;
    ChipEvaluation evaluation(network, cells, request, [&](double of_draw) {
      report(place + "evaluating", done + of_draw);
      if (of_draw == 1) ++done;
    });
    if (!evaluation.run(chip)) return;
    record.chips.push_back(std::move(chip));
    update();
  }
}

}  // namespace ohmic
