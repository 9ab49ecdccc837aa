#include "ohmic/cli/study_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "ohmic/core/error.h"
#include "ohmic/core/version.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

double inference_bits(const Outcome& outcome) { return static_cast<double>(outcome.size.inference_bits); }

const std::vector<double>& fp32_widths_of(const StudyArguments& arguments) {
  return arguments.fp32_widths.empty() ? arguments.widths : arguments.fp32_widths;
}

// Those of fp32, then those of the rule.
struct Curves {
  std::span<const Outcome> fp32, rule;
};
Curves curves_of(std::span<const Outcome> outcomes, const StudyArguments& arguments) {
  const std::size_t fp32 = fp32_widths_of(arguments).size();
  return {outcomes.first(fp32), outcomes.subspan(fp32)};
}

std::vector<SizePoint> size_points(std::span<const Outcome> outcomes, std::vector<double> widths) {
  std::ranges::sort(widths);
  std::vector<SizePoint> points;
  for (std::size_t k = 0; k < widths.size(); ++k) {
    points.push_back({widths[k], outcomes[k].mean(), inference_bits(outcomes[k])});
  }
  return points;
}

report::Series curve(std::span<const Outcome> outcomes, int colour, const std::string& label,
                     const Judgement& judgement) {
  report::Series series;
  series.label = label;
  series.colour = colour;
  series.extent = report::Extent::error_bars;
  for (const Outcome& o : outcomes) {
    series.points.push_back({inference_bits(o) / 1e6, o.mean(), o.lowest(), o.highest(),
                             fmt::format("{}: {} {}, {} Mbit", o.variant.title, value_text(o), judgement.title,
                                         megabits_text(inference_bits(o)))});
  }
  return series;
}

std::string size_chart(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const Judgement& judgement,
                       const StudyArguments& arguments) {
  using namespace report;
  double low = outcomes.front().lowest(), high = outcomes.front().highest();
  double least = inference_bits(outcomes.front()), most = least;
  for (const Outcome& o : outcomes) {
    low = std::min(low, o.lowest());
    high = std::max(high, o.highest());
    least = std::min(least, inference_bits(o));
    most = std::max(most, inference_bits(o));
  }
  const double margin = std::max(0.02 * (high - low), 1e-3);
  const Curves curves = curves_of(outcomes, arguments);
  const LineChart chart{
      {"sizes", "Accuracy against the size of the model", judgement.title},
      log_axis("size for inference, Mbit", least / 1e6, most / 1e6),
      linear_axis(judgement.title, low - margin, high + margin, 7),
      {curve(curves.fp32, 0, "fp32", judgement), curve(curves.rule, 1, rule_name(spec.training.rule), judgement)}};
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

}  // namespace

std::vector<StudyVariant> size_variants_of(const ExperimentSpec& spec, const StudyArguments& arguments) {
  return size_variants(spec, arguments.widths, fp32_widths_of(arguments), arguments.fp32_settings);
}

SizeFinding size_finding_of(const std::vector<Outcome>& outcomes, const StudyArguments& arguments,
                            const Judgement& judgement) {
  const Curves curves = curves_of(outcomes, arguments);
  return size_finding(size_points(curves.fp32, fp32_widths_of(arguments)), size_points(curves.rule, arguments.widths),
                      judgement);
}

std::vector<std::vector<std::string>> size_table(const std::vector<Outcome>& outcomes, const Judgement& judgement) {
  std::vector<std::vector<std::string>> rows = {{"network", judgement.title, "inference, Mbit", "training, Mbit"}};
  for (const Outcome& o : outcomes) {
    rows.push_back({o.variant.title, value_text(o), megabits_text(inference_bits(o)),
                    megabits_text(static_cast<double>(o.size.training_bits))});
  }
  return rows;
}

std::string size_page(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const SizeFinding& finding,
                      const Judgement& judgement, const StudyArguments& arguments) {
  using namespace report;
  std::vector<std::vector<std::string>> rows = size_table(outcomes, judgement);
  rows.erase(rows.begin());
  for (auto& row : rows) {
    for (std::string& cell : row) cell = escape_html(cell);
  }
  const std::string title = fmt::format("Accuracy against the size of the model: {}", spec.name);
  const std::string header = fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"meta\"><span>{} epochs</span><span>seeds {}</span><span>ohmic "
      "{}</span></p>\n</header>\n",
      escape_html(title), spec.training.epochs, fmt::join(arguments.seeds, ", "), kVersion);
  return html_page(title,
                   header +
                       html_section("Widths", size_chart(spec, outcomes, judgement, arguments) +
                                                  html_note(escape_html(size_sentence(finding, judgement))) +
                                                  html_note("Mean over the seeds after the last epoch; bars from "
                                                            "the lowest to the highest. A weight on cells counts "
                                                            "hybrid.msb_bits a pair, all other numbers 32 bits.")) +
                       html_section("Table", html_table("Last epoch",
                                                        {{"network"},
                                                         {judgement.title, Alignment::right},
                                                         {"inference, Mbit", Alignment::right},
                                                         {"training, Mbit", Alignment::right}},
                                                        rows)));
}

nlohmann::ordered_json size_json(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes,
                                 const SizeFinding& finding, const Judgement& judgement,
                                 const StudyArguments& arguments) {
  nlohmann::ordered_json networks = nlohmann::ordered_json::array();
  for (const Outcome& o : outcomes) {
    networks.push_back({{"name", o.variant.name},
                        {"settings", o.variant.settings},
                        {"values", o.values},
                        {"inference_bits", o.size.inference_bits},
                        {"training_bits", o.size.training_bits}});
  }
  nlohmann::ordered_json reached = nullptr;
  if (!std::isnan(finding.rule_bits)) reached = finding.rule_bits;
  return {{"experiment", spec.name},
          {"epochs", spec.training.epochs},
          {"seeds", arguments.seeds},
          {"figure", judgement.title},
          {"networks", networks},
          {"fp32_width", finding.width},
          {"fp32_value", finding.fp32_value},
          {"fp32_inference_bits", finding.fp32_bits},
          {"inference_bits_for_the_same", reached}};
}

}  // namespace ohmic
