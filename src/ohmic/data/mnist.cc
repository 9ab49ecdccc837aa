#include "ohmic/data/mnist.h"

#include "ohmic/core/error.h"
#include "ohmic/data/idx.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

constexpr int kDigitCount = 10;

void check_image_shape(const fs::path& path, const Split& split) {
  if (split.sample_shape == std::vector<int>{28, 28}) return;
  fail("{}: its images are {}x{}, expected 28x28; pass --data FOLDER with images of that size", path.string(),
       split.sample_shape[0], split.sample_shape[1]);
}

Split load_split(const fs::path& images, const fs::path& labels) {
  Split split = read_idx_split(images, labels, kDigitCount);
  check_image_shape(images, split);
  return split;
}

Dataset load_idx_files(std::string_view name, const FileSet& set, const FoundFiles& found) {
  Dataset dataset;
  dataset.name = name;
  dataset.class_count = kDigitCount;
  dataset.train = load_split(found.files[0], found.files[1]);
  dataset.test = load_split(found.files[2], found.files[3]);
  dataset.provenance =
      fmt::format("{}, {} training + {} test images, read from {} ({})", set.title, dataset.train.count,
                  dataset.test.count, found.folder.string(), verdict_on(set, found.files));
  return dataset;
}

}  // namespace

const FileSet& mnist_files() {
  static const FileSet set = {
      .title = "MNIST",
      .folders = {"mnist", ""},
      .files = {{"train-images-idx3-ubyte", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                 "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
                {"train-labels-idx1-ubyte", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                 "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
                {"t10k-images-idx3-ubyte", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                 "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
                {"t10k-labels-idx1-ubyte", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                 "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
      .archive = "",
      .archive_sha256 = "",
      .mirrors = {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                  "https://storage.googleapis.com/cvdf-datasets/mnist/"},
  };
  return set;
}

const FileSet& fashion_mnist_files() {
  static const FileSet set = {
      .title = "Fashion-MNIST",
      .folders = {"fashion_mnist", "fashion-mnist"},
      .files = {{"train-images-idx3-ubyte", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", ""},
                {"train-labels-idx1-ubyte", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", ""},
                {"t10k-images-idx3-ubyte", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", ""},
                {"t10k-labels-idx1-ubyte", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", ""}},
      .archive = "",
      .archive_sha256 = "",
      .mirrors = {"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                  "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"},
  };
  return set;
}

Dataset load_mnist(const FoundFiles& found) { return load_idx_files("mnist", mnist_files(), found); }

Dataset load_fashion_mnist(const FoundFiles& found) {
  return load_idx_files("fashion_mnist", fashion_mnist_files(), found);
}

}  // namespace ohmic
