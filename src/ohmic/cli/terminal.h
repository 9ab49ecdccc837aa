#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

namespace ohmic {

/// A line on standard error that is written over again on a terminal; elsewhere only whole lines are written.
class ProgressLine {
 public:
  /// Shows `text` in place of what was shown before. Not shown when standard error is no terminal.
  void update(const std::string& text);
  /// Shows `what`, the share `done` and the time left, if the rest goes as what was done since the first such call.
  void update(const std::string& what, double done);
  /// Writes `text` as a line that stays.
  void print(const std::string& text);
  /// Removes the line that is shown.
  void clear();

 private:
  std::size_t width_ = 0;
  std::chrono::steady_clock::time_point begin_;
  double begin_done_ = -1;  ///< none yet
};

/// Columns aligned for people: the first to the left, the others to the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// 12345678 -> "12,345,678".
std::string with_thousands(std::uint64_t value);

/// 75 -> "1 min 15 s".
std::string format_duration(double seconds);

/// From here on a thread of its own takes SIGINT and SIGTERM; call it before there are other threads, which then never
/// run a signal handler. They must not: oneDNN's generated fp32 products (issue 4845 of its project, mended in March
/// 2026) let the stack pointer point into the heap, and a handler's frame would be written there.
void take_signals_apart();

/// Needs take_signals_apart(). Set by the first Ctrl-C (SIGINT) or SIGTERM after the first call, for good; a second
/// one, half a second later or more, ends the program at once.
const std::atomic<bool>& watch_for_interrupt();

}  // namespace ohmic
