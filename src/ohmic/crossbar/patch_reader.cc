#include "ohmic/crossbar/patch_reader.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "ohmic/core/cipher_random.h"
#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/padded_image.h"
#include "ohmic/crossbar/target_lines.h"

namespace ohmic {
namespace {

constexpr std::size_t kRowsPerChunk = 256;  // from which more samples in one chunk gain nothing
// Rows read side by side: many if they are short or the digits come from far away, else their outputs stay in the
// first-level cache.
constexpr std::size_t kFewRows = 8, kManyRows = 64, kFewOutputs = 2048;
constexpr std::size_t kManyFromBytes = 1 << 20;  // about a second-level cache

// Tile registers want as many rows as keep them busy for a while; so many outputs stay in the second-level cache.
constexpr std::size_t kTileOutputs = 32768, kMostTileRows = 1024;

std::size_t rows_at_once(const DigitMatrix& digits) {
  const auto columns = static_cast<std::size_t>(digits.columns());
  if (wants_many_rows(digits.panels(0, (digits.rows() + 3) / 4)))
    return std::clamp(kTileOutputs / columns / 16 * 16, kManyRows, kMostTileRows);
  if (digits.bytes() >= kManyFromBytes) return kManyRows;
  return std::clamp(kFewOutputs / columns / kFewRows * kFewRows, kFewRows, kManyRows);
}

// From one allocation to another.
std::ptrdiff_t address_distance(const std::uint8_t* from, const std::uint8_t* to) {
  return static_cast<std::ptrdiff_t>(reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from));
}

std::size_t up_to_four(int n) { return (static_cast<std::size_t>(n) + 3) / 4 * 4; }

}  // namespace

std::vector<PatchBlock> patch_blocks(const PatchShape& shape, int array_rows) {
  std::vector<PatchBlock> blocks;
  for (int row = 0; row < shape.patch_size(); row += array_rows) {
    blocks.push_back({row, std::min(row + array_rows, shape.patch_size())});
  }
  return blocks;
}

namespace {

// The channels [first, end) of one kernel position.
struct ChannelRange {
  int kernel, first, end;

  // Groups of four channels begin at multiples of four.
  int first_group() const { return first / 4 * 4; }
  int groups() const { return (end - first_group() + 3) / 4; }
};

// Calls f(range) for each kernel position that a block touches.
template <class F>
void each_range(const PatchBlock& block, int channels, const F& f) {
  for (int row = block.first; row < block.end;) {
    const int kernel = row / channels, end = std::min(block.end, (kernel + 1) * channels);
    f(ChannelRange{kernel, row - kernel * channels, end - kernel * channels});
    row = end;
  }
}

}  // namespace

// One call of `read`, seen by all threads.
struct PatchReader::Job {
  ArrayReader& array;
  const SampleBatch& x;
  const PatchShape& in;
  const PatchShape* into;
  MatrixView<float> y;
  CodeImages& codes;
  const ReadKey& key;
  std::span<FullScales> seen;
  std::vector<std::size_t> position_pixel;               ///< in the image of `in`, where each patch begins
  std::vector<std::size_t> kernel_pixel;                 ///< of each kernel position, from there
  std::vector<std::vector<std::int32_t>> group_offsets;  ///< per block: bytes from the first pixel of a patch
  std::vector<OutputRun> whole;                          ///< all of one position's outputs
  std::vector<OutputRun> runs;                           ///< the same, or by where they lie in the image of `into`
  OutputConversion conversion{};
  const FinishRows& finish;
  bool is_added;

  std::size_t columns() const { return static_cast<std::size_t>(array.digits().columns()); }
  std::size_t positions() const { return position_pixel.size(); }
};

// What the rows of one sample at one block share.
struct PatchReader::SampleAtBlock {
  const std::uint8_t* codes;
  std::array<std::uint32_t, 3> counter;
  float mean_scale, variance_scale, offset_scale;
  const std::int32_t* window_sums;
};

// Buffers of one thread, kept from call to call.
struct PatchReader::Scratch {
  AlignedVector<std::uint8_t> bytes;           // of one sample, side by side
  AlignedVector<std::uint8_t> squares;         // samples x padded squares
  std::vector<float> steps, square_steps;      // per sample
  std::vector<std::int32_t> pixel_sums;        // of squares, of one sample
  std::vector<std::int32_t> part_sums;         // the same of some channels
  std::vector<std::int32_t> window_sums;       // of squares: blocks x samples x positions
  AlignedVector<float> analog, sums, largest;  // rows read side by side
  std::vector<PatchRow> rows;
  std::vector<float*> out;
  std::vector<SampleAtBlock> samples;  // blocks x samples
  TargetLines targets;                 // of `into`
  std::size_t stride = 0;              // from one row's outputs to the next

  // Outputs go to `to`, each row's `step` further on.
  void aim(float* to, std::size_t step, std::size_t count) {
    out.resize(count);
    for (float*& row : out) row = std::exchange(to, to + step);
  }

  void resize_rows(std::size_t count, std::size_t columns) {
    stride = (columns + DigitPanels::kColumns - 1) / DigitPanels::kColumns * DigitPanels::kColumns;
    analog.resize(count * stride);
    sums.resize(count * stride);
    largest.resize(count);
  }
};

namespace {

std::vector<std::int32_t> group_offsets_of(const PatchBlock& block, int channels, std::size_t pixel_bytes,
                                           std::span<const std::size_t> kernel_pixel) {
  std::vector<std::int32_t> offsets;
  each_range(block, channels, [&](const ChannelRange& range) {
    const auto pixel = static_cast<std::int32_t>(kernel_pixel[static_cast<std::size_t>(range.kernel)] * pixel_bytes);
    for (int g = 0; g < range.groups(); ++g) offsets.push_back(pixel + range.first_group() + 4 * g);
  });
  return offsets;
}

// A patch's values that lie next to each other in the image are one run.
std::vector<OutputRun> runs_of(const PatchShape& s, std::span<const std::size_t> kernel_pixel) {
  std::vector<OutputRun> runs;
  for (std::size_t k = 0; k < kernel_pixel.size(); ++k) {
    const auto to = static_cast<std::int32_t>(kernel_pixel[k]) * s.channels;
    if (!runs.empty() && runs.back().to + runs.back().length == to) {
      runs.back().length += s.channels;
    } else {
      runs.push_back({static_cast<std::int32_t>(k) * s.channels, s.channels, to});
    }
  }
  return runs;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- digits

// Where the channels are no multiple of 4, the groups of four rows begin anew at each kernel position. A group on the
// border of two blocks is in both of them, with the rows of the other one empty.
void PatchReader::regroup(const DigitMatrix& digits, const PatchShape& in) {
  std::vector<int> rows;  // of the matrix, in groups of four; -1: none
  for (const PatchBlock& block : blocks_) {
    each_range(block, in.channels, [&](const ChannelRange& range) {
      for (int c = range.first_group(); c < range.first_group() + 4 * range.groups(); ++c) {
        rows.push_back(c >= range.first && c < range.end ? range.kernel * in.channels + c : -1);
      }
    });
  }
  regrouped_.emplace(static_cast<int>(rows.size()), digits.columns(), digits.scale());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) continue;
    for (int j = 0; j < digits.columns(); ++j) regrouped_->set(static_cast<int>(i), j, digits.digits(rows[i], j));
  }
}

void PatchReader::prepare_digits(const DigitMatrix& digits, const PatchShape& in, int array_rows) {
  if (version_ == digits.version() && shape_ == in) return;
  shape_ = in;
  version_ = digits.version();
  blocks_ = patch_blocks(in, array_rows);
  regrouped_.reset();
  if (in.channels % 4 != 0 && in.kernel_height * in.kernel_width > 1) regroup(digits, in);
  block_groups_.assign(1, 0);
  for (const PatchBlock& block : blocks_) {
    int groups = 0;
    each_range(block, in.channels, [&](const ChannelRange& range) { groups += range.groups(); });
    block_groups_.push_back(block_groups_.back() + groups);
  }
  const auto width = static_cast<std::size_t>(digits.panels(0, 0).panels() * DigitPanels::kColumns);
  corrections_.resize(blocks_.size() * width);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    panel_corrections(panels_of(digits, b), corrections_.data() + b * width);
  }
}

DigitPanels PatchReader::panels_of(const DigitMatrix& digits, std::size_t block) const {
  const DigitMatrix& from = regrouped_ ? *regrouped_ : digits;
  return from.panels(block_groups_[block], block_groups_[block + 1] - block_groups_[block]);
}

void PatchReader::load_exact(const ArrayReader& array, const ExactCells& exact) {
  if (exact_version_ == array.digits().version()) return;
  const DigitMatrix& digits = array.digits();
  const std::size_t size = static_cast<std::size_t>(digits.rows()) * static_cast<std::size_t>(digits.columns());
  exact_weights_.resize(size);
  exact_variances_.resize(size);
  exact(exact_weights_, exact_variances_);
  exact_version_ = digits.version();
}

// ------------------------------------------------------------------------------------------------------------- images

// DAC codes of one sample into the CodeImages, squares into the scratch, as number `place` of the chunk.
void PatchReader::encode(const Job& job, std::size_t sample, std::size_t place, Scratch& s) const {
  const std::span<const float> x = job.x.sample(sample);
  const bool noisy = job.array.is_noisy();
  job.seen[sample].input = max_abs(x);
  const float step = job.array.dac_step(job.seen[sample].input);
  const ByteScale scale = ByteScale::of(step, converter_levels(job.array.periphery().dac_bits), job.seen[sample].input,
                                        noisy ? job.key.dither(job.key.first_read + sample) : 0);
  s.steps[place] = step;
  s.square_steps[place] = scale.square_step;
  job.codes.steps_[sample] = step;
  const std::span<std::uint8_t> codes = job.codes.codes_of(sample);
  std::uint8_t* const squares = noisy ? s.squares.data() + place * codes.size() : nullptr;
  s.bytes.resize(2 * x.size());
  encode_image(job.in, x, scale, s.bytes.data(), codes.data(), squares);
  if (!noisy) return;
  sum_windows(job, squares, place, s);
}

// The sums of squares over each position's rows of each block.
void PatchReader::sum_windows(const Job& job, const std::uint8_t* squares, std::size_t place, Scratch& s) const {
  const std::size_t positions = job.positions();
  const auto line = static_cast<std::size_t>(job.in.out_width());
  const auto stride = static_cast<std::size_t>(job.in.stride_x);
  const std::size_t pixel_bytes = job.codes.pixel_bytes();
  s.pixel_sums.resize(job.codes.pixels());
  s.part_sums.resize(job.codes.pixels());
  sum_pixels(squares, pixel_bytes, 0, static_cast<std::size_t>(job.in.channels), s.pixel_sums);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    std::int32_t* window = s.window_sums.data() + (b * s.steps.size() + place) * positions;
    std::fill_n(window, positions, 0);
    each_range(blocks_[b], job.in.channels, [&](const ChannelRange& range) {
      const bool is_whole = range.end - range.first == job.in.channels;
      if (!is_whole) {
        sum_pixels(squares, pixel_bytes, static_cast<std::size_t>(range.first),
                   static_cast<std::size_t>(range.end - range.first), s.part_sums);
      }
      const std::int32_t* const begin =
          (is_whole ? s.pixel_sums : s.part_sums).data() + job.kernel_pixel[static_cast<std::size_t>(range.kernel)];
      for (std::size_t p = 0; p < positions; p += line) {
        const std::int32_t* sums = begin + job.position_pixel[p];
        if (stride == 1) {
          for (std::size_t i = 0; i < line; ++i) window[p + i] += sums[i];
        } else {
          for (std::size_t i = 0; i < line; ++i) window[p + i] += sums[i * stride];
        }
      }
    });
  }
}

// ------------------------------------------------------------------------------------------------------------ reading

void PatchReader::prepare_samples(const Job& job, std::size_t begin, std::size_t samples, Scratch& s) const {
  const std::size_t image_bytes = job.codes.pixels() * job.codes.pixel_bytes();
  const DigitScale& scale = job.array.digits().scale();
  s.squares.resize(samples * image_bytes);
  s.steps.resize(samples);
  s.square_steps.resize(samples);
  s.window_sums.assign(blocks_.size() * samples * job.positions(), 0);
  s.samples.clear();
  for (std::size_t v = 0; v < samples; ++v) encode(job, begin + v, v, s);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    for (std::size_t v = 0; v < samples; ++v) {
      const float squared_step = s.steps[v] * s.steps[v] * s.square_steps[v];
      const std::uint64_t read = job.key.first_read + begin + v;
      s.samples.push_back({job.codes.codes_of(begin + v).data(), job.key.stream(static_cast<int>(b), read).counter,
                           s.steps[v] * scale.weight_step, squared_step * scale.variance_step,
                           squared_step * scale.variance_middle,
                           s.window_sums.data() + (b * samples + v) * job.positions()});
    }
  }
}

namespace {

// Calls f(done, here, group, place) for `count` things from number `first` on, in groups of `size`, for those of one
// group after the other: how many are done, how many follow, of which group, from which place in it on.
template <class F>
void each_stretch(std::size_t first, std::size_t count, std::size_t size, const F& f) {
  for (std::size_t done = 0; done < count;) {
    const std::size_t group = (first + done) / size, place = (first + done) % size;
    const std::size_t here = std::min(count - done, size - place);
    f(done, here, group, place);
    done += here;
  }
}

// The largest output of each sample.
void note_largest(std::size_t first, std::size_t count, std::size_t positions, std::span<const float> largest,
                  std::span<FullScales> seen) {
  each_stretch(first, count, positions, [&](std::size_t done, std::size_t here, std::size_t sample, std::size_t) {
    float& most = seen[sample].output;
    most = std::max(most, max_abs(largest.subspan(done, here)));
  });
}

}  // namespace

// The rows of s.rows, of the samples from `begin` on, through one block: s.analog and s.largest.
void PatchReader::read_rows(const Job& job, std::size_t block, std::size_t begin, Scratch& s) const {
  // The samples lie at the same distances in both.
  const std::ptrdiff_t to_squares = address_distance(job.codes.codes_of(begin).data(), s.squares.data());
  const PatchProduct product{panels_of(job.array.digits(), block), corrections_.data() + block * s.stride,
                             job.group_offsets[block].data(), job.array.is_noisy() ? to_squares : 0, job.key.words()};
  patch_analog(product, s.rows, s.analog.data(), s.stride, s.largest.data());
}

// The positions from `first` on of one sample at one block.
void PatchReader::fill_rows(const Job& job, const SampleAtBlock& sample, std::size_t first, std::span<PatchRow> rows) {
  const std::size_t pixel_bytes = job.codes.pixel_bytes();
  const auto counters = static_cast<std::uint32_t>(up_to_four(static_cast<int>(job.columns())) / 4);
  const SampleAtBlock s = sample;  // not behind a pointer that the rows might change
  auto counter = static_cast<std::uint32_t>(first) * counters;
  const std::size_t* pixel = job.position_pixel.data() + first;
  const std::int32_t* window = s.window_sums + first;
  for (PatchRow& row : rows) {
    row = {s.codes + *pixel++ * pixel_bytes,
           {counter, s.counter[0], s.counter[1], s.counter[2]},
           s.mean_scale,
           s.variance_scale,
           s.offset_scale * static_cast<float>(*window++)};
    counter += counters;
  }
}

void PatchReader::read_samples(const Job& job, std::size_t begin, std::size_t end) const {
  thread_local Scratch s;
  const std::size_t samples = end - begin;
  const std::size_t positions = job.positions();
  prepare_samples(job, begin, samples, s);
  const std::size_t most_rows = rows_at_once(job.array.digits());
  s.resize_rows(most_rows, job.columns());
  const bool scatter = job.into != nullptr;
  const bool direct = scatter && blocks_.size() == 1;  // converted where they fall, else summed up before
  if (scatter) s.targets.reshape(*job.into, job.is_added);
  OutputConversion conversion = job.conversion;
  conversion.runs = job.whole;
  for (std::size_t first = 0; first < samples * positions; first += most_rows) {
    const std::size_t count = std::min(most_rows, samples * positions - first);
    s.rows.resize(count);
    if (scatter) {
      s.aim(s.sums.data(), s.stride, count);
    } else {
      s.aim(job.y.data + (begin * positions + first) * job.columns(), job.columns(), count);
    }
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      each_stretch(first, count, positions,
                   [&](std::size_t done, std::size_t here, std::size_t sample, std::size_t position) {
                     fill_rows(job, s.samples[b * samples + sample], position, std::span(s.rows).subspan(done, here));
                   });
      read_rows(job, b, begin, s);
      note_largest(first, count, positions, s.largest, job.seen.subspan(begin));
      if (direct) continue;
      conversion.accumulate = b > 0;
      convert_outputs(conversion, s.analog.data(), s.stride, s.largest.data(), s.out);
    }
    if (direct) {
      add_to_lines(job, begin, first, count, job.conversion, s.analog.data(), s);
    } else if (scatter) {
      add_to_lines(job, begin, first, count, {AdcMode::off, 0, 0, {}, true}, s.sums.data(), s);
    } else if (job.finish) {
      job.finish(begin * positions + first, count, s.out[0]);
    }
  }
}

// The outputs of `count` positions of the samples from `begin` on, a row of `values` each, into the images of `into`.
void PatchReader::add_to_lines(const Job& job, std::size_t begin, std::size_t first, std::size_t count,
                               OutputConversion conversion, const float* values, Scratch& s) const {
  const PatchShape& into = *job.into;
  const auto height = static_cast<std::size_t>(into.out_height()), width = static_cast<std::size_t>(into.out_width());
  const auto step = static_cast<std::size_t>(into.stride_x) * static_cast<std::size_t>(into.channels);
  conversion.runs = job.runs;
  conversion.accumulate = true;
  each_stretch(first, count, width, [&](std::size_t done, std::size_t here, std::size_t line, std::size_t x) {
    const std::size_t sample = line / height, y = line % height;
    if (y == 0 && x == 0) s.targets.begin(job.y.row(begin + sample));
    s.aim(s.targets.open(static_cast<int>(y)) + x * step, step, here);
    convert_outputs(conversion, values + done * s.stride, s.stride, s.largest.data() + done, s.out);
    if (y + 1 == height && x + here == width) s.targets.finish();
  });
}

// Exact inputs: patches are copied out and multiplied in fp32.
void PatchReader::read_exact(const Job& job, std::size_t sample) const {
  const std::span<const float> x = job.x.sample(sample);
  job.seen[sample].input = max_abs(x);
  job.codes.steps_[sample] = 1;
  const auto channels = static_cast<std::size_t>(job.in.channels);
  const std::span<float> image = job.codes.values_of(sample);
  place_values(job.in, x, image);
  const std::size_t columns = job.columns();
  const bool noisy = job.array.is_noisy();
  std::vector<int> index;
  std::vector<float> value, squared, mean(columns), variance(columns), z(noisy ? columns : 0), sum(columns);
  OutputConversion conversion = job.conversion;
  conversion.runs = job.whole;
  TargetLines targets;
  if (job.into != nullptr) {
    targets.reshape(*job.into, job.is_added);
    targets.begin(job.y.row(sample));
  }
  for (std::size_t p = 0; p < job.positions(); ++p) {
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      index.clear();
      value.clear();
      squared.clear();
      each_range(blocks_[b], job.in.channels, [&](const ChannelRange& range) {
        const float* pixel =
            image.data() +
            (job.position_pixel[p] + job.kernel_pixel[static_cast<std::size_t>(range.kernel)]) * channels;
        for (int c = range.first; c < range.end; ++c) {
          if (pixel[c] == 0) continue;
          index.push_back(range.kernel * job.in.channels + c);
          value.push_back(pixel[c]);
          squared.push_back(pixel[c] * pixel[c]);
        }
      });
      weighted_row_sum(exact_weights_.data(), columns, index, value, mean);
      if (noisy) {
        weighted_row_sum(exact_variances_.data(), columns, index, squared, variance);
        const auto element = static_cast<std::uint32_t>(p * up_to_four(static_cast<int>(columns)));
        cipher_gaussians(job.key.stream(static_cast<int>(b), job.key.first_read + sample), element, z);
        for (std::size_t j = 0; j < columns; ++j) mean[j] += std::sqrt(std::max(variance[j], 0.0f)) * z[j];
      }
      const float largest = max_abs(mean);
      job.seen[sample].output = std::max(job.seen[sample].output, largest);
      conversion.accumulate = b > 0;
      float* const to[1] = {sum.data()};
      convert_outputs(conversion, mean.data(), columns, &largest, to);
    }
    if (job.into == nullptr) {
      std::copy(sum.begin(), sum.end(), job.y.row(sample).begin() + static_cast<std::ptrdiff_t>(p * columns));
    } else {
      const auto width = static_cast<std::size_t>(job.into->out_width());
      const auto step = static_cast<std::size_t>(job.into->stride_x) * static_cast<std::size_t>(job.into->channels);
      float* const to[1] = {targets.open(static_cast<int>(p / width)) + p % width * step};
      convert_outputs({AdcMode::off, 0, 0, job.runs, true}, sum.data(), columns, nullptr, to);
    }
  }
  if (job.into != nullptr) {
    targets.finish();
  } else if (job.finish) {
    job.finish(sample * job.positions(), job.positions(), job.y.row(sample).data());
  }
}

void PatchReader::encode_only(const ArrayReader& array, const SampleBatch& x, const PatchShape& in, CodeImages& codes) {
  const bool is_exact = array.periphery().dac_bits == 0;
  codes.reshape(x.rows(), in, is_exact);
  const int levels = converter_levels(array.periphery().dac_bits);
  parallel_chunks(x.rows(), 1, [&](std::size_t sample, std::size_t) {
    const std::span<const float> values = x.sample(sample);
    if (is_exact) {
      codes.steps_[sample] = 1;
      place_values(in, values, codes.values_of(sample));
      return;
    }
    const float largest = max_abs(values);
    codes.steps_[sample] = array.dac_step(largest);
    thread_local std::vector<std::uint8_t> scratch;
    scratch.resize(values.size());
    encode_image(in, values, ByteScale::of(codes.steps_[sample], levels, largest, 0), scratch.data(),
                 codes.codes_of(sample).data(), nullptr);
  });
}

void PatchReader::read(ArrayReader& array, const SampleBatch& x, const PatchShape& in, const PatchShape* into,
                       MatrixView<float> y, CodeImages& codes, const ReadKey& key, bool calibrate,
                       const ExactCells& exact, Counters& counters, float factor, const FinishRows& finish,
                       bool is_added) {
  const bool is_exact = array.periphery().dac_bits == 0;
  std::vector<FullScales> seen(x.rows());
  prepare_digits(array.digits(), in, array.block_rows());
  if (is_exact) load_exact(array, exact);
  codes.reshape(x.rows(), in, is_exact);
  Job job{array, x, in, into, y, codes, key, seen, {}, {}, {}, {}, {}, {}, finish, is_added};
  PixelOffsets offsets(in);
  job.position_pixel = std::move(offsets.position);
  job.kernel_pixel = std::move(offsets.kernel);
  for (const PatchBlock& block : blocks_) {
    job.group_offsets.push_back(group_offsets_of(block, in.channels, codes.pixel_bytes(), job.kernel_pixel));
  }
  job.whole = {{0, array.digits().columns(), 0}};
  if (into != nullptr) {
    job.runs = runs_of(*into, PixelOffsets(*into).kernel);
  } else {
    job.runs = job.whole;
  }
  job.conversion = array.conversion();
  job.conversion.factor = factor;
  if (is_exact) {
    parallel_chunks(x.rows(), 1, [&](std::size_t begin, std::size_t) { read_exact(job, begin); });
  } else {
    const auto threads = static_cast<std::size_t>(thread_count());
    const std::size_t share = (x.rows() + threads - 1) / threads;
    const std::size_t chunk =
        std::clamp<std::size_t>(kRowsPerChunk / job.positions(), 1, std::max<std::size_t>(share, 1));
    parallel_chunks(x.rows(), chunk, [&](std::size_t begin, std::size_t end) { read_samples(job, begin, end); });
  }
  if (calibrate) array.observe(seen);
  array.count(x.rows() * job.positions(), blocks_.size(), counters);
}

std::size_t PatchReader::bytes() const {
  return (regrouped_ ? regrouped_->bytes() : 0) + corrections_.capacity() * sizeof(std::int32_t) +
         (exact_weights_.capacity() + exact_variances_.capacity()) * sizeof(float);
}

}  // namespace ohmic
