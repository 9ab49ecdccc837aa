#include "ohmic/data/tar.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;
constexpr std::size_t kReadAtOnce = std::size_t{1} << 22;

using Header = std::array<std::uint8_t, kBlock>;

// Fields of the header: POSIX.1-1988, section 10.1.1.
struct Field {
  std::size_t begin, size;
};
constexpr Field kName = {0, 100}, kSize = {124, 12}, kChecksum = {148, 8}, kMagic = {257, 5}, kPrefix = {345, 155};
constexpr std::size_t kTypeAt = 156;

std::string_view text_of(const Header& header, Field field) {
  const std::string_view text(reinterpret_cast<const char*>(header.data()) + field.begin, field.size);
  return text.substr(0, text.find('\0'));
}

/// Octal digits between spaces; nothing when there are none or others.
std::optional<std::uint64_t> octal_of(const Header& header, Field field) {
  std::string_view text = text_of(header, field);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text = text.substr(0, text.find(' '));
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

/// Of all bytes, with the checksum's own counted as spaces.
std::uint64_t checksum_of(const Header& header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool own = i >= kChecksum.begin && i < kChecksum.begin + kChecksum.size;
    sum += own ? ' ' : header[i];
  }
  return sum;
}

bool is_plain_file(const Header& header) { return header[kTypeAt] == '0' || header[kTypeAt] == 0; }

std::string name_of(const Header& header) {
  const bool has_prefix = text_of(header, kMagic) == "ustar" && !text_of(header, kPrefix).empty();
  return fmt::format("{}{}{}", has_prefix ? text_of(header, kPrefix) : "", has_prefix ? "/" : "",
                     text_of(header, kName));
}

}  // namespace

std::optional<std::string> TarReader::next() {
  for (;;) {
    skip(left_);
    Header header{};
    const std::size_t got = reader_.read(header);
    const bool zero = std::all_of(header.begin(), header.end(), [](std::uint8_t byte) { return byte == 0; });
    if (got == 0 || (got == kBlock && zero)) return std::nullopt;
    if (got < kBlock) fail_damaged("it ends within a header");
    if (octal_of(header, kChecksum) != checksum_of(header)) fail_damaged("a header's checksum is wrong");
    const auto size = octal_of(header, kSize);
    if (!size || *size > kLargestFile) {
      fail_damaged(fmt::format("{} has no size, or one of more than {} bytes", name_of(header), kLargestFile));
    }
    size_ = *size;
    left_ = (size_ + kBlock - 1) / kBlock * kBlock;
    if (is_plain_file(header)) return name_of(header);
  }
}

std::vector<std::uint8_t> TarReader::content() {
  std::vector<std::uint8_t> bytes;
  // Grown step by step, so that a lying header costs no more memory than the file has content.
  while (bytes.size() < size_) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + std::min<std::size_t>(kReadAtOnce, size_ - begin));
    read_exactly(std::span(bytes).subspan(begin));
  }
  left_ -= size_;
  size_ = 0;
  return bytes;
}

void TarReader::skip(std::uint64_t bytes) {
  std::array<std::uint8_t, 1 << 14> buffer;
  while (bytes > 0) {
    const auto step = std::min<std::uint64_t>(bytes, buffer.size());
    read_exactly(std::span(buffer).first(step));
    bytes -= step;
  }
}

void TarReader::read_exactly(std::span<std::uint8_t> out) {
  if (reader_.read(out) < out.size()) fail_damaged("it ends within a file");
}

void TarReader::fail_damaged(std::string_view found) const {
  fail("{}: damaged or not a tar archive: {}; delete it and let ohmic download it again, or pass --data FOLDER",
       reader_.path().string(), found);
}

}  // namespace ohmic
