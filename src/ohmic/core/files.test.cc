#include "ohmic/core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

/// Each test works in a fresh folder of its own.
class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ohmic-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

/// Writes beyond the limit fail with EFBIG after a short write, as on a disk that fills up.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

TEST_F(FilesTest, WritesAndReadsBackAnyBytes) {
  const std::string text("line\n\0\xff end", 11);
  write_file_atomically(folder_ / "a.bin", text);
  EXPECT_EQ(read_text_file(folder_ / "a.bin"), text);
}

TEST_F(FilesTest, ReadsAnEmptyFile) {
  write_file_atomically(folder_ / "empty", "");
  EXPECT_EQ(read_text_file(folder_ / "empty"), "");
}

TEST_F(FilesTest, ReadsAFileThatClaimsNoSize) { EXPECT_FALSE(read_text_file("/proc/self/status").empty()); }

TEST_F(FilesTest, JoinsThePieces) {
  const std::string first = "one ";
  const std::string second = "two";
  const std::span<const char> pieces[] = {first, {}, second};
  write_file_atomically(folder_ / "pieces", pieces);
  EXPECT_EQ(read_text_file(folder_ / "pieces"), "one two");
}

TEST_F(FilesTest, ReplacesTheOldFileAndALeftOverAsideFile) {
  write_file_atomically(folder_ / "a", "a longer old text");
  std::ofstream(folder_ / "a.tmp") << "left by a killed process, and longer than the new text";
  write_file_atomically(folder_ / "a", "new");
  EXPECT_EQ(read_text_file(folder_ / "a"), "new");
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(FilesTest, WritesToANameWithoutAFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  write_file_atomically("bare", "text");
  EXPECT_EQ(read_text_file("bare"), "text");
  fs::current_path(before);
}

TEST_F(FilesTest, AFullDiskKeepsTheOldFileAndSaysHowMuchIsNeeded) {
  write_file_atomically(folder_ / "a", "old");
  const std::string big(100000, 'x');
  std::string message;
  {
    const FileSizeLimit limit(4096);
    message = message_of([&] { write_file_atomically(folder_ / "a", big); });
  }
  EXPECT_NE(message.find((folder_ / "a").string()), std::string::npos) << message;
  EXPECT_NE(message.find("100000 bytes are needed"), std::string::npos) << message;
  EXPECT_EQ(read_text_file(folder_ / "a"), "old");
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(FilesTest, AMissingFolderIsNamed) {
  const std::string message = message_of([&] { write_file_atomically(folder_ / "no" / "a", "x"); });
  EXPECT_NE(message.find("No such file or directory; create the folder " + (folder_ / "no").string()),
            std::string::npos)
      << message;
}

TEST_F(FilesTest, AFolderInTheWayIsAnErrorAndLeavesNothing) {
  fs::create_directory(folder_ / "a");
  const std::string message = message_of([&] { write_file_atomically(folder_ / "a", "x"); });
  EXPECT_NE(message.find("Is a directory"), std::string::npos) << message;
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(FilesTest, AFolderWithoutPermissionIsAnError) {
  // Root may write anywhere, so it does this as nobody.
  constexpr ::uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  fs::create_directory(folder_ / "locked");
  ::chmod((folder_ / "locked").c_str(), 0555);
  if (root) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const std::string message = message_of([&] { write_file_atomically(folder_ / "locked" / "a", "x"); });
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_NE(message.find("Permission denied; choose a place where you may write"), std::string::npos) << message;
}

TEST_F(FilesTest, ReadErrorsNameThePathAndTheReason) {
  const std::string missing = message_of([&] { read_text_file(folder_ / "none.toml"); });
  EXPECT_EQ(missing, "cannot read " + (folder_ / "none.toml").string() + ": No such file or directory; check the path");
  const std::string is_folder = message_of([&] { read_text_file(folder_); });
  EXPECT_NE(is_folder.find("it is a folder"), std::string::npos) << is_folder;
}

TEST_F(FilesTest, MakesFoldersWithTheirParentsAndTwice) {
  make_folder(folder_ / "a" / "b");
  make_folder(folder_ / "a" / "b");
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
}

TEST_F(FilesTest, AFileInTheWayOfAFolderIsAnError) {
  write_file_atomically(folder_ / "a", "x");
  for (const fs::path& path : {folder_ / "a", folder_ / "a" / "b"}) {
    const std::string message = message_of([&] { make_folder(path); });
    EXPECT_NE(message.find("cannot make the folder " + path.string() + ": "), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace ohmic
