#include "ohmic/cli/cost_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>

#include "ohmic/core/constants.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

using CostJson = nlohmann::ordered_json;

std::string scaled_text(double value, std::span<const std::pair<double, const char*>> units) {
  for (const auto& [size, name] : units) {
    if (std::abs(value) >= size) return fmt::format("{:.4g} {}", value / size, name);
  }
  return fmt::format("{:.4g} {}", value / units.back().first, units.back().second);
}

std::string format_seconds(double seconds) {
  constexpr std::array<std::pair<double, const char*>, 7> kUnits = {
      {{3.15576e7, "years"}, {86400, "days"}, {3600, "h"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  return scaled_text(seconds, kUnits);
}

std::string format_power(double watts) {
  constexpr std::array<std::pair<double, const char*>, 3> kUnits = {{{1, "W"}, {1e-3, "mW"}, {1e-6, "uW"}}};
  return scaled_text(watts, kUnits);
}

std::string share_text(const Energy& part, const Energy& whole) {
  const double all = whole.value.joules();
  return all > 0 ? fmt::format("{:.1f} %", 100 * part.value.joules() / all) : "-";
}

// Energy per sample, its interval and its share.
std::vector<std::string> energy_row(std::string name, const Energy& part, const CostReport& report) {
  const Interval e = interval_of(part).times(1 / report.samples);
  return {std::move(name), format_energy(e.value), format_energy(e.low), format_energy(e.high),
          share_text(part, report.table.total())};
}

TextRows energy_rows(const char* what, const CostReport& report) {
  return {{what, fmt::format("energy per {}", report.unit), "low", "high", "share"}};
}

std::string number_text(double value, const char* format = "{:.4g}") {
  return value > 0 && std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "-";
}

std::string interval_text(const Interval& i) {
  return fmt::format("{} ({} to {})", number_text(i.value), number_text(i.low), number_text(i.high));
}

CostJson interval_json(const Interval& i) { return {{"value", i.value}, {"low", i.low}, {"high", i.high}}; }

CostJson energy_json(const Energy& e) {
  return {{"energy_j", e.value.joules()},
          {"low_j", e.low.joules()},
          {"high_j", e.high.joules()},
          {"energy_aj", e.value.digits()}};
}

CostJson figure_json(const CostFigure& f) {
  const TechnologyFigure& from = f.from;
  return {{"name", traits_of(from.name).name},
          {"family", from.family},
          {"unit", traits_of(from.name).unit == "um2" ? "um2" : "aJ"},
          {"value", f.value},
          {"low", f.low},
          {"high", f.high},
          {"fitted", from.fitted},
          {"interval_of", f.all},
          {"status", kSourceStatuses[static_cast<std::size_t>(from.status)]},
          {"source", from.source}};
}

}  // namespace

std::string format_energy(double joules) {
  constexpr std::array<std::pair<double, const char*>, 7> kUnits = {
      {{1, "J"}, {1e-3, "mJ"}, {1e-6, "uJ"}, {1e-9, "nJ"}, {1e-12, "pJ"}, {1e-15, "fJ"}, {1e-18, "aJ"}}};
  return scaled_text(joules, kUnits);
}

std::string format_interval(const Interval& joules) {
  return fmt::format("{} ({} to {})", format_energy(joules.value), format_energy(joules.low),
                     format_energy(joules.high));
}

std::string converter_note(const FigureQuery& converters) {
  return fmt::format("converters make {} bits at {:.3g} {}: the columns that share one, in each step of a product",
                     converters.bits, converters.rate_gs < 0.1 ? 1e3 * converters.rate_gs : converters.rate_gs,
                     converters.rate_gs < 0.1 ? "MS/s" : "GS/s");
}

std::vector<CostFigure> figures_used(const CostTable& table, const Technology& technology,
                                     const FigureQuery& converters) {
  std::vector<CostFigure> used;
  for (std::size_t k = 0; k < kFigureCount; ++k) {
    const auto name = static_cast<FigureName>(k);
    const auto count = static_cast<double>(table.count(name));
    if (count == 0) continue;
    CostFigure figure = technology.figure(name, name == FigureName::adc ? converters : FigureQuery{});
    const Interval all = interval_of(table.of_event(name)).times(1e18 / count);
    figure.value = all.value;
    figure.low = all.low;
    figure.high = all.high;
    used.push_back(std::move(figure));
  }
  return used;
}

TextRows summary_rows(const CostReport& report) {
  const CostSummary& s = report.summary;
  TextRows rows = {{"", "value", "low", "high"}};
  const auto add = [&](std::string name, const Interval& i, const std::function<std::string(double)>& text) {
    rows.push_back({std::move(name), text(i.value), text(i.low), text(i.high)});
  };
  const auto plain = [](double value) { return number_text(value); };
  add(fmt::format("energy per {}", report.unit), s.energy_j, format_energy);
  add("power at full rate", s.power_w(), format_power);
  rows.push_back({fmt::format("time per {}", report.unit), format_seconds(s.seconds), "", ""});
  if (s.latency_s > 0) rows.push_back({"latency", format_seconds(s.latency_s), "", ""});
  add("area, mm2", s.area_mm2, plain);
  rows.push_back({"TOPS", number_text(s.tops()), "", ""});
  add("TOPS/W", s.tops_per_w(), plain);
  add("TOPS/mm2", s.tops_per_mm2(), plain);
  if (std::isfinite(s.lifetime_samples)) {
    rows.push_back({"lifetime of the cells", fmt::format("{:.3g} {}s", s.lifetime_samples, report.unit), "", ""});
    rows.push_back({"  at full rate", format_seconds(s.lifetime_samples * s.seconds), "", ""});
  }
  return rows;
}

TextRows component_rows(const CostReport& report) {
  TextRows rows = energy_rows("component", report);
  for (const Component c : report.table.components()) {
    const std::string name(kComponents[static_cast<std::size_t>(c)]);
    rows.push_back(energy_row(name, report.table.of_component(c), report));
  }
  rows.push_back(energy_row("total", report.table.total(), report));
  return rows;
}

TextRows phase_rows(const CostReport& report) {
  TextRows rows = energy_rows("phase", report);
  for (const Phase p : report.table.phases()) {
    rows.push_back(energy_row(std::string(kPhases[static_cast<std::size_t>(p)]), report.table.of_phase(p), report));
  }
  rows.push_back(energy_row("total", report.table.total(), report));
  return rows;
}

TextRows layer_rows(const CostReport& report) {
  TextRows rows = energy_rows("layer", report);
  for (const Component c : report.table.components()) {
    rows[0].emplace_back(kComponents[static_cast<std::size_t>(c)]);
  }
  const auto with_components = [&](std::vector<std::string> row, const auto& part) {
    for (const Component c : report.table.components()) row.push_back(format_energy(part(c) / report.samples));
    rows.push_back(std::move(row));
  };
  for (std::size_t l = 0; l < report.table.layers().size(); ++l) {
    const Energy energy = report.table.of_layer(l);
    if (energy.value == Attojoules()) continue;
    with_components(energy_row(report.table.layers()[l], energy, report),
                    [&](Component c) { return report.table.of(l, c).value.joules(); });
  }
  with_components(energy_row("total", report.table.total(), report),
                  [&](Component c) { return report.table.of_component(c).value.joules(); });
  return rows;
}

TextRows figure_rows(const CostReport& report) {
  TextRows rows = {{"event", "number", "energy each", "low", "high", "of", "status", ""}};
  for (const CostFigure& f : report.figures) {
    const double count = static_cast<double>(report.table.count(f.from.name)) / report.samples;
    rows.push_back({std::string(traits_of(f.from.name).name), fmt::format("{:.6g}", count),
                    format_energy(f.value * 1e-18), format_energy(f.low * 1e-18), format_energy(f.high * 1e-18),
                    f.from.family, std::string(kSourceStatuses[static_cast<std::size_t>(f.from.status)]),
                    f.from.fitted ? "fitted to a published total" : ""});
  }
  return rows;
}

TextRows cost_comparison_rows(const std::vector<CostReport>& reports) {
  TextRows rows = {{"", "energy", "low", "high", "time", "power", "area, mm2", "TOPS", "TOPS/W", "TOPS/mm2"}};
  for (const CostReport& r : reports) {
    const CostSummary& s = r.summary;
    rows.push_back({r.title, format_energy(s.energy_j.value), format_energy(s.energy_j.low),
                    format_energy(s.energy_j.high), format_seconds(s.seconds), format_power(s.power_w().value),
                    number_text(s.area_mm2.value), number_text(s.tops()), interval_text(s.tops_per_w()),
                    number_text(s.tops_per_mm2().value)});
  }
  return rows;
}

TextRows published_rows() {
  TextRows rows = {{"as published", "TOPS", "TOPS/W", "TOPS/mm2", "power, W", "area, mm2", "nJ/product", "status"}};
  for (const PublishedSystem& s : published_systems()) {
    rows.push_back({s.name, number_text(s.tops), number_text(s.tops_per_w), number_text(s.tops_per_mm2),
                    number_text(s.power_w), number_text(s.area_mm2), number_text(s.mvm_nj),
                    std::string(kSourceStatuses[static_cast<std::size_t>(s.status)])});
  }
  return rows;
}

namespace {

CostJson summary_json(const CostReport& report) {
  const CostSummary& s = report.summary;
  CostJson json = {{"energy_per_sample_j", interval_json(s.energy_j)},
                   {"power_w", interval_json(s.power_w())},
                   {"seconds_per_sample", s.seconds},
                   {"latency_s", s.latency_s},
                   {"area_mm2", interval_json(s.area_mm2)},
                   {"operations_per_sample", s.operations},
                   {"tops", s.tops()},
                   {"tops_per_w", interval_json(s.tops_per_w())},
                   {"tops_per_mm2", interval_json(s.tops_per_mm2())}};
  json["lifetime_samples"] = std::isfinite(s.lifetime_samples) ? CostJson(s.lifetime_samples) : CostJson();
  return json;
}

CostJson cells_json(const CostTable& table) {
  CostJson cells = CostJson::array();
  for (const CostCell& cell : table.cells()) {
    CostJson json = {{"layer", table.layers()[cell.layer]},
                     {"phase", kPhases[static_cast<std::size_t>(cell.phase)]},
                     {"component", kComponents[static_cast<std::size_t>(component_of(cell.event))]},
                     {"event", traits_of(cell.event).name},
                     {"count", cell.count}};
    json.update(energy_json(cell.energy));
    cells.push_back(std::move(json));
  }
  return cells;
}

}  // namespace

CostJson cost_json(const CostReport& report) {
  const CostTable& table = report.table;
  CostJson json = {
      {"title", report.title},     {"technology", report.technology}, {"unit", report.unit},
      {"samples", report.samples}, {"summary", summary_json(report)}, {"total", energy_json(table.total())}};
  for (const Component c : table.components()) {
    json["components"][std::string(kComponents[static_cast<std::size_t>(c)])] = energy_json(table.of_component(c));
  }
  for (const Phase p : table.phases()) {
    json["phases"][std::string(kPhases[static_cast<std::size_t>(p)])] = energy_json(table.of_phase(p));
  }
  for (std::size_t l = 0; l < table.layers().size(); ++l) {
    if (table.of_layer(l).value != Attojoules()) json["layers"][table.layers()[l]] = energy_json(table.of_layer(l));
  }
  json["cells"] = cells_json(table);
  json["converters"] = {{"bits", report.converters.bits}, {"rate_gs", report.converters.rate_gs}};
  for (const CostFigure& f : report.figures) json["figures"].push_back(figure_json(f));
  json["notes"] = report.notes;
  return json;
}

namespace {

std::string table_line(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

// A law's figures at two rates, so that it can be read without computing it.
std::string law_markdown(const ConverterLaw& law) {
  std::string text = fmt::format(
      "\n### Law `{}` of `adc` and `adc_area`\n\n"
      "{}: {}\n\nWith b bits, a rate of f conversions per second and a node of n nm:\n\n```text\n"
      "SNDR = 20 log10(2) b + 10 log10(1.5)\n"
      "F    = min({} + {} b, {} - {} ln f)\n"
      "E    = 1/2 10^((SNDR - F) / 10) exp({} + {} ln n - {} ln b)  pJ\n"
      "A    = exp({} + {} ln n + {} ln f + {} ln E)  um2\n```\n\n"
      "It holds for {} to {} bits and up to {} GS/s. Interval: {} to {} times the energy, {} to {} times the area, "
      "{}.\n\n"
      "| bits | corner, GS/s | pJ below it, 14 nm | pJ at 1 GS/s, 14 nm | um2 at 1 GS/s, 14 nm | pJ at 1 GS/s, 32 nm "
      "|\n|--:|--:|--:|--:|--:|--:|\n",
      law.family, kSourceStatuses[static_cast<std::size_t>(law.status)], law.source, law.merit_of_bits,
      law.merit_per_bit, law.merit_of_rate, -law.merit_per_log_rate, law.energy_constant, law.energy_per_log_node,
      -law.energy_per_log_bits, law.area_constant, law.area_per_log_node, law.area_per_log_rate,
      law.area_per_log_energy, law.least_bits, law.most_bits, law.most_rate_gs, law.energy_low, law.energy_high,
      law.area_low, law.area_high, law.interval_source);
  for (int bits = law.least_bits; bits <= std::min(law.most_bits, 12); ++bits) {
    const double corner = law.corner_gs(bits);
    text += table_line(
        {fmt::format("{}", bits), fmt::format("{:.3g}", corner), fmt::format("{:.3g}", law.energy_pj(bits, corner, 14)),
         fmt::format("{:.3g}", law.energy_pj(bits, 1, 14)), fmt::format("{:.4g}", law.area_um2(bits, 1, 14)),
         fmt::format("{:.3g}", law.energy_pj(bits, 1, 32))});
  }
  return text;
}

std::string technology_markdown(const TechnologySpec& spec) {
  std::string text = fmt::format("\n## {}\n\n{}.", spec.name, spec.description);
  if (!spec.is_collection) {
    text += fmt::format(" {} nm, {} V; inputs by `{}`, {} cells per crossing, {} slices, {} steps per product.",
                        spec.node_nm, spec.voltage_v, kInputCodings[static_cast<std::size_t>(spec.input_coding)],
                        spec.cells_per_crossing, spec.weight_slices, spec.input_steps);
  }
  if (!spec.collections.empty()) text += fmt::format(" Takes from {}.", fmt::join(spec.collections, ", "));
  text += "\n\n| figure | of | value | low | high | | nm | bits | KiB | status | source |\n";
  text += "|---|---|--:|--:|--:|---|--:|--:|--:|---|---|\n";
  for (const TechnologyFigure& f : spec.figures) {
    const auto or_none = [](double value) { return value > 0 ? fmt::format("{}", value) : std::string(); };
    text += table_line(
        {fmt::format("`{}`", traits_of(f.name).name), f.family, fmt::format("{:.5g}", f.value),
         fmt::format("{:.5g}", f.low), fmt::format("{:.5g}", f.high), f.unit, or_none(f.node_nm), or_none(f.bits),
         or_none(f.size_kib),
         fmt::format("{}{}", kSourceStatuses[static_cast<std::size_t>(f.status)], f.fitted ? ", fitted" : ""),
         f.source});
  }
  for (const ConverterLaw& law : spec.laws) text += law_markdown(law);
  return text;
}

}  // namespace

std::string technology_catalogue_markdown() {
  std::string text =
      "<!-- Made by `ohmic list technologies --markdown`; change presets/technologies instead, then make it again. "
      "-->\n\n"
      "# Technologies\n\n"
      "What events cost, and where each figure comes from: `published` in the source that is named, `derived` from it, "
      "or\n`assumed`, with a reason. `fitted`: chosen so that a published total comes out. [cost.md](cost.md) says how "
      "they are used.\n\n"
      "| figure | unit | meaning |\n|---|---|---|\n";
  for (std::size_t k = 0; k < kFigureCount; ++k) {
    const FigureTraits& t = traits_of(static_cast<FigureName>(k));
    text += table_line({fmt::format("`{}`", t.name), std::string(t.unit), std::string(t.meaning)});
  }
  for (const std::string& name : technology_names()) text += technology_markdown(load_technology_spec(name));
  text += "\n## Published systems\n\n| system | what | TOPS | TOPS/W | TOPS/mm2 | status | source |\n";
  text += "|---|---|--:|--:|--:|---|---|\n";
  for (const PublishedSystem& s : published_systems()) {
    text += table_line({s.name, s.what, number_text(s.tops), number_text(s.tops_per_w), number_text(s.tops_per_mm2),
                        std::string(kSourceStatuses[static_cast<std::size_t>(s.status)]), s.source});
  }
  return text;
}

}  // namespace ohmic
