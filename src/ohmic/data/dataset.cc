#include "ohmic/data/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "ohmic/core/error.h"
#include "ohmic/data/download.h"
#include "ohmic/data/mnist.h"
#include "ohmic/data/synthetic_digits.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

fs::path folder_from_environment() {
  const char* folder = std::getenv("OHMIC_DATA");
  return folder ? folder : "";
}

/// A folder that the user names must be usable: silence would hide a slip of the pen.
void check_folder(std::string_view origin, const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator listing(folder, error);
  if (error) fail("{} {}: not a readable folder ({}); correct the path", origin, folder.string(), error.message());
}

MnistPaths find_mnist_in_given(const fs::path& folder) {
  check_folder("--data", folder);
  if (auto paths = find_mnist(folder)) return *paths;
  fail("--data {}: no MNIST in it or its subfolder mnist; it must hold the four files {} (with or without .gz)",
       folder.string(), mnist_file_names());
}

std::optional<MnistPaths> search_mnist() {
  if (const fs::path folder = folder_from_environment(); !folder.empty()) check_folder("$OHMIC_DATA", folder);
  for (const fs::path& folder : dataset_search_path({})) {
    if (auto paths = find_mnist(folder)) return paths;
  }
  return std::nullopt;
}

[[noreturn]] void fail_not_found() {
  std::vector<std::string> places;
  for (const fs::path& folder : dataset_search_path({})) places.push_back(folder.string());
  fail("MNIST is in none of the places searched: {}; put the four files {} into one of them, or pass --data FOLDER",
       fmt::join(places, ", "), mnist_file_names());
}

Dataset download_and_load(const DatasetRequest& request) {
  DownloadOptions options;
  if (!request.mirrors.empty()) options.mirrors = request.mirrors;
  const fs::path folder = dataset_search_path({}).front() / "mnist";
  download_mnist(folder, options);
  Dataset dataset = load_mnist(find_mnist_in_given(folder));
  dataset.provenance += ", downloaded by this run";
  return dataset;
}

SyntheticDigitsOptions synthetic_options(const DatasetRequest& request) {
  SyntheticDigitsOptions options;
  const auto limited = [](int count, int limit) { return limit > 0 ? std::min(count, limit) : count; };
  options.train_count = limited(options.train_count, request.train_limit);
  options.test_count = limited(options.test_count, request.test_limit);
  return options;
}

Dataset stand_in(const DatasetRequest& request, std::string_view why) {
  Dataset dataset = make_synthetic_digits(synthetic_options(request));
  dataset.provenance += fmt::format(", because {}", why);
  return dataset;
}

Dataset download_or_stand_in(const DatasetRequest& request) {
  try {
    return download_and_load(request);
  } catch (const Error& error) {
    return stand_in(request, fmt::format("MNIST was not found and {}", error.what()));
  }
}

Dataset replace_missing(const DatasetRequest& request) {
  switch (request.when_missing) {
    case MissingData::download:
      return download_and_load(request);
    case MissingData::synthetic:
      return stand_in(request, "MNIST was not found");
    case MissingData::download_or_synthetic:
      return download_or_stand_in(request);
    case MissingData::fail:
      break;
  }
  fail_not_found();
}

Dataset load_mnist_or_replacement(const DatasetRequest& request) {
  if (!request.folder.empty()) return load_mnist(find_mnist_in_given(request.folder));
  if (const auto paths = search_mnist()) return load_mnist(*paths);
  return replace_missing(request);
}

Dataset load_by_name(const DatasetRequest& request) {
  if (request.name == "mnist") return load_mnist_or_replacement(request);
  if (request.name == "synthetic_digits") return make_synthetic_digits(synthetic_options(request));
  fail("data set \"{}\" is unknown; use \"mnist\" or \"synthetic_digits\"", request.name);
}

void check_limit(std::string_view field, int limit) {
  if (limit < 0) fail("{} = {}: a number of samples cannot be negative; use 0 for all", field, limit);
}

void keep_first(Split& split, int limit) {
  if (limit == 0 || limit >= split.count) return;
  const auto sample_size = split.pixels.size() / static_cast<std::size_t>(split.count);
  split.count = limit;
  split.labels.resize(static_cast<std::size_t>(limit));
  split.pixels.resize(static_cast<std::size_t>(limit) * sample_size);
}

}  // namespace

std::vector<fs::path> dataset_search_path(const fs::path& given) {
  std::vector<fs::path> folders = {given, folder_from_environment(), "data", fs::path("..") / "shared" / "data"};
  std::erase(folders, fs::path());
  return folders;
}

Dataset load_dataset(const DatasetRequest& request) {
  check_limit("train_limit", request.train_limit);
  check_limit("test_limit", request.test_limit);
  Dataset dataset = load_by_name(request);
  keep_first(dataset.train, request.train_limit);
  keep_first(dataset.test, request.test_limit);
  return dataset;
}

}  // namespace ohmic
