#include "ohmic/data/cifar10.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "ohmic/core/error.h"
#include "ohmic/data/inflating_reader.h"
#include "ohmic/data/sha256.h"
#include "ohmic/data/tar.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

constexpr int kClassCount = 10;
constexpr std::size_t kImageSize = 3 * 32 * 32;
constexpr std::size_t kRecordSize = 1 + kImageSize;
constexpr std::size_t kLargestContent = std::size_t{1} << 30;

/// Takes in the batches one after the other.
class Batches {
 public:
  Batches() {
    for (Split* split : {&dataset_.train, &dataset_.test}) split->sample_shape = {3, 32, 32};
  }

  /// The batches are numbered as in cifar10_files().
  void add(std::size_t number, const std::string& place, std::span<const std::uint8_t> content) {
    const PublishedFile& file = cifar10_files().files[number];
    published_ = published_ && sha256_of(content) == file.sha256_plain;
    const bool is_test = number + 1 == cifar10_files().files.size();
    append(is_test ? dataset_.test : dataset_.train, place, content);
  }

  Dataset finish(const std::string& place) && {
    dataset_.name = "cifar10";
    dataset_.class_count = kClassCount;
    dataset_.provenance = fmt::format("CIFAR-10, {} training + {} test images, read from {} ({})", dataset_.train.count,
                                      dataset_.test.count, place, published_ ? "verified" : "not the published files");
    return std::move(dataset_);
  }

 private:
  static void append(Split& split, const std::string& place, std::span<const std::uint8_t> content) {
    if (content.empty() || content.size() % kRecordSize != 0) {
      fail_damaged(place, fmt::format("{} bytes, expected a multiple of {} (a label and 3 x 32 x 32 pixels per image)",
                                      content.size(), kRecordSize));
    }
    const std::size_t records = content.size() / kRecordSize;
    split.pixels.reserve(split.pixels.size() + records * kImageSize);
    for (std::size_t r = 0; r < records; ++r) {
      const auto record = content.subspan(r * kRecordSize, kRecordSize);
      if (record[0] >= kClassCount) {
        fail_damaged(place, fmt::format("label {} of image {} is out of range, expected 0 to {}", record[0], r,
                                        kClassCount - 1));
      }
      split.labels.push_back(record[0]);
      split.pixels.insert(split.pixels.end(), record.begin() + 1, record.end());
    }
    split.count += static_cast<int>(records);
  }

  [[noreturn]] static void fail_damaged(const std::string& place, const std::string& found) {
    fail("{}: damaged or not a CIFAR-10 batch: {}; delete it and let ohmic download it again, or pass --data FOLDER",
         place, found);
  }

  Dataset dataset_;
  bool published_ = true;
};

Dataset load_files(const FoundFiles& found) {
  Batches batches;
  for (std::size_t i = 0; i < found.files.size(); ++i) {
    batches.add(i, found.files[i].string(), InflatingReader(found.files[i]).read_all(kLargestContent));
  }
  return std::move(batches).finish(found.folder.string());
}

/// The files lie in the archive in any order, but the samples have theirs: the batches are gathered first.
Dataset load_archive(const fs::path& archive) {
  const auto& files = cifar10_files().files;
  std::vector<std::vector<std::uint8_t>> contents(files.size());
  TarReader tar(archive);
  while (const auto name = tar.next()) {
    const std::string_view last = std::string_view(*name).substr(name->rfind('/') + 1);
    const auto file = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.name == last; });
    if (file != files.end()) contents[static_cast<std::size_t>(file - files.begin())] = tar.content();
  }
  std::vector<std::string_view> missing;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (contents[i].empty()) missing.push_back(files[i].name);
  }
  if (!missing.empty()) {
    fail("{}: the archive lacks {}; delete it and let ohmic download it again, or pass --data FOLDER", archive.string(),
         fmt::join(missing, ", "));
  }
  Batches batches;
  for (std::size_t i = 0; i < files.size(); ++i) {
    batches.add(i, fmt::format("{}: {}", archive.string(), files[i].name), contents[i]);
    std::vector<std::uint8_t>().swap(contents[i]);
  }
  return std::move(batches).finish(archive.string());
}

}  // namespace

const FileSet& cifar10_files() {
  static const FileSet set = {
      .title = "CIFAR-10",
      .folders = {"cifar10", "cifar-10-batches-bin", ""},
      .files = {{"data_batch_1.bin", "", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
                {"data_batch_2.bin", "", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
                {"data_batch_3.bin", "", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
                {"data_batch_4.bin", "", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
                {"data_batch_5.bin", "", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
                {"test_batch.bin", "", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}},
      .archive = "cifar-10-binary.tar.gz",
      .archive_sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
      .mirrors = {"https://www.cs.toronto.edu/~kriz/"},
  };
  return set;
}

Dataset load_cifar10(const FoundFiles& found) {
  return found.archive.empty() ? load_files(found) : load_archive(found.archive);
}

}  // namespace ohmic
