#include "ohmic/data/mnist.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/data/idx.h"
#include "ohmic/data/sha256.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

constexpr int kClassCount = 10;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// The .gz, which is what is published, goes before an unpacked file; empty when neither is there.
fs::path find_file(const fs::path& folder, std::string_view name) {
  const fs::path plain = folder / name;
  fs::path gzip = plain;
  gzip += ".gz";
  if (is_there(gzip)) return gzip;
  return is_there(plain) ? plain : fs::path();
}

MnistPaths find_files(const fs::path& folder) {
  MnistPaths paths;
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i] = find_file(folder, kMnistFiles[i].name);
  return paths;
}

[[noreturn]] void fail_incomplete(const fs::path& folder, const MnistPaths& paths) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (paths[i].empty()) missing.push_back(fmt::format("{}.gz", kMnistFiles[i].name));
  }
  fail(
      "{}: MNIST is incomplete: {} missing (all four files are needed); add what is missing, or delete the others and "
      "let ohmic download them again, or pass --data FOLDER",
      folder.string(), fmt::join(missing, ", "));
}

void check_image_shape(const fs::path& path, const Split& split) {
  if (split.sample_shape == std::vector<int>{28, 28}) return;
  fail("{}: its images are {}x{}, expected 28x28; pass --data FOLDER with images of that size", path.string(),
       split.sample_shape[0], split.sample_shape[1]);
}

Split load_split(const fs::path& images, const fs::path& labels) {
  Split split = read_idx_split(images, labels, kClassCount);
  check_image_shape(images, split);
  return split;
}

bool is_published(const MnistPaths& paths) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string sha256 = sha256_of_file(paths[i]);
    if (sha256 != kMnistFiles[i].sha256_gzip && sha256 != kMnistFiles[i].sha256_plain) return false;
  }
  return true;
}

}  // namespace

std::optional<MnistPaths> find_mnist(const fs::path& folder) {
  const std::array<fs::path, 2> places = {folder / "mnist", folder};
  std::array<MnistPaths, 2> found;
  for (std::size_t i = 0; i < places.size(); ++i) {
    found[i] = find_files(places[i]);
    if (std::none_of(found[i].begin(), found[i].end(), [](const auto& path) { return path.empty(); })) return found[i];
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (found[i] != MnistPaths{}) fail_incomplete(places[i], found[i]);
  }
  return std::nullopt;
}

Dataset load_mnist(const MnistPaths& paths) {
  Dataset dataset;
  dataset.name = "mnist";
  dataset.class_count = kClassCount;
  dataset.train = load_split(paths[0], paths[1]);
  dataset.test = load_split(paths[2], paths[3]);
  dataset.provenance =
      fmt::format("MNIST, {} training + {} test images, read from {} ({})", dataset.train.count, dataset.test.count,
                  paths[0].parent_path().string(), is_published(paths) ? "verified" : "not the published files");
  return dataset;
}

std::string mnist_file_names() {
  std::vector<std::string> names;
  for (const PublishedFile& file : kMnistFiles) names.push_back(fmt::format("{}.gz", file.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace ohmic
