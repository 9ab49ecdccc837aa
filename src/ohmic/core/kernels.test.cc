#include "ohmic/core/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/cpu.h"

namespace ohmic {
namespace {

std::vector<float> some_floats(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  gaussians(RandomStream(seed, Purpose::forward_read, 0, 0), values);
  return values;
}

// Runs a test body on every instruction set that the machine has.
class KernelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { limit_instruction_set(GetParam()); }
  void TearDown() override { limit_instruction_set("amx"); }
};

TEST_P(KernelTest, MaxAbsFindsTheLargestMagnitudeWhereverItStands) {
  for (std::size_t at = 0; at < 37; ++at) {
    std::vector<float> x = some_floats(37, 1);
    x[at] = -100;
    EXPECT_EQ(max_abs(x), 100);
  }
  EXPECT_EQ(max_abs({}), 0);
}

TEST_P(KernelTest, QuantiseRoundsToTheNearestCodeAndClamps) {
  const std::vector<float> x = {0, 0.4f, 0.6f, -0.6f, 2.5f, 3.5f, 126.4f, 200, -200};
  std::vector<std::int8_t> codes(x.size());
  quantise(x, 1, 127, codes);
  EXPECT_EQ(codes, (std::vector<std::int8_t>{0, 0, 1, -1, 2, 4, 126, 127, -127}));
}

TEST_P(KernelTest, SigmoidIsAccurateAndBounded) {
  std::vector<float> x;
  for (double v = -120; v <= 120; v += 0.37) x.push_back(static_cast<float>(v));
  std::vector<float> y = x;
  sigmoid(y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = 1 / (1 + std::exp(-std::clamp(static_cast<double>(x[i]), -87.0, 87.0)));
    EXPECT_NEAR(y[i] / exact, 1, 4e-7) << "x = " << x[i];
  }
}

TEST_P(KernelTest, TangentAndExponentialAreAccurateAndBounded) {
  std::vector<float> x = {0, 1e-20f, -1e-7f, 0.6249f, 0.6251f, -0.625f};
  for (double v = -120; v <= 120; v += 0.0371) x.push_back(static_cast<float>(v));
  std::vector<float> t = x, e = x;
  hyperbolic_tangent(t);
  exponentials(e);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto exact = static_cast<double>(x[i]);
    EXPECT_NEAR(t[i], std::tanh(exact), 3e-7 * std::abs(std::tanh(exact))) << "x = " << x[i];
    EXPECT_LE(std::abs(t[i]), 1);
    EXPECT_NEAR(e[i] / std::exp(std::clamp(exact, -87.0, 87.0)), 1, 4e-7) << "x = " << x[i];
  }
}

TEST_P(KernelTest, RandomWordsMayBeginAtAnyBlock) {
  const RandomStream stream(5, Purpose::dropout, 3, 8);
  std::vector<std::uint32_t> words(75);
  random_words(stream, words, 7);
  for (std::uint32_t i = 0; i < words.size(); ++i) ASSERT_EQ(words[i], random_word(stream, 7 * 32 + i));
}

TEST_P(KernelTest, RowSumsAndUpdatesGiveTheBitsOfThePlainLoop) {
  constexpr std::size_t kRows = 9, kColumns = 301;
  const std::vector<float> base = some_floats(kRows * kColumns, 2);
  const std::vector<int> index = {1, 4, 8};
  const std::vector<float> x = {0.5f, -1.25f, 3};
  std::vector<float> sum(kColumns);
  weighted_row_sum(base.data(), kColumns, index, x, sum);
  std::vector<float> row(base.begin(), base.begin() + kColumns);
  add_outer_product(row.data(), kColumns, std::vector<int>{0}, std::vector<float>{0.37f},
                    std::span(base).subspan(kColumns, kColumns));
  for (std::size_t j = 0; j < kColumns; ++j) {
    float expected = 0;
    for (std::size_t k = 0; k < index.size(); ++k) {
      const float product = x[k] * base[static_cast<std::size_t>(index[k]) * kColumns + j];
      expected = expected + product;
    }
    ASSERT_EQ(sum[j], expected) << "column " << j;
    const float step = 0.37f * base[kColumns + j];
    ASSERT_EQ(row[j], base[j] + step) << "column " << j;
  }
}

TEST_P(KernelTest, CrossingsAreFoundInOrderAndOnlyThere) {
  constexpr std::size_t kColumns = 70;
  std::vector<float> matrix(3 * kColumns, 0.0f);
  std::vector<float> d(kColumns, 0.1f);
  d[3] = 1;
  d[40] = -2;
  d[69] = 1.5f;
  std::vector<std::uint32_t> crossed;
  add_outer_product_and_find(matrix.data(), kColumns, std::vector<int>{0, 2}, std::vector<float>{0.9f, 1}, d, 1,
                             crossed);
  EXPECT_EQ(crossed, (std::vector<std::uint32_t>{40, 69, 143, 180, 209}));
  EXPECT_EQ(matrix[140 + 40], -2);
  EXPECT_EQ(matrix[70], 0);
}

TEST_P(KernelTest, QuadProductEqualsTheIntegerSums) {
  constexpr int kGroups = 5, kColumns = 83;
  constexpr std::size_t kPanelBytes = kGroups * DigitPanels::kGroupBytes;
  AlignedVector<std::int8_t> digits(6 * kPanelBytes);
  for (std::size_t i = 0; i < digits.size(); ++i) digits[i] = static_cast<std::int8_t>(i * 37 % 251 - 125);
  const std::vector<std::int32_t> group = {0, 3, 4};
  const std::vector<std::uint32_t> positive = {0x7f000010u, 0, 0x01020304u};
  const std::vector<std::uint32_t> negative = {0x00007f00u, 0x7f7f7f7fu, 0};
  const std::vector<std::uint32_t> squared = {0xff00ff02u, 0xffffffffu, 0x01020304u};
  std::vector<std::int32_t> s(96), v(96);
  quad_product({digits.data(), kGroups, kColumns, kPanelBytes}, {group, positive, negative, squared, true}, s.data(),
               v.data());
  const auto byte = [](std::uint32_t word, int k) { return static_cast<int>((word >> (8 * k)) & 255); };
  for (int j = 0; j < kColumns; ++j) {
    std::int32_t eh = 0, el = 0, ev = 0;
    for (std::size_t g = 0; g < group.size(); ++g) {
      for (int k = 0; k < 4; ++k) {
        const std::int8_t* at = digits.data() + static_cast<std::size_t>(j / 16) * kPanelBytes +
                                group[g] * DigitPanels::kGroupBytes + j % 16 * 4 + k;
        const int code = byte(positive[g], k) - byte(negative[g], k);
        eh += code * at[0];
        el += code * at[64];
        ev += byte(squared[g], k) * at[128];
      }
    }
    ASSERT_EQ(s[static_cast<std::size_t>(j)], 256 * eh + el);
    ASSERT_EQ(v[static_cast<std::size_t>(j)], ev);
  }
}

TEST_P(KernelTest, SquaredCodesKeepTheirSumAndNeverExceedAByte) {
  std::vector<std::int8_t> codes(203, 3);
  codes[100] = -127;
  double sum = 0;
  constexpr int kOffsets = 4096;
  std::vector<std::uint8_t> squares(codes.size());
  for (std::uint32_t offset = 0; offset < kOffsets; ++offset) {
    const SquaredCodes s = square_codes(codes, 4, offset * 16, squares.data());
    EXPECT_GE(squares[100], 254);  // the scale is rounded down
    std::int64_t bytes = 0;
    for (const std::uint8_t b : squares) bytes += b;
    ASSERT_EQ(s.sum, bytes);
    sum += static_cast<double>(s.step) * static_cast<double>(s.sum) / kOffsets;
  }
  EXPECT_NEAR(sum / (202 * 9 + 127 * 127), 1, 1e-3);
  EXPECT_EQ(square_codes(std::vector<std::int8_t>(7, 0), 0, 5, squares.data()).step, 0);
}

// Whole vectors and rests, squares of large and of small codes, values beyond the range.
TEST_P(KernelTest, EncodeBytesGivesTheCodesOfQuantiseAndTheirSquares) {
  for (const int levels : {127, 7}) {
    for (const std::size_t size : {1u, 17u, 63u, 64u, 65u, 300u}) {
      std::vector<float> x = some_floats(size, 7);
      x[size / 2] = -1e30f;
      const float step = 1.0f / static_cast<float>(levels);
      const ByteScale scale = ByteScale::of(step, levels, max_abs(x), 12345);
      std::vector<std::int8_t> codes(size);
      quantise(x, 1 / step, levels, codes);
      std::vector<std::uint8_t> squares(size), bytes(size), bytes_alone(size), found(size);
      const SquaredCodes whole = square_codes(codes, 5, 12345, squares.data());
      ASSERT_EQ(whole.step, scale.square_step);
      encode_bytes(x, scale, 5, bytes.data(), found.data());
      encode_bytes(x, scale, 5, bytes_alone.data(), nullptr);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(bytes[i], codes[i] + 128) << i << " of " << size;
        ASSERT_EQ(found[i], squares[i]) << i << " of " << size;
      }
      ASSERT_EQ(bytes_alone, bytes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, KernelTest,
                         testing::Values("baseline", "avx2", "avx512", "avx512_vnni", "amx"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace ohmic
