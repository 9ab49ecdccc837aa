#include "ohmic/cli/study_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "ohmic/core/error.h"
#include "ohmic/core/version.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

// Outcomes come in pairs: fp32 and the rule at one width.
const Outcome& fp32_at(const std::vector<Outcome>& outcomes, std::size_t width) { return outcomes[2 * width]; }
const Outcome& rule_at(const std::vector<Outcome>& outcomes, std::size_t width) { return outcomes[2 * width + 1]; }

double inference_bits(const Outcome& outcome) { return static_cast<double>(outcome.size.inference_bits); }

std::string megabits_text(double bits) { return fmt::format("{:.3g}", bits / 1e6); }

std::string rule_name(const ExperimentSpec& spec) {
  return std::string(kRuleKinds[static_cast<std::size_t>(spec.training.rule)]);
}

report::Series curve(const std::vector<Outcome>& outcomes, std::size_t which, const std::string& label,
                     const Judgement& judgement) {
  report::Series series;
  series.label = label;
  series.colour = static_cast<int>(which);
  series.extent = report::Extent::error_bars;
  for (std::size_t k = which; k < outcomes.size(); k += 2) {
    const Outcome& o = outcomes[k];
    series.points.push_back({inference_bits(o) / 1e6, o.mean(), o.lowest(), o.highest(),
                             fmt::format("{}: {} {}, {} Mbit", o.variant.title, value_text(o), judgement.title,
                                         megabits_text(inference_bits(o)))});
  }
  return series;
}

std::string size_chart(const ExperimentSpec& spec, const std::vector<Outcome>& outcomes, const Judgement& judgement) {
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
  const LineChart chart{{"sizes", "Accuracy against the size of the model", judgement.title},
                        log_axis("size for inference, Mbit", least / 1e6, most / 1e6),
                        linear_axis(judgement.title, low - margin, high + margin, 7),
                        {curve(outcomes, 0, "fp32", judgement), curve(outcomes, 1, rule_name(spec), judgement)}};
  return render_line_chart(chart, ChartSize::wide) + render_line_chart(chart, ChartSize::narrow);
}

}  // namespace

std::vector<StudyVariant> size_variants(const ExperimentSpec& spec, const std::vector<double>& widths) {
  if (spec.training.rule == RuleKind::sgd) {
    fail("--widths compares with fp32, and \"{}\" is fp32 (training.rule = \"sgd\"); name an experiment on cells",
         spec.name);
  }
  std::vector<double> ascending = widths;
  std::ranges::sort(ascending);
  std::vector<StudyVariant> variants;
  for (const double width : ascending) {
    const std::string setting = fmt::format("network.resnet.width={}", width);
    variants.push_back(
        {fmt::format("fp32_{}", width), fmt::format("fp32, width {}", width), {setting, "training.rule=sgd"}});
    variants.push_back(
        {fmt::format("{}_{}", rule_name(spec), width), fmt::format("{}, width {}", rule_name(spec), width), {setting}});
  }
  return variants;
}

SizeFinding size_finding(const std::vector<Outcome>& outcomes, const std::vector<double>& widths,
                         const Judgement& judgement) {
  std::vector<double> ascending = widths;
  std::ranges::sort(ascending);
  // Against width 1, or what is nearest to it.
  const auto nearest = std::ranges::min_element(ascending, {}, [](double width) { return std::abs(std::log(width)); });
  const auto at = static_cast<std::size_t>(nearest - ascending.begin());
  SizeFinding finding{*nearest, fp32_at(outcomes, at).mean(), inference_bits(fp32_at(outcomes, at)),
                      std::numeric_limits<double>::quiet_NaN()};
  const double sign = judgement.more_is_better ? 1 : -1;
  const auto ahead = [&](std::size_t k) { return sign * (rule_at(outcomes, k).mean() - finding.fp32_value); };
  for (std::size_t k = 0; k < ascending.size(); ++k) {
    if (ahead(k) < 0) continue;
    finding.rule_bits = inference_bits(rule_at(outcomes, k));
    if (k > 0) {
      const double share = ahead(k - 1) / (ahead(k - 1) - ahead(k));
      const double before = std::log(inference_bits(rule_at(outcomes, k - 1)));
      finding.rule_bits = std::exp(before + share * (std::log(finding.rule_bits) - before));
    }
    break;
  }
  return finding;
}

std::vector<std::vector<std::string>> size_table(const std::vector<Outcome>& outcomes, const Judgement& judgement) {
  std::vector<std::vector<std::string>> rows = {{"network", judgement.title, "inference, Mbit", "training, Mbit"}};
  for (const Outcome& o : outcomes) {
    rows.push_back({o.variant.title, value_text(o), megabits_text(inference_bits(o)),
                    megabits_text(static_cast<double>(o.size.training_bits))});
  }
  return rows;
}

std::string size_sentence(const SizeFinding& f, const Judgement& judgement) {
  const std::string target = fmt::format("{:.2f} ({}), what fp32 has at width {} with {} Mbit", f.fp32_value,
                                         judgement.title, f.width, megabits_text(f.fp32_bits));
  if (std::isnan(f.rule_bits)) return fmt::format("Not reached within these widths: {}.", target);
  return fmt::format("{}: reached with {} Mbit, {:.0f} % {}.", target, megabits_text(f.rule_bits),
                     100 * std::abs(1 - f.rule_bits / f.fp32_bits), f.rule_bits < f.fp32_bits ? "less" : "more");
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
                       html_section("Widths", size_chart(spec, outcomes, judgement) +
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
