#include "ohmic/crossbar/reference/slow_reader.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/random.h"

namespace ohmic::reference {
namespace {

double largest(std::span<const double> values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

// A signed converter with full scale `range`: the nearest of 2 levels + 1 codes. No bits: exact.
double convert(double value, double range, std::int64_t bits) {
  if (bits == 0 || range == 0) return value;
  const double step = range / converter_levels(bits);
  return std::nearbyint(std::clamp(value, -range, range) / step) * step;
}

// What one read of one cell gives, in uS. References and broken lines make no noise.
double read_cell(const Tile& tile, std::uint32_t unit, int side, std::uint64_t noise_key, bool noise) {
  const double conductance = tile.conductance_us(unit, side);
  const bool is_reference = tile.cells().is_single() && side == 1;
  if (!noise || is_reference || conductance == 0) return conductance;
  const auto s = static_cast<std::size_t>(side);
  const CellPair& pair = tile.pairs()[unit];
  const double age = std::max(tile.cell().drift().min_age_s, tile.now_s() - static_cast<double>(pair.last_pulse_s[s]));
  const double stddev = tile.cell().read_noise().stddev_us(pair.conductance_us[s], conductance, age);
  const RandomStream stream(noise_key, Purpose::forward_read, 0, 0);
  return conductance + stddev * random_gaussian(stream, 2 * unit + static_cast<std::uint32_t>(side));
}

struct Direction {
  int rows, columns;  ///< of the product: rows take inputs
  std::int64_t block_rows;
  int row_stride, column_stride;  ///< crossing = row * row_stride + column * column_stride
};

// What one read of the units of one weight in one array gives, in weight units.
double read_weight(const Tile& tile, int array, std::uint32_t crossing, std::uint64_t noise_key, bool noise) {
  const LaneLayout& layout = tile.cells().layout();
  double weight = 0;
  for (int lane = layout.first_lane(array); lane < layout.first_lane(array + 1); ++lane) {
    const std::uint32_t unit = static_cast<std::uint32_t>(lane) * tile.cells().crossings() + crossing;
    const double difference = read_cell(tile, unit, 0, noise_key, noise) - read_cell(tile, unit, 1, noise_key, noise);
    weight += static_cast<double>(layout.share(lane)) * difference / tile.spec().synapse.weight_conductance_us;
  }
  return weight;
}

// The outputs of one array, all row blocks added.
std::vector<double> array_product(const Tile& tile, int array, std::span<const float> x, const Direction& d,
                                  std::uint64_t noise_key, bool noise) {
  const PeripherySpec& periphery = tile.spec().periphery;
  const std::vector<double> inputs(x.begin(), x.end());
  const double input_range = largest(inputs);
  std::vector<double> y(static_cast<std::size_t>(d.columns), 0.0);
  for (int begin = 0; begin < d.rows; begin += static_cast<int>(d.block_rows)) {
    const int end = std::min(d.rows, begin + static_cast<int>(d.block_rows));
    std::vector<double> analog(y.size(), 0.0);
    for (int row = begin; row < end; ++row) {
      const double code = convert(inputs[static_cast<std::size_t>(row)], input_range, periphery.dac_bits);
      for (int column = 0; column < d.columns; ++column) {
        const auto crossing = static_cast<std::uint32_t>(row * d.row_stride + column * d.column_stride);
        analog[static_cast<std::size_t>(column)] += code * read_weight(tile, array, crossing, noise_key, noise);
      }
    }
    const double output_range = largest(analog);
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += convert(analog[j], output_range, periphery.adc_bits);
  }
  return y;
}

std::vector<double> product(const Tile& tile, std::span<const float> x, const Direction& d, std::uint64_t noise_key,
                            bool noise) {
  std::vector<double> y(static_cast<std::size_t>(d.columns), 0.0);
  for (int array = 0; array < tile.cells().layout().arrays(); ++array) {
    const std::vector<double> part = array_product(tile, array, x, d, noise_key, noise);
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += tile.cells().layout().factor(array) * part[j];
  }
  return y;
}

}  // namespace

std::vector<double> slow_forward(const Tile& tile, std::span<const float> x, std::uint64_t noise_key, bool noise) {
  const Direction d{tile.inputs(), tile.outputs(), tile.spec().periphery.array_rows, tile.outputs(), 1};
  return product(tile, x, d, noise_key, noise);
}

std::vector<double> slow_backward(const Tile& tile, std::span<const float> x, std::uint64_t noise_key, bool noise) {
  const Direction d{tile.outputs(), tile.inputs(), tile.spec().periphery.array_columns, 1, tile.outputs()};
  return product(tile, x, d, noise_key, noise);
}

}  // namespace ohmic::reference
