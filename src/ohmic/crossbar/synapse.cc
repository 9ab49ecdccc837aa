#include "ohmic/crossbar/synapse.h"

#include "ohmic/core/error.h"

namespace ohmic {

void describe(FieldVisitor& v, SynapseSpec& s) {
  v.choice({"kind", "", "two cells per weight, or one and a reference"}, kSynapseKinds, s.kind);
  v.field({"weight_conductance_us", "uS", "conductance difference of a weight of 1", 1e-6, 1e6},
          s.weight_conductance_us);
  v.field({"reference_us", "uS", "single: conductance of a weight of 0, a fixed and exact reference", 0, 1e6},
          s.reference_us);
  v.field({"cells", "", "units (pairs, or single cells) per weight that share a bit line; pulsed in turn", 1, 64},
          s.cells);
  v.field({"cell_ratio", "", "significance of each such unit over the next; 1: all alike", 1, 256}, s.cell_ratio);
  v.field({"slices", "", "arrays of falling significance that hold parts of a weight; programmed, not trained", 1, 8},
          s.slices);
  v.field({"slice_ratio", "", "significance of each slice over the next", 1, 65536}, s.slice_ratio);
  v.field({"copies", "", "arrays that hold the same weights and are averaged", 1, 64}, s.copies);
  v.field({"potentiation_every", "events", "only every n-th potentiation is carried out", 1, 1e6},
          s.potentiation_every);
  v.field({"depression_every", "events", "only every n-th depression is carried out", 1, 1e6}, s.depression_every);
  v.field({"initial_mean_us", "uS", "mean conductance of the cells before training", 0, 1e6}, s.initial_mean_us);
  v.field({"initial_stddev_us", "uS", "its spread", 0, 1e6}, s.initial_stddev_us);
  v.field({"initial_pulses", "pulses", "SET pulses since RESET that those cells have behind them", 0, 255},
          s.initial_pulses);
}

LaneLayout::LaneLayout(const SynapseSpec& spec)
    : cells_(static_cast<int>(spec.cells)),
      slices_(static_cast<int>(spec.slices)),
      arrays_(static_cast<int>(spec.slices * spec.copies)) {
  double total = 0;
  for (int k = 0; k < cells_; ++k) total += std::pow(spec.cell_ratio, -k);
  for (int k = 0; k < cells_; ++k) shares_.push_back(static_cast<float>(std::pow(spec.cell_ratio, -k) / total));
  for (int a = 0; a < arrays_; ++a) {
    const double significance = std::pow(spec.slice_ratio, -slice_of(a));
    factors_.push_back(static_cast<float>(significance / static_cast<double>(spec.copies)));
  }
}

int SelectionCounters::next(const SynapseSpec& spec, bool potentiation) {
  std::uint64_t& events = potentiation ? potentiations_ : depressions_;
  const auto every = static_cast<std::uint64_t>(potentiation ? spec.potentiation_every : spec.depression_every);
  if (++events % every != 0) return -1;
  return static_cast<int>(selection_++ % static_cast<std::uint64_t>(spec.cells));
}

void SelectionCounters::restore(const std::vector<std::uint64_t>& values) {
  if (values.size() != 3) fail("a checkpoint's selection counters are {} numbers; 3 are wanted", values.size());
  selection_ = values[0];
  potentiations_ = values[1];
  depressions_ = values[2];
}

}  // namespace ohmic
