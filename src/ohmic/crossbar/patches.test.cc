#include "ohmic/crossbar/patches.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/cpu.h"
#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/patch_reader.h"
#include "ohmic/crossbar/reference/slow_patches.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr const char* kInstructionSets[] = {"baseline", "avx2", "avx512", "avx512_vnni", "amx"};

struct Case {
  const char* name;
  PatchShape shape;
  int outputs;
  int array_rows = 256;
};

PatchShape square(int size, int channels, int kernel, int stride, int pad, int dilation = 1) {
  return {size, size, channels, kernel, kernel, stride, stride, pad, pad, pad, pad, dilation, dilation};
}

// Odd sizes, splits within and between kernel positions, columns beside multiples of 16.
std::vector<Case> cases() {
  return {
      {"3x3", square(8, 16, 3, 1, 1), 16},
      {"3x3 stride 2", square(9, 16, 3, 2, 1), 33},
      {"1x1 stride 2", square(8, 12, 1, 2, 0), 10},
      {"5x5", square(7, 8, 5, 1, 2), 16},
      {"7x7 stride 2", square(15, 3, 7, 2, 3), 10},
      {"three channels", square(6, 3, 3, 1, 1), 20},
      {"28 channels, 4 blocks", square(5, 28, 3, 1, 1), 10, 64},
      {"64 channels, 3 blocks", square(4, 64, 3, 1, 1), 33},
      {"300 channels, 2 ranges", square(3, 300, 1, 1, 0), 16},
      {"70 channels, blocks of 32 rows", square(3, 70, 2, 1, 0), 5, 32},
      {"56 channels, blocks within pixels", square(4, 56, 3, 1, 1), 10},
      {"9 channels, blocks within groups of four", square(5, 9, 3, 1, 1), 7, 20},
      {"dilation", square(9, 4, 3, 1, 2, 2), 16},
      {"asymmetric", {5, 7, 5, 2, 3, 1, 2, 0, 1, 1, 2, 2, 1}, 7},
      {"one position", square(1, 150, 1, 1, 0), 40, 64},
  };
}

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed, double zeros = 0.3) {
  Matrix x(rows, columns);
  for (std::size_t v = 0; v < rows; ++v) {
    const RandomStream stream(seed, Purpose::data_order, 0, v);
    for (std::uint32_t i = 0; i < columns; ++i) {
      x.row(v)[i] = random_uniform(stream, 2 * i) < zeros ? 0.0f : random_gaussian(stream, 2 * i + 1);
    }
  }
  return x;
}

ArrayReader make_array(int rows, int columns, int array_rows, const PeripherySpec& periphery, bool noisy) {
  ArrayReader array(rows, columns, array_rows, 256, periphery, {1e-4f, 1e-5f, 1.28e-3f}, noisy);
  const RandomStream stream(11, Purpose::data_order, 0, 0);
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      const std::uint32_t word = random_word(stream, static_cast<std::uint32_t>(i * columns + j));
      array.digits().set(i, j,
                         {static_cast<std::int8_t>(word % 255 - 127), static_cast<std::int8_t>(word >> 8),
                          static_cast<std::int8_t>(word >> 16)});
    }
  }
  return array;
}

PatchShape vectors_of(const PatchShape& shape, int width) {
  PatchShape s;
  s.height = shape.out_height();
  s.width = shape.out_width();
  s.channels = width;
  return s;
}

void expect_same(std::span<const float> a, std::span<const float> b, const std::string& where) {
  ASSERT_EQ(a.size(), b.size()) << where;
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i], b[i]) << where << ", value " << i;
}

const ExactCells kNoExactCells = [](std::span<float>, std::span<float>) {};

struct Setting {
  std::int64_t bits;
  bool noisy;
  RangeMode range;
};

class Patches : public testing::TestWithParam<Setting> {
 protected:
  void TearDown() override {
    limit_instruction_set("amx");
    set_thread_count(0);
  }
  PeripherySpec periphery() const {
    PeripherySpec p;
    p.dac_bits = p.adc_bits = GetParam().bits;
    p.dac_range = p.adc_range = GetParam().range;
    p.calibration_vectors = 3;
    return p;
  }
  static constexpr std::uint64_t kFirstRead = 40;
  const ReadKey key_{77, Purpose::forward_image_read, 5, kFirstRead, 0};
};

TEST_P(Patches, AreReadAsTheSlowReaderReadsThem) {
  for (const Case& c : cases()) {
    ArrayReader array = make_array(c.shape.patch_size(), c.outputs, c.array_rows, periphery(), GetParam().noisy);
    PatchReader reader;
    const auto columns = static_cast<std::size_t>(c.shape.positions() * c.outputs);
    const Matrix warm = random_matrix(3, c.shape.image_size(), 1), x = random_matrix(3, c.shape.image_size(), 2);
    Matrix y(3, columns);
    Counters counters;
    CodeImages codes;
    reader.read(array, warm.view(), c.shape, nullptr, y.view(), codes, key_, true, kNoExactCells, counters);
    std::vector<std::vector<float>> slow;
    for (std::size_t v = 0; v < x.rows(); ++v) {
      slow.push_back(
          reference::values_of(reference::slow_read_patches(array, x.row(v), c.shape, key_, kFirstRead + v)));
    }
    for (const char* isa : kInstructionSets) {
      limit_instruction_set(isa);
      std::fill(y.values().begin(), y.values().end(), -1.0f);
      reader.read(array, x.view(), c.shape, nullptr, y.view(), codes, key_, false, kNoExactCells, counters);
      for (std::size_t v = 0; v < x.rows(); ++v) expect_same(y.row(v), slow[v], std::string(c.name) + ", " + isa);
    }
  }
}

TEST_P(Patches, AreScatteredAsTheSlowReaderScattersThem) {
  for (const Case& c : cases()) {
    const PatchShape in = vectors_of(c.shape, c.outputs);
    const int array_rows = c.outputs > 32 ? 16 : 256;  // two cases with several blocks
    ArrayReader array = make_array(c.outputs, c.shape.patch_size(), array_rows, periphery(), GetParam().noisy);
    PatchReader reader;
    const Matrix warm = random_matrix(3, in.image_size(), 1), x = random_matrix(3, in.image_size(), 2);
    const Matrix there = random_matrix(3, c.shape.image_size(), 3);
    Matrix y(3, c.shape.image_size());
    Counters counters;
    CodeImages codes;
    reader.read(array, warm.view(), in, &c.shape, y.view(), codes, key_, true, kNoExactCells, counters);
    std::vector<std::vector<float>> slow;
    for (std::size_t v = 0; v < x.rows(); ++v) {
      const auto patches = reference::slow_read_patches(array, x.row(v), in, key_, kFirstRead + v);
      slow.push_back(reference::slow_scatter(patches, c.shape));
    }
    for (const char* isa : kInstructionSets) {
      limit_instruction_set(isa);
      std::fill(y.values().begin(), y.values().end(), -1.0f);
      reader.read(array, x.view(), in, &c.shape, y.view(), codes, key_, false, kNoExactCells, counters);
      for (std::size_t v = 0; v < x.rows(); ++v) expect_same(y.row(v), slow[v], std::string(c.name) + ", " + isa);
      std::copy(there.values().begin(), there.values().end(), y.values().begin());
      reader.read(array, x.view(), in, &c.shape, y.view(), codes, key_, false, kNoExactCells, counters, 1, {}, true);
      for (std::size_t v = 0; v < x.rows(); ++v) {
        std::vector<float> sum = slow[v];
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += there.row(v)[i];
        expect_same(y.row(v), sum, std::string(c.name) + ", added, " + isa);
      }
    }
  }
}

TEST_P(Patches, GradientIsTheSumOfTheSlowOne) {
  for (const Case& c : cases()) {
    const PatchShape in = vectors_of(c.shape, c.outputs);
    ArrayReader there = make_array(c.shape.patch_size(), c.outputs, c.array_rows, periphery(), false);
    ArrayReader back = make_array(c.outputs, c.shape.patch_size(), c.array_rows, periphery(), false);
    PatchReader reader, back_reader;
    const Matrix x = random_matrix(11, c.shape.image_size(), 1), d = random_matrix(11, in.image_size(), 2);
    Matrix y(11, static_cast<std::size_t>(c.shape.positions() * c.outputs)), dx(11, c.shape.image_size());
    Counters counters;
    CodeImages patches, vectors;
    reader.read(there, x.view(), c.shape, nullptr, y.view(), patches, key_, true, kNoExactCells, counters);
    back_reader.read(back, d.view(), in, &c.shape, dx.view(), vectors, key_, true, kNoExactCells, counters);
    std::vector<float> slow(static_cast<std::size_t>(c.shape.patch_size() * c.outputs), 0.0f);
    for (std::size_t v = 0; v < x.rows(); ++v) {
      const std::vector<int> image = reference::slow_codes(x.row(v), max_abs(x.row(v)), GetParam().bits);
      const std::vector<int> deltas = reference::slow_codes(d.row(v), max_abs(d.row(v)), GetParam().bits);
      const auto sums = reference::slow_patch_gradient(image, deltas, c.shape, c.outputs);
      const float step = patches.step(v) * vectors.step(v);
      for (std::size_t i = 0; i < slow.size(); ++i) slow[i] += static_cast<float>(sums[i]) * step;
    }
    for (const char* isa : kInstructionSets) {
      for (const int threads : {1, 2}) {
        limit_instruction_set(isa);
        set_thread_count(threads);
        Matrix gradient(static_cast<std::size_t>(c.shape.patch_size()), static_cast<std::size_t>(c.outputs));
        patch_gradient(patches, vectors, c.shape, gradient.view());
        expect_same(gradient.values(), slow, std::string(c.name) + ", " + isa);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, Patches,
                         testing::Values(Setting{8, false, RangeMode::per_vector},
                                         Setting{8, true, RangeMode::per_vector},
                                         Setting{6, true, RangeMode::per_layer},
                                         Setting{4, true, RangeMode::per_vector},
                                         Setting{5, false, RangeMode::per_layer}));

// ------------------------------------------------------------------------------------------------------------- tiles

TileSpec tile_spec(const Case& c) {
  TileSpec s;
  s.inputs = c.shape.patch_size();
  s.outputs = c.outputs;
  s.periphery.array_rows = c.array_rows;
  s.periphery.array_columns = 32;
  return s;
}

std::shared_ptr<const CellModel> cell(const std::string& name) { return load_cell_preset(name)->make(); }

struct Pass {
  Matrix y, dx, gradient;
};

// Forward, backward and gradient of a convolution.
Pass convolve(Tile& tile, const PatchShape& shape, const Matrix& x, const Matrix& d, std::uint64_t first_read) {
  Pass p;
  p.y.resize(x.rows(), static_cast<std::size_t>(shape.positions() * tile.outputs()));
  p.dx.resize(x.rows(), shape.image_size());
  p.gradient.resize(static_cast<std::size_t>(tile.inputs()), static_cast<std::size_t>(tile.outputs()));
  CodeImages patches, vectors;
  tile.read_patches(Direction::forward, x.view(), shape, p.y.view(), patches, first_read);
  tile.read_and_scatter(Direction::backward, d.view(), shape, p.dx.view(), vectors, first_read);
  patch_gradient(patches, vectors, shape, p.gradient.view());
  return p;
}

bool same(const Matrix& a, const Matrix& b) {
  return std::equal(a.values().begin(), a.values().end(), b.values().begin(), b.values().end());
}

TEST(TileOfImages, ResultsDoNotDependOnThreadsInstructionSetOrBatch) {
  for (const Case& c : cases()) {
    const std::size_t outputs = vectors_of(c.shape, c.outputs).image_size();
    const Matrix x = random_matrix(19, c.shape.image_size(), 1), d = random_matrix(19, outputs, 2);
    Tile tile(tile_spec(c), cell("pcm"));
    const Pass all = convolve(tile, c.shape, x, d, 100);
    for (const char* isa : {"baseline", "avx512_vnni", "amx"}) {
      for (const int threads : {1, 2}) {
        limit_instruction_set(isa);
        set_thread_count(threads);
        const Pass again = convolve(tile, c.shape, x, d, 100);
        EXPECT_TRUE(same(again.y, all.y) && same(again.dx, all.dx) && same(again.gradient, all.gradient)) << c.name;
      }
    }
    set_thread_count(0);
    for (std::size_t v = 0; v < x.rows(); v += 6) {
      Matrix one(1, x.columns()), one_d(1, d.columns());
      std::copy(x.row(v).begin(), x.row(v).end(), one.row(0).begin());
      std::copy(d.row(v).begin(), d.row(v).end(), one_d.row(0).begin());
      const Pass alone = convolve(tile, c.shape, one, one_d, 100 + v);
      expect_same(alone.y.row(0), all.y.row(v), c.name);
      expect_same(alone.dx.row(0), all.dx.row(v), c.name);
    }
  }
}

double rms(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

void expect_near(std::span<const float> ours, std::span<const double> exact, const std::string& where) {
  const double allowed = 1e-4 * rms(exact);
  ASSERT_EQ(ours.size(), exact.size()) << where;
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], exact[i], allowed) << where << ", value " << i;
}

// A convolution and its gradients in double precision.
struct ExactPass {
  std::vector<double> y, dx, gradient;
};

ExactPass exact_convolution(const std::vector<double>& weights, const Case& c, const Matrix& x, const Matrix& d) {
  ExactPass p;
  const PatchShape& s = c.shape;
  const auto outputs = static_cast<std::size_t>(c.outputs);
  p.gradient.assign(weights.size(), 0.0);
  for (std::size_t v = 0; v < x.rows(); ++v) {
    std::vector<double> dx(s.image_size(), 0.0);
    for (int q = 0; q < s.positions(); ++q) {
      std::vector<double> y(outputs, 0.0);
      for (int k = 0; k < s.patch_size(); ++k) {
        const int i = reference::slow_patch_index(s, q / s.out_width(), q % s.out_width(), k);
        if (i < 0) continue;
        for (std::size_t j = 0; j < outputs; ++j) {
          const std::size_t w = static_cast<std::size_t>(k) * outputs + j;
          const double delta = d.row(v)[static_cast<std::size_t>(q) * outputs + j];
          y[j] += weights[w] * x.row(v)[static_cast<std::size_t>(i)];
          dx[static_cast<std::size_t>(i)] += weights[w] * delta;
          p.gradient[w] += delta * x.row(v)[static_cast<std::size_t>(i)];
        }
      }
      p.y.insert(p.y.end(), y.begin(), y.end());
    }
    p.dx.insert(p.dx.end(), dx.begin(), dx.end());
  }
  return p;
}

TEST(TileOfImages, WithoutConvertersIdealCellsGiveTheConvolution) {
  for (const Case& c : cases()) {
    TileSpec s = tile_spec(c);
    s.periphery.dac_bits = s.periphery.adc_bits = 0;
    Tile tile(s, cell("ideal"));
    const std::size_t outputs = vectors_of(c.shape, c.outputs).image_size();
    const Matrix x = random_matrix(3, c.shape.image_size(), 1), d = random_matrix(3, outputs, 2);
    std::vector<double> weights;
    for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(tile.inputs() * tile.outputs()); ++k) {
      weights.push_back((tile.conductance_us(k, 0) - tile.conductance_us(k, 1)) /
                        tile.spec().synapse.weight_conductance_us);
    }
    const Pass ours = convolve(tile, c.shape, x, d, 0);
    const ExactPass exact = exact_convolution(weights, c, x, d);
    expect_near(ours.y.values(), exact.y, std::string(c.name) + " forward");
    expect_near(ours.dx.values(), exact.dx, std::string(c.name) + " backward");
    expect_near(ours.gradient.values(), exact.gradient, std::string(c.name) + " gradient");
  }
}

// The transposed convolution is the same with the directions swapped: a tile with one input per vector entry.
TEST(TileOfImages, TransposedConvolutionsSwapTheDirections) {
  const Case c{"transposed", square(7, 6, 3, 2, 1), 20};
  TileSpec s = tile_spec(c);
  std::swap(s.inputs, s.outputs);
  s.periphery.dac_bits = s.periphery.adc_bits = 0;
  Tile tile(s, cell("ideal"));
  const std::size_t vectors_size = vectors_of(c.shape, c.outputs).image_size();
  const Matrix d = random_matrix(2, c.shape.image_size(), 1), x = random_matrix(2, vectors_size, 2);
  std::vector<double> weights;
  for (int k = 0; k < c.shape.patch_size(); ++k) {
    for (int j = 0; j < c.outputs; ++j) {
      const auto unit = static_cast<std::uint32_t>(j * c.shape.patch_size() + k);
      weights.push_back((tile.conductance_us(unit, 0) - tile.conductance_us(unit, 1)) /
                        s.synapse.weight_conductance_us);
    }
  }
  Matrix y(2, c.shape.image_size()), dx(2, vectors_size);
  CodeImages images, vectors;
  tile.read_and_scatter(Direction::forward, x.view(), c.shape, y.view(), vectors, 0);
  tile.read_patches(Direction::backward, d.view(), c.shape, dx.view(), images, 0);
  const ExactPass exact = exact_convolution(weights, c, d, x);
  expect_near(y.values(), exact.dx, "forward");
  expect_near(dx.values(), exact.y, "backward");
}

TEST(TileOfImages, SlicesAndCopiesAddUp) {
  const Case c{"slices", square(5, 4, 3, 1, 1), 6};
  TileSpec s = tile_spec(c);
  s.synapse.slices = 2;
  s.synapse.copies = 2;
  Tile tile(s, cell("ideal"));
  const Matrix x = random_matrix(2, c.shape.image_size(), 1), d = random_matrix(2, 150, 2);
  std::vector<double> weights;
  for (int k = 0; k < tile.inputs(); ++k) {
    for (int j = 0; j < tile.outputs(); ++j) weights.push_back(tile.effective_weight(k, j));
  }
  const Pass ours = convolve(tile, c.shape, x, d, 0);
  const ExactPass exact = exact_convolution(weights, c, x, d);
  // Codes of 8 bits on both sides: a few per cent of the largest output at most.
  const auto largest = [](std::span<const double> v) { return std::abs(*std::max_element(v.begin(), v.end())); };
  for (std::size_t i = 0; i < exact.y.size(); ++i) ASSERT_NEAR(ours.y.values()[i], exact.y[i], 0.03 * largest(exact.y));
  for (std::size_t i = 0; i < exact.dx.size(); ++i) {
    ASSERT_NEAR(ours.dx.values()[i], exact.dx[i], 0.05 * largest(exact.dx));
  }
}

TEST(TileOfImages, CountsProductsAndConversions) {
  const Case c{"counts", square(8, 64, 3, 1, 1), 40};
  Tile tile(tile_spec(c), cell("pcm"));
  const Matrix x = random_matrix(2, c.shape.image_size(), 1);
  const Matrix d = random_matrix(2, 64 * 40, 2);
  Matrix y(2, 64 * 40), dx(2, c.shape.image_size());
  CodeImages codes;
  tile.read_patches(Direction::forward, x.view(), c.shape, y.view(), codes, 0);
  // 576 rows are 3 blocks of at most 256, 40 columns are 2 blocks of 32.
  EXPECT_EQ(tile.counters().mvm, 2u * 64 * 3 * 2);
  EXPECT_EQ(tile.counters().dac_conversions, 2u * 64 * 576 * 2);
  EXPECT_EQ(tile.counters().adc_conversions, 2u * 64 * 40 * 3);
  tile.read_and_scatter(Direction::backward, d.view(), c.shape, dx.view(), codes, 0);
  // Back, 40 rows are 2 blocks of 32, 576 columns are 3 blocks of 256.
  EXPECT_EQ(tile.counters().mvm, 2u * 64 * 3 * 2 + 2u * 64 * 2 * 3);
  EXPECT_EQ(tile.counters().dac_conversions, 2u * 64 * 576 * 2 + 2u * 64 * 40 * 3);
  EXPECT_EQ(tile.counters().adc_conversions, 2u * 64 * 40 * 3 + 2u * 64 * 576 * 2);
}

TEST(TileOfImages, EveryReadPositionAndBlockHasItsOwnNoise) {
  Case c{"noise", square(4, 16, 3, 1, 1), 16};
  Tile tile(tile_spec(c), cell("pcm"));
  Matrix x(1, c.shape.image_size());
  std::fill(x.values().begin(), x.values().end(), 1.0f);
  Matrix y(1, 256), z(1, 256);
  CodeImages codes;
  tile.read_patches(Direction::forward, x.view(), c.shape, y.view(), codes, 0);
  tile.read_patches(Direction::forward, x.view(), c.shape, z.view(), codes, 1);
  EXPECT_FALSE(same(y, z));
  // The four inner positions have the same inputs.
  EXPECT_FALSE(std::equal(y.row(0).begin() + 5 * 16, y.row(0).begin() + 6 * 16, y.row(0).begin() + 6 * 16));
  tile.read_patches(Direction::forward, x.view(), c.shape, z.view(), codes, 0);
  EXPECT_TRUE(same(y, z));
}

// Mean and variance over 20000 reads against sums over the cells; errors beyond 5 standard errors, and 1.5 % of the
// variance for the two roundings of digit and square: one false alarm in 10^4 seeds.
TEST(TileOfImages, NoiseHasTheVarianceOfItsCells) {
  const Case c{"noise", square(3, 12, 3, 1, 1), 4};
  TileSpec s = tile_spec(c);
  s.periphery.adc_bits = 0;
  Tile tile(s, cell("pcm"));
  const Matrix one = random_matrix(1, c.shape.image_size(), 3, 0);
  constexpr std::size_t kReads = 20000;
  Matrix x(kReads, one.columns()), y(kReads, 9 * 4);
  for (std::size_t v = 0; v < kReads; ++v) std::copy(one.row(0).begin(), one.row(0).end(), x.row(v).begin());
  CodeImages codes;
  tile.read_patches(Direction::forward, x.view(), c.shape, y.view(), codes, 0);
  const std::vector<int> coded = reference::slow_codes(one.row(0), max_abs(one.row(0)), 8);
  const double step = codes.step(0);
  for (int p = 0; p < 9; ++p) {
    for (int j = 0; j < 4; ++j) {
      double mean = 0, variance = 0;
      for (int k = 0; k < tile.inputs(); ++k) {
        const int i = reference::slow_patch_index(c.shape, p / 3, p % 3, k);
        if (i < 0) continue;
        const double value = step * coded[static_cast<std::size_t>(i)];
        mean += value * tile.effective_weight(k, j);
        variance += value * value * tile.effective_variance(k, j);
      }
      double sum = 0, square_sum = 0;
      for (std::size_t v = 0; v < kReads; ++v) {
        const double deviation = y.row(v)[static_cast<std::size_t>(4 * p + j)] - mean;
        sum += deviation;
        square_sum += deviation * deviation;
      }
      EXPECT_NEAR(sum / kReads, 0, 5 * std::sqrt(variance / kReads));
      EXPECT_NEAR(square_sum / kReads / variance, 1, 5 * std::sqrt(2.0 / kReads) + 0.015);
    }
  }
}

TEST(TileOfImages, ZeroImagesGiveZeroOutputs) {
  const Case c{"zero", square(4, 4, 3, 1, 1), 4};
  Tile tile(tile_spec(c), cell("pcm"));
  const Matrix x(2, c.shape.image_size()), d(2, 64);
  const Pass p = convolve(tile, c.shape, x, d, 0);
  for (const Matrix* m : {&p.y, &p.dx, &p.gradient}) {
    for (const float v : m->values()) ASSERT_EQ(v, 0);
  }
}

TEST(PatchShape, RefusesWhatHasNoPositions) {
  EXPECT_THROW(check_patch_shape(square(2, 1, 5, 1, 1)), Error);
  EXPECT_THROW(check_patch_shape(square(4, 1, 3, 0, 1)), Error);
  EXPECT_THROW(check_patch_shape(square(4, 1, 3, 1, -1)), Error);
  EXPECT_NO_THROW(check_patch_shape(square(3, 1, 5, 1, 1)));
}

}  // namespace
}  // namespace ohmic
