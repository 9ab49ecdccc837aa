#include "ohmic/crossbar/array_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ohmic/core/aligned.h"

namespace ohmic {

// Buffers of one thread, kept from call to call.
struct ArrayReader::Scratch {
  std::vector<std::int8_t> codes;
  std::vector<std::uint8_t> squares;
  std::vector<std::int32_t> group;
  std::vector<std::uint32_t> positive, negative, squared;
  // Per row block.
  AlignedVector<std::int32_t> sum, variance;
  AlignedVector<float> analog;
  std::vector<float> largest;
  std::vector<PatchRow> rows;
  std::vector<float*> out;
};

ArrayReader::ArrayReader(int rows, int columns, int block_rows, int block_columns, const PeripherySpec& periphery,
                         const DigitScale& scale, bool noisy)
    : rows_(rows),
      columns_(columns),
      block_rows_(block_rows),
      block_columns_(block_columns),
      periphery_(periphery),
      noisy_(noisy),
      dac_range_(periphery.dac_range, periphery.calibration_vectors),
      adc_range_(periphery.adc_range, periphery.calibration_vectors),
      digits_(rows, columns, scale) {}

void ArrayReader::read(MatrixView<const float> x, MatrixView<float> y, const ReadKey& key, bool calibrate,
                       Counters& counters, float factor) {
  OHMIC_EXPECT(x.columns == static_cast<std::size_t>(rows_) && y.columns == static_cast<std::size_t>(columns_));
  std::vector<FullScales> seen(x.rows);
  for (std::size_t v = 0; v < x.rows; ++v) read_one(x.row(v), y.row(v), factor, key, key.first_read + v, seen[v]);
  if (calibrate) observe(seen);
  count(x.rows, static_cast<std::size_t>(block_count()), counters);
}

float ArrayReader::dac_step(float largest) const {
  const float full_scale = dac_range_.own_scale() ? largest : dac_range_.full_scale();
  return full_scale / static_cast<float>(converter_levels(periphery_.dac_bits));
}

OutputConversion ArrayReader::conversion() const {
  const AdcMode mode = periphery_.adc_bits == 0 ? AdcMode::off
                       : adc_range_.own_scale() ? AdcMode::per_vector
                                                : AdcMode::fixed;
  return {mode, adc_range_.full_scale(), converter_levels(periphery_.adc_bits), {}, false};
}

void ArrayReader::observe(std::span<const FullScales> samples) {
  for (const FullScales& s : samples) {
    dac_range_.observe(s.input);
    adc_range_.observe(s.output);
  }
}

// Gathers the groups of four rows that are not all zero; returns whether any code is negative.
bool ArrayReader::gather_groups(int block, Scratch& s) const {
  s.group.clear();
  s.positive.clear();
  s.negative.clear();
  s.squared.clear();
  bool any_negative = false;
  const int end = block_begin(block) + block_size(block);
  for (int row = block_begin(block); row < end; row += 4) {
    std::uint32_t word, squared;
    std::memcpy(&word, s.codes.data() + row, 4);
    if (word == 0) continue;
    std::uint32_t negative = 0;
    if ((word & 0x80808080u) != 0) {
      any_negative = true;
      for (int k = 0; k < 4; ++k) {
        const int code = s.codes[static_cast<std::size_t>(row + k)];
        if (code >= 0) continue;
        negative |= static_cast<std::uint32_t>(-code) << (8 * k);
        word &= ~(255u << (8 * k));
      }
    }
    std::memcpy(&squared, s.squares.data() + row, 4);
    s.group.push_back(row / 4);
    s.positive.push_back(word);
    s.negative.push_back(negative);
    s.squared.push_back(squared);
  }
  return any_negative;
}

void ArrayReader::read_one(std::span<const float> x, std::span<float> y, float factor, const ReadKey& key,
                           std::uint64_t read, FullScales& seen) const {
  thread_local Scratch s;
  const auto blocks = static_cast<std::size_t>(block_count());
  const std::size_t padded_rows = (x.size() + 3) / 4 * 4;
  const std::size_t stride = (y.size() + DigitPanels::kColumns - 1) / DigitPanels::kColumns * DigitPanels::kColumns;
  s.codes.assign(padded_rows, 0);
  s.squares.assign(padded_rows, 0);
  s.sum.resize(blocks * stride);
  s.variance.resize(blocks * stride);
  s.analog.resize(blocks * stride);
  s.largest.resize(blocks);
  s.rows.resize(blocks);
  s.out.assign(blocks, y.data());

  seen.input = max_abs(x);
  const float step = dac_step(seen.input);
  const std::span<std::int8_t> codes(s.codes.data(), x.size());
  if (step > 0) quantise(x, 1 / step, converter_levels(periphery_.dac_bits), codes);
  const SquaredCodes squared = noisy_ ? square_codes(codes, 0, key.dither(read), s.squares.data()) : SquaredCodes{};
  const DigitScale& scale = digits_.scale();
  const float squared_step = step * step * squared.step;
  const DigitPanels panels = digits_.panels(0, static_cast<int>(padded_rows / 4));
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto block = static_cast<int>(b);
    const bool any_negative = gather_groups(block, s);
    quad_product(panels, {s.group, s.positive, s.negative, s.squared, any_negative}, s.sum.data() + b * stride,
                 noisy_ ? s.variance.data() + b * stride : nullptr);
    std::int32_t sum_of_squares = 0;
    sum_pixels(s.squares.data(), 0, static_cast<std::size_t>(block_begin(block)),
               static_cast<std::size_t>(block_size(block)), {&sum_of_squares, 1});
    const auto& counter = key.stream(block, read).counter;
    s.rows[b] = {nullptr,
                 {0, counter[0], counter[1], counter[2]},
                 step * scale.weight_step,
                 squared_step * scale.variance_step,
                 squared_step * scale.variance_middle * static_cast<float>(sum_of_squares)};
  }
  const AnalogSums sums{s.sum.data(), noisy_ ? s.variance.data() : nullptr, static_cast<int>(y.size()), key.words()};
  analog_of_sums(sums, s.rows, s.analog.data(), stride, s.largest.data());
  seen.output = *std::max_element(s.largest.begin(), s.largest.end());

  const OutputRun all{0, static_cast<std::int32_t>(y.size()), 0};
  OutputConversion conversion = this->conversion();
  conversion.factor = factor;
  conversion.runs = {&all, 1};
  const std::span<float* const> out(s.out);
  convert_outputs(conversion, s.analog.data(), stride, s.largest.data(), out.first(1));
  conversion.accumulate = true;
  convert_outputs(conversion, s.analog.data() + stride, stride, s.largest.data() + 1, out.subspan(1));
}

void ArrayReader::count(std::size_t vectors, std::size_t blocks, Counters& counters) const {
  const std::uint64_t n = vectors;
  const auto column_blocks = static_cast<std::uint64_t>((columns_ + block_columns_ - 1) / block_columns_);
  counters.mvm += n * blocks * column_blocks;
  counters.crossing_reads += n * static_cast<std::uint64_t>(rows_) * static_cast<std::uint64_t>(columns_);
  if (periphery_.dac_bits > 0) counters.dac_conversions += n * static_cast<std::uint64_t>(rows_) * column_blocks;
  if (periphery_.adc_bits > 0) counters.adc_conversions += n * static_cast<std::uint64_t>(columns_) * blocks;
}

}  // namespace ohmic
