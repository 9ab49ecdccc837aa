#pragma once

// Runs the built program as a stranger would: in a fresh folder, with arguments, an environment and a disk that may be
// full; keeps what it printed and how it ended.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "ohmic/data/test_support.h"

namespace ohmic::test {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments first, const Arguments& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// What a run of the program came to. The exit code is 128 + signal for a run that a signal ended, as in a shell.
struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

/// What a program finds around it.
struct Surroundings {
  std::vector<std::string> environment;        ///< NAME=value, besides what the test itself was given
  rlim_t largest_file = RLIM_INFINITY;         ///< writes beyond fail, as on a full disk
  std::filesystem::path standard_output = {};  ///< empty: kept for Outcome::out
};

/// The program while it runs. Ended and reaped at the latest with this object.
class Process {
 public:
  Process(const std::filesystem::path& folder, const Arguments& arguments, const Surroundings& around)
      : folder_(folder / "output"), around_(around) {
    std::filesystem::create_directories(folder / "here");
    std::filesystem::create_directories(folder_);
    words_ = Arguments{OHMIC_PROGRAM} + arguments;
    collect_environment();
    start(folder / "here");
  }
  ~Process() {
    if (pid_ > 0) send(SIGKILL);
    wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }
  pid_t id() const { return pid_; }

  Outcome wait() {
    int status = 0;
    if (pid_ > 0) {
      ::waitpid(pid_, &status, 0);
      outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (around_.standard_output.empty()) outcome_.out = read_bytes(folder_ / "out");
      outcome_.err = read_bytes(folder_ / "err");
    }
    pid_ = -1;
    return outcome_;
  }

 private:
  // The settings of whoever runs the tests must not decide what they see.
  void collect_environment() {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with("OHMIC_")) environment_.emplace_back(*entry);
    }
    environment_.insert(environment_.end(), around_.environment.begin(), around_.environment.end());
  }

  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  }

  void start(const std::filesystem::path& here) {
    const std::vector<char*> words = pointers(words_), environment = pointers(environment_);
    const std::string out = around_.standard_output.empty() ? folder_ / "out" : around_.standard_output;
    const std::string err = folder_ / "err";
    pid_ = ::fork();
    if (pid_ != 0) return;
    // Nothing here may allocate: between fork and exec only plain system calls are safe.
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    limit_files();
    if (::chdir(here.c_str()) == 0) ::execve(words[0], words.data(), environment.data());
    ::_exit(127);
  }

  static void redirect(const std::string& path, int descriptor) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(126);
  }

  void limit_files() const {
    if (around_.largest_file == RLIM_INFINITY) return;
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{around_.largest_file, around_.largest_file};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  std::filesystem::path folder_;
  Surroundings around_;
  std::vector<std::string> words_, environment_;
  pid_t pid_ = -1;
  Outcome outcome_;
};

/// A test with a folder of its own, removed at the end. The program runs in its subfolder "here", so that no data of
/// this machine are found.
class ProgramTest : public ::testing::Test {
 protected:
  std::filesystem::path path(std::string_view name) const { return folder_ / name; }
  std::string text(std::string_view name) const { return (folder_ / name).string(); }

  Outcome run(const Arguments& arguments, const Surroundings& around = {}) const {
    return Process(folder_.path(), arguments, around).wait();
  }
  Process start(const Arguments& arguments) const { return {folder_.path(), arguments, {}}; }

  /// Runs the program and expects that it does its job; gives what it printed on standard output.
  std::string succeed(const Arguments& arguments, const Surroundings& around = {}) const {
    const Outcome outcome = run(arguments, around);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  /// Runs the program and expects a message for the user that has all `parts`, nothing on standard output, and exit
  /// code 2.
  void expect_mistake(const Arguments& arguments, const std::vector<std::string>& parts,
                      const Surroundings& around = {}) const {
    const Outcome outcome = run(arguments, around);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("ohmic: "), std::string::npos) << outcome.err;
    for (const std::string& part : parts) {
      EXPECT_NE(outcome.err.find(part), std::string::npos) << "\"" << part << "\" is not in: " << outcome.err;
    }
  }

 private:
  TemporaryFolder folder_;
};

/// Looks every millisecond until `condition` holds; false after a minute.
inline bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace ohmic::test
