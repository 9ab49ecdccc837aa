#include "ohmic/data/download.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "ohmic/data/cifar10.h"
#include "ohmic/data/file_set.h"
#include "ohmic/data/mnist.h"
#include "ohmic/data/ptb.h"
#include "ohmic/data/sha256.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using test::write_bytes;

/// A server that takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || ::listen(socket_, 4) != 0) throw std::runtime_error("no local socket");
    ::getsockname(socket_, generic, &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string url() const { return fmt::format("https://127.0.0.1:{}/", port_); }

 private:
  int socket_;
  int port_ = 0;
};

class Download : public testing::Test {
 protected:
  Download() {
    write_bytes(folder_ / "good/file", kContent);
    write_bytes(folder_ / "bad/file", "something else");
  }
  std::string mirror(std::string_view name) const { return fmt::format("file://{}/", (folder_ / name).string()); }

  std::string fetch(std::vector<std::string> mirrors) const {
    DownloadOptions options;
    options.mirrors = std::move(mirrors);
    options.connect_timeout_ms = 300;
    const auto bytes = download_file("file", sha256_of_file(folder_ / "good/file"), options);
    return {bytes.begin(), bytes.end()};
  }

  static constexpr auto kContent = "the content";
  TemporaryFolder folder_;
};

TEST_F(Download, DeliversContentWithTheRightChecksum) { EXPECT_EQ(fetch({mirror("good")}), kContent); }

TEST_F(Download, TriesTheNextMirrorAfterAMissingFileAndAWrongChecksum) {
  EXPECT_EQ(fetch({mirror("nowhere"), mirror("bad"), mirror("good")}), kContent);
}

TEST_F(Download, ListsWhatEachMirrorAnswered) {
  expect_error(
      [&] {
        fetch({mirror("nowhere"), mirror("bad")});
      },
      {"file cannot be downloaded", mirror("nowhere") + ": Couldn't open", mirror("bad") + ": sha256 is ",
       ", expected " + sha256_of_file(folder_ / "good/file"), "pass --data FOLDER"});
  expect_error([&] { fetch({}); }, {"no mirror is given"});
}

TEST_F(Download, RefusesOtherProtocols) {
  expect_error([&] { fetch({"http://127.0.0.1:1/"}); }, {"http://127.0.0.1:1/", "rotocol"});
}

TEST_F(Download, StopsAtTheSizeLimit) {
  DownloadOptions options;
  options.mirrors = {mirror("good")};
  options.size_limit = 5;
  expect_error([&] { download_file("file", "", options); }, {"more than 5 bytes"});
}

TEST_F(Download, GivesUpSoonWhenNobodyAnswers) {
  const SilentServer silent;
  const auto start = std::chrono::steady_clock::now();
  expect_error([&] { fetch({silent.url(), "https://127.0.0.1:1/"}); }, {silent.url(), "https://127.0.0.1:1/"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(Download, LeavesNothingBehindWhenAChecksumIsWrong) {
  test::write_tiny_mnist(folder_ / "mirror");
  DownloadOptions options;
  options.mirrors = {mirror("mirror")};
  expect_error(
      [&] { download_files(mnist_files(), folder_ / "data/mnist", options); },
      {"train-images-idx3-ubyte.gz", "expected 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data"));
}

TEST_F(Download, FetchesMnist) {
  const auto published = std::filesystem::path(OHMIC_SOURCE_DIR).parent_path() / "shared/data/mnist";
  if (!std::filesystem::exists(published)) {
    std::puts("MNIST is not beside the source: its download is not tested");
    return;
  }
  DownloadOptions options;
  options.mirrors = {fmt::format("file://{}/", published.string())};
  download_files(mnist_files(), folder_ / "data/mnist", options);
  for (const PublishedFile& file : mnist_files().files) {
    EXPECT_EQ(sha256_of_file(folder_ / fmt::format("data/mnist/{}.gz", file.name)), file.sha256_gzip);
  }
}

TEST(PublicMirrors, AreEncryptedAndEndInASlash) {
  for (const FileSet* set : {&mnist_files(), &fashion_mnist_files(), &cifar10_files(), &ptb_files()}) {
    EXPECT_FALSE(set->mirrors.empty()) << set->title;
    for (const std::string& mirror : set->mirrors) {
      EXPECT_TRUE(mirror.starts_with("https://")) << mirror;
      EXPECT_TRUE(mirror.ends_with("/")) << mirror;
    }
  }
}

}  // namespace
}  // namespace ohmic
