#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/html_page.h"
#include "ohmic/report/report_charts.h"
#include "ohmic/report/svg_histogram.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr int kSetColour = 0;
constexpr int kResetColour = 1;
constexpr double kCalendarYear = 365.25 * 86400;

HistogramSide side(const char* name, int colour, double total, double most, const WearKindRecord& kind,
                   const std::vector<double>& counts) {
  HistogramSide side{name, "", colour, counts};
  if (std::isfinite(total) && kind.cells > 0) {
    side.note = fmt::format(", mean {}, most {}", format_significant(total / kind.cells, 3), format_count(most));
  }
  return side;
}

/// The kinds whose name begins so, above one another.
std::string wear_stack(const WearRecord& wear, std::string_view part, const std::string& id) {
  HistogramStack stack;
  for (const WearKindRecord& kind : wear.kinds) {
    if (!std::string_view(kind.name).starts_with(part)) continue;
    stack.panels.push_back({kind.name, format_count(kind.cells) + " cells", kind.edges,
                            side("SET", kSetColour, kind.sets, kind.most_sets, kind, kind.set_counts),
                            side("RESET", kResetColour, kind.resets, kind.most_resets, kind, kind.reset_counts)});
  }
  if (stack.panels.empty()) return {};
  stack.label = {id, fmt::format("Writes and erases of the cells of the {}", part),
                 "How many cells were SET and RESET how often."};
  stack.x_title = "pulses on a cell";
  stack.y_title = fmt::format("cells per bin{}", needs_log_counts(stack.panels) ? " (logarithmic)" : "");
  return render_histogram_stack(stack);
}

std::string time_text(double seconds) {
  return seconds < kCalendarYear ? fmt::format("{} days", format_significant(seconds / 86400, 3))
                                 : fmt::format("{} years", format_significant(seconds / kCalendarYear, 3));
}

std::string lifetime_note(const WearRecord& wear) {
  if (!std::isfinite(wear.lifetime_trainings)) return {};
  return html_note(fmt::format(
      "The most written cell saw {} writes and erases. At an endurance of {} it stands {} such trainings: {} of a chip "
      "that trains {} % of the time.",
      format_count(wear.most_writes), format_significant(wear.endurance, 3),
      format_significant(wear.lifetime_trainings, 3), time_text(wear.lifetime_s),
      format_significant(100 * wear.duty, 3)));
}

}  // namespace

std::string wear_charts(std::span<const RunGroup> groups) {
  std::string html;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto& runs = groups[g].runs;
    const auto run = std::find_if(runs.begin(), runs.end(), [](const RunRecord* r) { return !r->wear.kinds.empty(); });
    if (run == runs.end()) continue;
    const std::string pictures = wear_stack((*run)->wear, "MSB", fmt::format("wear-msb-{}", g)) +
                                 wear_stack((*run)->wear, "LSB", fmt::format("wear-lsb-{}", g));
    html += fmt::format("<h3>{}</h3>\n<div class=\"pair\">\n{}</div>\n{}", escape_html(groups[g].label), pictures,
                        lifetime_note((*run)->wear));
  }
  return html;
}

}  // namespace ohmic::report
