#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace ohmic {

/// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256_of(std::span<const std::uint8_t> bytes);

/// SHA-256 of the file as stored (compressed, where it is). Error: the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace ohmic
