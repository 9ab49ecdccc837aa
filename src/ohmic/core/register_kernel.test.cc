#include "ohmic/core/register_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

const RegisterStreams kStreams{{3, Purpose::register_rounding, 4, 10}, {3, Purpose::register_rounding, 4, 11}};

// The same, one register after the other, with 32 random bits at once.
struct SlowRegisters {
  RegisterRule rule;
  std::vector<int> values;
  std::vector<std::vector<int>> writes;  // [bit][register]
  std::vector<RegisterCarry> carries;
  std::size_t added = 0;

  SlowRegisters(const RegisterRule& r, std::size_t count)
      : rule(r), values(count), writes(static_cast<std::size_t>(r.bits), std::vector<int>(count)) {}

  int whole_steps(std::uint32_t e, float change, float factor) const {
    const float steps = change * (factor * rule.inverse_step);
    if (rule.rounding == Rounding::deterministic) return static_cast<int>(std::nearbyint(steps));
    const std::uint32_t byte = cipher_word(kStreams.first_bits, e / 4) >> 8 * (e % 4) & 255;
    const std::uint32_t rest = cipher_word(kStreams.further_bits, e) >> 8;
    const double u = (byte + rest * 0x1p-24) / 256;
    const auto size = std::trunc(std::abs(static_cast<double>(steps)) + u);
    return static_cast<int>(steps < 0 ? -size : size);
  }

  void add(std::uint32_t first, std::span<const float> changes, float factor) {
    const int capacity = 1 << (rule.bits - 1);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::uint32_t e = first + static_cast<std::uint32_t>(i);
      const int q = whole_steps(e, changes[i], factor);
      if (q == 0) continue;
      ++added;
      const int sum = values[e] + q, sign = sum < 0 ? -1 : 1;
      const int carry = std::min((std::abs(sum) + rule.early) / capacity, rule.most_carries);
      int rest = std::min(std::abs(sum) - carry * capacity, capacity - 1);
      if (carry > 0 && rule.on_overflow == OnOverflow::clear) rest = 0;
      if (carry > 0) carries.push_back({e, sign * carry});
      for (int k = 0; k < rule.bits; ++k) {
        writes[static_cast<std::size_t>(k)][e] += ((values[e] ^ sign * rest) >> k & 1) != 0;
      }
      values[e] = sign * rest;
    }
  }
};

class RegisterKernelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { limit_instruction_set(GetParam()); }
  void TearDown() override { limit_instruction_set("amx"); }

  void expect_the_slow_result(const RegisterRule& rule) const {
    constexpr std::size_t kCount = 700;
    SlowRegisters slow(rule, kCount);
    const RegisterLayout layout{rule.bits};
    std::vector<std::uint32_t> words(704);
    std::vector<std::vector<int>> flushed(static_cast<std::size_t>(rule.bits), std::vector<int>(kCount));
    std::vector<RegisterCarry> carries;
    std::size_t added = 0;
    for (std::uint64_t round = 0; round < 30; ++round) {
      const std::uint32_t first = static_cast<std::uint32_t>(round * 37 % 200);
      std::vector<float> changes(kCount - first - round);
      gaussians(RandomStream(round, Purpose::forward_read, 0, 0), changes);
      for (float& c : changes) c *= c * c * (round % 3 == 0 ? 30.0f : 0.3f);
      std::vector<RegisterFlush> flushes;
      added += add_to_registers(rule, kStreams, first, changes, -0.7f, words.data(), flushes, carries);
      slow.add(first, changes, -0.7f);
      for (const RegisterFlush& flush : flushes) {
        for (std::size_t e = 64 * flush.block; e < std::min<std::size_t>(kCount, 64 * flush.block + 64); ++e) {
          for (std::size_t k = 0; k < flushed.size(); ++k) flushed[k][e] += (flush.carries[k] >> e % 64 & 1) != 0;
        }
      }
    }
    EXPECT_EQ(added, slow.added);
    for (std::size_t e = 0; e < kCount; ++e) {
      ASSERT_EQ(layout.value(words[e]), slow.values[e]) << e;
      for (int k = 0; k < rule.bits; ++k) {
        const auto at = static_cast<std::size_t>(k);
        const auto writes = layout.count(words[e], k) + layout.carry() * static_cast<unsigned>(flushed[at][e]);
        ASSERT_EQ(static_cast<int>(writes), slow.writes[at][e]) << "bit " << k << " of " << e;
      }
    }
    // In one call carries are in the order of the registers.
    ASSERT_EQ(carries.size(), slow.carries.size());
    for (std::size_t i = 0; i < carries.size(); ++i) {
      ASSERT_EQ(carries[i].element, slow.carries[i].element) << i;
      ASSERT_EQ(carries[i].count, slow.carries[i].count) << i;
    }
  }
};

TEST_P(RegisterKernelTest, AddsCarriesAndCountsAsTheSlowOneDoes) {
  for (const int bits : {4, 7, 8, 9}) {
    for (const Rounding rounding : {Rounding::stochastic, Rounding::deterministic}) {
      for (const OnOverflow on_overflow : {OnOverflow::keep, OnOverflow::clear}) {
        for (const int most : {0, 1, RegisterRule::kMostCarries}) {
          for (const int early : {0, 1 << (bits - 2)}) {
            SCOPED_TRACE(testing::Message()
                         << bits << " bits, rounding " << static_cast<int>(rounding) << ", overflow "
                         << static_cast<int>(on_overflow) << ", most " << most << ", early " << early);
            expect_the_slow_result({bits, 0.37f, most, early, rounding, on_overflow});
          }
        }
      }
    }
  }
}

TEST_P(RegisterKernelTest, AddsRowsOfAMatrixAsOneByOne) {
  constexpr std::size_t kColumns = 75;
  const std::vector<int> rows = {1, 2, 5, 9};
  const std::vector<float> x = {0.5f, -2.0f, 0.01f, 3};
  std::vector<float> d(kColumns);
  gaussians(RandomStream(1, Purpose::forward_read, 0, 0), d);
  std::vector<std::uint32_t> together(768), apart(768);
  std::vector<RegisterFlush> flushes;
  std::vector<RegisterCarry> carries_together, carries_apart;
  const RegisterRule rule{7, 20};
  const std::size_t added =
      add_rows_to_registers(rule, kStreams, rows, x, d, together.data(), flushes, carries_together);
  std::size_t added_apart = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    added_apart += add_to_registers(rule, kStreams, static_cast<std::uint32_t>(rows[k]) * kColumns, d, x[k],
                                    apart.data(), flushes, carries_apart);
  }
  EXPECT_EQ(together, apart);
  EXPECT_EQ(added, added_apart);
  EXPECT_EQ(carries_together.size(), carries_apart.size());
}

// A change of a step's fraction f adds a step with probability f: of 65,536 registers, with a standard error of at most
// 128; five of them.
TEST_P(RegisterKernelTest, RoundsSuchThatTheMeanIsExact) {
  constexpr std::size_t kCount = 65536;
  for (const float fraction : {1e-3f, 0.1f, 0.5f, 0.97f}) {
    for (const float sign : {-1.0f, 1.0f}) {
      std::vector<std::uint32_t> words(kCount);
      std::vector<RegisterFlush> flushes;
      std::vector<RegisterCarry> carries;
      const std::vector<float> changes(kCount, sign * fraction);
      add_to_registers({7, 1}, kStreams, 0, changes, 1, words.data(), flushes, carries);
      double sum = 0;
      for (const std::uint32_t word : words) sum += RegisterLayout{7}.value(word);
      const double wanted = static_cast<double>(fraction) * kCount;
      EXPECT_NEAR(static_cast<double>(sign) * sum, wanted, 5 * std::sqrt(wanted * (1 - static_cast<double>(fraction))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, RegisterKernelTest,
                         testing::Values("baseline", "avx2", "avx512", "avx512_vnni", "amx"));

}  // namespace
}  // namespace ohmic
