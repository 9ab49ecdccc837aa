#include "ohmic/crossbar/register_array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/test_support.h"

namespace ohmic {
namespace {

constexpr std::size_t kCount = 2 * RegisterArray::kPart + 300;

BitCellSpec cells(const std::string& toml = "", const std::string& before = "") {
  BitCellSpec spec;
  read_fields(ConfigDocument::parse(before + toml, "test"), "lsb", spec);
  return spec;
}

// States so near each other that about one read in ten errs.
BitCellSpec noisy_cells() {
  return cells(
      "[device.parameters]\n"
      "high_us = 6.0\nhigh_stddev_us = 1.5\nlow_us = 3.0\nlow_stddev_us = 0.8\nread_noise_offset_us = 0.7\n");
}

RegisterRule nearest(int bits) {
  RegisterRule rule;
  rule.bits = bits;
  rule.rounding = Rounding::deterministic;
  return rule;
}

void add_to_all(RegisterArray& array, float change, std::uint64_t when, double now_s) {
  std::vector<RegisterCarry> carries;
  array.add(0, std::vector<float>(array.size(), change), 1, {2 * when, now_s, 1}, carries);
}

std::size_t count_of(const RegisterArray& array, int value) {
  std::size_t count = 0;
  for (std::size_t e = 0; e < array.size(); ++e) count += array.value(e) == value;
  return count;
}

// A step up makes 1 of 0 if and only if the lowest cell, RESET, is read right; a step down 0 of 1 if the cell, SET, is.
// The share of misreads of n cells has a standard error of sqrt(p (1 - p) / n); five of them.
TEST(RegisterArray, NoisyCellsAreMisreadAsOftenAsTheClosedFormSays) {
  for (const double wait_s : {10.0, 1e5}) {
    RegisterArray array(nearest(4), noisy_cells(), 15000, 1, 2);
    add_to_all(array, 1, 1, wait_s);
    const auto expect_share = [&](std::size_t wrong, std::size_t of, double wanted) {
      const double share = static_cast<double>(wrong) / static_cast<double>(of);
      EXPECT_NEAR(share, wanted, 5 * std::sqrt(wanted * (1 - wanted) / static_cast<double>(of))) << wait_s;
    };
    const std::size_t ones = count_of(array, 1);
    expect_share(15000 - ones, 15000, array.errors().misread_probability(false, wait_s + 38.6));
    std::vector<bool> was_one(array.size());
    for (std::size_t e = 0; e < array.size(); ++e) was_one[e] = array.value(e) == 1;
    add_to_all(array, -1, 2, 2 * wait_s);
    std::size_t right = 0;
    for (std::size_t e = 0; e < array.size(); ++e) right += was_one[e] && array.value(e) == 0;
    expect_share(ones - right, ones, array.errors().misread_probability(true, wait_s));
  }
}

// The shipped cell is read right for all that a training needs: 1e5 steps of 1e9 cells have 1e14 reads.
TEST(RegisterArray, ShippedCellsAreNeverMisreadInPractice) {
  const auto cell = BitCellSpec().device.make();
  const BitErrors errors(*cell, 0);
  for (const double age_s : {1.0, 38.6, 1e4, 1e6, 3e7}) {
    for (const bool state : {false, true}) EXPECT_LT(errors.misread_probability(state, age_s), 1e-15) << age_s;
  }
  EXPECT_NEAR(errors.threshold_us(), 1.35, 0.05);
  // Half way between the states the drift of SET cells would show: 4.9 standard deviations soon, 1.6 after 1e7 s, with
  // the read noise that a cell at the threshold has.
  const BitErrors half_way(*cell, 10.05);
  for (const double age_s : {38.6, 1e7}) {
    const double drift = std::pow(age_s / 38.6, -0.04);
    const double z = (20 * drift - 10.05) / std::hypot(2 * drift, 0.03 * 10.05 + 0.13);
    EXPECT_NEAR(half_way.misread_probability(true, age_s) / (0.5 * std::erfc(z / std::sqrt(2))), 1, 0.1) << age_s;
  }
}

// The share u of the weak cells lies beyond the conductance of u: those of SET below it, those of RESET above.
TEST(BitErrors, WeakCellsHaveTheConductancesOfTheirTail) {
  for (const bool state : {false, true}) {
    const BitCellSpec spec = state ? cells("[device.parameters]\nhigh_stddev_us = 2.5\n", "threshold_us = 10.0\n")
                                   : cells("[device.parameters]\nlow_stddev_us = 0.8\n", "threshold_us = 2.5\n");
    const auto cell = spec.device.make();
    const BitErrors errors(*cell, spec.threshold_us);
    const auto written = [&](double z) {
      const auto gaussian = static_cast<float>(z);
      return static_cast<double>(state ? cell->set(0, 0, {gaussian, 0}) : cell->reset(gaussian));
    };
    for (const double u : {1e-7, 0.01, 0.3, 0.5, 0.9, 0.999}) {
      const double z = (errors.weak_conductance_us(state, u) - written(0)) / (written(1) - written(0));
      const double beyond = 0.5 * std::erfc((state ? -z : z) / std::sqrt(2));
      EXPECT_NEAR(beyond / (u * errors.weak_probability(state)), 1, 1e-4) << state << " " << u;
    }
  }
}

// Where only some cells are weak the others are not remembered, and it makes no difference.
TEST(RegisterArray, WeakCellsAloneAreRemembered) {
  const BitCellSpec spec = cells("[device.parameters]\nhigh_us = 8.0\n", "threshold_us = 1.345\n");
  RegisterArray array(nearest(4), spec, kCount, 1, 2);
  EXPECT_LT(array.weak_cells(), kCount / 100);
  add_to_all(array, 1, 1, 1);
  const double share = static_cast<double>(array.weak_cells()) / static_cast<double>(kCount);
  const double wanted = array.errors().weak_probability(true);
  ASSERT_GT(wanted, 0.01);
  ASSERT_LT(wanted, 0.5);
  EXPECT_NEAR(share, wanted, 5 * std::sqrt(wanted / static_cast<double>(kCount)));
}

TEST(RegisterArray, CountsEveryWriteAndEraseOfEveryCell) {
  for (const BitCellSpec& spec : {cells(), noisy_cells()}) {
    RegisterArray array(nearest(5), spec, kCount, 1, 2);
    std::vector<std::vector<std::uint64_t>> sets(5, std::vector<std::uint64_t>(kCount)), resets = sets;
    std::vector<float> changes(kCount);
    for (std::uint64_t step = 0; step < test::tries(20, 8); ++step) {
      std::vector<int> before(kCount);
      for (std::size_t e = 0; e < kCount; ++e) before[e] = array.value(e);
      gaussians(RandomStream(step, Purpose::forward_read, 0, 0), changes);
      std::vector<RegisterCarry> carries;
      array.add(0, changes, 4, {2 * step, static_cast<double>(step), 1}, carries);
      for (std::size_t e = 0; e < kCount; ++e) {
        for (std::size_t k = 0; k < 5; ++k) {
          if (((before[e] ^ array.value(e)) >> k & 1) != 0) ++((array.value(e) >> k & 1) != 0 ? sets : resets)[k][e];
        }
      }
    }
    const bool is_noisy = array.weak_cells() > kCount;
    std::uint64_t all_sets = 0, all_resets = 0;
    for (int k = 0; k < 5; ++k) {
      const CellWear wear = array.wear(k);
      for (std::size_t e = 0; e < kCount; ++e) {
        const auto at = static_cast<std::size_t>(k);
        // After misreads there are writes that change nothing.
        if (!is_noisy) {
          ASSERT_EQ(wear.sets[e], sets[at][e]);
          ASSERT_EQ(wear.resets[e], resets[at][e]);
        }
        ASSERT_GE(wear.sets[e], sets[at][e]);
        ASSERT_GE(wear.resets[e], resets[at][e]);
      }
      all_sets += std::accumulate(wear.sets.begin(), wear.sets.end(), std::uint64_t{0});
      all_resets += std::accumulate(wear.resets.begin(), wear.resets.end(), std::uint64_t{0});
    }
    EXPECT_EQ(array.counters().bit_sets, all_sets);
    EXPECT_EQ(array.counters().bit_resets, all_resets);
  }
}

TEST(RegisterArray, GoesOnWhereItWasSaved) {
  for (const BitCellSpec& spec : {cells(), noisy_cells()}) {
    RegisterArray whole(nearest(7), spec, kCount, 1, 2), first(nearest(7), spec, kCount, 1, 2),
        second(nearest(7), spec, kCount, 1, 2);
    const auto work = [](RegisterArray& array, std::uint64_t from, std::uint64_t to) {
      for (std::uint64_t s = from; s < to; ++s) {
        add_to_all(array, s % 3 == 0 ? -9.0f : 5.0f, s, static_cast<double>(s));
      }
    };
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "register_array.safetensors";
    const auto save = [&](const RegisterArray& array) {
      SafetensorsWriter out;
      array.save("a", out);
      out.write(path);
    };
    work(whole, 0, 4);
    work(first, 0, 2);
    save(first);
    second.load("a", SafetensorsFile(path));
    work(second, 2, 4);
    for (std::size_t e = 0; e < kCount; ++e) ASSERT_EQ(second.value(e), whole.value(e)) << e;
    for (int k = 0; k < 7; ++k) {
      EXPECT_EQ(second.wear(k).sets, whole.wear(k).sets);
      EXPECT_EQ(second.wear(k).resets, whole.wear(k).resets);
    }
    EXPECT_EQ(second.weak_cells(), whole.weak_cells());
    std::filesystem::remove(path);
  }
}

TEST(RegisterArray, WhatDoesNotFitWithoutACarryIsLost) {
  RegisterArray array(nearest(4), cells(), 10, 1, 2);
  array.add_without_carry(3, -2.6f, {1, 0, 1});
  EXPECT_EQ(array.value(3), -3);
  array.add_without_carry(3, -20, {3, 0, 1});
  EXPECT_EQ(array.value(3), -7);
  EXPECT_EQ(array.value(4), 0);
}

TEST(RegisterArray, OtherCellsAndThresholdsOutsideTheStatesAreRefused) {
  EXPECT_THROW(RegisterArray(nearest(7), cells("[device]\ncell = \"pcm\"\n"), 10, 1, 2), Error);
  EXPECT_THROW(RegisterArray(nearest(7), cells("threshold_us = 25.0\n"), 10, 1, 2), Error);
}

}  // namespace
}  // namespace ohmic
