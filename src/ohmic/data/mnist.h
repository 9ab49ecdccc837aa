#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ohmic/data/dataset.h"

namespace ohmic {

/// One of the four files of MNIST, as published by LeCun, Cortes and Burges.
struct PublishedFile {
  std::string_view name;          ///< without .gz
  std::string_view sha256_gzip;   ///< of the published .gz
  std::string_view sha256_plain;  ///< of its content
};

inline constexpr std::array<PublishedFile, 4> kMnistFiles = {{
    {"train-images-idx3-ubyte", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {"t10k-images-idx3-ubyte", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}};

/// The four files on disk, in the order of kMnistFiles, each as .gz or plain.
using MnistPaths = std::array<std::filesystem::path, 4>;

/// Looks for the four files in `folder`/mnist, then in `folder`. Nothing when none is there; Error when only some are.
std::optional<MnistPaths> find_mnist(const std::filesystem::path& folder);

/// Reads the four files. Other data in the same form (28x28, ten classes) are accepted; the provenance says whether the
/// files are the published ones. Error: damaged files, other image sizes.
Dataset load_mnist(const MnistPaths& paths);

/// "train-images-idx3-ubyte, ...": for messages.
std::string mnist_file_names();

}  // namespace ohmic
