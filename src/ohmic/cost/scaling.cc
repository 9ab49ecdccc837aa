#include "ohmic/cost/scaling.h"

#include <algorithm>

#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kScalingFolder = "presets/scaling/";

void check_rule(const ScalingRule& rule) {
  constexpr double kUsualVoltage = 0.8;
  if (rule.source.empty() || rule.nodes.empty()) fail("scaling rule {}: needs a source and nodes", rule.name);
  for (std::size_t k = 1; k < rule.nodes.size(); ++k) {
    const ScalingNode &large = rule.nodes[k - 1], &small = rule.nodes[k];
    const bool shrinks = small.node_nm < large.node_nm && small.area < large.area &&
                         rule.energy_factor(large.node_nm, kUsualVoltage, small.node_nm, kUsualVoltage) < 1;
    if (shrinks) continue;
    fail("scaling rule {}: from {} to {} nm node, area and energy must all shrink; correct the table", rule.name,
         large.node_nm, small.node_nm);
  }
}

ScalingRule read_rule(const EmbeddedFile& file) {
  ScalingRule rule;
  rule.name = file.path.substr(kScalingFolder.size(), file.path.size() - kScalingFolder.size() - 5);
  read_fields(ConfigDocument::parse(file.text, file.path), "scaling rule", rule);
  check_rule(rule);
  return rule;
}

std::vector<ScalingRule> read_rules() {
  std::vector<ScalingRule> rules;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kScalingFolder)) rules.push_back(read_rule(file));
  }
  std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return rules;
}

// f(node), interpolated.
template <class F>
double at_node(const ScalingRule& rule, double node_nm, const F& f) {
  const auto& nodes = rule.nodes;
  if (node_nm > nodes.front().node_nm || node_nm < nodes.back().node_nm) {
    fail("scaling rule {}: {} nm is outside its {} to {} nm; give a figure at a node within", rule.name, node_nm,
         nodes.back().node_nm, nodes.front().node_nm);
  }
  for (std::size_t k = 0; k + 1 < nodes.size(); ++k) {
    if (node_nm < nodes[k + 1].node_nm) continue;
    const double share = (node_nm - nodes[k + 1].node_nm) / (nodes[k].node_nm - nodes[k + 1].node_nm);
    return share * f(nodes[k]) + (1 - share) * f(nodes[k + 1]);
  }
  return f(nodes.back());
}

double energy_at(const ScalingRule& rule, double node_nm, double volts) {
  return at_node(rule, node_nm, [&](const ScalingNode& n) { return (n.a2 * volts + n.a1) * volts + n.a0; });
}

}  // namespace

void describe(FieldVisitor& v, ScalingRule& r) {
  v.field({"description", "", "what the rule is"}, r.description);
  v.field({"source", "", "where it comes from"}, r.source);
  v.field({"status", "", "published, derived or assumed"}, r.status);
  v.list({"nodes", "", "coefficients at each node"}, r.nodes);
}

void describe(FieldVisitor& v, ScalingNode& s) {
  v.field({"node_nm", "nm", "technology node", 1, 1000}, s.node_nm);
  v.field({"a2", "", "coefficient of the square of the voltage"}, s.a2);
  v.field({"a1", "", "coefficient of the voltage"}, s.a1);
  v.field({"a0", "", "constant"}, s.a0);
  v.field({"area", "", "relative to 45 nm", 0, 1000}, s.area);
}

double ScalingRule::energy_factor(double from_nm, double from_v, double to_nm, double to_v) const {
  if (from_nm == to_nm && from_v == to_v) return 1;
  return energy_at(*this, to_nm, to_v) / energy_at(*this, from_nm, from_v);
}

double ScalingRule::area_factor(double from_nm, double to_nm) const {
  if (from_nm == to_nm) return 1;
  const auto area = [](const ScalingNode& n) { return n.area; };
  return at_node(*this, to_nm, area) / at_node(*this, from_nm, area);
}

const std::vector<ScalingRule>& scaling_rules() {
  static const std::vector<ScalingRule> rules = read_rules();
  return rules;
}

}  // namespace ohmic
