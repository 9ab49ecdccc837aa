#include "ohmic/crossbar/synapse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "ohmic/core/cpu.h"
#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/reference/slow_reader.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr int kInputs = 50, kOutputs = 22;

std::shared_ptr<const CellModel> cell(const std::string& name) { return load_cell_preset(name)->make(); }

TileSpec spec(const SynapseSpec& synapse) {
  TileSpec s;
  s.inputs = kInputs;
  s.outputs = kOutputs;
  s.periphery.array_rows = 32;
  s.periphery.array_columns = 16;
  s.synapse = synapse;
  return s;
}

std::vector<SynapseSpec> synapses() {
  std::vector<SynapseSpec> all(6);
  all[1].kind = SynapseKind::single;
  all[2].cells = 3;
  all[3].cells = 3;
  all[3].cell_ratio = 2;
  all[4].slices = 2;
  all[5].copies = 3;
  all[5].kind = SynapseKind::single;
  return all;
}

std::string name_of(const SynapseSpec& s) {
  return fmt::format("{} cells {} ratio {} slices {} copies {}", kSynapseKinds[static_cast<std::size_t>(s.kind)],
                     s.cells, s.cell_ratio, s.slices, s.copies);
}

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed, float scale) {
  Matrix m(rows, columns);
  const RandomStream stream(seed, Purpose::data_order, 0, 0);
  for (std::uint32_t i = 0; i < m.values().size(); ++i) {
    m.values()[i] = scale * std::clamp(random_gaussian(stream, i), -2.0f, 2.0f);
  }
  return m;
}

ProgrammingSpec by(ProgrammingMethod method) {
  ProgrammingSpec s;
  s.method = method;
  return s;
}

std::vector<float> forward(Tile& tile, const Matrix& x, std::uint64_t first_read) {
  std::vector<float> y(x.rows() * kOutputs);
  tile.forward(x.view(), {y.data(), x.rows(), kOutputs}, first_read);
  return y;
}

double stddev_of_error(const Tile& tile, const Matrix& weights) {
  double squares = 0;
  for (int i = 0; i < kInputs; ++i) {
    for (int j = 0; j < kOutputs; ++j) {
      const double wanted = static_cast<double>(weights.row(static_cast<std::size_t>(i))[static_cast<std::size_t>(j)]);
      const double error = static_cast<double>(tile.effective_weight(i, j)) - wanted;
      squares += error * error / (kInputs * kOutputs);
    }
  }
  return std::sqrt(squares);
}

void scatter_pulses(Tile& tile, std::uint64_t steps, double seconds_per_step) {
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto crossing = static_cast<std::uint32_t>(step * 131 % (kInputs * kOutputs));
    tile.pulse(std::vector<PulseRequest>{{crossing, step % 3 == 0 ? -2 : 1}}, step);
    tile.advance_to(seconds_per_step * static_cast<double>(step + 1));
  }
}

// The converters' steps and the 16-bit fixed point are all that separates the two.
TEST(Synapse, ProductsAgreeWithTheSlowReaderForEverySynapse) {
  for (const SynapseSpec& synapse : synapses()) {
    for (const char* name : {"ideal", "pcm_inference"}) {
      TileSpec s = spec(synapse);
      s.periphery.dac_bits = s.periphery.adc_bits = 0;
      auto parameters = load_cell_preset(name);
      VariationSpec silent;
      silent.read_to_read = 0;
      Tile tile(s, with_variation(parameters->make(), silent));
      tile.age(1000);
      const Matrix x = random_matrix(2, kInputs, 3, 1);
      const std::vector<float> y = forward(tile, x, 0);
      for (std::size_t v = 0; v < 2; ++v) {
        const auto slow = reference::slow_forward(tile, x.row(v), 0, false);
        for (std::size_t j = 0; j < kOutputs; ++j) EXPECT_NEAR(y[v * kOutputs + j], slow[j], 0.02) << name_of(synapse);
      }
    }
  }
}

TEST(Synapse, ProgrammedWeightsComeBack) {
  const Matrix weights = random_matrix(kInputs, kOutputs, 4, 0.4f);
  for (const SynapseSpec& synapse : synapses()) {
    Tile exact(spec(synapse), cell("ideal"));
    exact.program(weights.view(), by(ProgrammingMethod::statistical), 0);
    EXPECT_LT(stddev_of_error(exact, weights), 4e-4) << name_of(synapse);
    // What each cell can reach: the conductance of a weight of 1 on a pair, on a single cell, and its reference.
    struct Range {
      const char* cell;
      double pair_us, single_us, reference_us;
    };
    for (const Range& range :
         {Range{"pcm", 9, 4, 4.5}, Range{"pcm_inference", 20, 9, 10}, Range{"rram_soft_bounds", 8, 4, 5}}) {
      SynapseSpec used = synapse;
      used.weight_conductance_us = synapse.kind == SynapseKind::single ? range.single_us : range.pair_us;
      used.reference_us = range.reference_us;
      ProgrammingSpec verify = by(ProgrammingMethod::verify);
      verify.most_iterations = 200;
      Tile tile(spec(used), cell(range.cell));
      const ProgrammingResult result = tile.program(weights.view(), verify, 0);
      EXPECT_GT(result.nonzero_converged, 0.97 * static_cast<double>(result.nonzero_cells))
          << range.cell << ", " << name_of(used);
      tile.age(tile.cell().drift().reference_age_s);
      // Errors are spread over the tolerance, 0.5 uS, on two cells; read noise hides a little more.
      EXPECT_LT(stddev_of_error(tile, weights), 0.75 / used.weight_conductance_us) << range.cell << name_of(used);
    }
  }
}

// The error of K independent cells falls as K^-1/2 (PHYSICS 8); a slice corrects the ones before it.
TEST(Synapse, MoreCellsCopiesAndSlicesMakeWeightsMorePrecise) {
  const Matrix weights = random_matrix(kInputs, kOutputs, 5, 0.4f);
  const auto error = [&](const SynapseSpec& synapse) {
    TileSpec s = spec(synapse);
    s.synapse.weight_conductance_us = 20;
    Tile tile(s, cell("pcm_inference"));
    tile.program(weights.view(), by(ProgrammingMethod::statistical), 0);
    return stddev_of_error(tile, weights);
  };
  SynapseSpec one, cells, copies, slices;
  cells.cells = 4;
  copies.copies = 4;
  slices.slices = 2;
  slices.slice_ratio = 8;
  // 1,100 weights: standard error of each root mean square 2 %; 5 standard errors of the ratio are 15 %.
  EXPECT_NEAR(error(cells) / error(one), 0.5, 0.075);
  EXPECT_NEAR(error(copies) / error(one), 0.5, 0.075);
  EXPECT_LT(error(slices), 0.25 * error(one));
}

TEST(Synapse, PulsesGoToTheCellsInTurn) {
  SynapseSpec synapse;
  synapse.cells = 3;
  synapse.depression_every = 2;
  synapse.initial_stddev_us = 0;
  synapse.initial_mean_us = 0;
  Tile tile(spec(synapse), cell("ideal"));
  const std::uint32_t crossings = kInputs * kOutputs;
  for (std::uint64_t step = 0; step < 4; ++step) tile.pulse(std::vector<PulseRequest>{{7, 1}}, step);
  EXPECT_NEAR(tile.conductance_us(7, 0), 2 * 0.768, 1e-5);  // pulses 0 and 3
  EXPECT_NEAR(tile.conductance_us(7 + crossings, 0), 0.768, 1e-5);
  EXPECT_NEAR(tile.conductance_us(7 + 2 * crossings, 0), 0.768, 1e-5);
  EXPECT_NEAR(tile.effective_weight(0, 7), 4 * 0.096 / 3, 1e-3);
  tile.pulse(std::vector<PulseRequest>{{9, -2}},
             4);  // of two depressions one is carried out, on the cell whose turn it is
  EXPECT_EQ(tile.conductance_us(9, 1), 0);
  EXPECT_NEAR(tile.conductance_us(9 + crossings, 1), 0.768, 1e-5);
  EXPECT_EQ(tile.counters().set_pulses, 5u);
}

TEST(Synapse, SingleCellsGoBothWays) {
  SynapseSpec synapse;
  synapse.kind = SynapseKind::single;
  synapse.initial_stddev_us = 0;
  Tile gradual(spec(synapse), cell("ideal"));
  gradual.pulse(std::vector<PulseRequest>{{3, 2}, {4, -1}}, 0);
  EXPECT_NEAR(gradual.effective_weight(0, 3), 2 * 0.096, 1e-3);
  EXPECT_NEAR(gradual.effective_weight(0, 4), -0.096, 1e-3);
  EXPECT_EQ(gradual.counters().depression_pulses, 1u);
  // Without small steps down only a RESET is left.
  Tile abrupt(spec(synapse), cell("pcm"));
  abrupt.pulse(std::vector<PulseRequest>{{4, -1}}, 0);
  EXPECT_LT(abrupt.effective_weight(0, 4), -0.95);
  EXPECT_EQ(abrupt.counters().reset_pulses, 1u);
}

TEST(Synapse, SlicedWeightsCannotBePulsed) {
  SynapseSpec synapse;
  synapse.slices = 2;
  Tile tile(spec(synapse), cell("pcm"));
  EXPECT_THROW(tile.pulse(std::vector<PulseRequest>{{0, 1}}, 0), Error);
}

// A tile saved and loaded has the same numbers and the same future, for every cell of the catalogue and every synapse.
TEST(Synapse, SavedAndLoadedStateGivesTheSameFuture) {
  const auto path = std::filesystem::temp_directory_path() / "ohmic_synapse_test.safetensors";
  const Matrix x = random_matrix(2, kInputs, 6, 1);
  for (const std::string& name : cell_preset_names()) {
    for (SynapseSpec synapse : synapses()) {
      synapse.slices = 1;
      TileSpec s = spec(synapse);
      s.faults = {0.01, 0.01, 0.02, 0.02};
      s.wires.model = synapse.cells == 3 ? WireModel::approximate : WireModel::none;
      Tile walked(s, cell(name));
      scatter_pulses(walked, 12, 13.7);
      walked.refresh(RefreshSpec{}, 0.768, 12);
      SafetensorsWriter out;
      walked.save("t", out);
      out.write(path);
      Tile loaded(s, cell(name));
      loaded.load("t", SafetensorsFile(path));
      for (Tile* tile : {&walked, &loaded}) {
        tile->pulse(std::vector<PulseRequest>{{3, 1}, {8, -1}}, 13);
        tile->advance_to(500);
        tile->age(1e5);
      }
      EXPECT_EQ(forward(walked, x, 9), forward(loaded, x, 9)) << name << ", " << name_of(synapse);
    }
  }
  std::filesystem::remove(path);
}

// The vector kernel and its remainder, one cell at a time and all at once, on every instruction set: the same bits.
TEST(CellArray, ValuesDoNotDependOnHowTheyAreAskedFor) {
  std::vector<float> first;
  for (const char* isa : {"baseline", "avx2", "avx512", "avx512_vnni", "amx"}) {
    limit_instruction_set(isa);
    Tile tile(spec({}), cell("pcm_inference"));
    tile.program(random_matrix(kInputs, kOutputs, 7, 0.4f).view(), by(ProgrammingMethod::statistical), 0);
    tile.age(12345);
    const std::size_t count = tile.pairs().size();
    std::vector<float> plus(count), minus(count), scrap(2 * count);
    tile.cells().values(0, count, {plus.data(), scrap.data()}, {minus.data(), scrap.data() + count});
    for (std::uint32_t u = 0; u < count; ++u) {
      ASSERT_EQ(tile.conductance_us(u, 0), plus[u]) << isa;
      ASSERT_EQ(tile.conductance_us(u, 1), minus[u]) << isa;
    }
    if (first.empty()) first = plus;
    EXPECT_EQ(plus, first) << isa;
  }
}

// Against the laws in double precision, exponent and noise of each cell.
TEST(CellArray, DriftAndNoiseFollowTheLaws) {
  TileSpec s = spec({});
  s.synapse.weight_conductance_us = 20;
  const auto model = cell("pcm_inference");
  Tile tile(s, model);
  tile.program(random_matrix(kInputs, kOutputs, 8, 0.4f).view(), by(ProgrammingMethod::statistical), 0);
  const RandomStream stream(s.seed, Purpose::drift_exponent, s.unit, 0);
  double age = 0;
  for (const double wait : {25.0, 3600.0, 86400.0, 3e7}) {
    tile.age(wait);
    age += wait;
    for (std::uint32_t u = 0; u < tile.pairs().size(); u += 7) {
      const double g = tile.pairs()[u].conductance_us[0];
      const double nu = model->drift().exponent_of(g, random_gaussian(stream, 2 * u));
      const double drifted = g * std::pow(age / 20, -nu);
      const CellArray::Value value = tile.cells().value(u, 0);
      ASSERT_NEAR(value.conductance_us, drifted, 1.1e-3 * drifted + 1e-6) << age;
      const double noise = model->read_noise().stddev_us(g, drifted, age);
      ASSERT_NEAR(std::sqrt(value.variance_us2), noise, 2.5e-3 * noise + 1e-6) << age;
    }
  }
}

TEST(Faults, StuckCellsAndDeadLinesStayWhereTheyAre) {
  TileSpec s = spec({});
  s.faults = {0.1, 0.05, 0.1, 0.05};
  const FaultMap::Shape shape{kInputs, kOutputs, 1, 32, 16};
  const FaultMap map(s.faults, shape, s.seed, s.unit);
  Tile tile(s, cell("pcm"));
  scatter_pulses(tile, 3000, 0.01);
  tile.age(1e6);
  std::array<int, 3> counts{};
  for (const Fault& fault : map.all()) {
    const CellArray::Value value = tile.cells().value(fault.cell / 2, static_cast<int>(fault.cell % 2));
    const std::array<float, 3> wanted = {0.1f, 20.0f, 0.0f};
    EXPECT_EQ(value.conductance_us, wanted[static_cast<std::size_t>(fault.kind)]);
    EXPECT_EQ(value.variance_us2 == 0, fault.kind == FaultKind::dead);
    ++counts[static_cast<std::size_t>(fault.kind)];
  }
  // Of 2,200 cells 14.5 % lie on broken lines; of the others 10 % and 5 %. Bounds: 5 standard errors (lines: 25 cells
  // and more at a time).
  EXPECT_NEAR(counts[0], 188, 66);
  EXPECT_NEAR(counts[1], 94, 48);
  EXPECT_GT(counts[2], 100);
  EXPECT_LT(counts[2], 640);
  const ProgrammingResult result =
      tile.program(random_matrix(kInputs, kOutputs, 9, 0.4f).view(), by(ProgrammingMethod::verify), 1);
  EXPECT_LT(result.nonzero_converged, 0.9 * static_cast<double>(result.nonzero_cells));
}

// One wire solution of an array by hand against the tile's.
TEST(TileWires, EachArrayHasItsOwnLines) {
  TileSpec s = spec({});
  s.wires.model = WireModel::exact;
  s.wires.row_ohm = s.wires.column_ohm = 300;
  TileSpec perfect = s;
  perfect.wires.model = WireModel::none;
  Tile tile(s, cell("pcm")), without(perfect, cell("pcm"));
  const int row = 32, column = 16, rows = kInputs - 32, columns = kOutputs - 16;  // the last array
  std::array<std::vector<double>, 2> map;
  for (int side = 0; side < 2; ++side) {
    std::vector<double> g;
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        const auto unit = static_cast<std::uint32_t>((row + i) * kOutputs + column + j);
        g.push_back(static_cast<double>(without.conductance_us(unit, side)));
      }
    }
    map[static_cast<std::size_t>(side)] =
        exact_wire_map(s.wires, {g.data(), static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)});
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      const auto at = static_cast<std::size_t>(i * columns + j);
      EXPECT_NEAR(tile.effective_weight(row + i, column + j), (map[0][at] - map[1][at]) / 8, 1e-4);
    }
  }
}

}  // namespace
}  // namespace ohmic
