#include "ohmic/cost/cost_table.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

Energy scaled(const Energy& each, std::uint64_t count) {
  return {each.value * count, each.low * count, each.high * count};
}

Energy energy_of(const CostFigure& figure) {
  return {Attojoules::rounded(figure.value), Attojoules::rounded(figure.low), Attojoules::rounded(figure.high)};
}

}  // namespace

Attojoules Attojoules::rounded(double attojoules) {
  constexpr double kMost = 1e36;
  if (!(std::abs(attojoules) < kMost)) fail("an energy of {} aJ is beyond what can be added up", attojoules);
  Attojoules result;
  result.value_ = static_cast<Wide>(std::round(attojoules));
  return result;
}

Attojoules operator*(Attojoules a, std::uint64_t count) {
  a.value_ *= static_cast<Attojoules::Wide>(count);
  return a;
}

std::string Attojoules::digits() const {
  std::string text;
  Wide rest = value_ < 0 ? -value_ : value_;
  do {
    text += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest > 0);
  if (value_ < 0) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

Energy& Energy::operator+=(const Energy& other) {
  value += other.value;
  low += other.low;
  high += other.high;
  return *this;
}

Component component_of(FigureName event) {
  switch (event) {
    case FigureName::array_cell:
      return Component::array;
    case FigureName::dac:
      return Component::dac;
    case FigureName::adc:
      return Component::adc;
    case FigureName::memory_bit:
      return Component::memory;
    case FigureName::link_bit_hop:
      return Component::links;
    case FigureName::set_pulse:
    case FigureName::depression_pulse:
    case FigureName::reset_pulse:
    case FigureName::bit_read:
    case FigureName::bit_set:
    case FigureName::bit_reset:
      return Component::writes;
    case FigureName::core_static:
      return Component::shared;
    default:
      return Component::digital;
  }
}

void CostTable::add(std::size_t layer, Phase phase, const CostFigure& figure, std::uint64_t count) {
  OHMIC_EXPECT(layer < layers_.size());
  if (count == 0) return;
  const Energy each = energy_of(figure);
  cells_.push_back({layer, phase, figure.from.name, count, each, scaled(each, count)});
}

void CostTable::add_measured(std::size_t layer, Phase phase, const CostFigure& figure, std::uint64_t count,
                             double joules) {
  OHMIC_EXPECT(layer < layers_.size());
  if (count == 0) return;
  const double aj = joules * 1e18;
  const CostFigure all{aj, aj * figure.low / figure.value, aj * figure.high / figure.value, figure.from, {}};
  cells_.push_back({layer, phase, figure.from.name, count, {}, energy_of(all)});
}

Energy CostTable::total() const {
  return sum([](const CostCell&) { return true; });
}
Energy CostTable::of_layer(std::size_t layer) const {
  return sum([&](const CostCell& c) { return c.layer == layer; });
}
Energy CostTable::of_component(Component component) const {
  return sum([&](const CostCell& c) { return component_of(c.event) == component; });
}
Energy CostTable::of_phase(Phase phase) const {
  return sum([&](const CostCell& c) { return c.phase == phase; });
}
Energy CostTable::of(Component component, Phase phase) const {
  return sum([&](const CostCell& c) { return c.phase == phase && component_of(c.event) == component; });
}
Energy CostTable::of(std::size_t layer, Component component) const {
  return sum([&](const CostCell& c) { return c.layer == layer && component_of(c.event) == component; });
}
Energy CostTable::of(FigureName event, Phase phase) const {
  return sum([&](const CostCell& c) { return c.event == event && c.phase == phase; });
}
Energy CostTable::of_event(FigureName event) const {
  return sum([&](const CostCell& c) { return c.event == event; });
}

std::uint64_t CostTable::count(FigureName event) const {
  std::uint64_t all = 0;
  for (const CostCell& cell : cells_) all += cell.event == event ? cell.count : 0;
  return all;
}

std::vector<Phase> CostTable::phases() const {
  std::vector<Phase> used;
  for (std::size_t p = 0; p < kPhases.size(); ++p) {
    const auto phase = static_cast<Phase>(p);
    const auto is_it = [&](const CostCell& c) { return c.phase == phase; };
    if (std::any_of(cells_.begin(), cells_.end(), is_it)) used.push_back(phase);
  }
  return used;
}

std::vector<Component> CostTable::components() const {
  std::vector<Component> used;
  for (std::size_t k = 0; k < kComponents.size(); ++k) {
    const auto component = static_cast<Component>(k);
    const auto is_it = [&](const CostCell& c) { return component_of(c.event) == component; };
    if (std::any_of(cells_.begin(), cells_.end(), is_it)) used.push_back(component);
  }
  return used;
}

}  // namespace ohmic
