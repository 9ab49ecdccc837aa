#include "ohmic/crossbar/counters.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

std::filesystem::path counters_file(const char* name) {
  return std::filesystem::path(testing::TempDir()) / (std::string("counters_") + name + ".safetensors");
}

Matrix filled(std::size_t rows, std::size_t columns, float value) {
  Matrix m(rows, columns);
  for (float& v : m.values()) v = value;
  return m;
}

TEST(PhaseCounters, AreSavedPhaseByPhase) {
  PhaseCounters counters;
  counters[Phase::forward].mvm = 5;
  counters[Phase::update].accumulator_updates = 7;
  counters[Phase::unsplit].crossing_reads = 9;
  SafetensorsWriter out;
  counters.save("tile", out);
  out.write(counters_file("new"));
  PhaseCounters loaded;
  loaded.load("tile", SafetensorsFile(counters_file("new")));
  EXPECT_EQ(loaded, counters);
  EXPECT_EQ(loaded.total().mvm, 5u);
}

TEST(PhaseCounters, OfEarlierVersionsAreNotToldApart) {
  SafetensorsWriter out;
  out.keep("tile.counters", std::vector<std::uint64_t>{3, 4, 5});
  out.write(counters_file("old"));
  PhaseCounters loaded;
  loaded.load("tile", SafetensorsFile(counters_file("old")));
  EXPECT_EQ(loaded[Phase::unsplit].mvm, 3u);
  EXPECT_EQ(loaded[Phase::unsplit].adc_conversions, 5u);
  EXPECT_EQ(loaded.total().set_pulses, 0u);
}

TEST(PhaseCounters, TilesKnowWhatTheyAreDoing) {
  TileSpec spec;
  spec.inputs = 6;
  spec.outputs = 4;
  Tile tile(spec, DeviceSpec("pcm").make());
  const Matrix x = filled(2, 6, 1.0f), d = filled(2, 4, 1.0f), weights = filled(6, 4, 0.3f);
  Matrix y(2, 4), dx(2, 6);
  tile.forward(x.view(), y.view(), 0, true);
  tile.forward(x.view(), y.view(), 2, false);
  tile.backward(d.view(), dx.view(), 0, true);
  const PulseRequest request{3, 1};
  tile.pulse({&request, 1}, 0);
  tile.refresh({}, 0.8, 1);
  tile.program(weights.view(), {}, 2);
  const PhaseCounters& c = tile.phase_counters();
  EXPECT_EQ(c[Phase::forward].crossing_reads, 2u * 24);
  EXPECT_EQ(c[Phase::evaluation].dac_conversions, 2u * 6);
  EXPECT_EQ(c[Phase::backward].adc_conversions, 2u * 6);
  EXPECT_EQ(c[Phase::update].set_pulses, 1u);
  EXPECT_EQ(c[Phase::refresh].cell_reads, 2u * 24);
  EXPECT_GT(c[Phase::programming].set_pulses, 0u);
  EXPECT_EQ(c[Phase::unsplit], Counters());
}

}  // namespace
}  // namespace ohmic
