#include "ohmic/crossbar/reference/slow_patches.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/kernels.h"

namespace ohmic::reference {

int slow_patch_index(const PatchShape& s, int y, int x, int k) {
  const int channel = k % s.channels;
  const int kernel_x = k / s.channels % s.kernel_width;
  const int kernel_y = k / s.channels / s.kernel_width;
  const int row = y * s.stride_y + kernel_y * s.dilation_y - s.pad_top;
  const int column = x * s.stride_x + kernel_x * s.dilation_x - s.pad_left;
  if (row < 0 || row >= s.height || column < 0 || column >= s.width) return -1;
  return (row * s.width + column) * s.channels + channel;
}

std::vector<int> slow_codes(std::span<const float> x, float full_scale, std::int64_t bits) {
  const int levels = (1 << (bits - 1)) - 1;
  const float step = full_scale / static_cast<float>(levels);
  std::vector<int> codes(x.size(), 0);
  if (step == 0) return codes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double code = std::nearbyint(x[i] * (1 / step));
    codes[i] = static_cast<int>(std::clamp(code, -1.0 * levels, 1.0 * levels));
  }
  return codes;
}

namespace {

RandomStream stream_of(const ReadKey& key, int block, std::uint64_t read) {
  return {key.seed, key.purpose, key.unit * 1024 + static_cast<std::uint32_t>(key.first_block + block), read};
}

struct Sums {
  std::int32_t mean = 0, variance = 0, squares = 0;
};

}  // namespace

std::vector<float> values_of(std::span<const SlowOutput> outputs) {
  std::vector<float> values;
  for (const SlowOutput& y : outputs) values.push_back(y.value());
  return values;
}

std::vector<SlowOutput> slow_read_patches(const ArrayReader& array, std::span<const float> x, const PatchShape& s,
                                          const ReadKey& key, std::uint64_t read) {
  const DigitMatrix& digits = array.digits();
  const PeripherySpec& periphery = array.periphery();
  const DigitScale& scale = digits.scale();
  float largest_input = 0;
  for (const float v : x) largest_input = std::max(largest_input, std::abs(v));
  const float full_scale = array.dac_range().own_scale() ? largest_input : array.dac_range().full_scale();
  const float step = full_scale / static_cast<float>((1 << (periphery.dac_bits - 1)) - 1);
  const std::vector<int> codes = slow_codes(x, full_scale, periphery.dac_bits);
  const std::vector<std::int8_t> bytes(codes.begin(), codes.end());
  std::vector<std::uint8_t> squares(x.size());
  const SquaredCodes squared =
      square_codes(bytes, 0, random_word(stream_of(key, 0, read), 0xffffffe0u), squares.data());
  const float squared_step = step * step * squared.step;
  const int columns = digits.columns();
  const int blocks = (s.patch_size() - 1) / array.block_rows() + 1;
  std::vector<SlowOutput> y;
  for (int p = 0; p < s.positions(); ++p) {
    std::vector<SlowOutput> out(static_cast<std::size_t>(columns));
    for (int block = 0; block < blocks; ++block) {
      std::vector<float> analog;
      for (int j = 0; j < columns; ++j) {
        Sums sums;
        for (int k = 0; k < s.patch_size(); ++k) {
          const int i = slow_patch_index(s, p / s.out_width(), p % s.out_width(), k);
          if (i < 0 || k / array.block_rows() != block) continue;
          const auto weight = static_cast<int>(std::lrint(digits.weight(k, j) / scale.weight_step));
          const auto digit =
              static_cast<int>(std::lrint((digits.variance(k, j) - scale.variance_middle) / scale.variance_step));
          const int square = squares[static_cast<std::size_t>(i)];
          sums.mean += codes[static_cast<std::size_t>(i)] * weight;
          sums.variance += square * digit;
          sums.squares += square;
        }
        float value = static_cast<float>(sums.mean) * (step * scale.weight_step);
        if (array.is_noisy()) {
          const float offset = squared_step * scale.variance_middle * static_cast<float>(sums.squares);
          const float variance =
              std::fma(static_cast<float>(sums.variance), squared_step * scale.variance_step, offset);
          const int element = p * ((columns + 3) / 4 * 4) + j;
          const float z = cipher_gaussian(stream_of(key, block, read), static_cast<std::uint32_t>(element));
          value = std::fma(std::sqrt(std::max(variance, 0.0f)), z, value);
        }
        analog.push_back(value);
      }
      float range = array.adc_range().full_scale();
      if (array.adc_range().own_scale()) {
        range = 0;
        for (const float v : analog) range = std::max(range, std::abs(v));
      }
      const auto levels = static_cast<float>((1 << (std::max<std::int64_t>(periphery.adc_bits, 1) - 1)) - 1);
      for (std::size_t j = 0; j < out.size(); ++j) {
        SlowOutput v{analog[j], 1};
        if (periphery.adc_bits > 0 && range > 0) {
          const double exact = static_cast<double>(v.code) * static_cast<double>(levels / range);
          v = {static_cast<float>(std::clamp<double>(std::nearbyint(exact), -levels, levels)), range / levels};
        }
        out[j] = block == 0 ? v : SlowOutput{std::fma(v.code, v.step, out[j].value()), 1};
      }
    }
    y.insert(y.end(), out.begin(), out.end());
  }
  return y;
}

std::vector<float> slow_scatter(std::span<const SlowOutput> patches, const PatchShape& s) {
  std::vector<float> image(s.image_size(), 0.0f);
  for (int p = 0; p < s.positions(); ++p) {
    for (int k = 0; k < s.patch_size(); ++k) {
      const int i = slow_patch_index(s, p / s.out_width(), p % s.out_width(), k);
      if (i < 0) continue;
      const SlowOutput& y = patches[static_cast<std::size_t>(p * s.patch_size() + k)];
      float& sum = image[static_cast<std::size_t>(i)];
      sum = std::fma(y.code, y.step, sum);
    }
  }
  return image;
}

std::vector<std::int64_t> slow_patch_gradient(std::span<const int> image, std::span<const int> vectors,
                                              const PatchShape& s, int width) {
  std::vector<std::int64_t> gradient(static_cast<std::size_t>(s.patch_size() * width), 0);
  for (int p = 0; p < s.positions(); ++p) {
    for (int k = 0; k < s.patch_size(); ++k) {
      const int i = slow_patch_index(s, p / s.out_width(), p % s.out_width(), k);
      if (i < 0) continue;
      for (int j = 0; j < width; ++j) {
        gradient[static_cast<std::size_t>(k * width + j)] +=
            image[static_cast<std::size_t>(i)] * vectors[static_cast<std::size_t>(p * width + j)];
      }
    }
  }
  return gradient;
}

}  // namespace ohmic::reference
