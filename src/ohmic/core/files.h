#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace ohmic {

/// The whole file. Error names the path and the reason (missing, a folder, not permitted).
std::string read_text_file(const std::filesystem::path& path);

/// Writes `path` so that a reader, a crash or a full disk sees either the old file or the whole new one: writes
/// `path` + ".tmp" in the same folder, fsyncs, renames over `path`, fsyncs the folder. On any failure the .tmp is
/// removed, the old file is untouched and Error says which path, why (strerror) and, for a full disk, how many bytes
/// were needed.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const char>> pieces);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Whether `path` can be written later on, before work is spent on what goes there. Error if its folder is missing or
/// may not be written, if it is a folder itself, or one of the files in `kept`, which are read.
void require_writable(const std::filesystem::path& path, std::span<const std::filesystem::path> kept);

/// Makes the folder and its parents. Error names the path and the reason.
void make_folder(const std::filesystem::path& path);

}  // namespace ohmic
