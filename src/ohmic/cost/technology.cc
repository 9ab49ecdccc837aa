#include "ohmic/cost/technology.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "ohmic/core/constants.h"
#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"
#include "ohmic/cost/scaling.h"

namespace ohmic {
namespace {

constexpr std::string_view kTechnologyFolder = "presets/technologies/";
constexpr std::string_view kTomlSuffix = ".toml";
using Scaling = FigureTraits::Scaling;

constexpr std::array<FigureTraits, kFigureCount> kTraits = {{
    {"array_cell", "fJ", "one cell in one step of a product, at full-scale input", Scaling::none},
    {"dac", "pJ", "one input of one array brought to its row, per step", Scaling::energy},
    {"adc", "pJ", "one conversion of one column", Scaling::energy},
    {"partial_sum", "pJ", "one digital addition of converted sums", Scaling::energy},
    {"activation", "pJ", "scale, offset and non-linearity of one output", Scaling::energy},
    {"mac", "pJ", "one digital multiply and add", Scaling::energy},
    {"stochastic_product", "pJ", "one product of two bit streams", Scaling::energy},
    {"memory_bit", "pJ", "one bit read from or written to a memory", Scaling::energy},
    {"link_bit_hop", "pJ", "one bit from a core to the next", Scaling::energy},
    {"set_pulse", "pJ", "one SET pulse on one cell", Scaling::none},
    {"depression_pulse", "pJ", "one small step down of one cell", Scaling::none},
    {"reset_pulse", "pJ", "one RESET pulse on one cell", Scaling::none},
    {"bit_read", "pJ", "one binary cell read", Scaling::none},
    {"bit_set", "pJ", "one binary cell set", Scaling::none},
    {"bit_reset", "pJ", "one binary cell reset", Scaling::none},
    {"core_static", "pJ/ns", "what a core takes all the time, its share of the chip included", Scaling::energy},
    {"array_area", "um2", "one array of cells", Scaling::area},
    {"row_area", "um2", "driver and sampling of one row", Scaling::area},
    {"adc_area", "um2", "one converter", Scaling::area},
    {"core_area", "um2", "what else a core has", Scaling::area},
    {"memory_area_byte", "um2", "one byte of memory", Scaling::area},
}};

constexpr auto kNames = [] {
  std::array<std::string_view, kFigureCount> names{};
  for (std::size_t k = 0; k < kFigureCount; ++k) names[k] = kTraits[k].name;
  return names;
}();

// aJ, or um2.
double base_units(std::string_view unit) {
  if (unit == "fJ") return 1e3;
  return unit == "um2" ? 1 : 1e6;
}

std::string_view technology_name_of(std::string_view path) {
  return path.substr(kTechnologyFolder.size(), path.size() - kTechnologyFolder.size() - kTomlSuffix.size());
}

ConfigDocument open_technology(std::string_view name) {
  if (name.ends_with(kTomlSuffix)) return ConfigDocument::read_file(name);
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kTechnologyFolder) && technology_name_of(file.path) == name) {
      return ConfigDocument::parse(file.text, file.path);
    }
  }
  const auto names = technology_names();
  const std::string near = nearest_name(name, names);
  fail("--technology {}: there is no such technology; choose one of {}, or the path of a .toml file{}", name,
       fmt::join(names, ", "), near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

// -------------------------------------------------------------------------------------------------------- checks

std::string row_name(const TechnologyFigure& f) {
  return fmt::format(
      "{} of {}{}{}{}", traits_of(f.name).name, f.family, f.node_nm > 0 ? fmt::format(", {} nm", f.node_nm) : "",
      f.bits > 0 ? fmt::format(", {} bits", f.bits) : "", f.size_kib > 0 ? fmt::format(", {} KiB", f.size_kib) : "");
}

void check_figure(const std::string& file, const TechnologyFigure& f) {
  const FigureTraits& traits = traits_of(f.name);
  if (f.source.empty() || f.family.empty()) {
    fail("technology {}: {} has the source \"{}\" and the family \"{}\"; each figure needs both", file, row_name(f),
         f.source, f.family);
  }
  if (f.unit != traits.unit) {
    fail("technology {}: {} is in \"{}\"; give it in \"{}\"", file, row_name(f), f.unit, traits.unit);
  }
  if (!(f.low >= 0 && f.low <= f.value && f.value <= f.high && f.value > 0)) {
    fail("technology {}: {}: {} is not above 0 and within its interval {} to {}; correct it", file, row_name(f),
         f.value, f.low, f.high);
  }
  if (f.node_nm > 0 && f.voltage_v <= 0) {
    fail("technology {}: {} needs the voltage_v of its node", file, row_name(f));
  }
}

bool is_same_place(const TechnologyFigure& a, const TechnologyFigure& b) {
  return a.name == b.name && a.family == b.family && a.node_nm == b.node_nm && a.bits == b.bits &&
         a.size_kib == b.size_kib;
}

// Whether b lies beyond a along one axis, all else equal.
bool is_beyond(const TechnologyFigure& a, const TechnologyFigure& b) {
  if (a.name != b.name || a.family != b.family) return false;
  const int more = (b.node_nm > a.node_nm) + (b.bits > a.bits) + (b.size_kib > a.size_kib);
  const int less = (b.node_nm < a.node_nm) + (b.bits < a.bits) + (b.size_kib < a.size_kib);
  return more > 0 && less == 0;
}

// Tables of three rows or more that say the same of different things: copied by mistake.
void check_copies(const TechnologySpec& spec) {
  std::map<std::pair<FigureName, std::string>, std::vector<double>> tables;
  for (const TechnologyFigure& f : spec.figures) tables[{f.name, f.family}].push_back(f.value);
  for (auto a = tables.begin(); a != tables.end(); ++a) {
    for (auto b = std::next(a); b != tables.end(); ++b) {
      if (a->second.size() < 3 || a->second != b->second) continue;
      fail("technology {}: {} of {} repeats the numbers of {} of {}; one of them is a mistake", spec.name,
           traits_of(b->first.first).name, b->first.second, traits_of(a->first.first).name, a->first.second);
    }
  }
}

void check_laws(const TechnologySpec& spec) {
  for (const ConverterLaw& law : spec.laws) {
    check_law(spec.name, law);
    const auto has_name = [&](const auto& other) { return other.family == law.family; };
    const auto laws = std::count_if(spec.laws.begin(), spec.laws.end(), has_name);
    const auto is_converter = [](const TechnologyFigure& f) {
      return f.name == FigureName::adc || f.name == FigureName::adc_area;
    };
    const bool has_table = std::any_of(spec.figures.begin(), spec.figures.end(),
                                       [&](const TechnologyFigure& f) { return is_converter(f) && has_name(f); });
    if (laws > 1 || has_table) {
      fail("technology {}: law {} has the family of another law or table; give it its own", spec.name, law.family);
    }
  }
}

// -------------------------------------------------------------------------------------------------------- tables

// Value and interval of one row at another node; intervals cover all scaling rules.
CostFigure at_node(const TechnologyFigure& f, const TechnologySpec& to) {
  const FigureTraits& traits = traits_of(f.name);
  const double unit = base_units(traits.unit);
  CostFigure figure{f.value * unit, f.low * unit, f.high * unit, f, {f.family}};
  if (traits.scaling == Scaling::none || f.node_nm == 0 || to.node_nm == 0) return figure;
  double least = 1e300, most = 0;
  for (const ScalingRule& rule : scaling_rules()) {
    const double factor = traits.scaling == Scaling::area
                              ? rule.area_factor(f.node_nm, to.node_nm)
                              : rule.energy_factor(f.node_nm, f.voltage_v, to.node_nm, to.voltage_v);
    if (&rule == &scaling_rules().front()) figure.value *= factor;
    least = std::min(least, factor);
    most = std::max(most, factor);
  }
  figure.low *= least;
  figure.high *= most;
  return figure;
}

double along(double low, double high, double share) { return std::pow(low, 1 - share) * std::pow(high, share); }

// Between two rows, in the logarithm; `share` 0 is the first.
CostFigure between(const CostFigure& a, const CostFigure& b, double share) {
  CostFigure result = share < 0.5 ? a : b;
  result.value = along(a.value, b.value, share);
  result.low = a.low > 0 && b.low > 0 ? along(a.low, b.low, share) : std::min(a.low, b.low);
  result.high = along(a.high, b.high, share);
  return result;
}

using Rows = std::vector<std::pair<double, CostFigure>>;  // position, figure; rising

std::optional<CostFigure> inside(const Rows& rows, double at) {
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (rows[k].first == at) return rows[k].second;
    if (k == 0 || rows[k].first < at || rows[k - 1].first > at) continue;
    const double from = rows[k - 1].first, to = rows[k].first;
    return between(rows[k - 1].second, rows[k].second, (at - from) / (to - from));
  }
  return std::nullopt;
}

// A memory smaller than the smallest known costs as much; a larger one grows with the length of its wires. Positions
// are logarithms.
CostFigure of_size(const Rows& rows, double size_kib) {
  const double at = std::log2(std::max(size_kib, 1e-9));
  if (const auto found = inside(rows, at)) return *found;
  if (at <= rows.front().first) return rows.front().second;
  return rows.back().second.times(std::exp2((at - rows.back().first) / 2));
}

}  // namespace

const FigureTraits& traits_of(FigureName name) { return kTraits[static_cast<std::size_t>(name)]; }
std::span<const std::string_view> figure_names() { return kNames; }

void describe(FieldVisitor& v, TechnologyFigure& f) {
  v.choice({"name", "", "what the figure is of"}, kNames, f.name);
  v.field({"family", "", "the table that it belongs to: a short name of its source"}, f.family);
  v.field({"value", "", "the figure"}, f.value);
  v.field({"low", "", "lowest credible value"}, f.low);
  v.field({"high", "", "highest credible value"}, f.high);
  v.field({"unit", "", "its unit"}, f.unit);
  v.field({"node_nm", "nm", "node at which it holds; 0: whatever the node", 0, 1000}, f.node_nm);
  v.field({"voltage_v", "V", "supply at which it holds", 0, 10}, f.voltage_v);
  v.field({"bits", "bits", "resolution; 0: none", 0, 64}, f.bits);
  v.field({"size_kib", "KiB", "of a memory; 0: none", 0, 1e9}, f.size_kib);
  v.field({"fitted", "", "chosen so that a published total comes out"}, f.fitted);
  v.field({"source", "", "where it comes from"}, f.source);
  v.choice({"status", "", "how sure it is"}, kSourceStatuses, f.status);
}

void describe(FieldVisitor& v, TechnologySpec& t) {
  v.field({"description", "", "what it is"}, t.description);
  v.field({"base", "", "technology whose settings and figures it starts from"}, t.base);
  v.field({"is_collection", "", "figures for others to take from, no technology by itself"}, t.is_collection);
  v.field({"node_nm", "nm", "technology node", 0, 1000}, t.node_nm);
  v.field({"voltage_v", "V", "supply of its logic", 0, 10}, t.voltage_v);
  v.field({"chips", "", "chips that are made in it"}, t.chips);
  v.field({"collections", "", "files whose figures it may use, scaled to its node"}, t.collections);
  v.field({"families", "", "figure=family: which of several sources to take"}, t.families);
  v.choice({"interval", "", "what intervals cover: the source taken, or all"}, kIntervalKinds, t.interval);
  v.field({"resolution_after", "", "family whose dependence on bits a single converter figure takes over"},
          t.resolution_after);
  v.choice({"input_coding", "", "how a code drives its row"}, kInputCodings, t.input_coding);
  v.field({"cells_per_crossing", "cells", "of one weight or slice in one array", 1, 64}, t.cells_per_crossing);
  v.field({"weight_slices", "arrays", "that hold one weight's bits", 1, 64}, t.weight_slices);
  v.field({"input_steps", "steps", "of one product, each with its conversions", 1, 64}, t.input_steps);
  v.field({"columns_per_adc", "columns", "that share a converter", 1, 65536}, t.columns_per_adc);
  v.field({"adc_bits", "bits", "of the converters, where nobody says otherwise", 1, 16}, t.adc_bits);
  v.field({"endurance", "writes", "that a cell stands", 1, 1e18}, t.endurance);
  v.field({"input_activity", "", "mean of what inputs drive over full scale, where not measured", 0, 1},
          t.input_activity);
  v.field({"conductance_share", "", "mean conductance over that of the cell's figure, where not measured", 0, 10},
          t.conductance_share);
  v.field({"cell_conductance_us", "uS", "of the cell whose energy is given", 1e-6, 1e6}, t.cell_conductance_us);
  v.field({"core_rows", "rows", "of the arrays that areas are of; 0: of any", 0, 65536}, t.core_rows);
  v.field({"core_columns", "columns", "of that array", 0, 65536}, t.core_columns);
  v.list({"figures", "", "what events cost"}, t.figures);
  v.list({"laws", "", "energy and area of converters over bits and rate"}, t.laws);
}

void check_figures(const TechnologySpec& spec) {
  for (const TechnologyFigure& f : spec.figures) check_figure(spec.name, f);
  for (std::size_t a = 0; a < spec.figures.size(); ++a) {
    for (std::size_t b = 0; b < spec.figures.size(); ++b) {
      const TechnologyFigure &x = spec.figures[a], &y = spec.figures[b];
      if (a < b && is_same_place(x, y)) fail("technology {}: {} is there twice", spec.name, row_name(x));
      if (is_beyond(x, y) && y.value < x.value) {
        fail("technology {}: {} is {}, less than the {} of {}; a table must not fall with bits, size or node",
             spec.name, row_name(y), y.value, x.value, row_name(x));
      }
    }
  }
  check_copies(spec);
  check_laws(spec);
}

std::vector<std::string> technology_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kTechnologyFolder)) names.emplace_back(technology_name_of(file.path));
  }
  return names;
}

TechnologySpec load_technology_spec(std::string_view name) {
  const ConfigDocument document = open_technology(name);
  TechnologySpec spec;
  std::vector<TechnologyFigure> inherited;
  std::vector<ConverterLaw> inherited_laws;
  std::vector<std::string> families;
  if (const std::string base = document.string_or("base", ""); !base.empty()) {
    spec = load_technology_spec(base);
    inherited = std::exchange(spec.figures, {});
    inherited_laws = std::exchange(spec.laws, {});
    families = std::exchange(spec.families, {});
  }
  spec.name = name;
  read_fields(document, fmt::format("technology {}", name), spec);
  check_figures(spec);
  spec.figures.insert(spec.figures.end(), inherited.begin(), inherited.end());
  spec.laws.insert(spec.laws.end(), inherited_laws.begin(), inherited_laws.end());
  spec.families.insert(spec.families.end(), families.begin(), families.end());
  if (!spec.is_collection && (spec.node_nm <= 0 || spec.voltage_v <= 0)) {
    fail("technology {}: node_nm and voltage_v are missing; it needs both", name);
  }
  return spec;
}

CostFigure CostFigure::times(double factor) const {
  CostFigure result = *this;
  result.value *= factor;
  result.low *= factor;
  result.high *= factor;
  return result;
}

Technology::Technology(TechnologySpec spec) : spec_(std::move(spec)), figures_(spec_.figures), laws_(spec_.laws) {
  if (spec_.is_collection) {
    fail("--technology {}: is a collection of figures for others to take from; choose one of them", spec_.name);
  }
  factors_.fill(1);
  for (const std::string& name : spec_.collections) {
    const TechnologySpec more = load_technology_spec(name);
    figures_.insert(figures_.end(), more.figures.begin(), more.figures.end());
    laws_.insert(laws_.end(), more.laws.begin(), more.laws.end());
  }
  for (auto setting = spec_.families.rbegin(); setting != spec_.families.rend(); ++setting) choose_family(*setting);
}

std::vector<std::string> Technology::families_of(FigureName name) const {
  std::vector<std::string> families;
  for (const TechnologyFigure& f : figures_) {
    const bool is_new = std::find(families.begin(), families.end(), f.family) == families.end();
    if (f.name == name && is_new) families.push_back(f.family);
  }
  for (const ConverterLaw& law : laws_) {
    if (law_of(name, law.family) == &law) families.push_back(law.family);
  }
  return families;
}

const ConverterLaw* Technology::law_of(FigureName name, std::string_view family) const {
  if (name != FigureName::adc && name != FigureName::adc_area) return nullptr;
  const auto found = std::find_if(laws_.begin(), laws_.end(), [&](const auto& law) { return law.family == family; });
  return found == laws_.end() ? nullptr : &*found;
}

// Nodes are part of a law, and need no rule of scaling.
std::optional<CostFigure> Technology::of_law(FigureName name, const ConverterLaw& law, const FigureQuery& query) const {
  if (!law.holds(query.bits, query.rate_gs) || spec_.node_nm <= 0) return std::nullopt;
  const bool is_area = name == FigureName::adc_area;
  TechnologyFigure row;
  row.name = name;
  row.family = law.family;
  row.unit = traits_of(name).unit;
  row.node_nm = spec_.node_nm;
  row.voltage_v = spec_.voltage_v;
  row.bits = query.bits;
  row.source = law.source;
  row.status = law.status;
  row.value = is_area ? law.area_um2(query.bits, query.rate_gs, spec_.node_nm)
                      : law.energy_pj(query.bits, query.rate_gs, spec_.node_nm);
  row.low = row.value * (is_area ? law.area_low : law.energy_low);
  row.high = row.value * (is_area ? law.area_high : law.energy_high);
  return CostFigure{row.value, row.low, row.high, row, {law.family}}.times(base_units(row.unit));
}

bool Technology::has(FigureName name) const { return given_.contains(name) || !families_of(name).empty(); }

std::vector<std::string> Technology::preferred(FigureName name) const {
  if (const auto found = chosen_.find(name); found != chosen_.end()) return found->second;
  const auto families = families_of(name);
  if (families.empty()) {
    fail("technology {}: has no figure for {} ({}); add one with its source", spec_.name, traits_of(name).name,
         traits_of(name).meaning);
  }
  return {families.front()};
}

std::optional<CostFigure> Technology::of_family(FigureName name, const std::string& family,
                                                const FigureQuery& query) const {
  if (const ConverterLaw* law = law_of(name, family)) return of_law(name, *law, query);
  double nearest = 0, distance = 1e300;
  for (const TechnologyFigure& f : figures_) {
    if (f.name != name || f.family != family) continue;
    const double d = f.node_nm > 0 ? std::abs(std::log(f.node_nm / spec_.node_nm)) : 0;
    if (d < distance) nearest = f.node_nm;
    distance = std::min(distance, d);
  }
  Rows by_bits, by_size;
  std::optional<CostFigure> plain;
  for (const TechnologyFigure& f : figures_) {
    if (f.name != name || f.family != family || f.node_nm != nearest) continue;
    const CostFigure figure = at_node(f, spec_);
    if (f.bits > 0) by_bits.emplace_back(f.bits, figure);
    if (f.size_kib > 0) by_size.emplace_back(std::log2(f.size_kib), figure);
    plain = figure;
  }
  const auto rising = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::sort(by_bits.begin(), by_bits.end(), rising);
  std::sort(by_size.begin(), by_size.end(), rising);
  if (!by_size.empty()) return of_size(by_size, query.size_kib);
  if (by_bits.empty() || query.bits == 0) return plain;
  if (auto found = inside(by_bits, query.bits)) return found;
  if (by_bits.size() > 1 || spec_.resolution_after.empty() || family == spec_.resolution_after) return std::nullopt;
  const auto wanted = of_family(name, spec_.resolution_after, query);
  const auto here =
      of_family(name, spec_.resolution_after, {static_cast<int>(by_bits[0].first), query.size_kib, query.rate_gs});
  if (!wanted || !here) return std::nullopt;
  return by_bits[0].second.times(wanted->value / here->value);
}

std::vector<CostFigure> Technology::sources(FigureName name, const FigureQuery& query) const {
  std::vector<CostFigure> all;
  for (const std::string& family : families_of(name)) {
    if (auto found = of_family(name, family, query)) all.push_back(std::move(*found));
  }
  return all;
}

void Technology::fail_unknown(FigureName name, const FigureQuery& query) const {
  std::vector<std::string> others;
  for (const CostFigure& f : sources(name, query)) others.push_back(f.from.family);
  const std::vector<std::string> wanted = preferred(name);
  std::string at = fmt::format("{} bits", query.bits);
  if (query.rate_gs > 0) at += fmt::format(" at {:.4g} GS/s", query.rate_gs);
  std::string bounds;
  for (const std::string& family : wanted) {
    const ConverterLaw* law = law_of(name, family);
    if (law == nullptr) continue;
    bounds = fmt::format(" ({} holds for {} to {} bits at known rates up to {} GS/s)", family, law->least_bits,
                         law->most_bits, law->most_rate_gs);
  }
  fail("technology {}: {} of {} is not known for {}{}; {}", spec_.name, traits_of(name).name, fmt::join(wanted, ", "),
       at, bounds,
       others.empty()
           ? std::string("no source has it")
           : fmt::format("take it from one of {} (--family {}=...)", fmt::join(others, ", "), traits_of(name).name));
}

CostFigure Technology::figure(FigureName name, const FigureQuery& query) const {
  const double factor = factors_[static_cast<std::size_t>(name)];
  if (const auto given = given_.find(name); given != given_.end()) {
    CostFigure figure;
    figure.value = figure.low = figure.high = given->second;
    figure.from.name = name;
    figure.from.family = figure.from.source = "given";
    figure.all = {"given"};
    return figure.times(factor);
  }
  const std::vector<std::string> wanted = preferred(name);
  std::optional<CostFigure> figure;
  for (std::size_t k = 0; k < wanted.size() && !figure; ++k) {
    figure = of_family(name, wanted[k], query);
    // Who asks for a law is not given a table instead.
    if (!figure && law_of(name, wanted[k]) != nullptr) break;
  }
  if (!figure) fail_unknown(name, query);
  if (spec_.interval == IntervalKind::all) {
    for (const CostFigure& other : sources(name, query)) {
      figure->low = std::min(figure->low, other.low);
      figure->high = std::max(figure->high, other.high);
      if (other.from.family != figure->from.family) figure->all.push_back(other.from.family);
    }
  }
  return figure->times(factor);
}

namespace {

// The figure and what stands behind the sign.
std::pair<FigureName, std::string> split_setting(std::string_view option, std::string_view setting) {
  const std::size_t equals = setting.find('=');
  const std::string name(setting.substr(0, equals));
  const std::vector<std::string> names(kNames.begin(), kNames.end());
  const auto found = std::find(names.begin(), names.end(), name);
  if (equals == std::string_view::npos || found == names.end()) {
    const std::string near = nearest_name(name, names);
    fail("{} {}: write FIGURE=..., FIGURE being one of {}{}", option, setting, fmt::join(names, ", "),
         near.empty() || near == name ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  }
  return {static_cast<FigureName>(found - names.begin()), std::string(setting.substr(equals + 1))};
}

}  // namespace

void Technology::choose_family(std::string_view setting) {
  const auto [name, family] = split_setting("--family", setting);
  const auto families = families_of(name);
  if (std::find(families.begin(), families.end(), family) == families.end()) {
    const std::string near = nearest_name(family, families);
    fail("--family {}: technology {} has no such source of {}; choose one of {}{}", setting, spec_.name,
         traits_of(name).name, fmt::join(families, ", "),
         near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  }
  chosen_[name].insert(chosen_[name].begin(), family);
}

void Technology::set_value(std::string_view setting) {
  const auto [name, text] = split_setting("--figure", setting);
  double value = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, value).ptr != end || !(value >= 0 && value < 1e12)) {
    fail("--figure {}: \"{}\" is no number of {} from 0 to 1e12", setting, text, traits_of(name).unit);
  }
  given_[name] = value * base_units(traits_of(name).unit);
}

Technology load_technology(std::string_view name) { return Technology(load_technology_spec(name)); }

std::string technology_of_chip(std::string_view chip) {
  for (const std::string& name : technology_names()) {
    const TechnologySpec spec = load_technology_spec(name);
    if (std::find(spec.chips.begin(), spec.chips.end(), chip) != spec.chips.end()) return name;
  }
  fail("--chip {}: no technology names it among its chips; choose one of {} by --technology", chip,
       fmt::join(technology_names(), ", "));
}

}  // namespace ohmic
