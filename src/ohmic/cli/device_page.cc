#include "ohmic/cli/device_page.h"

#include <fmt/format.h>

#include <cctype>

#include "ohmic/cli/device_charts.h"
#include "ohmic/cli/device_tables.h"
#include "ohmic/core/version.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

using namespace report;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Text of the terminal with the symbols that a page can show.
std::string with_symbols(std::string text) {
  replace_all(text, "uS", "µS");
  replace_all(text, "+-", "±");
  return text;
}

std::string typeset(const std::string& text) { return escape_html(with_symbols(text)); }

/// A name that may be broken at its underscores.
std::string breakable(std::string_view name) {
  std::string html = escape_html(name);
  replace_all(html, "_", "_<wbr>");
  return html;
}

std::string table_html(const FigureTable& table) {
  std::vector<TableColumn> columns;
  for (const std::string& heading : table.rows.front()) {
    columns.push_back({with_symbols(heading), columns.empty() ? Alignment::left : Alignment::right});
  }
  std::vector<std::vector<std::string>> rows(table.rows.begin() + 1, table.rows.end());
  for (auto& row : rows) {
    for (std::string& cell : row) cell = typeset(cell);
  }
  for (auto& row : rows) row.resize(columns.size());
  return html_table(with_symbols(table.heading), columns, rows);
}

std::string captioned(const FigureTable& table) { return html_details(typeset(table.heading), table_html(table)); }

std::string captioned(const std::vector<FigureTable>& tables) {
  std::string html;
  for (const FigureTable& table : tables) html += captioned(table);
  return html;
}

std::string constants_html(const DeviceStudy& study) {
  std::vector<std::vector<std::string>> rows;
  for (const CellConstant& c : study.constants) {
    rows.push_back({breakable(c.name), typeset(fmt::format("{} {}", c.value, c.unit)), escape_html(c.status),
                    typeset(c.meaning), typeset(c.source)});
  }
  return html_table(fmt::format("Constants of {}", study.label),
                    {{"constant"}, {"value", Alignment::right}, {"status"}, {"meaning"}, {"source"}}, rows);
}

std::string amount(double us) { return fmt::format("{} µS", format_significant(us, 3)); }

/// What matters most, in a sentence or three.
std::string finding(const DeviceStudy& study) {
  const Characterisation& f = study.figures;
  const ConductanceSpread& end = f.potentiation.back().conductance;
  std::string text = fmt::format("{} SET pulses lead from {} to {} ± {}; {} of the first ten steps lead down.",
                                 f.pulses, amount(f.potentiation.front().conductance.mean_us), amount(end.mean_us),
                                 amount(end.stddev_us), format_percent(early_share_negative(f), 0));
  if (f.drifts) {
    const DriftCurve& half = f.drift[2];
    text += fmt::format(" A year after the last pulse {} of a conductance at half scale is left.",
                        format_percent(at_age(half, kYearSeconds).mean_us / half.level_us, 0));
  }
  const ProgrammingSummary programming = summary_of(f.targets);
  return text + fmt::format(" Programmed to targets, cells are off by {} (root mean square).",
                            amount(programming.rms_error_us));
}

std::string header(std::string_view title, std::string_view finding, Studies studies) {
  const Characterisation& f = studies.front().figures;
  std::string meta;
  for (const std::string& part :
       {fmt::format("{} cells{}", format_count(static_cast<double>(f.cells)), studies.size() > 1 ? " each" : ""),
        fmt::format("{} pulses", f.pulses), fmt::format("seed {}", studies.front().seed),
        fmt::format("ohmic {}", kVersion)}) {
    meta += fmt::format("<span>{}</span>", escape_html(part));
  }
  return fmt::format("<header>\n<h1>{}</h1>\n<p class=\"finding\">{}</p>\n<p class=\"meta\">{}</p>\n</header>\n",
                     escape_html(title), escape_html(finding), meta);
}

std::string charts_of_pulses(Studies studies) {
  return html_section("Pulses", pulse_chart(studies) +
                                    html_note("Mean over the cells; the band holds 90 % of them, from the 5 % to the "
                                              "95 % quantile.") +
                                    (studies.size() > 1 ? "" : captioned(pulse_tables(studies.front().figures)))) +
         html_section("Steps",
                      step_chart(studies) + html_note("Change of the conductance by one pulse: mean, and one standard "
                                                      "deviation over the cells to either side.")) +
         html_section(studies.size() > 1
                          ? fmt::format("Distribution after {} SET pulses", studies.front().figures.pulses)
                          : "Distribution",
                      distribution_chart(studies) + html_note("60 bins of equal width over all cells."));
}

std::string charts_of_time(Studies studies) {
  const bool single = studies.size() == 1;
  const Characterisation& first = studies.front().figures;
  std::string drift = drift_chart(studies);
  if (!drift.empty()) {
    drift += html_note(single ? fmt::format("Mean over cells that had these conductances {} after the last pulse, and "
                                            "one standard deviation to either side.",
                                            format_duration(first.drift_reference_age_s))
                              : "From half of the usable conductance at each cell's own reference time; the band is "
                                "one standard deviation to either side.");
    if (single) drift += captioned(drift_table(first));
  }
  std::string noise = read_noise_chart(studies);
  if (!noise.empty() && single) noise += captioned(noise_tables(first));
  std::string flicker = flicker_chart(studies);
  if (!flicker.empty() && !single) flicker += html_note("At half of the usable conductance.");
  return html_section("Drift", drift) + html_section("Read noise", noise) +
         html_section("Read noise over time", flicker);
}

/// "by hand" as "By hand. ".
std::string sentence(std::string text) {
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + ". ";
}

std::string charts_of_programming(Studies studies) {
  const DeviceStudy& first = studies.front();
  const std::string how = studies.size() == 1 ? sentence(programming_text(first)) : "";
  return html_section("Programming to a target",
                      error_chart(studies) +
                          html_note(with_symbols(how) + "Bars are one standard deviation over the cells. " +
                                    (studies.size() == 1 ? with_symbols(convergence_note(first)) : "")) +
                          (studies.size() == 1 ? captioned(programming_table(first)) : "")) +
         html_section("Effort of programming", effort_chart(studies));
}

std::string one_device(const DeviceStudy& study) {
  const Studies studies(&study, 1);
  std::string body = header(study.label, fmt::format("{}. {}", study.description, finding(study)), studies);
  body += charts_of_pulses(studies) + charts_of_time(studies) + charts_of_programming(studies);
  body += html_section("Constants", constants_html(study));
  return html_page(fmt::format("{}: a memory cell", study.label), body);
}

std::string comparison(Studies studies) {
  std::string title;
  std::string descriptions;
  std::string constants;
  for (const DeviceStudy& study : studies) {
    title += (title.empty() ? "" : ", ") + study.label;
    descriptions += html_note(fmt::format("{}: {}.", study.label, study.description));
    constants += html_details(escape_html(study.label), constants_html(study));
  }
  std::string body =
      header(title, fmt::format("{} memory cells under the same pulses, side by side.", studies.size()), studies);
  body += html_section("Figures", table_html({"Figures of the cells", comparison_rows(studies)}) + descriptions);
  body += charts_of_pulses(studies) + charts_of_time(studies) + charts_of_programming(studies);
  body += html_section("Constants", constants);
  return html_page(title, body);
}

}  // namespace

std::string device_page(std::span<const DeviceStudy> studies) {
  return studies.size() == 1 ? one_device(studies.front()) : comparison(studies);
}

}  // namespace ohmic
