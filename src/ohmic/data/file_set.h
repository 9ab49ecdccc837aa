#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/data/download.h"

namespace ohmic {

/// One file of a data set, as its authors published it.
struct PublishedFile {
  std::string_view name;          ///< without .gz
  std::string_view sha256_gzip;   ///< of the published .gz; empty: it is published unpacked, or otherwise packed
  std::string_view sha256_plain;  ///< of its content; empty: not known
};

/// What a data set consists of on disk, and where it can be had.
struct FileSet {
  std::string_view title;                 ///< "MNIST"
  std::vector<std::string_view> folders;  ///< places below a folder searched, in order; "" is the folder itself. A
                                          ///< download goes to the first
  std::vector<PublishedFile> files;       ///< all are needed; each may lie there as .gz or unpacked
  std::string_view archive;               ///< a file that may lie there in place of all these; empty: none
  std::string_view archive_sha256;
  std::vector<std::string> mirrors;  ///< each ending in '/': file names are appended. Where there is an archive, it is
                                     ///< what they have
};

/// Where the files of a set were found.
struct FoundFiles {
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;  ///< in the order of FileSet::files; empty where there is the archive
  std::filesystem::path archive;
};

/// Looks for the files in the places below `folder`. Where both are there, the .gz goes before the unpacked file and
/// the files before the archive. Nothing when none is there; Error when only some are.
std::optional<FoundFiles> find_files(const FileSet& set, const std::filesystem::path& folder);

/// "the four files a.gz, b.gz, c.gz, d.gz", and the archive where there is one: for messages.
std::string describe_files(const FileSet& set);

/// "its subfolder mnist" or "it or its subfolder mnist": for messages.
std::string describe_places(const FileSet& set);

/// What the checksums of the files say, for the provenance: "verified", "not the published files", or that those of
/// unpacked files are not known.
std::string_view verdict_on(const FileSet& set, std::span<const std::filesystem::path> files);

/// Downloads the set into `folder`, which is made: the files as they are published, or the archive. All are checked
/// before the first is written, so that a failure leaves nothing behind. Error: a download fails, the folder cannot be
/// written.
void download_files(const FileSet& set, const std::filesystem::path& folder, DownloadOptions options);

}  // namespace ohmic
