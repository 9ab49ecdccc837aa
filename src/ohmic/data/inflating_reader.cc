#include "ohmic/data/inflating_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr int kGzipWithLargestWindow = 15 + 16;  // zlib: window bits, + 16 for a gzip (not zlib) wrapper

bool has_gzip_signature(const z_stream& stream) {
  return stream.avail_in >= 2 && stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
}

}  // namespace

InflatingReader::InflatingReader(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) {
    fail("{}: is a folder, but a file is expected here; move it away", path_.string());
  }
  errno = 0;
  file_.open(path_, std::ios::binary);
  if (!file_) fail("{}: cannot be opened ({}); check the path and its permissions", path_.string(), strerror(errno));
  refill();
  gzip_ = has_gzip_signature(stream_);
  if (gzip_ && inflateInit2(&stream_, kGzipWithLargestWindow) != Z_OK) throw std::bad_alloc();
}

InflatingReader::~InflatingReader() {
  if (gzip_) inflateEnd(&stream_);
}

std::size_t InflatingReader::read(std::span<std::uint8_t> out) { return gzip_ ? read_gzip(out) : read_plain(out); }

std::vector<std::uint8_t> InflatingReader::read_all(std::size_t limit) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  std::vector<std::uint8_t> bytes;
  for (;;) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + kStep);
    const std::size_t got = read(std::span(bytes).subspan(begin));
    bytes.resize(begin + got);
    if (bytes.size() > limit) {
      fail("{}: holds more than {} bytes, which nothing of this kind does; pass --data FOLDER with the right file",
           path_.string(), limit);
    }
    if (got < kStep) return bytes;
  }
}

void InflatingReader::refill() {
  errno = 0;
  file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (file_.bad()) fail("{}: cannot be read ({}); check the disk and its permissions", path_.string(), strerror(errno));
  stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
  stream_.avail_in = static_cast<uInt>(file_.gcount());
}

std::size_t InflatingReader::read_plain(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    if (stream_.avail_in == 0) refill();
    if (stream_.avail_in == 0) break;
    const auto step = std::min<std::size_t>(out.size() - done, stream_.avail_in);
    std::copy_n(stream_.next_in, step, out.begin() + static_cast<std::ptrdiff_t>(done));
    stream_.next_in += step;
    stream_.avail_in -= static_cast<uInt>(step);
    done += step;
  }
  return done;
}

std::size_t InflatingReader::read_gzip(std::span<std::uint8_t> out) {
  stream_.next_out = out.data();
  stream_.avail_out = static_cast<uInt>(out.size());
  while (stream_.avail_out > 0) {
    if (stream_.avail_in == 0) refill();
    if (stream_.avail_in == 0 && between_members_) break;
    if (stream_.avail_in == 0) fail_damaged("its gzip stream ends early: the file is cut off");
    if (between_members_) inflateReset(&stream_);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    between_members_ = status == Z_STREAM_END;
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      fail_damaged(stream_.msg ? stream_.msg : "its gzip stream is corrupt");
    }
  }
  return out.size() - stream_.avail_out;
}

void InflatingReader::fail_damaged(std::string_view found) const {
  fail(
      "{}: damaged gzip file: {} (a complete gzip stream with a correct checksum is expected); delete it and let ohmic "
      "download it again, or pass --data FOLDER",
      path_.string(), found);
}

}  // namespace ohmic
