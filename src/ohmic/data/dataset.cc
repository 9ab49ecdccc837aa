#include "ohmic/data/dataset.h"

#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "ohmic/core/error.h"
#include "ohmic/data/cifar10.h"
#include "ohmic/data/file_set.h"
#include "ohmic/data/image.h"
#include "ohmic/data/mnist.h"
#include "ohmic/data/ptb.h"
#include "ohmic/data/synthetic_digits.h"
#include "ohmic/data/synthetic_images.h"
#include "ohmic/data/synthetic_text.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

/// The sizes of a stand-in, cut to what is asked for.
template <class Options>
Options limited(const DatasetRequest& request) {
  Options options;
  const auto cut = [](int& count, int limit) { count = limit > 0 ? std::min(count, limit) : count; };
  cut(options.train_count, request.train_limit);
  cut(options.test_count, request.test_limit);
  return options;
}

Dataset draw_digits(const DatasetRequest& request) {
  return make_synthetic_digits(limited<SyntheticDigitsOptions>(request));
}

Dataset draw_colour_images(const DatasetRequest& request) {
  return make_synthetic_images(limited<SyntheticImagesOptions>(request));
}

Dataset draw_grey_images(const DatasetRequest& request) {
  auto options = limited<SyntheticImagesOptions>(request);
  options.kind = ImageKind::grey;
  return make_synthetic_images(options);
}

Dataset draw_text(const DatasetRequest& request) { return make_synthetic_text(limited<SyntheticTextOptions>(request)); }

/// A data set that comes from files, and what stands in for it.
struct PublishedSet {
  std::string_view name, description;
  const FileSet& (*files)();
  Dataset (*load)(const FoundFiles&);
  Dataset (*stand_in)(const DatasetRequest&);
};

/// One that is drawn by code.
struct DrawnSet {
  std::string_view name, description;
  Dataset (*draw)(const DatasetRequest&);
};

constexpr std::array kPublishedSets = {
    PublishedSet{"mnist", "handwritten digits, 60000 + 10000 images of 28 x 28", mnist_files, load_mnist, draw_digits},
    PublishedSet{"fashion_mnist", "photographs of clothes, 60000 + 10000 images of 28 x 28", fashion_mnist_files,
                 load_fashion_mnist, draw_grey_images},
    PublishedSet{"cifar10", "photographs of ten kinds of things, 50000 + 10000 images of 32 x 32 in colour",
                 cifar10_files, load_cifar10, draw_colour_images},
    PublishedSet{"ptb_char", "Penn Treebank text by characters, 5.1 + 0.4 + 0.4 million of 50 kinds", ptb_files,
                 load_ptb_char, draw_text},
};

constexpr std::array kDrawnSets = {
    DrawnSet{"synthetic_digits",
             "digits drawn by code, 10000 + 2000 images of 28 x 28; stands in for mnist where that is missing",
             draw_digits},
    DrawnSet{
        "synthetic_images",
        "shapes drawn by code, 10000 + 2000 images of 32 x 32 in colour; stands in for cifar10 where that is missing",
        draw_colour_images},
    DrawnSet{"synthetic_grey_images",
             "shapes drawn by code, 10000 + 2000 images of 28 x 28; stands in for fashion_mnist where that is missing",
             draw_grey_images},
    DrawnSet{
        "synthetic_text",
        "sentences made by code, 1 + 0.1 + 0.1 million characters of 32 kinds; stands in for ptb_char where that is "
        "missing",
        draw_text},
};

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

FoundFiles find_in_given(const FileSet& set, const fs::path& folder) {
  check_folder("--data", folder);
  if (auto found = find_files(set, folder)) return *found;
  fail("--data {}: no {} in {}; it must hold {}", folder.string(), set.title, describe_places(set),
       describe_files(set));
}

std::optional<FoundFiles> search(const FileSet& set) {
  if (const fs::path folder = folder_from_environment(); !folder.empty()) check_folder("$OHMIC_DATA", folder);
  for (const fs::path& folder : dataset_search_path({})) {
    if (auto found = find_files(set, folder)) return found;
  }
  return std::nullopt;
}

[[noreturn]] void fail_not_found(const FileSet& set) {
  std::vector<std::string> places;
  for (const fs::path& folder : dataset_search_path({})) places.push_back(folder.string());
  fail("{} is in none of the places searched: {} ({} of each); put {} into one of them, or pass --data FOLDER",
       set.title, fmt::join(places, ", "), describe_places(set), describe_files(set));
}

Dataset download_and_load(const PublishedSet& set, const DatasetRequest& request) {
  DownloadOptions options;
  options.mirrors = request.mirrors;
  const fs::path folder = dataset_search_path({}).front();
  download_files(set.files(), folder / set.files().folders.front(), options);
  Dataset dataset = set.load(find_in_given(set.files(), folder));
  dataset.provenance += ", downloaded by this run";
  return dataset;
}

Dataset stand_in(const PublishedSet& set, const DatasetRequest& request, std::string_view why) {
  Dataset dataset = set.stand_in(request);
  dataset.provenance += fmt::format(", because {}", why);
  return dataset;
}

Dataset replace_missing(const PublishedSet& set, const DatasetRequest& request) {
  const std::string missing = fmt::format("{} was not found", set.files().title);
  switch (request.when_missing) {
    case MissingData::download:
      return download_and_load(set, request);
    case MissingData::synthetic:
      return stand_in(set, request, missing);
    case MissingData::download_or_synthetic:
      try {
        return download_and_load(set, request);
      } catch (const Error& error) {
        return stand_in(set, request, fmt::format("{} and {}", missing, error.what()));
      }
    case MissingData::fail:
      break;
  }
  fail_not_found(set.files());
}

Dataset load_or_replace(const PublishedSet& set, const DatasetRequest& request) {
  if (!request.folder.empty()) return set.load(find_in_given(set.files(), request.folder));
  if (const auto found = search(set.files())) return set.load(*found);
  return replace_missing(set, request);
}

Dataset load_by_name(const DatasetRequest& request) {
  for (const PublishedSet& set : kPublishedSets) {
    if (request.name == set.name) return load_or_replace(set, request);
  }
  for (const DrawnSet& set : kDrawnSets) {
    if (request.name == set.name) return set.draw(request);
  }
  std::vector<std::string> names;
  for (const auto& known : known_datasets()) names.push_back(fmt::format("\"{}\"", known.name));
  const std::string last = names.back();
  names.pop_back();
  fail("data set \"{}\" is unknown; use {} or {}", request.name, fmt::join(names, ", "), last);
}

void check_limit(std::string_view field, int limit) {
  if (limit < 0) fail("{} = {}: a number of samples cannot be negative; use 0 for all", field, limit);
}

void keep_first(Split& split, int limit) {
  if (limit == 0 || limit >= split.count) return;
  const auto kept = static_cast<std::size_t>(limit), count = static_cast<std::size_t>(split.count);
  for (auto* bytes : {&split.pixels, &split.labels, &split.tokens}) bytes->resize(bytes->size() / count * kept);
  split.count = limit;
}

}  // namespace

std::vector<DatasetDescription> known_datasets() {
  std::vector<DatasetDescription> known;
  for (const PublishedSet& set : kPublishedSets) known.push_back({std::string(set.name), std::string(set.description)});
  for (const DrawnSet& set : kDrawnSets) known.push_back({std::string(set.name), std::string(set.description)});
  return known;
}

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
  keep_first(dataset.validation, request.test_limit);
  keep_first(dataset.test, request.test_limit);
  if (!dataset.is_text()) measure_channels(dataset);
  return dataset;
}

std::string fingerprint_of(const Dataset& dataset) {
  uLong crc = crc32(0, nullptr, 0);
  for (const Split* split : {&dataset.train, &dataset.test, &dataset.validation}) {
    for (const auto* bytes : {&split->pixels, &split->labels, &split->tokens}) {
      if (!bytes->empty()) crc = crc32_z(crc, bytes->data(), bytes->size());  // a null pointer would start it anew
    }
  }
  return fmt::format("{} {}+{} crc32 {:08x}", dataset.name, dataset.train.count, dataset.test.count, crc);
}

}  // namespace ohmic
