// Does a run give the same bytes whatever it runs on?

#include "runs.h"

namespace ohmic::test {
namespace {

class SameBytes : public ProgramTest {
 protected:
  void train(const std::string& folder, const Arguments& more, const std::string& instruction_set = "") const {
    Surroundings around;
    if (!instruction_set.empty()) around.environment.push_back("OHMIC_ISA=" + instruction_set);
    succeed(small_training(text(folder), more), around);
  }

  void expect_same_for_every_thread_count(const Arguments& settings) const {
    train("one", settings + Arguments{"--threads", "1"});
    for (const std::string threads : {"2", "3"}) {
      train(threads, settings + Arguments{"--threads", threads});
      EXPECT_TRUE(same_results(path("one"), path(threads)));
    }
  }

  void expect_same_for_every_instruction_set(const Arguments& settings) const {
    train("newest", settings);
    for (const std::string name : {"baseline", "avx2", "avx512", "avx512_vnni", "amx"}) {
      train(name, settings, name);
      EXPECT_TRUE(same_results(path("newest"), path(name)));
    }
  }
};

const Arguments kBatches = set("training.batch_size=32") + set("mixed_precision.most_pulses_per_crossing=4");

// Wide enough for several threads to have work.
const Arguments kWide = set("network.layers.0.units=250") + set("data.train_limit=60") + set("training.epochs=1");

TEST_F(SameBytes, WithAnyNumberOfThreads) { expect_same_for_every_thread_count({}); }

TEST_F(SameBytes, WithAnyNumberOfThreadsInBatches) { expect_same_for_every_thread_count(kBatches); }

TEST_F(SameBytes, WithAnyNumberOfThreadsOnAWideLayer) { expect_same_for_every_thread_count(kWide); }

TEST_F(SameBytes, WithAnyNumberOfThreadsInFloatingPoint) {
  expect_same_for_every_thread_count(kBatches + set("training.rule=sgd"));
}

TEST_F(SameBytes, WithAnyInstructionSet) { expect_same_for_every_instruction_set({}); }

TEST_F(SameBytes, WithAnyInstructionSetInBatches) { expect_same_for_every_instruction_set(kBatches); }

TEST_F(SameBytes, WithAnyInstructionSetOnAWideLayer) { expect_same_for_every_instruction_set(kWide); }

TEST_F(SameBytes, WithAnyInstructionSetOnOddSizes) {
  expect_same_for_every_instruction_set(set("network.layers.0.units=13") + set("periphery.array_rows=100") +
                                        set("periphery.adc_bits=11") + set("periphery.dac_bits=5"));
}

TEST_F(SameBytes, WithAnyInstructionSetAndExactConverters) {
  expect_same_for_every_instruction_set(set("periphery.dac_bits=0") + set("periphery.adc_bits=0"));
}

TEST_F(SameBytes, WithAnyInstructionSetOnIdealCells) {
  expect_same_for_every_instruction_set(set("device.cell=ideal"));
}

TEST_F(SameBytes, WithAnyInstructionSetInFloatingPoint) {
  expect_same_for_every_instruction_set(set("training.rule=sgd"));
}

// Several cells per weight with exponents of their own, faults, wires, pulses in the arrays: the general path.
const Arguments kEverything = set("training.rule=pulsed_sgd") + set("training.learning_rate=0.1") +
                              set("device.cell=pcm_spread") + set("synapse.cells=2") + set("synapse.copies=2") +
                              set("faults.stuck_low=0.02") + set("faults.dead_rows=0.01") +
                              set("wires.model=approximate") + set("clock.seconds_per_sample=0.7");

TEST_F(SameBytes, WithAnyNumberOfThreadsInTheGeneralCase) { expect_same_for_every_thread_count(kEverything); }

TEST_F(SameBytes, WithAnyInstructionSetInTheGeneralCase) { expect_same_for_every_instruction_set(kEverything); }

// Bits that are misread now and then, in registers of 9 bits.
const Arguments kHybridMnist = set("training.rule=hybrid") + set("hybrid.lsb_bits=9") +
                               set("hybrid.lsb.device.parameters.high_us=4") +
                               set("hybrid.lsb.device.parameters.low_stddev_us=0.8") + set("data.train_limit=20");

TEST_F(SameBytes, WithAnyNumberOfThreadsInHybridTraining) {
  expect_same_for_every_thread_count(kHybridMnist + set("training.batch_size=10") + set("network.layers.0.units=60"));
}

TEST_F(SameBytes, WithAnyInstructionSetInHybridTraining) { expect_same_for_every_instruction_set(kHybridMnist); }

TEST_F(SameBytes, WithAnyInstructionSetInHybridTrainingInBatches) {
  expect_same_for_every_instruction_set(set("training.rule=hybrid") + set("training.batch_size=32"));
}

TEST_F(SameBytes, ProgrammedAndAgedOnAnyMachine) {
  succeed(small_training(text("run"), {}, "mnist_sgd"));
  const Arguments deploy = Arguments{"deploy", text("run"), "--device", "pcm_inference", "--draws", "2", "--json"} +
                           set("synapse.slices=2") + set("wires.model=exact");
  const std::string printed = succeed(deploy);
  EXPECT_EQ(succeed(deploy + Arguments{"--threads", "1"}), printed);
  for (const char* isa : {"OHMIC_ISA=baseline", "OHMIC_ISA=avx2"}) EXPECT_EQ(succeed(deploy, {{isa}}), printed) << isa;
}

TEST_F(SameBytes, AgedOnAnyMachine) {
  train("run", {});
  const Arguments deploy = {"deploy", text("run"), "--draws", "2", "--json"};
  const std::string printed = succeed(deploy);
  EXPECT_EQ(succeed(deploy), printed);
  EXPECT_EQ(succeed(deploy + Arguments{"--threads", "1"}), printed);
  for (const char* isa : {"OHMIC_ISA=baseline", "OHMIC_ISA=avx2"}) EXPECT_EQ(succeed(deploy, {{isa}}), printed) << isa;
}

}  // namespace
}  // namespace ohmic::test
