#include "ohmic/cost/array_energy.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "ohmic/crossbar/converter.h"
#include "ohmic/network/layer.h"

namespace ohmic {
namespace {

constexpr int kCodeOffset = 128;  // codes are kept as bytes from 0 on

// The drive of each of 256 bytes.
std::array<double, 256> drive_table(int full, InputCoding coding) {
  std::array<double, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    table[static_cast<std::size_t>(byte)] = drive_of_code(byte - kCodeOffset, full, coding);
  }
  return table;
}

}  // namespace

double drive_of_code(int code, int full, InputCoding coding) {
  const auto magnitude = static_cast<unsigned>(std::abs(code));
  const double share = static_cast<double>(magnitude) / full;
  switch (coding) {
    case InputCoding::pulse_width:
      return share;
    case InputCoding::amplitude:
      return share * share;
    case InputCoding::bit_serial:
      return static_cast<double>(std::popcount(magnitude)) / std::bit_width(static_cast<unsigned>(full));
  }
  return share;
}

std::vector<double> row_conductances_us(const Tile& tile) {
  std::vector<double> rows(static_cast<std::size_t>(tile.inputs()), 0.0);
  const auto columns = static_cast<std::uint32_t>(tile.outputs());
  const std::uint32_t crossings = static_cast<std::uint32_t>(tile.inputs()) * columns;
  const int sides = tile.cells().is_single() ? 1 : 2;
  for (std::uint32_t unit = 0; unit < tile.pairs().size(); ++unit) {
    double& row = rows[unit % crossings / columns];
    for (int side = 0; side < sides; ++side) row += static_cast<double>(tile.conductance_us(unit, side));
  }
  return rows;
}

ActivityMeter::ActivityMeter(Graph& graph, const Technology& technology) : technology_(technology.spec()) {
  for (WeightMatrix* matrix : graph.weight_matrices()) {
    auto* analog = dynamic_cast<AnalogWeights*>(matrix->weights.get());
    if (analog == nullptr || analog->tile().spec().periphery.dac_bits == 0) continue;
    watched_.push_back({matrix->name, &analog->tile(), row_conductances_us(analog->tile()), {}, 0, 0});
  }
  for (Watched& watched : watched_) {
    watched.tile->set_read_observer(
        [this, &watched](MatrixView<const float> x, const PatchShape& shape) { watch(watched, x, shape); });
  }
}

ActivityMeter::~ActivityMeter() {
  for (Watched& watched : watched_) watched.tile->set_read_observer({});
}

void ActivityMeter::watch(Watched& watched, MatrixView<const float> x, const PatchShape& shape) {
  // An image's patches; vectors that are scattered are images of pixels, each with all rows.
  watched.tile->encode_images(Direction::forward, x, shape, watched.codes);
  const int full = converter_levels(static_cast<int>(watched.tile->spec().periphery.dac_bits));
  const auto drive = drive_table(full, technology_.input_coding);
  const PixelOffsets offsets(shape);
  const CodeImages& codes = watched.codes;
  const auto channels = static_cast<std::size_t>(codes.channels());
  for (std::size_t sample = 0; sample < codes.samples(); ++sample) {
    const std::span<const std::uint8_t> bytes = codes.codes(sample);
    for (const std::size_t position : offsets.position) {
      double sum = 0;
      const double* row = watched.rows_us.data();
      for (const std::size_t kernel : offsets.kernel) {
        const std::uint8_t* pixel = bytes.data() + (position + kernel) * codes.pixel_bytes();
        for (std::size_t c = 0; c < channels; ++c) sum += drive[pixel[c]] * *row++;
      }
      watched.driven_us += sum;
    }
    watched.reads += static_cast<double>(offsets.position.size());
  }
}

std::vector<MeasuredActivity> ActivityMeter::result() const {
  std::vector<MeasuredActivity> all;
  for (const Watched& w : watched_) {
    if (w.reads == 0) continue;
    const double cells = static_cast<double>(w.tile->pairs().size()) * (w.tile->cells().is_single() ? 1 : 2);
    const double full_us = cells * technology_.cell_conductance_us;
    const double held_us = std::accumulate(w.rows_us.begin(), w.rows_us.end(), 0.0);
    all.push_back({w.name, w.driven_us / w.reads / full_us, held_us / full_us});
  }
  return all;
}

}  // namespace ohmic
