// Does a run that was cut and continued give the bytes of one that was never cut?

#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <random>

#include "runs.h"

namespace ohmic::test {
namespace {

namespace fs = std::filesystem;

// A checkpoint every 32 updates: there is hardly a moment that is not close to one.
const Arguments kLong = set("training.checkpoint_every_s=0") + set("data.train_limit=1000") + set("training.epochs=2") +
                        set("mixed_precision.refresh.every_samples=50");

class Interruption : public ProgramTest {
 protected:
  fs::path checkpoint() const { return path("cut/checkpoint.safetensors"); }

  fs::file_time_type last_saved() const {
    std::error_code none_yet;
    return fs::last_write_time(checkpoint(), none_yet);
  }

  /// Waits until `count` more checkpoints have been seen.
  bool wait_for_checkpoints(int count) const {
    fs::file_time_type last = last_saved();
    return wait_until([&] {
      const fs::file_time_type now = last_saved();
      if (now != last && fs::exists(checkpoint())) --count;
      last = now;
      return count <= 0;
    });
  }

  /// Starts or continues the run and ends it by a signal after some checkpoints and a little more.
  Outcome cut(const Arguments& settings, int signal, int checkpoints, int microseconds) const {
    Process process = start(small_training(text("cut"), settings + Arguments{"--resume"}));
    EXPECT_TRUE(wait_for_checkpoints(checkpoints));
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    process.send(signal);
    return process.wait();
  }

  void resume(const Arguments& settings) const {
    succeed(small_training(text("cut"), settings + Arguments{"--resume"}));
  }

  void expect_same_after_kills(const Arguments& settings, unsigned seed) const {
    succeed(small_training(text("uncut"), settings));
    std::mt19937 random(seed);
    for (int kill = 0; kill < 3; ++kill) {
      const auto checkpoints = static_cast<int>(1 + random() % 5), microseconds = static_cast<int>(random() % 5000);
      const Outcome outcome = cut(settings, SIGKILL, checkpoints, microseconds);
      EXPECT_EQ(outcome.exit_code, 128 + SIGKILL) << outcome.err;
    }
    resume(settings);
    EXPECT_TRUE(same_results(path("uncut"), path("cut")));
    EXPECT_EQ(left_overs(path("cut")), std::vector<std::string>());
    EXPECT_EQ(read_json(path("cut/run.json")).at("status"), "finished");
  }
};

TEST_F(Interruption, KillsLeaveNoTrace) { expect_same_after_kills(kLong, 1); }

TEST_F(Interruption, KillsLeaveNoTraceInBatches) {
  expect_same_after_kills(kLong + set("training.batch_size=2") + set("data.train_limit=1500"), 2);
}

TEST_F(Interruption, KillsLeaveNoTraceWithFixedRangesWhileTheyAreFound) {
  expect_same_after_kills(kLong + set("periphery.dac_range=per_layer") + set("periphery.adc_range=per_layer"), 3);
}

TEST_F(Interruption, KillsLeaveNoTraceInFloatingPoint) {
  expect_same_after_kills(kLong + set("training.rule=sgd") + set("data.train_limit=1500"), 4);
}

TEST_F(Interruption, KillsLeaveNoTraceOnDriftingCells) {
  expect_same_after_kills(kLong + set("clock.seconds_per_sample=0.7"), 5);
}

TEST_F(Interruption, KillsLeaveNoTraceInTheGeneralCase) {
  expect_same_after_kills(kLong + set("training.rule=pulsed_sgd") + set("training.learning_rate=0.1") +
                              set("device.cell=pcm_spread") + set("synapse.cells=2") + set("faults.stuck_low=0.02") +
                              set("synapse.depression_every=2") + set("wires.model=approximate") +
                              set("wires.renew_every_samples=30") + set("clock.seconds_per_sample=0.7"),
                          6);
}

TEST_F(Interruption, ControlCSavesAndResumeGoesOn) {
  succeed(small_training(text("uncut"), kLong));
  for (const int signal : {SIGINT, SIGTERM}) {
    const Outcome outcome = cut(kLong, signal, 2, 700);
    EXPECT_EQ(outcome.exit_code, 130);
    EXPECT_NE(outcome.err.find("--resume"), std::string::npos) << outcome.err;
    EXPECT_EQ(read_json(path("cut/run.json")).at("status"), "interrupted");
    EXPECT_EQ(left_overs(path("cut")), std::vector<std::string>());
  }
  resume(kLong);
  EXPECT_TRUE(same_results(path("uncut"), path("cut")));
  EXPECT_EQ(read_json(path("cut/run.json")).at("epochs").size(), 2U);
}

// A mask of signals in /proc/PID/task/TID/status, signal s as bit s - 1.
std::uint64_t signal_mask(const fs::path& task, const std::string& name) {
  std::ifstream status(task / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1), nullptr, 16);
  }
  ADD_FAILURE() << task << " has no " << name;
  return 0;
}

// A handler on a thread that computes would write its frame over the heap (cli/terminal.h).
TEST_F(Interruption, NoThreadRunsASignalHandler) {
  Process process = start(small_training(text("cut"), kLong + Arguments{"--threads", "2", "--resume"}));
  ASSERT_TRUE(wait_for_checkpoints(1));
  constexpr std::uint64_t kEnding = (1u << (SIGINT - 1)) | (1u << (SIGTERM - 1)), kOrdinary = (1u << 31) - 1;
  int threads = 0, waiting = 0;  // while a thread waits for a signal, its mask lacks it
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", process.id()))) {
    if ((signal_mask(task, "SigBlk") & kEnding) != kEnding) ++waiting;
    EXPECT_EQ(signal_mask(task, "SigCgt") & kOrdinary, 0U);
    ++threads;
  }
  EXPECT_EQ(waiting, 1);
  EXPECT_GE(threads, 3);
  process.send(SIGINT);
  EXPECT_EQ(process.wait().exit_code, 130);
}

// As `timeout` and containers do: to the program and to its group.
TEST_F(Interruption, ASignalThatComesTwiceIsOneRequest) {
  for (int k = 0; k < 5; ++k) {
    Process process = start(small_training(text("cut"), kLong + Arguments{"--resume"}));
    ASSERT_TRUE(wait_for_checkpoints(1));
    process.send(SIGINT);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    process.send(SIGINT);
    const Outcome outcome = process.wait();
    ASSERT_EQ(outcome.exit_code, 130);
    ASSERT_NE(outcome.err.find("--resume"), std::string::npos) << outcome.err;
  }
}

TEST_F(Interruption, AnInterruptedRunCanBeDeployedAndReported) {
  EXPECT_EQ(cut(kLong, SIGINT, 2, 0).exit_code, 130);
  succeed({"deploy", text("cut"), "--at", "1h", "--draws", "1"});
  succeed({"report", text("cut")});
}

TEST_F(Interruption, ResumeOfAnUntouchedFolderStartsARun) {
  succeed(small_training(text("uncut")));
  resume({});
  EXPECT_TRUE(same_results(path("uncut"), path("cut")));
}

TEST_F(Interruption, ResumeOfAFinishedRunChangesNothing) {
  resume({});
  const std::string before = result_bytes(path("cut"));
  const Json epochs = read_json(path("cut/run.json")).at("epochs");
  resume({});
  EXPECT_EQ(result_bytes(path("cut")) == before, true);
  EXPECT_EQ(read_json(path("cut/run.json")).at("epochs"), epochs);
  EXPECT_EQ(read_json(path("cut/run.json")).at("status"), "finished");
}

TEST_F(Interruption, MoreEpochsLaterAreTheSameAsAllAtOnce) {
  succeed(small_training(text("uncut"), set("training.epochs=4")));
  resume(set("training.epochs=2"));
  resume(set("training.epochs=4"));
  EXPECT_TRUE(same_results(path("uncut"), path("cut")));
  EXPECT_EQ(read_json(path("cut/run.json")).at("epochs").size(), 4U);
}

TEST_F(Interruption, FewerEpochsLaterAreRefusedAndKeepWhatWasDone) {
  resume(set("training.epochs=3"));
  const std::string before = result_bytes(path("cut"));
  const Outcome fewer = run(small_training(text("cut"), set("training.epochs=1") + Arguments{"--resume"}));
  EXPECT_EQ(fewer.exit_code, 2);
  EXPECT_NE(fewer.err.find("3 epochs behind it, more than training.epochs = 1"), std::string::npos) << fewer.err;
  EXPECT_EQ(result_bytes(path("cut")) == before, true);
  EXPECT_EQ(read_json_lines(path("cut/metrics.jsonl")).size(), 3U);
}

TEST_F(Interruption, ACutBetweenMetricsAndCheckpointIsMended) {
  succeed(small_training(text("uncut")));
  resume(set("training.epochs=1"));
  std::ofstream(path("cut/metrics.jsonl"), std::ios::app) << read_bytes(path("cut/metrics.jsonl")) << "{\"epo";
  std::ofstream(path("cut/checkpoint.safetensors.tmp")) << "left behind";
  resume({});
  EXPECT_TRUE(same_results(path("uncut"), path("cut")));
  EXPECT_EQ(left_overs(path("cut")), std::vector<std::string>());
}

TEST_F(Interruption, ThreadsAndInstructionSetMayChangeAtAResume) {
  succeed(small_training(text("uncut")));
  resume(set("training.epochs=1") + Arguments{"--threads", "1"});
  succeed(small_training(text("cut"), {"--resume", "--threads", "2"}), {{"OHMIC_ISA=baseline"}});
  EXPECT_TRUE(same_results(path("uncut"), path("cut")));
}

}  // namespace
}  // namespace ohmic::test
