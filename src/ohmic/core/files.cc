#include "ohmic/core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

/// An open file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  /// Quota and network file systems report a failed write only here, so the result counts.
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return fd >= 0 ? ::close(fd) : 0;
  }

 private:
  int fd_;
};

/// Removes the file at scope exit unless it has been kept.
class RemoveOnFailure {
 public:
  explicit RemoveOnFailure(std::filesystem::path path) : path_(std::move(path)) {}
  ~RemoveOnFailure() {
    if (!kept_) ::unlink(path_.c_str());
  }
  RemoveOnFailure(const RemoveOnFailure&) = delete;
  RemoveOnFailure& operator=(const RemoveOnFailure&) = delete;
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

std::string advice_for(int error, const std::filesystem::path& path, std::size_t bytes) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return fmt::format("{} bytes are needed: free some space or choose another folder", bytes);
    case EFBIG:
      return fmt::format("{} bytes are needed: raise the file size limit (ulimit -f)", bytes);
    case ENOENT:
      return fmt::format("create the folder {} first", path.has_parent_path() ? path.parent_path().string() : ".");
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a place where you may write";
    default:
      return "choose another path";
  }
}

[[noreturn]] void fail_write(const std::filesystem::path& path, int error, std::size_t bytes) {
  fail("cannot write {}: {}; {}", path.string(), std::strerror(error), advice_for(error, path, bytes));
}

/// Writes all of `piece`; false with errno set on failure.
bool write_all(int fd, std::span<const char> piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(fd, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    if (written == 0) {
      errno = ENOSPC;
      return false;
    }
    piece = piece.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// 0, or the errno of the first step that failed.
int write_and_sync(const std::filesystem::path& path, std::span<const std::span<const char>> pieces) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) return errno;
  for (std::span<const char> piece : pieces) {
    if (!write_all(file.get(), piece)) return errno;
  }
  if (::fsync(file.get()) != 0) return errno;
  return file.close() == 0 ? 0 : errno;
}

/// Makes the rename itself survive a power cut. Some file systems cannot sync a folder (EINVAL): nothing to be done
/// there.
int sync_folder(const std::filesystem::path& folder) {
  Descriptor directory(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  // A folder one may write to but not list (mode -wx) cannot be opened; the file in it is complete all the same.
  if (!directory.is_open()) return errno == EACCES ? 0 : errno;
  if (::fsync(directory.get()) != 0 && errno != EINVAL && errno != ENOTSUP) return errno;
  return 0;
}

std::string read_all(int fd, std::size_t size_hint, const std::filesystem::path& path) {
  std::string text;
  std::size_t used = 0;
  // One byte more than the size, so that the end shows up without growing the buffer; files such as /proc/* claim 0.
  text.resize(size_hint + 1);
  while (true) {
    if (used == text.size()) text.resize(2 * text.size());
    const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read {}: {}; check the file", path.string(), std::strerror(errno));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    fail("cannot read {}: {}; check the path", path.string(), std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) fail("cannot read {}: it is a folder; name a file in it", path.string());
  return read_all(file.get(), static_cast<std::size_t>(status.st_size), path);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const char>> pieces) {
  std::size_t bytes = 0;
  for (std::span<const char> piece : pieces) bytes += piece.size();

  std::filesystem::path aside = path;
  aside += ".tmp";
  RemoveOnFailure cleanup(aside);
  if (const int error = write_and_sync(aside, pieces)) fail_write(path, error, bytes);
  if (std::rename(aside.c_str(), path.c_str()) != 0) fail_write(path, errno, bytes);
  cleanup.keep();
  if (const int error = sync_folder(path.parent_path())) {
    fail("{} is written but may not survive a power cut: cannot sync its folder ({}); check the disk", path.string(),
         std::strerror(error));
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  const std::span<const char> piece(text);
  write_file_atomically(path, std::span(&piece, 1));
}

void require_writable(const std::filesystem::path& path, std::span<const std::filesystem::path> kept) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail_write(path, EISDIR, 0);
  for (const std::filesystem::path& file : kept) {
    if (std::filesystem::equivalent(path, file, ignored)) {
      fail("{} is read by this command and would be lost; write to another file", path.string());
    }
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (::access(folder.c_str(), W_OK) != 0) fail_write(path, errno, 0);
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  // create_directories is silent when the path exists, and some versions even when it is a plain file.
  if (!error && !std::filesystem::is_directory(path, error) && !error) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) fail("cannot make the folder {}: {}; choose another path", path.string(), error.message());
}

}  // namespace ohmic
