#include "ohmic/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "ohmic/report/deploy_charts.h"
#include "ohmic/report/finding.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/report_charts.h"
#include "ohmic/report/report_tables.h"
#include "ohmic/report/run_groups.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

using namespace report;

/// The distinct values of a field over the runs, in order of first use.
std::vector<std::string> distinct(std::span<const RunRecord> runs, std::string (*field)(const RunRecord&)) {
  std::vector<std::string> values;
  for (const RunRecord& run : runs) {
    const std::string value = field(run);
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + shorten(value, 60);
  return text;
}

std::string data_name(const RunRecord& run) { return run.data.name; }
std::string program(const RunRecord& run) { return run.version.empty() ? std::string() : "ohmic " + run.version; }
std::string day(const RunRecord& run) { return run.started.substr(0, 10); }

std::string days_text(std::span<const RunRecord> runs) {
  const std::vector<std::string> days = distinct(runs, day);
  if (days.empty()) return {};
  const auto [first, last] = std::minmax_element(days.begin(), days.end());
  return shorten(first == last ? *first : *first + " to " + *last, 60);
}

/// How many runs, on what data, by which program, when.
std::string meta_line(std::span<const RunRecord> runs) {
  std::string html;
  for (const std::string& part : {format_plural(runs.size(), "run"), joined(distinct(runs, data_name)),
                                  joined(distinct(runs, program)), days_text(runs)}) {
    if (!part.empty()) html += fmt::format("<span>{}</span>", escape_html(part));
  }
  return fmt::format("<p class=\"meta\">{}</p>\n", html);
}

std::vector<std::string> names_of(std::span<const RunRecord> runs, bool (*chosen)(const RunRecord&)) {
  std::vector<std::string> names;
  for (const RunRecord& run : runs) {
    if (chosen(run) && std::find(names.begin(), names.end(), run.name) == names.end()) names.push_back(run.name);
  }
  return names;
}

/// The names, or a count where there are many.
std::string listed(const std::vector<std::string>& names) {
  return names.size() <= 4 ? joined(names) : format_plural(names.size(), "run");
}

std::string warning(std::string_view strong, const std::string& text) {
  return fmt::format("<p class=\"warning\" role=\"note\"><strong>{}</strong> {}</p>\n", strong, escape_html(text));
}

constexpr std::string_view kSyntheticWarning =
    ": trained and tested on a generated stand-in, not on the real data set. These accuracies say nothing about the "
    "real "
    "one and must not be compared with it.";
constexpr std::string_view kUnfinishedWarning =
    ": still running or interrupted; the numbers are those of the last epoch recorded.";

std::string warnings(std::span<const RunRecord> runs) {
  std::string html;
  const auto synthetic = names_of(runs, [](const RunRecord& run) { return run.data.synthetic; });
  if (!synthetic.empty()) html += warning("Synthetic data.", listed(synthetic).append(kSyntheticWarning));
  const auto unfinished = names_of(runs, [](const RunRecord& run) { return run.status != RunStatus::finished; });
  if (!unfinished.empty()) html += warning("Not finished.", listed(unfinished).append(kUnfinishedWarning));
  return html;
}

std::string header(std::span<const RunRecord> runs, std::span<const RunGroup> groups, std::string_view title) {
  return fmt::format("<header>\n<h1>{}</h1>\n<p class=\"finding\">{}</p>\n{}</header>\n{}", escape_html(title),
                     escape_html(finding(groups)), meta_line(runs), warnings(runs));
}

// Pictures lie in the page itself, as base64 (RFC 4648).
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text.push_back(i + k > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * k)) & 63u]);
    }
  }
  return text;
}

// What the networks make, one run per group.
std::string samples(std::span<const RunGroup> groups) {
  std::string html;
  for (const RunGroup& group : groups) {
    const SamplesRecord& s = group.first().samples;
    std::string content;
    if (!s.png.empty()) {
      content += fmt::format("<img class=\"samples\" alt=\"images made by {}\" src=\"data:image/png;base64,{}\">\n",
                             escape_html(group.label), base64(s.png));
    }
    if (!s.text.empty()) content += fmt::format("<pre class=\"samples\">{}</pre>\n", escape_html(s.text));
    if (!content.empty()) html += html_note(group.label) + content;
  }
  return html;
}

std::string or_not_recorded(std::string html) { return html.empty() ? html_note("Not recorded.") : html; }

}  // namespace

std::string render_report(std::span<const RunRecord> runs, std::string_view title) {
  const std::vector<RunGroup> groups = group_runs(runs);
  std::string body = header(runs, groups, title);
  if (runs.empty()) return html_page(title, body);
  body += html_section("Summary", summary_table(groups));
  body += html_section("Test accuracy", or_not_recorded(accuracy_chart(groups)));
  body += html_section("Bits per character", text_chart(groups));
  body += html_section("Frechet distance", distance_chart(groups));
  body += html_section("Samples of the last epoch", samples(groups));
  body += html_section("Pulses per image", pulses_chart(groups));
  body += html_section("Conductances and weights", histogram_charts(groups));
  body += html_section("Writes and erases of the cells", wear_charts(groups));
  body += html_section("Accuracy over time", retention_chart(groups));
  body += html_section("Layers on cells", layer_charts(groups));
  body += html_section("Precision", ladder_charts(groups));
  body += html_section("Operations", or_not_recorded(counters_table(groups)));
  body += html_section("Configuration", configurations(groups));
  return html_page(title, body);
}

}  // namespace ohmic
