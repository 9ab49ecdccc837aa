#include "ohmic/training/size_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

StudyVariant variant(const std::string& rule, double width, std::vector<std::string> settings) {
  settings.insert(settings.begin(), fmt::format("network.resnet.width={}", width));
  return {fmt::format("{}_{}", rule, width), fmt::format("{}, width {}", rule, width), std::move(settings)};
}

std::vector<double> ascending(std::span<const double> widths) {
  std::vector<double> sorted(widths.begin(), widths.end());
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace

std::vector<StudyVariant> size_variants(const ExperimentSpec& spec, std::span<const double> widths,
                                        std::span<const double> fp32_widths,
                                        std::span<const std::string> fp32_settings) {
  if (spec.training.rule == RuleKind::sgd) {
    fail("--widths compares with fp32, and \"{}\" is fp32 (training.rule = \"sgd\"); name an experiment on cells",
         spec.name);
  }
  std::vector<std::string> fp32 = {"training.rule=sgd"};
  fp32.insert(fp32.end(), fp32_settings.begin(), fp32_settings.end());
  std::vector<StudyVariant> variants;
  for (const double width : ascending(fp32_widths)) variants.push_back(variant("fp32", width, fp32));
  for (const double width : ascending(widths)) variants.push_back(variant(rule_name(spec.training.rule), width, {}));
  return variants;
}

SizeFinding size_finding(std::span<const SizePoint> fp32, std::span<const SizePoint> rule, const Judgement& judgement) {
  const auto goal = std::ranges::min_element(fp32, {}, [](const SizePoint& p) { return std::abs(std::log(p.width)); });
  SizeFinding finding{goal->width, goal->value, goal->bits, std::numeric_limits<double>::quiet_NaN()};
  const double sign = judgement.more_is_better ? 1 : -1;
  const auto ahead = [&](std::size_t k) { return sign * (rule[k].value - finding.fp32_value); };
  for (std::size_t k = 0; k < rule.size(); ++k) {
    if (ahead(k) < 0) continue;
    finding.rule_bits = rule[k].bits;
    if (k > 0) {
      const double share = ahead(k - 1) / (ahead(k - 1) - ahead(k));
      const double before = std::log(rule[k - 1].bits);
      finding.rule_bits = std::exp(before + share * (std::log(finding.rule_bits) - before));
    }
    break;
  }
  return finding;
}

std::string size_sentence(const SizeFinding& f, const Judgement& judgement) {
  const std::string target = fmt::format("{:.2f} ({}), what fp32 has at width {} with {} Mbit", f.fp32_value,
                                         judgement.title, f.width, megabits_text(f.fp32_bits));
  if (std::isnan(f.rule_bits)) return fmt::format("Not reached within these widths: {}.", target);
  return fmt::format("{}: reached with {} Mbit, {:.0f} % {}.", target, megabits_text(f.rule_bits),
                     100 * std::abs(1 - f.rule_bits / f.fp32_bits), f.rule_bits < f.fp32_bits ? "less" : "more");
}

std::string megabits_text(double bits) { return fmt::format("{:.3g}", bits / 1e6); }

}  // namespace ohmic
