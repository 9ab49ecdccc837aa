#include "ohmic/crossbar/tile.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/cpu.h"
#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/patch_reader.h"
#include "ohmic/crossbar/reference/slow_patches.h"
#include "ohmic/crossbar/reference/slow_reader.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

std::shared_ptr<const CellModel> cell(const std::string& name) { return load_cell_preset(name)->make(); }

TileSpec spec(int inputs, int outputs) {
  TileSpec s;
  s.inputs = inputs;
  s.outputs = outputs;
  s.periphery.array_rows = 64;
  s.periphery.array_columns = 32;
  return s;
}

Matrix inputs(std::size_t vectors, std::size_t size, std::uint64_t seed, double zeros = 0.5) {
  Matrix x(vectors, size);
  for (std::size_t v = 0; v < vectors; ++v) {
    const RandomStream stream(seed, Purpose::data_order, 0, v);
    for (std::uint32_t i = 0; i < size; ++i) {
      x.row(v)[i] = random_uniform(stream, 2 * i) < zeros ? 0.0f : random_gaussian(stream, 2 * i + 1);
    }
  }
  return x;
}

double largest_difference(std::span<const float> a, std::span<const double> b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

Matrix forward(Tile& tile, const Matrix& x, std::uint64_t first_read) {
  Matrix y(x.rows(), static_cast<std::size_t>(tile.outputs()));
  tile.forward(x.view(), y.view(), first_read);
  return y;
}

Matrix backward(Tile& tile, const Matrix& x, std::uint64_t first_read) {
  Matrix y(x.rows(), static_cast<std::size_t>(tile.inputs()));
  tile.backward(x.view(), y.view(), first_read);
  return y;
}

bool same(const Matrix& a, const Matrix& b) {
  return std::equal(a.values().begin(), a.values().end(), b.values().begin(), b.values().end());
}

TEST(Tile, NoiselessProductsAgreeWithTheSlowReader) {
  for (const std::int64_t bits : {0, 4, 8}) {
    TileSpec s = spec(150, 70);
    s.periphery.dac_bits = s.periphery.adc_bits = bits;
    Tile tile(s, cell("ideal"));
    const Matrix x = inputs(3, 150, 1), d = inputs(3, 70, 2);
    const Matrix y = forward(tile, x, 0), g = backward(tile, d, 0);
    // Without converters only the 16-bit fixed point separates the two; with them a sum next to a code's edge may fall
    // on the other side of it, so one step of one of the blocks is allowed.
    for (std::size_t v = 0; v < 3; ++v) {
      const double step = bits == 0 ? 0 : 4.0 / converter_levels(bits);
      EXPECT_LT(largest_difference(y.row(v), reference::slow_forward(tile, x.row(v), 0, false)), 0.02 + step);
      EXPECT_LT(largest_difference(g.row(v), reference::slow_backward(tile, d.row(v), 0, false)), 0.02 + step);
    }
  }
}

TEST(Tile, FixedPointErrorIsBelowHalfAStepPerWeight) {
  TileSpec s = spec(64, 32);
  s.periphery.dac_bits = s.periphery.adc_bits = 0;
  Tile tile(s, cell("pcm"));
  const double step = 20 * std::pow(1 / 38.6, -0.04) / 8 / DigitScale::kMostSteps;
  for (int i = 0; i < 64; ++i) {
    for (int j = 0; j < 32; ++j) {
      const auto p = static_cast<std::uint32_t>(i * 32 + j);
      const double exact = (tile.conductance_us(p, 0) - tile.conductance_us(p, 1)) / 8;
      ASSERT_NEAR(tile.effective_weight(i, j), exact, 0.502 * step);
    }
  }
}

TEST(Tile, OneVectorAndABatchGiveTheSameBits) {
  for (const RangeMode range : {RangeMode::per_vector, RangeMode::per_layer}) {
    TileSpec s = spec(150, 70);
    s.periphery.dac_range = s.periphery.adc_range = range;
    s.periphery.calibration_vectors = 10;
    Tile tile(s, cell("pcm"));
    const Matrix warm = inputs(10, 150, 9);
    Matrix scrap(10, 70);
    tile.forward(warm.view(), scrap.view(), 1000, true);
    const Matrix x = inputs(130, 150, 3);
    const Matrix batch = forward(tile, x, 5);
    for (std::size_t v = 0; v < x.rows(); ++v) {
      Matrix one(1, 150);
      std::copy(x.row(v).begin(), x.row(v).end(), one.row(0).begin());
      const Matrix y = forward(tile, one, 5 + v);
      ASSERT_TRUE(std::equal(y.row(0).begin(), y.row(0).end(), batch.row(v).begin())) << "vector " << v;
    }
  }
}

TEST(Tile, ResultsDoNotDependOnThreadsOrInstructionSet) {
  const Matrix x = inputs(200, 150, 4), d = inputs(200, 70, 5);
  Tile first(spec(150, 70), cell("pcm"));
  const Matrix y = forward(first, x, 0), g = backward(first, d, 0);
  for (const char* isa : {"baseline", "avx2", "avx512", "avx512_vnni", "amx"}) {
    for (const int threads : {1, 2}) {
      limit_instruction_set(isa);
      set_thread_count(threads);
      Tile tile(spec(150, 70), cell("pcm"));
      EXPECT_TRUE(same(forward(tile, x, 0), y)) << isa << ", " << threads << " threads";
      EXPECT_TRUE(same(backward(tile, d, 0), g)) << isa << ", " << threads << " threads";
    }
  }
  set_thread_count(0);
}

// Digits up to their bounds, against the plain sums of the slow reader.
TEST(ArrayReader, FewVectorsAndBatchesGiveTheBitsOfTheSlowReader) {
  PeripherySpec periphery;
  PatchShape pixel;
  pixel.channels = 150;
  const Matrix x = inputs(20, 150, 7);
  const ReadKey key{1, Purpose::forward_read, 0, 30};
  for (const bool noisy : {false, true}) {
    ArrayReader array(150, 70, 64, 32, periphery, {1e-4f, 1e-5f, 1e-3f}, noisy);
    for (int i = 0; i < 150; ++i) {
      for (int j = 0; j < 70; ++j) {
        const auto digit = [&](int k, int kinds) { return static_cast<std::int8_t>((i * 70 + j) * k % kinds - 128); };
        const auto high = static_cast<std::int8_t>(digit(37, 255) + 1);  // -127 at least (DigitScale)
        array.digits().set(i, j, {high, digit(91, 256), digit(53, 256)});
      }
    }
    for (const char* isa : {"baseline", "avx2", "avx512", "avx512_vnni", "amx"}) {
      limit_instruction_set(isa);
      Matrix few(x.rows(), 70), batch(x.rows(), 70);
      Counters counters;
      CodeImages codes;
      array.read(x.view(), few.view(), key, false, counters);
      PatchReader().read(array, x.view(), pixel, nullptr, batch.view(), codes, key, false, {}, counters);
      for (std::size_t v = 0; v < x.rows(); ++v) {
        const auto slow = reference::values_of(reference::slow_read_patches(array, x.row(v), pixel, key, 30 + v));
        ASSERT_TRUE(std::equal(slow.begin(), slow.end(), few.row(v).begin())) << isa << ", vector " << v;
        ASSERT_TRUE(std::equal(slow.begin(), slow.end(), batch.row(v).begin())) << isa << ", vector " << v;
      }
    }
  }
}

TEST(Tile, EveryReadHasItsOwnNoise) {
  Tile tile(spec(64, 32), cell("pcm"));
  const Matrix x = inputs(1, 64, 6);
  EXPECT_FALSE(same(forward(tile, x, 0), forward(tile, x, 1)));
  EXPECT_TRUE(same(forward(tile, x, 7), forward(tile, x, 7)));
}

TEST(Tile, ZeroInputsGiveZeroOutputs) {
  Tile tile(spec(64, 32), cell("pcm"));
  const Matrix x(20, 64);
  const Matrix y = forward(tile, x, 0);
  for (const float v : y.values()) ASSERT_EQ(v, 0);
}

TEST(Tile, DriftFollowsTheClosedFormWithinTheTolerance) {
  TileSpec s = spec(32, 32);
  s.drift_sweep_interval_s = 0.5;
  Tile tile(s, cell("pcm"));
  const std::vector<PulseRequest> pulses = {{5, 1}, {77, -1}, {500, 2}};
  tile.advance_to(3);
  tile.pulse(pulses, 0);
  for (double t = 3; t < 4000; t = t * 1.013 + 0.1) {
    tile.advance_to(t);
    for (std::uint32_t p = 0; p < 1024; ++p) {
      for (std::size_t side = 0; side < 2; ++side) {
        const CellPair& pair = tile.pairs()[p];
        const double age = std::max(1.0, t - static_cast<double>(pair.last_pulse_s[side]));
        const double exact = pair.conductance_us[side] * std::pow(age / 38.6, -0.04);
        ASSERT_NEAR(tile.conductance_us(p, static_cast<int>(side)), exact, 1.02e-3 * exact) << "age " << age;
      }
    }
  }
}

// The digits must be those that a fresh evaluation at the present would give, however time came here.
TEST(Tile, EveryPathThroughTimeLeadsToTheSameDigits) {
  TileSpec s = spec(40, 24);
  s.drift_sweep_interval_s = 1;
  Tile walked(s, cell("pcm"));
  std::uint64_t step = 0;
  for (double t = 0; t < 300; t += 0.25) {
    walked.advance_to(t);
    const auto crossing = static_cast<std::uint32_t>(step * 37 % 960);
    walked.pulse(std::vector<PulseRequest>{{crossing, step % 3 == 0 ? -1 : 1}}, step);
    ++step;
  }
  SafetensorsWriter out;
  walked.save("t", out);
  const auto path = std::filesystem::temp_directory_path() / "ohmic_tile_test.safetensors";
  out.write(path);
  Tile loaded(s, cell("pcm"));
  loaded.load("t", SafetensorsFile(path));
  std::filesystem::remove(path);
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 24; ++j) {
      ASSERT_EQ(walked.effective_weight(i, j), loaded.effective_weight(i, j)) << i << ", " << j;
      ASSERT_EQ(walked.effective_variance(i, j), loaded.effective_variance(i, j)) << i << ", " << j;
    }
  }
  // And both have the same future.
  for (Tile* tile : {&walked, &loaded}) {
    tile->advance_to(310);
    tile->pulse(std::vector<PulseRequest>{{3, 1}}, step);
    tile->advance_to(700);
  }
  const Matrix x = inputs(2, 40, 8);
  EXPECT_TRUE(same(forward(walked, x, 0), forward(loaded, x, 0)));
}

TEST(Tile, CellsWithTheirOwnExponentDriftEachByItsOwn) {
  auto parameters = load_cell_preset("pcm");
  ConfigDocument change;
  change.set("drift_exponent_spread=0.01");
  read_fields(change, "test", *parameters);
  Tile tile(spec(32, 32), std::shared_ptr<const CellModel>(parameters->make()));
  tile.age(1e6);
  double sum = 0, squares = 0;
  for (std::uint32_t p = 0; p < 1024; ++p) {
    const double nu = -std::log(tile.conductance_us(p, 0) / static_cast<double>(tile.pairs()[p].conductance_us[0])) /
                      std::log((1e6 + 38.6) / 38.6);
    if (tile.pairs()[p].conductance_us[0] == 0) continue;
    sum += nu / 1024;
    squares += nu * nu / 1024;
  }
  EXPECT_NEAR(sum, 0.04, 0.004);
  EXPECT_NEAR(std::sqrt(squares - sum * sum), 0.01, 0.002);
}

TEST(Tile, RefreshRewritesSaturatedPairsAndNoOthers) {
  TileSpec s = spec(32, 32);
  s.synapse.initial_mean_us = 5;
  s.synapse.initial_stddev_us = 3;
  Tile tile(s, cell("pcm"));
  const std::vector<CellPair> before(tile.pairs().begin(), tile.pairs().end());
  const RefreshSpec refresh{100, 8, 6, 3, false};
  const int rewritten = tile.refresh(refresh, 0.768, 0).rewritten;
  int wanted = 0, clear_cut_missed = 0;
  for (std::uint32_t p = 0; p < 1024; ++p) {
    const auto& [plus, minus] = before[p].conductance_us;
    const bool changed = tile.pairs()[p].conductance_us != before[p].conductance_us;
    wanted += changed;
    const bool clearly = std::max(plus, minus) > 10 && std::abs(plus - minus) < 4;
    const bool clearly_not = std::max(plus, minus) < 6 || std::abs(plus - minus) > 8;
    if (clearly && !changed) ++clear_cut_missed;
    EXPECT_FALSE(clearly_not && changed) << "pair " << p;
    const auto& now = tile.pairs()[p].conductance_us;
    EXPECT_FALSE(changed && now[0] * now[1] > 5) << "pair " << p;
  }
  EXPECT_EQ(clear_cut_missed, 0);
  EXPECT_EQ(rewritten, wanted);
  EXPECT_GT(rewritten, 10);
  EXPECT_EQ(tile.counters().refreshes, static_cast<std::uint64_t>(rewritten));
  EXPECT_EQ(tile.counters().reset_pulses, 2 * static_cast<std::uint64_t>(rewritten));
  EXPECT_EQ(tile.counters().cell_reads, 2048u);
}

// With verify no weight is lost: what the cells now have and what is said to be missed is what they had.
TEST(Tile, RefreshWithVerifyLosesNothing) {
  for (const int cells : {1, 3}) {
    TileSpec s = spec(32, 32);
    s.synapse.initial_mean_us = 5;
    s.synapse.initial_stddev_us = 3;
    s.synapse.cells = cells;
    Tile blind(s, cell("pcm")), verified(s, cell("pcm"));
    for (Tile* tile : {&blind, &verified}) tile->set_weight_scale(0.25f);
    Matrix before(32, 32), after(32, 32);
    verified.read_weights(before.view());
    const RefreshResult result = verified.refresh({100, 8, 6, 20, true}, 0.768, 0);
    verified.read_weights(after.view());
    EXPECT_GT(result.rewritten, 10);
    EXPECT_EQ(result.missed.size(), static_cast<std::size_t>(result.rewritten));
    double squares = 0;
    for (const RefreshResult::Missed& missed : result.missed) {
      after.values()[missed.crossing] += missed.weight;
      squares += static_cast<double>(missed.weight) * static_cast<double>(missed.weight);
    }
    for (std::size_t i = 0; i < 1024; ++i) EXPECT_NEAR(after.values()[i], before.values()[i], 1e-5) << i;
    // Pulses that overshoot by much leave a few pairs high, where pulses are mostly noise.
    const double rms_us = std::sqrt(squares / static_cast<double>(result.rewritten)) * 8 / 0.25 * cells;
    EXPECT_LT(rms_us, 1);
    Matrix wanted(32, 32), got(32, 32);
    blind.read_weights(wanted.view());
    const RefreshResult rough = blind.refresh({100, 8, 6, 20, false}, 0.768, 0);
    EXPECT_TRUE(rough.missed.empty());
    blind.read_weights(got.view());
    double rough_squares = 0;
    for (std::size_t i = 0; i < 1024; ++i) {
      const double d = static_cast<double>(got.values()[i]) - static_cast<double>(wanted.values()[i]);
      rough_squares += d * d;
    }
    EXPECT_GT(rough_squares, 4 * squares);
  }
}

TEST(Tile, ProgrammingAnIdealCellRoundsToItsStep) {
  Tile tile(spec(16, 12), cell("ideal"));
  Matrix weights(16, 12);
  for (std::size_t i = 0; i < weights.values().size(); ++i) weights.values()[i] = static_cast<float>(i) * 0.01f - 0.9f;
  ProgrammingSpec blind;
  blind.method = ProgrammingMethod::blind;
  tile.program(weights.view(), blind, 0);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 12; ++j) {
      const float wanted = weights.row(static_cast<std::size_t>(i))[static_cast<std::size_t>(j)];
      EXPECT_NEAR(tile.effective_weight(i, j), wanted, 0.5 * 0.096 + 1e-3) << i << ", " << j;
    }
  }
}

TEST(Tile, CountsWhatTheHardwareDoes) {
  Tile tile(spec(150, 70), cell("pcm"));  // arrays of 64 x 32: three row blocks, three column blocks
  forward(tile, inputs(2, 150, 1), 0);
  EXPECT_EQ(tile.counters().mvm, 2u * 9);
  EXPECT_EQ(tile.counters().dac_conversions, 2u * 150 * 3);
  EXPECT_EQ(tile.counters().adc_conversions, 2u * 70 * 3);
  tile.pulse(std::vector<PulseRequest>{{0, 3}, {1, -2}}, 0);
  EXPECT_EQ(tile.counters().set_pulses, 5u);
}

TEST(Tile, RefusesImpossibleSizes) {
  EXPECT_THROW(Tile(spec(0, 5), cell("pcm")), Error);
  TileSpec s = spec(8, 8);
  s.periphery.array_rows = 30;
  EXPECT_THROW(Tile(s, cell("pcm")), Error);
  s = spec(8, 8);
  s.periphery.adc_bits = 1;
  EXPECT_THROW(Tile(s, cell("pcm")), Error);
  s = spec(5000, 2);
  s.periphery.array_rows = 4;
  EXPECT_THROW(Tile(s, cell("pcm")), Error);
}

}  // namespace
}  // namespace ohmic
