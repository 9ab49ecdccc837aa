#include "ohmic/data/download.h"

#include <curl/curl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <new>

#include "ohmic/core/error.h"
#include "ohmic/data/sha256.h"

namespace ohmic {
namespace {

constexpr long kSlowestBytesPerSecond = 1000;
constexpr long kSlowestForSeconds = 10;
constexpr long kMostRedirects = 5;

/// One line on stderr about a slow transfer: rewritten on a terminal, written once elsewhere.
class Progress {
 public:
  Progress(std::string name, bool enabled) : name_(std::move(name)), enabled_(enabled), next_(now() + kPatience) {}
  ~Progress() {
    if (shown_ && rewrites_) std::fputc('\n', stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(curl_off_t done, curl_off_t total) {
    if (!enabled_ || now() < next_ || (shown_ && !rewrites_)) return;
    next_ = now() + kRefresh;
    shown_ = true;
    const auto megabytes = [](curl_off_t bytes) { return static_cast<double>(bytes) * 1e-6; };
    const std::string of_total = total > 0 ? fmt::format(" of {:.1f}", megabytes(total)) : "";
    fmt::print(stderr, "{}downloading {}: {:.1f}{} MB{}", rewrites_ ? "\r" : "", name_, megabytes(done), of_total,
               rewrites_ ? "" : "\n");
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kPatience = std::chrono::seconds(2);
  static constexpr auto kRefresh = std::chrono::milliseconds(500);
  static Clock::time_point now() { return Clock::now(); }

  std::string name_;
  bool enabled_;
  bool rewrites_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
  Clock::time_point next_;
};

struct Transfer {
  std::vector<std::uint8_t> content;
  std::size_t size_limit;
  Progress progress;
};

// Called from C: no exception may pass. Returning another size than given makes curl stop.
std::size_t on_content(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (bytes > transfer.size_limit - transfer.content.size()) return CURL_WRITEFUNC_ERROR;
  try {
    transfer.content.insert(transfer.content.end(), data, data + bytes);
  } catch (const std::bad_alloc&) {
    return CURL_WRITEFUNC_ERROR;
  }
  return bytes;
}

int on_progress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) noexcept {
  static_cast<Transfer*>(user)->progress.update(done, total);
  return 0;
}

/// A web page must not be able to send us to another kind of address (a local file, an old protocol).
void allow_protocols(CURL* curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS | CURLPROTO_FILE);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTPS);
#endif
}

void set_limits(CURL* curl, const DownloadOptions& options) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, options.total_timeout_s);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowestBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowestForSeconds);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMostRedirects);
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // a name server that never answers must not hold up the time-out
#endif
}

void set_receiver(CURL* curl, Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_content);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/// Empty on success, otherwise what went wrong.
std::string fetch(const std::string& url, const DownloadOptions& options, Transfer& transfer) {
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) return "libcurl cannot start";
  std::array<char, CURL_ERROR_SIZE> message{};
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, message.data());
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  allow_protocols(handle.get());
  set_limits(handle.get(), options);
  set_receiver(handle.get(), transfer);
  const CURLcode status = curl_easy_perform(handle.get());
  if (status == CURLE_OK) return "";
  if (status == CURLE_WRITE_ERROR) return fmt::format("more than {} bytes, or out of memory", options.size_limit);
  return message[0] != '\0' ? message.data() : curl_easy_strerror(status);
}

}  // namespace

std::vector<std::uint8_t> download_file(std::string_view name, std::string_view sha256,
                                        const DownloadOptions& options) {
  std::vector<std::string> answers;
  for (const std::string& mirror : options.mirrors) {
    const std::string url = fmt::format("{}{}", mirror, name);
    Transfer transfer{{}, options.size_limit, Progress(url, options.show_progress)};
    std::string problem = fetch(url, options, transfer);
    const std::string found = sha256_of(transfer.content);
    if (problem.empty() && found == sha256) return std::move(transfer.content);
    if (problem.empty()) problem = fmt::format("sha256 is {}, expected {}", found, sha256);
    answers.push_back(fmt::format("{}: {}", mirror, problem));
  }
  fail("{} cannot be downloaded ({}); check the network, or put the file into FOLDER and pass --data FOLDER", name,
       answers.empty() ? "no mirror is given" : fmt::format("{}", fmt::join(answers, "; ")));
}

}  // namespace ohmic
