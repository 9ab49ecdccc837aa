#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ohmic {

/// Labelled samples of one split, kept as the bytes that the file holds.
struct Split {
  int count = 0;
  std::vector<int> sample_shape;     ///< e.g. {28, 28}; row-major, channels first where there are channels
  std::vector<std::uint8_t> pixels;  ///< count x product(sample_shape)
  std::vector<std::uint8_t> labels;  ///< count, each < class_count
};

struct Dataset {
  std::string name;        ///< "mnist", "synthetic_digits"
  std::string provenance;  ///< what the user is told: what, how many, from where, whether genuine, or why a stand-in
  bool synthetic = false;
  int class_count = 0;
  Split train, test;
};

/// What to do when the real data are nowhere to be found. A failing download with `download_or_synthetic` leads to the
/// stand-in within a few seconds, and the provenance says why.
enum class MissingData { fail, download, synthetic, download_or_synthetic };

struct DatasetRequest {
  std::string name = "mnist";    ///< "mnist" or "synthetic_digits"
  std::filesystem::path folder;  ///< --data; empty: search
  MissingData when_missing = MissingData::download_or_synthetic;
  int train_limit = 0;               ///< keep only the first n samples (0: all)
  int test_limit = 0;                ///< likewise
  std::vector<std::string> mirrors;  ///< URLs to download from, tried in order (empty: the public mirrors)
};

/// The folders searched for a data set, in order: --data, $OHMIC_DATA, ./data, ../shared/data. Those that are not given
/// or set are left out; load_dataset looks in `given` alone where it is given.
std::vector<std::filesystem::path> dataset_search_path(const std::filesystem::path& given);

/// Loads a data set. A folder given by --data must exist and hold the data set; $OHMIC_DATA, where set, must be a
/// folder, and is the place where a download is kept (otherwise ./data). A file that is present but damaged, or missing
/// while others of the set are there, is always an Error (never silently replaced by the stand-in).
Dataset load_dataset(const DatasetRequest& request);

}  // namespace ohmic
