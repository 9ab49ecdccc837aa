#include "ohmic/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <thread>

namespace ohmic {
namespace {

std::atomic<bool> watching{false};
std::atomic<bool> interrupted{false};

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// `timeout`, shells and containers may send the same request both to the program and to its group.
constexpr std::chrono::milliseconds kOneRequest{500};

void wait_for_signals() {
  const sigset_t signals = ending_signals();
  std::chrono::steady_clock::time_point first;
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (watching && !interrupted.exchange(true)) {
      first = std::chrono::steady_clock::now();
      continue;
    }
    if (watching && std::chrono::steady_clock::now() - first < kOneRequest) continue;
    std::signal(signal, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    std::raise(signal);
  }
}

}  // namespace

void ProgressLine::update(const std::string& text) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r{:<{}}", text, width_);
  width_ = text.size();
  std::fflush(stderr);
}

void ProgressLine::update(const std::string& what, double done) {
  const auto now = std::chrono::steady_clock::now();
  if (begin_done_ < 0 || done < begin_done_) {
    begin_ = now;
    begin_done_ = done;
  }
  std::string text = fmt::format("{}  {:3.0f} %", what, 100 * done);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  if (done > begin_done_ && done < 1 && seconds > 1) {
    text += "  " + format_duration(seconds * (1 - done) / (done - begin_done_)) + " left";
  }
  update(text);
}

void ProgressLine::print(const std::string& text) {
  clear();
  fmt::print(stderr, "{}\n", text);
}

void ProgressLine::clear() {
  if (width_ > 0) fmt::print(stderr, "\r{:<{}}\r", "", width_);
  width_ = 0;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += c == 0 ? fmt::format("{:<{}}", row[c], widths[c]) : fmt::format("  {:>{}}", row[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string with_thousands(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

void take_signals_apart() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(wait_for_signals).detach();
}

const std::atomic<bool>& watch_for_interrupt() {
  watching = true;
  return interrupted;
}

}  // namespace ohmic
