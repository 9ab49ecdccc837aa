#include "ohmic/deployment/network_on_cells.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

bool may_live_on_cells(const Weights& weights) {
  const auto* digital = dynamic_cast<const DigitalWeights*>(&weights);
  return digital == nullptr || digital->is_meant_for_cells();
}

double squared_distance(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double d = static_cast<double>(a.values()[i]) - static_cast<double>(b.values()[i]);
    sum += d * d;
  }
  return sum;
}

}  // namespace

std::uint64_t chip_seed(std::uint64_t seed, std::uint64_t chip) {
  if (chip == 0) return seed;
  std::uint64_t z = seed + chip * 0x9e3779b97f4a7c15ull;  // splitmix64 (Steele et al. 2014)
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (z ^ (z >> 31)) >> 11;
}

NetworkOnCells::NetworkOnCells(Graph& graph) : graph_(graph), forms_(graph.weight_matrices().size()) {
  const auto& all = graph.weight_matrices();
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    Part part;
    part.name = graph.layer(l).name();
    part.layer = l;
    for (WeightMatrix* matrix : graph.layer(l).weight_matrices()) {
      if (!may_live_on_cells(*matrix->weights)) continue;
      part.matrices.push_back(static_cast<std::size_t>(std::find(all.begin(), all.end(), matrix) - all.begin()));
      part.weights +=
          static_cast<std::size_t>(matrix->weights->inputs()) * static_cast<std::size_t>(matrix->weights->outputs());
    }
    if (!part.matrices.empty()) parts_.push_back(std::move(part));
  }
  for (const Part& part : parts_) {
    for (const std::size_t m : part.matrices) {
      Forms& forms = forms_[m];
      const Weights& weights = *matrix(m).weights;
      forms.on_cells = dynamic_cast<const AnalogWeights*>(&weights) != nullptr;
      if (forms.on_cells) forms.digital = std::make_unique<DigitalWeights>(values_of(weights));
    }
  }
}

NetworkOnCells::~NetworkOnCells() = default;

std::size_t NetworkOnCells::part_named(const std::string& name) const {
  std::vector<std::string> names;
  for (const Part& part : parts_) names.push_back(part.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string near = nearest_name(name, names);
  fail("no layer with weights for cells is called \"{}\"{}; they are {}", name,
       near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near), fmt::join(names, ", "));
}

std::size_t NetworkOnCells::weight_count() const {
  std::size_t count = 0;
  for (const Part& part : parts_) count += part.weights;
  return count;
}

bool NetworkOnCells::has_cells() const {
  return std::all_of(parts_.begin(), parts_.end(), [this](const Part& part) {
    const Forms& forms = forms_[part.matrices.front()];
    return forms.on_cells || forms.cells != nullptr;
  });
}

const Matrix& NetworkOnCells::values(std::size_t m) const {
  const Weights& digital = forms_[m].on_cells ? *forms_[m].digital : *matrix(m).weights;
  return dynamic_cast<const DigitalWeights&>(digital).values();
}

void NetworkOnCells::use(std::size_t m, bool on_cells) {
  Forms& forms = forms_[m];
  if (forms.on_cells == on_cells) return;
  std::unique_ptr<Weights>& wanted = on_cells ? forms.cells : forms.digital;
  OHMIC_EXPECT(wanted != nullptr);
  std::unique_ptr<Weights>& other = on_cells ? forms.digital : forms.cells;
  other = std::move(matrix(m).weights);
  matrix(m).weights = std::move(wanted);
  forms.on_cells = on_cells;
}

void NetworkOnCells::place(const std::vector<bool>& on_cells) {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    for (const std::size_t m : parts_[p].matrices) use(m, on_cells[p]);
  }
}

std::vector<ProgrammedLayer> NetworkOnCells::program(const ExperimentSpec& spec, std::uint64_t chip,
                                                     const std::vector<bool>& on_cells) {
  const std::shared_ptr<const CellModel> cell = spec.device.make();
  std::vector<ProgrammedLayer> programmed;
  place(std::vector<bool>(parts_.size(), false));
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    for (const std::size_t m : parts_[p].matrices) {
      forms_[m].cells.reset();  // of the chip before, so that there are never two
      if (!on_cells[p]) continue;
      const Matrix& weights = values(m);
      TileSpec tile = tile_spec(spec, static_cast<std::uint32_t>(m), static_cast<int>(weights.rows()),
                                static_cast<int>(weights.columns()));
      tile.seed = chip_seed(tile.seed, chip);
      tile.counts_wear = false;
      tile.write_once = true;
      auto cells = std::make_unique<AnalogWeights>(Tile(tile, cell));
      programmed.push_back(program_layer(matrix(m).name, weights, cells->tile(), spec.programming));
      forms_[m].cells = std::move(cells);
      use(m, true);
    }
  }
  return programmed;
}

double NetworkOnCells::weight_error() const {
  double squares = 0, count = 0;
  for (std::size_t m = 0; m < forms_.size(); ++m) {
    if (!forms_[m].on_cells) continue;
    const Matrix& wanted = values(m);
    const auto largest = static_cast<double>(max_abs(wanted.values()));
    if (largest == 0) continue;
    squares += squared_distance(values_of(*matrix(m).weights), wanted) / (largest * largest);
    count += static_cast<double>(wanted.values().size());
  }
  return count > 0 ? std::sqrt(squares / count) : 0;
}

}  // namespace ohmic
