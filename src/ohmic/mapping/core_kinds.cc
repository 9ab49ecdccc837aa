#include "ohmic/mapping/core_kinds.h"

#include <algorithm>
#include <map>

namespace ohmic {
namespace {

// Flows that each core sends (2 f) and receives (2 f + 1).
std::vector<std::vector<int>> roles_of(int cores, std::span<const Flow> flows) {
  std::vector<std::vector<int>> roles(static_cast<std::size_t>(cores));
  for (std::size_t f = 0; f < flows.size(); ++f) {
    for (const int core : flows[f].from) roles[static_cast<std::size_t>(core)].push_back(static_cast<int>(2 * f));
    for (const int core : flows[f].to) roles[static_cast<std::size_t>(core)].push_back(static_cast<int>(2 * f + 1));
  }
  return roles;
}

std::vector<int> kinds_among(std::span<const int> cores, const CoreKinds& kinds) {
  std::vector<int> found;
  for (const int core : cores) found.push_back(kinds.kind_of[static_cast<std::size_t>(core)]);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

CoreKinds core_kinds(int cores, std::span<const Flow> flows) {
  CoreKinds kinds;
  std::map<std::vector<int>, int> numbers;
  for (std::vector<int>& roles : roles_of(cores, flows)) {
    if (roles.empty()) {
      kinds.kind_of.push_back(-1);
      continue;
    }
    const int kind = numbers.emplace(std::move(roles), kinds.kinds()).first->second;
    if (kind == kinds.kinds()) kinds.sizes.push_back(0);
    ++kinds.sizes[static_cast<std::size_t>(kind)];
    kinds.kind_of.push_back(kind);
  }
  std::vector<std::map<int, CoreKinds::Partner>> partners(kinds.sizes.size());
  for (const Flow& flow : flows) {
    const double share = flow.bits / (static_cast<double>(flow.from.size()) * static_cast<double>(flow.to.size()));
    for (const int a : kinds_among(flow.from, kinds)) {
      for (const int b : kinds_among(flow.to, kinds)) {
        partners[static_cast<std::size_t>(a)][b].sent += share;
        partners[static_cast<std::size_t>(b)][a].received += share;
      }
    }
  }
  for (const auto& of_kind : partners) {
    kinds.partners.emplace_back();
    for (const auto& [kind, partner] : of_kind) kinds.partners.back().push_back({kind, partner.sent, partner.received});
  }
  return kinds;
}

}  // namespace ohmic
