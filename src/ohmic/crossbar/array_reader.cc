#include "ohmic/crossbar/array_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ohmic/core/cpu.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

constexpr std::size_t kPadding = 32;                   // read_out loads whole vectors
constexpr std::uint32_t kDitherElement = 0xffffffe0u;  // an element of the read's stream that no output uses
constexpr std::size_t kBatchFrom = 16;                 // vectors from which the batched product pays

std::size_t padded(int columns) { return (static_cast<std::size_t>(columns) + kPadding - 1) / kPadding * kPadding; }

RandomStream noise_stream(const ReadKey& key, int block, std::uint64_t read) {
  return {key.seed, key.purpose, (key.unit << 10) | static_cast<std::uint32_t>(key.first_block + block), read};
}

// oneDNN where it has matrix units (AMX) or where there are no byte products; our own kernel in between, because it
// takes the digits as they lie.
BatchPath fastest_batch_path() {
  return cpu_has(CpuFeature::avx512_vnni) && !cpu_has(CpuFeature::amx) ? BatchPath::quads : BatchPath::onednn;
}

}  // namespace

// Buffers of one thread, kept from call to call.
struct ArrayReader::Scratch {
  std::vector<std::int8_t> codes;
  std::vector<std::uint8_t> squares;
  std::vector<std::int32_t> group, sum, variance;
  std::vector<std::uint32_t> positive, negative, squared;

  void clear_groups() {
    group.clear();
    positive.clear();
    negative.clear();
    squared.clear();
  }
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
      batch_path_(fastest_batch_path()),
      digits_(rows, columns, scale) {}

void ArrayReader::read(MatrixView<const float> x, MatrixView<float> y, const ReadKey& key, bool calibrate,
                       Counters& counters, const ExactCells& exact) {
  OHMIC_EXPECT(x.columns == static_cast<std::size_t>(rows_) && y.columns == static_cast<std::size_t>(columns_));
  std::vector<Observed> seen(x.rows);
  if (periphery_.dac_bits == 0) {
    load_exact(exact);
    parallel_chunks(x.rows, 8, [&](std::size_t begin, std::size_t end) {
      for (std::size_t v = begin; v < end; ++v) read_exact(x.row(v), y.row(v), key, key.first_read + v, seen[v]);
    });
  } else if (x.rows < kBatchFrom) {
    for (std::size_t v = 0; v < x.rows; ++v) read_one(x.row(v), y.row(v), key, key.first_read + v, seen[v]);
  } else {
    if (batch_path_ == BatchPath::onednn) load_batch_products();
    parallel_chunks(x.rows, vectors_per_chunk(x.rows),
                    [&](std::size_t begin, std::size_t end) { read_chunk(x, y, begin, end, key, seen); });
  }
  if (calibrate) {
    for (const Observed& o : seen) {
      dac_range_.observe(o.input);
      adc_range_.observe(o.output);
    }
  }
  count(x.rows, static_cast<std::size_t>(block_count()), counters);
}

// Our own kernel copies its panels once per chunk, so it likes large ones, but every thread should have one; oneDNN's
// is made for one size.
std::size_t ArrayReader::vectors_per_chunk(std::size_t vectors) const {
  constexpr std::size_t kLeast = 16, kMost = 256;
  if (batch_path_ == BatchPath::onednn) return BatchProduct::kVectors;
  const auto threads = static_cast<std::size_t>(thread_count());
  return std::clamp<std::size_t>(((vectors + threads - 1) / threads + 3) / 4 * 4, kLeast, kMost);
}

float ArrayReader::input_step(std::span<const float> x, Observed& seen) const {
  seen.input = max_abs(x);
  const float full_scale = dac_range_.own_scale() ? seen.input : dac_range_.full_scale();
  return full_scale / static_cast<float>(converter_levels(periphery_.dac_bits));
}

SquaredCodes ArrayReader::square(int block, std::span<const std::int8_t> codes, const ReadKey& key, std::uint64_t read,
                                 std::uint8_t* squares) const {
  const std::uint32_t random = random_word(noise_stream(key, block, read), kDitherElement);
  return square_codes(codes, static_cast<std::size_t>(block_begin(block)), random, squares);
}

// Gathers the groups of four rows that are not all zero; returns whether any code is negative.
bool ArrayReader::gather_groups(int block, Scratch& s) const {
  s.clear_groups();
  bool any_negative = false;
  const int end = block_begin(block) + block_size(block);
  for (int row = block_begin(block); row < end; row += 4) {
    std::uint32_t word;
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
    s.group.push_back(row / 4);
    s.positive.push_back(word);
    s.negative.push_back(negative);
    if (noisy_) {
      std::uint32_t squared;
      std::memcpy(&squared, s.squares.data() + row, 4);
      s.squared.push_back(squared);
    } else {
      s.squared.push_back(0);
    }
  }
  return any_negative;
}

void ArrayReader::read_one(std::span<const float> x, std::span<float> y, const ReadKey& key, std::uint64_t read,
                           Observed& seen) const {
  thread_local Scratch s;
  const std::size_t padded_rows = (static_cast<std::size_t>(rows_) + 3) / 4 * 4;
  s.codes.assign(padded_rows, 0);
  s.squares.assign(padded_rows, 0);
  s.sum.resize(padded(columns_));
  s.variance.resize(padded(columns_));
  const float step = input_step(x, seen);
  if (step > 0) quantise(x, 1 / step, converter_levels(periphery_.dac_bits), s.codes);
  for (int block = 0; block < block_count(); ++block) {
    const auto first = static_cast<std::size_t>(block_begin(block));
    const std::span<const std::int8_t> codes(s.codes.data() + first, static_cast<std::size_t>(block_size(block)));
    const SquaredCodes squared = noisy_ ? square(block, codes, key, read, s.squares.data() + first) : SquaredCodes{};
    const bool any_negative = gather_groups(block, s);
    QuadMatrix quads = digits_.quads();
    if (!noisy_) quads.variance = nullptr;
    quad_product(quads, {s.group, s.positive, s.negative, s.squared, any_negative}, s.sum.data(), s.variance.data());
    const Sums sums{s.sum.data(), noisy_ ? s.variance.data() : nullptr};
    seen.output = std::max(seen.output, convert(block, sums, step, squared, key, read, y));
  }
}

void ArrayReader::read_chunk(MatrixView<const float> x, MatrixView<float> y, std::size_t begin, std::size_t end,
                             const ReadKey& key, std::span<Observed> seen) const {
  thread_local Scratch s;
  const std::size_t vectors = end - begin;
  const auto columns = static_cast<std::size_t>(columns_);
  std::vector<float> steps(vectors);
  std::vector<SquaredCodes> squared(vectors);
  for (std::size_t v = 0; v < vectors; ++v) steps[v] = input_step(x.row(begin + v), seen[begin + v]);
  const std::size_t room = vectors_per_chunk(x.rows);
  s.sum.resize(room * columns + kPadding);
  s.variance.resize(room * columns + kPadding);
  for (int block = 0; block < block_count(); ++block) {
    const auto first = static_cast<std::size_t>(block_begin(block));
    const auto size = static_cast<std::size_t>(block_size(block));
    const std::size_t stride = batch_path_ == BatchPath::quads ? (size + 3) / 4 * 4 : size;
    s.codes.assign(room * stride, 0);
    s.squares.assign(room * stride, 0);
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::span<std::int8_t> codes(s.codes.data() + v * stride, size);
      if (steps[v] > 0) {
        quantise(x.row(begin + v).subspan(first, size), 1 / steps[v], converter_levels(periphery_.dac_bits), codes);
      }
      if (noisy_) squared[v] = square(block, codes, key, key.first_read + begin + v, s.squares.data() + v * stride);
    }
    multiply(block, static_cast<int>(vectors), s);
    for (std::size_t v = 0; v < vectors; ++v) {
      const Sums sums{s.sum.data() + v * columns, noisy_ ? s.variance.data() + v * columns : nullptr};
      const float largest =
          convert(block, sums, steps[v], squared[v], key, key.first_read + begin + v, y.row(begin + v));
      seen[begin + v].output = std::max(seen[begin + v].output, largest);
    }
  }
}

void ArrayReader::multiply(int block, int vectors, Scratch& s) const {
  const std::uint8_t* squares = noisy_ ? s.squares.data() : nullptr;
  if (batch_path_ == BatchPath::quads) {
    QuadMatrix quads = digits_.quads();
    if (!noisy_) quads.variance = nullptr;
    const QuadBatch batch{block_begin(block) / 4, (block_size(block) + 3) / 4, vectors, s.codes.data(), squares};
    quad_batch_product(quads, batch, s.sum.data(), s.variance.data());
  } else {
    batch_products_[static_cast<std::size_t>(block)].multiply(s.codes.data(), squares, s.sum.data(), s.variance.data());
  }
}

float ArrayReader::convert(int block, const Sums& sums, float step, const SquaredCodes& squared, const ReadKey& key,
                           std::uint64_t read, std::span<float> y) const {
  const DigitScale& scale = digits_.scale();
  const RandomStream stream = noise_stream(key, block, read);
  const float squared_step = step * step * squared.step;
  Readout r{};
  r.sum = sums.sum;
  r.variance = sums.variance;
  r.count = y.size();
  r.mean_scale = step * scale.weight_step;
  r.variance_scale = squared_step * scale.variance_step;
  r.variance_offset = squared_step * scale.variance_middle * static_cast<float>(squared.sum);
  r.noise = noisy_ ? &stream : nullptr;
  r.adc = periphery_.adc_bits == 0 ? AdcMode::off : adc_range_.own_scale() ? AdcMode::per_vector : AdcMode::fixed;
  r.adc_range = adc_range_.full_scale();
  r.adc_levels = converter_levels(periphery_.adc_bits);
  r.accumulate = block > 0;
  r.out = y.data();
  return read_out(r);
}

void ArrayReader::read_exact(std::span<const float> x, std::span<float> y, const ReadKey& key, std::uint64_t read,
                             Observed& seen) const {
  seen.input = max_abs(x);
  const auto columns = static_cast<std::size_t>(columns_);
  std::vector<int> index;
  std::vector<float> value, squared, mean(columns), variance(columns), z(noisy_ ? columns : 0);
  for (int block = 0; block < block_count(); ++block) {
    index.clear();
    value.clear();
    squared.clear();
    for (int row = block_begin(block); row < block_begin(block) + block_size(block); ++row) {
      const float v = x[static_cast<std::size_t>(row)];
      if (v == 0) continue;
      index.push_back(row);
      value.push_back(v);
      squared.push_back(v * v);
    }
    weighted_row_sum(exact_weights_.data(), columns, index, value, mean);
    if (noisy_) {
      weighted_row_sum(exact_variances_.data(), columns, index, squared, variance);
      gaussians(noise_stream(key, block, read), z);
      for (std::size_t j = 0; j < columns; ++j) mean[j] += std::sqrt(std::max(variance[j], 0.0f)) * z[j];
    }
    const float largest = max_abs(mean);
    seen.output = std::max(seen.output, largest);
    const float range = adc_range_.own_scale() ? largest : adc_range_.full_scale();
    const auto levels = static_cast<float>(converter_levels(periphery_.adc_bits));
    for (std::size_t j = 0; j < columns; ++j) {
      float out = mean[j];
      if (levels > 0 && range > 0)
        out = std::nearbyint(std::clamp(out * (levels / range), -levels, levels)) * (range / levels);
      y[j] = block > 0 ? y[j] + out : out;
    }
  }
}

void ArrayReader::count(std::size_t vectors, std::size_t blocks, Counters& counters) const {
  const std::uint64_t n = vectors;
  const auto column_blocks = static_cast<std::uint64_t>((columns_ + block_columns_ - 1) / block_columns_);
  counters.mvm += n * blocks * column_blocks;
  if (periphery_.dac_bits > 0) counters.dac_conversions += n * static_cast<std::uint64_t>(rows_) * column_blocks;
  if (periphery_.adc_bits > 0) counters.adc_conversions += n * static_cast<std::uint64_t>(columns_) * blocks;
}

void ArrayReader::load_batch_products() {
  if (batch_products_.empty()) {
    for (int b = 0; b < block_count(); ++b) batch_products_.emplace_back(block_begin(b), block_size(b), columns_);
  }
  for (BatchProduct& product : batch_products_) product.load(digits_);
}

void ArrayReader::load_exact(const ExactCells& exact) {
  if (exact_version_ == digits_.version()) return;
  exact_weights_.resize(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_));
  exact_variances_.resize(exact_weights_.size());
  exact_version_ = digits_.version();
  if (exact) {
    exact(exact_weights_, exact_variances_);
    return;
  }
  std::size_t at = 0;
  for (int i = 0; i < rows_; ++i) {
    for (int j = 0; j < columns_; ++j, ++at) {
      exact_weights_[at] = digits_.weight(i, j);
      exact_variances_[at] = digits_.variance(i, j);
    }
  }
}

std::size_t ArrayReader::bytes() const {
  std::size_t total = digits_.bytes() + (exact_weights_.capacity() + exact_variances_.capacity()) * sizeof(float);
  for (const BatchProduct& product : batch_products_) total += product.bytes();
  return total;
}

}  // namespace ohmic
