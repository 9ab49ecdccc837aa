#include "ohmic/data/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "ohmic/core/error.h"
#include "ohmic/data/mnist.h"

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

std::string searched_places(const DatasetRequest& request) {
  std::vector<std::string> places;
  for (const fs::path& folder : dataset_search_path(request.folder)) places.push_back(folder.string());
  return fmt::format("{}", fmt::join(places, ", "));
}

std::optional<MnistPaths> find_mnist_in_given(const fs::path& folder) {
  check_folder("--data", folder);
  auto paths = find_mnist(folder);
  if (!paths) {
    fail("--data {}: no MNIST in it or its subfolder mnist; it must hold the four files {} (with or without .gz)",
         folder.string(), mnist_file_names());
  }
  return paths;
}

std::optional<MnistPaths> search_mnist(const fs::path& given) {
  if (!given.empty()) return find_mnist_in_given(given);
  if (const fs::path folder = folder_from_environment(); !folder.empty()) check_folder("$OHMIC_DATA", folder);
  for (const fs::path& folder : dataset_search_path(given)) {
    if (auto paths = find_mnist(folder)) return paths;
  }
  return std::nullopt;
}

void keep_first(Split& split, int limit) {
  if (limit == 0 || limit >= split.count) return;
  const auto sample_size = split.pixels.size() / static_cast<std::size_t>(split.count);
  split.count = limit;
  split.labels.resize(static_cast<std::size_t>(limit));
  split.pixels.resize(static_cast<std::size_t>(limit) * sample_size);
}

void check_limit(std::string_view field, int limit) {
  if (limit < 0) fail("{} = {}: a number of samples cannot be negative; use 0 for all", field, limit);
}

Dataset load_mnist_or_replacement(const DatasetRequest& request) {
  if (const auto paths = search_mnist(request.folder)) return load_mnist(*paths);
  fail("MNIST is in none of: {}; it consists of {}; pass --data FOLDER or set $OHMIC_DATA", searched_places(request),
       mnist_file_names());
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
  if (request.name != "mnist") fail("data set \"{}\" is unknown; use \"mnist\"", request.name);
  Dataset dataset = load_mnist_or_replacement(request);
  keep_first(dataset.train, request.train_limit);
  keep_first(dataset.test, request.test_limit);
  return dataset;
}

}  // namespace ohmic
