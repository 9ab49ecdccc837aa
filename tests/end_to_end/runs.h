#pragma once

// Training runs that take a moment: drawn digits, few samples, a small network.

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"

namespace ohmic::test {

using Json = nlohmann::json;

inline Arguments set(const std::string& assignment) { return {"--set", assignment}; }

/// Settings of a run of a fraction of a second. A later --set wins over these.
inline Arguments small_settings() {
  return set("data.name=synthetic_digits") + set("data.train_limit=200") + set("data.test_limit=50") +
         set("network.layers.0.units=16") + set("training.epochs=2");
}

inline Arguments small_training(const std::string& folder, const Arguments& more = {},
                                const std::string& experiment = "mnist_mixed_precision") {
  return Arguments{"train", experiment, "--out", folder} + small_settings() + more;
}

inline Json read_json(const std::filesystem::path& path) { return Json::parse(read_bytes(path), nullptr, false); }

inline std::vector<Json> read_json_lines(const std::filesystem::path& path) {
  std::istringstream text(read_bytes(path));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line, nullptr, false));
  return lines;
}

/// What the future of a run depends on, byte for byte.
inline std::string result_bytes(const std::filesystem::path& run) {
  return read_bytes(run / "checkpoint.safetensors") + read_bytes(run / "metrics.jsonl");
}

/// The bytes of each tensor of a run's checkpoint.
inline std::map<std::string, std::string> checkpoint_tensors(const std::filesystem::path& run) {
  const std::string file = read_bytes(run / "checkpoint.safetensors");
  std::uint64_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header << 8 | static_cast<unsigned char>(file.at(i));
  std::map<std::string, std::string> tensors;
  const Json names = Json::parse(file.substr(8, header));
  for (const auto& [name, entry] : names.items()) {
    if (name == "__metadata__") continue;
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    tensors[name] = file.substr(8 + header + begin, entry.at("data_offsets").at(1).get<std::size_t>() - begin);
  }
  return tensors;
}

/// Compares without printing half a megabyte on a mismatch.
inline ::testing::AssertionResult same_results(const std::filesystem::path& a, const std::filesystem::path& b) {
  for (const char* name : {"checkpoint.safetensors", "metrics.jsonl"}) {
    const std::string left = read_bytes(a / name), right = read_bytes(b / name);
    if (left.empty()) return ::testing::AssertionFailure() << name << " of " << a << " is missing or empty";
    if (left != right) return ::testing::AssertionFailure() << name << " differs between " << a << " and " << b;
  }
  return ::testing::AssertionSuccess();
}

/// Names of the files in a folder that a cut write left behind.
inline std::vector<std::string> left_overs(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.find(".tmp") != std::string::npos) names.push_back(name);
  }
  return names;
}

}  // namespace ohmic::test
