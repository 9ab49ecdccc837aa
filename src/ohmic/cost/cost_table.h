#pragma once

// Energies as sums of counted events. Every joule stands in one cell: events of one kind in one phase of one layer.
//
// Cells are whole attojoules, an event's energy being rounded to them once, so that layers, components and phases each
// add up to the total exactly, in any order.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/cost/technology.h"
#include "ohmic/crossbar/counters.h"

namespace ohmic {

/// Whole attojoules; 128 bits hold 1e20 J.
class Attojoules {
 public:
  constexpr Attojoules() = default;
  static Attojoules rounded(double attojoules);

  Attojoules& operator+=(Attojoules other) {
    value_ += other.value_;
    return *this;
  }
  friend Attojoules operator+(Attojoules a, Attojoules b) { return a += b; }
  friend Attojoules operator-(Attojoules a, Attojoules b) {
    a.value_ -= b.value_;
    return a;
  }
  friend Attojoules operator*(Attojoules a, std::uint64_t count);
  bool operator==(const Attojoules&) const = default;

  double joules() const { return static_cast<double>(value_) * 1e-18; }
  std::string digits() const;  ///< in decimal

 private:
  __extension__ typedef __int128 Wide;
  Wide value_ = 0;
};

/// A value with its interval.
struct Energy {
  Attojoules value, low, high;

  Energy& operator+=(const Energy& other);
  bool operator==(const Energy&) const = default;
};

/// What takes the energy.
enum class Component { array, dac, adc, digital, memory, links, writes, shared };
inline constexpr std::array<std::string_view, 8> kComponents = {"array",  "DAC",   "ADC",    "digital",
                                                                "memory", "links", "writes", "shared"};
Component component_of(FigureName event);

struct CostCell {
  std::size_t layer = 0;
  Phase phase = Phase::forward;
  FigureName event = FigureName::mac;
  std::uint64_t count = 0;
  Energy each;  ///< of one event; 0 where the energy was measured
  Energy energy;
};

class CostTable {
 public:
  explicit CostTable(std::vector<std::string> layers) : layers_(std::move(layers)) {}

  /// `count` events of the energy of `figure`, times `factor` each. None is no cell.
  void add(std::size_t layer, Phase phase, const CostFigure& figure, std::uint64_t count);
  /// Events whose energy together was computed from the data, in J; the interval is scaled alike.
  void add_measured(std::size_t layer, Phase phase, const CostFigure& figure, std::uint64_t count, double joules);

  const std::vector<std::string>& layers() const { return layers_; }
  const std::vector<CostCell>& cells() const { return cells_; }
  Energy total() const;
  Energy of_layer(std::size_t layer) const;
  Energy of_component(Component component) const;
  Energy of_phase(Phase phase) const;
  Energy of(Component component, Phase phase) const;
  Energy of(std::size_t layer, Component component) const;
  Energy of(FigureName event, Phase phase) const;
  std::uint64_t count(FigureName event) const;
  Energy of_event(FigureName event) const;
  /// Phases and components in which anything happened.
  std::vector<Phase> phases() const;
  std::vector<Component> components() const;

 private:
  template <class Where>
  Energy sum(const Where& where) const {
    Energy all;
    for (const CostCell& cell : cells_) {
      if (where(cell)) all += cell.energy;
    }
    return all;
  }

  std::vector<std::string> layers_;
  std::vector<CostCell> cells_;
};

}  // namespace ohmic
