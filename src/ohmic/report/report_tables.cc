#include "ohmic/report/report_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "ohmic/report/finding.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

std::string text_cell(const std::string& text) { return text.empty() ? std::string(kNoValue) : escape_html(text); }

std::string quiet(const std::string& text) {
  return text.empty() ? text : fmt::format("<span class=\"sub\">{}</span>", escape_html(text));
}

std::string status_pill(RunStatus status) {
  if (status == RunStatus::finished) return {};
  return fmt::format(" <span class=\"pill\">{}</span>", status == RunStatus::running ? "running" : "interrupted");
}

/// Lets a long name break after its underscores.
std::string breakable(std::string_view name) {
  std::string html;
  for (const char c : escape_html(name)) {
    html += c;
    if (c == '_') html += "<wbr>";
  }
  return html;
}

std::string run_cell(const RunRecord& run, const RunGroup& group) {
  return fmt::format("<div class=\"run\"><span class=\"swatch k{}\"></span>{}{}</div>", group.colour,
                     breakable(shorten(run.name, 80)) + quiet(shorten(group.distinction, 60)), status_pill(run.status));
}

std::string epochs_cell(const RunRecord& run) {
  const std::string done = run.epochs.empty() ? "0" : format_count(run.epochs.back().epoch);
  const std::string planned = run.setting("training.epochs");
  return run.status == RunStatus::finished || planned.empty() ? done
                                                              : escape_html(done + " of " + shorten(planned, 12));
}

std::string best_cell(const RunRecord& run) {
  const EpochRecord* best = best_epoch(run);
  if (!best) return std::string(kNoValue);
  return format_percent(best->test_accuracy) + quiet(fmt::format(" @ {:.0f}", best->epoch));
}

std::string data_cell(const RunRecord& run) {
  return text_cell(shorten(run.data.name, 40)) + (run.data.synthetic ? " <span class=\"pill\">synthetic</span>" : "");
}

std::vector<std::string> summary_row(const RunRecord& run, const RunGroup& group) {
  const EpochRecord* last = final_epoch(run);
  return {run_cell(run, group),
          text_cell(rule_name(run)),
          text_cell(device_name(run)),
          run.seed ? fmt::format("{}", *run.seed) : std::string(kNoValue),
          epochs_cell(run),
          last ? format_percent(last->test_accuracy) : std::string(kNoValue),
          best_cell(run),
          group.is_digital ? std::string(kNoValue) : format_significant(mean_pulses(run), 3),
          group.is_digital ? std::string(kNoValue) : format_duration(chip_seconds(run)),
          format_duration(run.wall_seconds),
          format_significant(run.bytes_per_weight, 3),
          data_cell(run)};
}

/// All counters of all runs, in the order of first use.
std::vector<std::string> counter_names(std::span<const RunGroup> groups) {
  std::vector<std::string> names;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) {
      for (const CounterRecord& counter : run->counters) {
        if (std::find(names.begin(), names.end(), counter.name) == names.end()) names.push_back(counter.name);
      }
    }
  }
  return names;
}

std::string counter_heading(const std::string& name) {
  static const std::map<std::string, std::string> kHeadings = {{"mvm", "MVMs"},
                                                               {"dac_conversions", "DAC conversions"},
                                                               {"adc_conversions", "ADC conversions"},
                                                               {"set_pulses", "SET pulses"},
                                                               {"reset_pulses", "RESET pulses"},
                                                               {"digital_macs", "digital MACs"}};
  const auto known = kHeadings.find(name);
  if (known != kHeadings.end()) return known->second;
  std::string heading = name;
  std::replace(heading.begin(), heading.end(), '_', ' ');
  return shorten(heading, 40);
}

std::vector<std::string> counters_row(const RunRecord& run, const RunGroup& group,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> cells = {run_cell(run, group)};
  for (const std::string& name : names) cells.push_back(format_count(run.counter(name)));
  cells.push_back(format_significant(updates_saved(run), 3));
  return cells;
}

/// The factor in words, for the run that saves most.
std::string updates_note(std::span<const RunGroup> groups) {
  double most = 0;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) most = std::fmax(most, updates_saved(*run));
  }
  if (most <= 0) return {};
  return html_note(
      fmt::format("Updates saved: weights × training images / SET pulses. At best one update per {} weight-samples, "
                  "where a digital "
                  "trainer makes one per weight and image.",
                  format_significant(most, 2)));
}

/// One column of the retention table: results by age.
struct RetentionColumn {
  std::string heading;
  std::map<double, AgedAccuracy> by_age;
};

std::vector<RetentionColumn> retention_columns(std::span<const RunGroup> groups) {
  std::vector<RetentionColumn> columns;
  for (const RunGroup& group : groups) {
    for (const std::string& compensation : compensations(group)) {
      RetentionColumn column{shorten(group.short_name, 40) + ", " + compensation_name(compensation), {}};
      for (const AgedAccuracy& age : aged_accuracy(group, compensation)) column.by_age.emplace(age.seconds, age);
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

std::string aged_cell(const RetentionColumn& column, double seconds) {
  const auto found = column.by_age.find(seconds);
  if (found == column.by_age.end()) return std::string(kNoValue);
  const AgedAccuracy& age = found->second;
  std::string cell = format_percent(age.mean);
  if (std::isfinite(age.stddev)) cell += quiet(fmt::format(" ± {:.2f}", 100 * age.stddev));
  return cell;
}

/// A list of names and values, both text; entries without a value are left out.
std::string definition_list(const std::vector<ConfigEntry>& entries) {
  std::string html;
  for (const ConfigEntry& entry : entries) {
    if (entry.value.empty()) continue;
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(entry.path), escape_html(entry.value));
  }
  return html.empty() ? html : "<dl>\n" + html + "</dl>\n";
}

std::string settings_card(const std::string& heading, const std::vector<ConfigEntry>& entries) {
  const std::string list = definition_list(entries);
  return list.empty() ? list : fmt::format("<div>\n<h3>{}</h3>\n{}</div>\n", escape_html(heading), list);
}

/// Settings by table, in the order of the file: "training.rule" is `rule` under "training".
std::vector<std::pair<std::string, std::vector<ConfigEntry>>> by_table(const std::vector<ConfigEntry>& config) {
  std::vector<std::pair<std::string, std::vector<ConfigEntry>>> tables;
  for (const ConfigEntry& entry : config) {
    const std::size_t dot = entry.path.rfind('.');
    const std::string table = dot == std::string::npos ? "experiment" : entry.path.substr(0, dot);
    auto place = std::find_if(tables.begin(), tables.end(), [&](const auto& known) { return known.first == table; });
    if (place == tables.end()) place = tables.insert(tables.end(), {table, {}});
    place->second.push_back({dot == std::string::npos ? entry.path : entry.path.substr(dot + 1), entry.value});
  }
  return tables;
}

std::string known_number(double value) { return std::isfinite(value) ? format_count(value) : std::string(); }

std::vector<ConfigEntry> surroundings(const RunRecord& run) {
  return {{"program", run.version.empty() ? "" : "ohmic " + run.version},
          {"started", run.started},
          {"seed", run.seed ? fmt::format("{}", *run.seed) : ""},
          {"processor", run.machine.cpu},
          {"instruction set", run.machine.instruction_set},
          {"threads", known_number(run.machine.threads)},
          {"weights", known_number(run.weights)},
          {"data", run.data.provenance.empty() ? run.data.name : run.data.provenance}};
}

std::string configuration(const RunRecord& run, const RunGroup& group) {
  std::string cards = settings_card("run", surroundings(run));
  for (const auto& [table, entries] : by_table(run.config)) cards += settings_card(table, entries);
  std::string content = fmt::format("<div class=\"settings\">\n{}</div>\n", cards);
  if (run.config.empty()) content += html_note("The configuration is not recorded.");
  std::string summary = escape_html(shorten(run.name, 80));
  summary += quiet(shorten(group.distinction, 60) + (run.seed ? fmt::format(", seed {}", *run.seed) : ""));
  return html_details(summary, content);
}

}  // namespace

double updates_saved(const RunRecord& run) {
  // weights x samples / pulses, with pulses / samples being the mean over epochs of equal length.
  const double pulses = mean_pulses(run);
  return pulses > 0 && !is_digital(run) ? run.weights / pulses : kNotRecorded;
}

std::string summary_table(std::span<const RunGroup> groups) {
  constexpr Alignment kRight = Alignment::right;
  const std::vector<TableColumn> columns = {{"run"},
                                            {"rule"},
                                            {"device"},
                                            {"seed", kRight},
                                            {"epochs", kRight},
                                            {"test accuracy", kRight},
                                            {"best @ epoch", kRight},
                                            {"pulses per image", kRight},
                                            {"chip time", kRight},
                                            {"wall time", kRight},
                                            {"bytes per weight", kRight},
                                            {"data"}};
  std::vector<std::vector<std::string>> rows;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) rows.push_back(summary_row(*run, group));
  }
  return html_table("Summary of the runs", columns, rows);
}

std::string counters_table(std::span<const RunGroup> groups) {
  const std::vector<std::string> names = counter_names(groups);
  if (names.empty()) return {};
  std::vector<TableColumn> columns = {{"run"}};
  for (const std::string& name : names) columns.push_back({counter_heading(name), Alignment::right});
  columns.push_back({"updates saved", Alignment::right});
  std::vector<std::vector<std::string>> rows;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) rows.push_back(counters_row(*run, group, names));
  }
  return html_table("Operations counted", columns, rows) + updates_note(groups);
}

std::string retention_table(std::span<const RunGroup> groups) {
  const std::vector<RetentionColumn> results = retention_columns(groups);
  std::map<double, std::string> ages;
  std::vector<TableColumn> columns = {{"time"}};
  for (const RetentionColumn& column : results) {
    columns.push_back({column.heading, Alignment::right});
    for (const auto& [seconds, age] : column.by_age) ages.emplace(seconds, age_text(age.at, seconds));
  }
  if (ages.empty()) return {};
  std::vector<std::vector<std::string>> rows;
  for (const auto& [seconds, age] : ages) {
    rows.push_back({escape_html(age)});
    for (const RetentionColumn& column : results) rows.back().push_back(aged_cell(column, seconds));
  }
  return html_table("Test accuracy by time after training", columns, rows);
}

std::string configurations(std::span<const RunGroup> groups) {
  std::string html;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) html += configuration(*run, group);
  }
  return html;
}

}  // namespace ohmic::report
