#include "ohmic/data/file_set.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/data/sha256.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Empty when neither is there.
fs::path find_file(const fs::path& folder, std::string_view name) {
  const fs::path plain = folder / name;
  fs::path gzip = plain;
  gzip += ".gz";
  if (is_there(gzip)) return gzip;
  return is_there(plain) ? plain : fs::path();
}

FoundFiles look_in(const FileSet& set, const fs::path& folder) {
  FoundFiles found{folder, {}, {}};
  for (const PublishedFile& file : set.files) found.files.push_back(find_file(folder, file.name));
  if (!set.archive.empty() && is_there(folder / set.archive)) found.archive = folder / set.archive;
  return found;
}

bool has_all(const FoundFiles& found) {
  return std::none_of(found.files.begin(), found.files.end(), [](const auto& path) { return path.empty(); });
}

bool has_any(const FoundFiles& found) {
  return std::any_of(found.files.begin(), found.files.end(), [](const auto& path) { return !path.empty(); });
}

std::string published_name(const PublishedFile& file) {
  return fmt::format("{}{}", file.name, file.sha256_gzip.empty() ? "" : ".gz");
}

std::string_view published_sha256(const PublishedFile& file) {
  return file.sha256_gzip.empty() ? file.sha256_plain : file.sha256_gzip;
}

std::string_view in_words(std::size_t count) {
  constexpr std::array<std::string_view, 7> kWords = {"no", "one", "two", "three", "four", "five", "six"};
  return count < kWords.size() ? kWords[count] : "many";
}

[[noreturn]] void fail_incomplete(const FileSet& set, const FoundFiles& found) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < found.files.size(); ++i) {
    if (found.files[i].empty()) missing.push_back(published_name(set.files[i]));
  }
  fail(
      "{}: {} is incomplete: {} missing (all {} files are needed); add what is missing, or delete the others and let "
      "ohmic download them again, or pass --data FOLDER",
      found.folder.string(), set.title, fmt::join(missing, ", "), in_words(set.files.size()));
}

struct NamedContent {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

NamedContent fetch(std::string name, std::string_view sha256, const DownloadOptions& options) {
  std::vector<std::uint8_t> bytes = download_file(name, sha256, options);
  return {std::move(name), std::move(bytes)};
}

}  // namespace

std::optional<FoundFiles> find_files(const FileSet& set, const fs::path& folder) {
  std::vector<FoundFiles> places;
  for (const std::string_view below : set.folders)
    places.push_back(look_in(set, below.empty() ? folder : folder / below));
  for (FoundFiles& found : places) {
    if (has_all(found)) {
      found.archive.clear();
      return found;
    }
    if (!found.archive.empty()) {
      found.files.clear();
      return found;
    }
  }
  for (const FoundFiles& found : places) {
    if (has_any(found)) fail_incomplete(set, found);
  }
  return std::nullopt;
}

std::string describe_files(const FileSet& set) {
  std::vector<std::string> names;
  for (const PublishedFile& file : set.files) names.push_back(published_name(file));
  const std::string archive = set.archive.empty() ? "" : fmt::format(", or the archive {}", set.archive);
  return fmt::format("the {} files {} (with or without .gz){}", in_words(set.files.size()), fmt::join(names, ", "),
                     archive);
}

std::string describe_places(const FileSet& set) {
  std::vector<std::string_view> below;
  for (const std::string_view folder : set.folders) {
    if (!folder.empty()) below.push_back(folder);
  }
  return fmt::format("{}its subfolder{} {}", below.size() < set.folders.size() ? "it or " : "",
                     below.size() > 1 ? "s" : "", fmt::join(below, " or "));
}

std::string_view verdict_on(const FileSet& set, std::span<const fs::path> files) {
  OHMIC_EXPECT(files.size() == set.files.size());
  std::string_view verdict = "verified";
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (set.files[i].sha256_plain.empty() && files[i].extension() != ".gz") {
      verdict = "unpacked, hence not verified";
      continue;
    }
    const std::string sha256 = sha256_of_file(files[i]);
    if (sha256 != set.files[i].sha256_gzip && sha256 != set.files[i].sha256_plain) return "not the published files";
  }
  return verdict;
}

void download_files(const FileSet& set, const fs::path& folder, DownloadOptions options) {
  if (options.mirrors.empty()) options.mirrors = set.mirrors;
  std::vector<NamedContent> contents;
  if (!set.archive.empty()) {
    contents.push_back(fetch(std::string(set.archive), set.archive_sha256, options));
  } else {
    for (const PublishedFile& file : set.files) {
      contents.push_back(fetch(published_name(file), published_sha256(file), options));
    }
  }
  make_folder(folder);
  for (const NamedContent& content : contents) {
    const std::span<const char> piece(reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size());
    write_file_atomically(folder / content.name, std::span(&piece, 1));
  }
}

}  // namespace ohmic
