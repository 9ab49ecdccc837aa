#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ohmic {

/// The samples of one split, kept as the bytes that the file holds: labelled images, or text.
struct Split {
  int count = 0;                     ///< images, or tokens
  std::vector<int> sample_shape;     ///< {28, 28}, {3, 32, 32}: row-major, channels first where there are channels; of
                                     ///< text: empty. ImageDecoder gives channels last, as networks take them
  std::vector<std::uint8_t> pixels;  ///< of images: count x product(sample_shape)
  std::vector<std::uint8_t> labels;  ///< of images: count, each < class_count
  std::vector<std::uint8_t> tokens;  ///< of text: count, each a position in Dataset::vocabulary
};

struct Dataset {
  std::string name;        ///< "mnist", "synthetic_digits", ...: what the data are, not what was asked for
  std::string provenance;  ///< what the user is told: what, how many, from where, whether genuine, or why a stand-in
  bool synthetic = false;
  int class_count = 0;                   ///< of text: the size of the vocabulary
  std::vector<std::uint8_t> vocabulary;  ///< of text: the byte that each token stands for, ascending
  std::vector<float> channel_mean;       ///< of images: over all pixels of `train`, scaled to 0..1; one per channel
  std::vector<float> channel_stddev;     ///< likewise
  Split train;
  Split validation;  ///< empty where the data set has none
  Split test;

  bool is_text() const { return !vocabulary.empty(); }
};

/// What to do when the real data are nowhere to be found. A failing download with `download_or_synthetic` leads to the
/// stand-in within a few seconds, and the provenance says why.
enum class MissingData { fail, download, synthetic, download_or_synthetic };

struct DatasetRequest {
  std::string name = "mnist";    ///< one of known_datasets()
  std::filesystem::path folder;  ///< --data; empty: search
  MissingData when_missing = MissingData::download_or_synthetic;
  int train_limit = 0;               ///< keep only the first n samples, or tokens of text (0: all)
  int test_limit = 0;                ///< likewise, and of validation
  std::vector<std::string> mirrors;  ///< URLs to download from, tried in order (empty: the public mirrors)
};

struct DatasetDescription {
  std::string name;
  std::string description;  ///< one line
};

/// The data sets that can be asked for.
std::vector<DatasetDescription> known_datasets();

/// The folders searched for a data set, in order: --data, $OHMIC_DATA, ./data, ../shared/data. Those that are not given
/// or set are left out; load_dataset looks in `given` alone where it is given.
std::vector<std::filesystem::path> dataset_search_path(const std::filesystem::path& given);

/// Loads a data set. A folder given by --data must exist and hold the data set; $OHMIC_DATA, where set, must be a
/// folder, and is the place where a download is kept (otherwise ./data). A file that is present but damaged, or missing
/// while others of the set are there, is always an Error (never silently replaced by the stand-in).
Dataset load_dataset(const DatasetRequest& request);

/// Tells two data sets apart, wherever they were read from: name, counts and a CRC-32 of all bytes.
std::string fingerprint_of(const Dataset& dataset);

}  // namespace ohmic
