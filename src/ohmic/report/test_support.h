#pragma once

// For the tests of this folder: run folders as a trainer would leave them, and a check of the page's tags.

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/report/json_fields.h"
#include "ohmic/report/json_record.h"

namespace ohmic::report {

/// A folder that vanishes with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("ohmic_report_test_{}_{}", ::getpid(), count++);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path_ / name) << text; }

 private:
  std::filesystem::path path_;
};

struct SampleRun {
  std::string name = "mnist_mixed_precision";
  std::string rule = "mixed_precision";
  std::string cell = "pcm";
  int seed = 1;
  int epochs = 3;
  double accuracy = 0.97;  ///< after the last epoch
  double learning_rate = 0.4;
};

inline Json sample_epoch(const SampleRun& sample, int epoch) {
  const double remaining = sample.epochs - epoch;
  return {{"epoch", epoch},
          {"train_loss", 0.01 * (1 + remaining)},
          {"train_accuracy", sample.accuracy + 0.01 - 0.004 * remaining},
          {"test_accuracy", sample.accuracy - 0.005 * remaining},
          {"pulses_per_sample", sample.rule == "sgd" ? 0.0 : 2.0 + 0.5 * remaining},
          {"refreshed_pairs", 120},
          {"seconds", 600.0 * epoch},
          {"wall_seconds", 1.5}};
}

inline Json sample_tile(const std::string& name) {
  return {{"name", name},
          {"inputs", 785},
          {"outputs", 250},
          {"conductance_histogram",
           {{"unit", "uS"}, {"edges", {0, 5, 10, 15}}, {"g_plus", {100, 40, 3}}, {"g_minus", {90, 50, 3}}}},
          {"weight_histogram", {{"edges", {-1, 0, 1}}, {"counts", {70, 73}}}}};
}

inline Json sample_config(const SampleRun& sample) {
  return {
      {"seed", sample.seed},
      {"training",
       {{"rule", sample.rule}, {"batch_size", 1}, {"learning_rate", sample.learning_rate}, {"epochs", sample.epochs}}},
      {"device", {{"cell", sample.cell}}},
      {"network", {{"layers", {{{"units", 250}}, {{"units", 10}}}}}}};
}

/// A run.json with everything in it.
inline Json sample_run(const SampleRun& sample = {}) {
  Json run = {{"format", 1},
              {"program", "ohmic"},
              {"version", "0.1.0"},
              {"name", sample.name},
              {"status", "finished"},
              {"started", "2026-11-21T01:00:00Z"},
              {"seed", sample.seed},
              {"config", sample_config(sample)},
              {"machine", {{"cpu", "Sample CPU"}, {"threads", 1}, {"instruction_set", "avx512"}}},
              {"data", {{"name", "mnist"}, {"provenance", "MNIST, 60000 + 10000 images"}, {"synthetic", false}}},
              {"epochs", Json::array()},
              {"counters", {{"mvm", 720000}, {"set_pulses", 450000}, {"digital_macs", 35776800000}}},
              {"bytes_per_weight", 30.1},
              {"weights", 198760},
              {"wall_seconds", 45.1}};
  for (int epoch = 1; epoch <= sample.epochs; ++epoch) run["epochs"].push_back(sample_epoch(sample, epoch));
  if (sample.rule != "sgd") run["tiles"] = {sample_tile("dense_1"), sample_tile("dense_2")};
  return run;
}

inline Json sample_deploy() {
  Json deploy = {{"format", 1}, {"draws", 10}, {"results", Json::array()}};
  for (const char* compensation : {"none", "gdc"}) {
    const double loss = compensation == std::string("none") ? 0.05 : 0.01;
    for (const auto& [at, seconds, share] :
         {std::tuple{"25s", 25.0, 0.0}, std::tuple{"1h", 3600.0, 0.5}, std::tuple{"1y", 31536000.0, 1.0}}) {
      deploy["results"].push_back({{"compensate", compensation},
                                   {"at", at},
                                   {"at_seconds", seconds},
                                   {"accuracy_mean", 0.97 - loss * share},
                                   {"accuracy_std", 0.0005},
                                   {"accuracy_min", 0.969 - loss * share},
                                   {"accuracy_max", 0.971 - loss * share}});
    }
  }
  return deploy;
}

/// Writes the record and reads it back.
inline RunRecord read_back(const Json& run, const Json& deploy = nullptr) {
  const TemporaryFolder folder;
  folder.write("run.json", run.dump());
  if (!deploy.is_null()) folder.write("deploy.json", deploy.dump());
  return read_run(folder.path());
}

inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// Empty if every tag of the page is closed in the right order, else what is wrong.
inline std::string tag_imbalance(std::string_view html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    const std::string_view tag = html.substr(at + 1, html.find('>', at) - at - 1);
    if (tag.find('<') != std::string_view::npos) return fmt::format("unescaped < in \"{}\"", tag);
    const std::string name(
        tag.substr(tag.starts_with('/') ? 1 : 0, tag.find_first_of(" \n/", 1) - (tag.starts_with('/') ? 1 : 0)));
    const bool closes_itself = tag.ends_with('/') || tag.starts_with('!') || name == "meta" || name == "wbr";
    if (closes_itself) continue;
    if (!tag.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return fmt::format("</{}> closes <{}>", name, open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? std::string() : "unclosed <" + open.back() + ">";
}

}  // namespace ohmic::report
