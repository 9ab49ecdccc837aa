#include "ohmic/core/patch_kernel.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/cpu.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Rows that do not fill a vector kernel's four, and panels that columns do not fill, give the bits of the portable one;
// so do the small numbers of gradients that have all but vanished.
TEST(AnalogOfSums, IsTheSameOnEveryInstructionSetForAnyNumberOfRows) {
  for (const auto& [columns, unit] : {std::pair{1, 1.0f}, {37, 1.0f}, {250, 1.0f}, {37, 1e-13f}}) {
    const std::size_t stride = (static_cast<std::size_t>(columns) + 15) / 16 * 16;
    for (std::size_t count = 1; count <= 9; ++count) {
      AlignedVector<std::int32_t> mean(count * stride), variance(count * stride);
      const RandomStream stream(3, Purpose::latent, static_cast<std::uint32_t>(columns), count);
      std::vector<PatchRow> rows;
      for (std::uint32_t r = 0; r < count; ++r)
        rows.push_back({nullptr,
                        {0, r, 7, 9},
                        1e-4f * unit,
                        1e-6f * static_cast<float>(r + 1) * unit * unit,
                        0.25f * unit * unit});
      for (std::uint32_t i = 0; i < mean.size(); ++i) {
        mean[i] = static_cast<std::int32_t>(random_word(stream, 2 * i) >> 12) - (1 << 19);
        variance[i] = static_cast<std::int32_t>(random_word(stream, 2 * i + 1) >> 12);
      }
      for (const bool noisy : {false, true}) {
        const AnalogSums sums{mean.data(), noisy ? variance.data() : nullptr, columns, {5, 6}};
        std::vector<std::vector<float>> found;
        for (const char* isa : {"baseline", "avx512_vnni"}) {
          limit_instruction_set(isa);
          AlignedVector<float> analog(count * stride), largest(count);
          analog_of_sums(sums, rows, analog.data(), stride, largest.data());
          std::vector<float>& values = found.emplace_back(largest.begin(), largest.end());
          for (std::size_t r = 0; r < count; ++r) {
            const float* row = analog.data() + r * stride;
            values.insert(values.end(), row, row + columns);
          }
        }
        limit_instruction_set("amx");
        EXPECT_EQ(found[0], found[1]) << count << " rows, " << columns << " columns, noisy " << noisy;
      }
    }
  }
}

}  // namespace
}  // namespace ohmic
