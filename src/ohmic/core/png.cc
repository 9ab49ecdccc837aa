#include "ohmic/core/png.h"

#include <zlib.h>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 255u));
}

void append_chunk(std::string& out, const std::string& type, const std::string& content) {
  append_number(out, static_cast<std::uint32_t>(content.size()));
  const std::string checked = type + content;
  out += checked;
  append_number(out,
                static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size())));
}

// Each row behind a byte that says how it is filtered: not at all.
std::string filtered_rows(const Picture& p) {
  std::string rows;
  const std::size_t stride = p.width * p.channels;
  for (std::size_t y = 0; y < p.height; ++y) {
    rows.push_back(0);
    rows.append(reinterpret_cast<const char*>(p.pixels.data()) + y * stride, stride);
  }
  return rows;
}

}  // namespace

std::string encode_png(const Picture& p) {
  OHMIC_EXPECT(p.pixels.size() == p.width * p.height * p.channels);
  std::string header;
  append_number(header, static_cast<std::uint32_t>(p.width));
  append_number(header, static_cast<std::uint32_t>(p.height));
  header += {8, static_cast<char>(p.channels == 3 ? 2 : 0), 0, 0, 0};
  const std::string rows = filtered_rows(p);
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(rows.data()), rows.size(), Z_BEST_COMPRESSION);
  if (status != Z_OK)
    fail("a picture of {} x {} pixels cannot be compressed (zlib status {})", p.width, p.height, status);
  packed.resize(size);
  std::string out = "\x89PNG\r\n\x1a\n";
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", packed);
  append_chunk(out, "IEND", "");
  return out;
}

}  // namespace ohmic
