#pragma once

// What events cost: presets/technologies/*.toml, each figure with unit, node, voltage, interval, source and status.
//
//   description = "..."
//   node_nm = 14.0
//   voltage_v = 0.8
//   collections = ["digital", "converters"]     # whose figures it may use, scaled to its node
//   families = ["mac=horowitz_fp", "mac=horowitz_int"]   # which sources to take, the first that knows what is asked
//   [[figures]]
//   name = "adc"
//   family = "hermes_cco"                       # the source: a table over bits, sizes or nodes
//   value = 34.4
//   low = 18.0
//   high = 47.8
//   unit = "pJ"
//   node_nm = 14.0
//   voltage_v = 0.8
//   bits = 8
//   source = "..."
//   status = "derived"                          # published | derived | assumed

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/cost/converter_law.h"

namespace ohmic {

/// What a figure is of: energies of events, then areas.
enum class FigureName {
  array_cell,
  dac,
  adc,
  partial_sum,
  activation,
  mac,
  stochastic_product,
  memory_bit,
  link_bit_hop,
  set_pulse,
  depression_pulse,
  reset_pulse,
  bit_read,
  bit_set,
  bit_reset,
  core_static,
  array_area,
  row_area,
  adc_area,
  core_area,
  memory_area_byte,
};

/// What a figure means, in which unit it is given, and how it carries over to another node.
struct FigureTraits {
  enum class Scaling { energy, area, none };
  std::string_view name, unit, meaning;
  Scaling scaling;
};
inline constexpr std::size_t kFigureCount = 21;
const FigureTraits& traits_of(FigureName name);
/// Names of all figures, in the order of the enum.
std::span<const std::string_view> figure_names();

/// One figure as a file states it.
struct TechnologyFigure {
  FigureName name = FigureName::array_cell;
  std::string family;
  double value = 0, low = 0, high = 0;
  std::string unit;
  double node_nm = 0, voltage_v = 0;  ///< 0: not of a node, never scaled
  int bits = 0;                       ///< 0: of no resolution
  double size_kib = 0;                ///< 0: of no size
  bool fitted = false;                ///< chosen so that a published total comes out
  std::string source;
  int status = 2;  ///< index into kSourceStatuses
};
void describe(FieldVisitor& v, TechnologyFigure& f);

/// How the DACs bring a code to the row: what a cell's energy follows.
enum class InputCoding {
  pulse_width,  ///< the code's magnitude
  amplitude,    ///< its square
  bit_serial,   ///< the number of its bits that are set
};
inline constexpr std::array<std::string_view, 3> kInputCodings = {"pulse_width", "amplitude", "bit_serial"};

/// What intervals cover: the figure's own, or those of every source of it.
enum class IntervalKind { own, all };
inline constexpr std::array<std::string_view, 2> kIntervalKinds = {"own", "all"};

struct TechnologySpec {
  std::string name, description, base;
  bool is_collection = false;
  double node_nm = 0, voltage_v = 0;
  std::vector<std::string> chips, collections, families;
  IntervalKind interval = IntervalKind::all;
  std::string resolution_after;  ///< family of converters whose dependence on bits a single figure takes over
  InputCoding input_coding = InputCoding::pulse_width;
  int cells_per_crossing = 2;
  int weight_slices = 1, input_steps = 1;
  int columns_per_adc = 1;
  int adc_bits = 8;
  double endurance = 1e8;
  double input_activity = 1;
  double conductance_share = 1;
  double cell_conductance_us = 5;
  int core_rows = 0, core_columns = 0;  ///< of the arrays that areas are of; 0: of any
  std::vector<TechnologyFigure> figures;
  std::vector<ConverterLaw> laws;  ///< families of adc and adc_area that depend on the rate as well
};
void describe(FieldVisitor& v, TechnologySpec& t);

/// Errors of a file: a figure without source, with a wrong unit or an interval that does not hold it; a row that is
/// there twice; a table that falls with bits, sizes or nodes; a table that repeats another one's; a law that falls, or
/// that has the name of a table.
void check_figures(const TechnologySpec& spec);

std::vector<std::string> technology_names();
/// A shipped file by its name, or a file if `name` ends in ".toml", checked; that of its base is merged in.
TechnologySpec load_technology_spec(std::string_view name);

/// A figure brought to a technology's node: aJ per event, or um2.
struct CostFigure {
  double value = 0, low = 0, high = 0;
  TechnologyFigure from;         ///< the row that it was taken from, or the next one to what was asked for
  std::vector<std::string> all;  ///< families that the interval covers

  CostFigure times(double factor) const;
};

/// What is asked of a table.
struct FigureQuery {
  int bits = 0;
  double size_kib = 0;
  double rate_gs = 0;  ///< conversions of one converter per ns; 0: not known
};

/// A technology with the collections that it names.
class Technology {
 public:
  explicit Technology(TechnologySpec spec);

  const TechnologySpec& spec() const { return spec_; }
  /// Error where no source has the figure for what is asked: the message names the sources.
  CostFigure figure(FigureName name, const FigureQuery& query = {}) const;
  bool has(FigureName name) const;
  /// All that is known of a figure at this node, a family each.
  std::vector<CostFigure> sources(FigureName name, const FigureQuery& query = {}) const;

  /// "adc=survey_100ms": takes that source before those chosen so far. Error names those there are.
  void choose_family(std::string_view setting);
  /// "adc=0.5" in the figure's unit, at the technology's node.
  void set_value(std::string_view setting);
  void set_interval(IntervalKind kind) { spec_.interval = kind; }
  /// Multiplies a figure, interval included.
  void scale(FigureName name, double factor) { factors_[static_cast<std::size_t>(name)] *= factor; }

 private:
  std::vector<std::string> families_of(FigureName name) const;
  std::vector<std::string> preferred(FigureName name) const;
  const ConverterLaw* law_of(FigureName name, std::string_view family) const;
  std::optional<CostFigure> of_law(FigureName name, const ConverterLaw& law, const FigureQuery& query) const;
  [[noreturn]] void fail_unknown(FigureName name, const FigureQuery& query) const;
  std::optional<CostFigure> of_family(FigureName name, const std::string& family, const FigureQuery& query) const;

  TechnologySpec spec_;
  std::vector<TechnologyFigure> figures_;                  // own first
  std::vector<ConverterLaw> laws_;                         // likewise
  std::map<FigureName, std::vector<std::string>> chosen_;  // the first that knows what is asked
  std::map<FigureName, double> given_;
  std::array<double, kFigureCount> factors_;
};

Technology load_technology(std::string_view name);
/// The technology that a chip is made in, by the chip's name.
std::string technology_of_chip(std::string_view chip);

}  // namespace ohmic
