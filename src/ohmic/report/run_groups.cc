#include "ohmic/report/run_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "ohmic/report/palette.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

/// Settings that say which run it is or how it was computed, not what was computed.
bool is_identity(const ConfigEntry& entry) {
  constexpr std::array<std::string_view, 6> kIdentity = {
      "name", "seed", "threads", "out", "data.when_missing", "training.checkpoint_every_s"};
  return std::find(kIdentity.begin(), kIdentity.end(), entry.path) != kIdentity.end();
}

std::string group_key(const RunRecord& run, std::size_t index) {
  if (run.config.empty()) return fmt::format("run {}", index);
  std::string key = fmt::format("{}\n{}\n", run.data.name, run.data.synthetic);
  for (const ConfigEntry& entry : run.config) {
    if (!is_identity(entry)) key += entry.path + "=" + entry.value + "\n";
  }
  return key;
}

std::string words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

/// Writes the field's abbreviations as the field does.
std::string display_word(const std::string& word) {
  static const std::map<std::string, std::string> kWritten = {{"pcm", "PCM"},     {"rram", "RRAM"}, {"gdc", "GDC"},
                                                              {"adabs", "AdaBS"}, {"sgd", "SGD"},   {"ecram", "ECRAM"}};
  const auto found = kWritten.find(word);
  return found == kWritten.end() ? word : found->second;
}

std::string display_name(const std::string& key) {
  std::string result;
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t end = std::min(key.find('_', start), key.size());
    if (!result.empty()) result += ' ';
    result += display_word(key.substr(start, end - start));
    start = end + 1;
  }
  return result;
}

bool have_one_name(const RunGroup& group) {
  return std::all_of(group.runs.begin(), group.runs.end(),
                     [&](const RunRecord* run) { return run->name == group.first().name; });
}

std::string base_name(const RunGroup& group) {
  const RunRecord& run = group.first();
  if (have_one_name(group)) return run.name;
  const std::string rule = rule_name(run);
  const std::string device = device_name(run);
  if (rule.empty() && device.empty()) return run.name;
  return rule + (rule.empty() || device.empty() ? "" : ", ") + device;
}

/// The settings whose values are not the same in all the groups.
std::set<std::string> differing_settings(const std::vector<RunGroup*>& groups) {
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::size_t> holders;
  for (const RunGroup* group : groups) {
    for (const ConfigEntry& entry : group->first().config) {
      if (is_identity(entry)) continue;
      values[entry.path].insert(entry.value);
      ++holders[entry.path];
    }
  }
  std::set<std::string> differing;
  for (const auto& [path, found] : values) {
    if (found.size() > 1 || holders[path] < groups.size()) differing.insert(path);
  }
  return differing;
}

/// The values of (at most two of) the given settings, ", learning rate 0.4".
std::string settings_text(const RunGroup& group, const std::set<std::string>& paths) {
  std::string text;
  int shown = 0;
  for (const std::string& path : paths) {
    const std::string value = group.first().setting(path);
    if (value.empty() || shown++ == 2) continue;
    text += fmt::format(", {} {}", words(last_part(path)), display_word(value));
  }
  return text;
}

/// Tells groups of one name apart by the settings in which they differ, or else by number.
void distinguish(const std::vector<RunGroup*>& groups) {
  const std::set<std::string> differing = differing_settings(groups);
  std::map<std::string, int> uses;
  for (RunGroup* group : groups) {
    group->distinction = settings_text(*group, differing);
    const int use = ++uses[group->distinction];
    if (use > 1) group->distinction += fmt::format(" #{}", use);
    group->name += group->distinction;
  }
}

std::size_t seed_count(const RunGroup& group) {
  std::set<std::uint64_t> seeds;
  for (const RunRecord* run : group.runs) {
    if (run->seed) seeds.insert(*run->seed);
  }
  return seeds.size();
}

/// Returns whether all groups carry the same first part of the name.
bool name_groups(std::vector<RunGroup>& groups) {
  std::map<std::string, std::vector<RunGroup*>> by_name;
  for (RunGroup& group : groups) {
    group.name = base_name(group);
    by_name[group.name].push_back(&group);
  }
  for (const auto& [name, sharing] : by_name) {
    if (sharing.size() > 1) distinguish(sharing);
  }
  return by_name.size() == 1;
}

std::string count_text(const RunGroup& group) {
  const std::size_t seeds = seed_count(group);
  return seeds > 1 ? format_plural(seeds, "seed") : format_plural(group.runs.size(), "run");
}

void label_groups(std::vector<RunGroup>& groups) {
  const bool share_name = name_groups(groups);
  for (RunGroup& group : groups) {
    const bool distinct_alone = share_name && group.distinction.starts_with(", ");
    group.short_name = distinct_alone ? group.distinction.substr(2) : group.name;
    group.label = group.short_name;
    if (group.runs.size() > 1) group.label += fmt::format(" ({})", count_text(group));
  }
}

/// The reference in floating point is grey; devices take the colours in turn.
void colour_groups(std::vector<RunGroup>& groups) {
  int next = 0;
  for (RunGroup& group : groups) group.colour = group.is_digital ? kNeutralColour : next++ % kNeutralColour;
}

void add_to(Spread& spread, double value) {
  if (!std::isfinite(value)) return;
  ++spread.count;
  spread.mean = spread.count == 1 ? value : spread.mean + (value - spread.mean) / spread.count;
  spread.low = std::fmin(spread.low, value);
  spread.high = std::fmax(spread.high, value);
}

/// The law of total variance: the mean variance within the runs plus the variance of their means.
AgedAccuracy pooled(const std::vector<const DeployResult*>& results) {
  Spread means;
  double variance_within = 0;
  AgedAccuracy age{results.front()->at_seconds, results.front()->at, 0, 0, kNotRecorded, kNotRecorded, 0};
  for (const DeployResult* result : results) {
    add_to(means, result->accuracy_mean);
    variance_within += result->accuracy_std * result->accuracy_std / static_cast<double>(results.size());
    age.low = std::fmin(age.low, result->accuracy_min);
    age.high = std::fmax(age.high, result->accuracy_max);
    age.draws += result->draws;
  }
  double variance_between = 0;
  for (const DeployResult* result : results) {
    variance_between += std::pow(result->accuracy_mean - means.mean, 2) / static_cast<double>(results.size());
  }
  age.mean = means.mean;
  age.stddev = std::sqrt(variance_within + variance_between);
  return age;
}

}  // namespace

bool is_digital(const RunRecord& run) {
  const std::string rule = run.setting("training.rule");
  return rule == "sgd" || rule == "fp32";
}

bool is_ideal(const RunRecord& run) { return !is_digital(run) && run.setting("device.cell") == "ideal"; }

std::string rule_name(const RunRecord& run) {
  const std::string rule = run.setting("training.rule");
  return rule == "sgd" ? "fp32 SGD" : display_name(rule);
}

std::string device_name(const RunRecord& run) {
  if (is_digital(run)) return {};
  const std::string cell = run.setting("device.cell");
  return display_name(cell.empty() ? run.setting("device") : cell);
}

std::string compensation_name(const std::string& key) {
  return key.empty() || key == "none" ? "no compensation" : display_name(key);
}

bool have_same_data(const RunGroup& a, const RunGroup& b) {
  return a.first().data.name == b.first().data.name && a.first().data.synthetic == b.first().data.synthetic;
}

std::vector<RunGroup> group_runs(std::span<const RunRecord> runs) {
  std::vector<RunGroup> groups;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto [place, is_new] = known.emplace(group_key(runs[i], i), groups.size());
    if (is_new) groups.emplace_back().is_digital = is_digital(runs[i]);
    groups[place->second].runs.push_back(&runs[i]);
  }
  label_groups(groups);
  colour_groups(groups);
  return groups;
}

const EpochRecord* final_epoch(const RunRecord& run) {
  const auto found = std::find_if(run.epochs.rbegin(), run.epochs.rend(),
                                  [](const EpochRecord& epoch) { return std::isfinite(epoch.test_accuracy); });
  return found == run.epochs.rend() ? nullptr : &*found;
}

const EpochRecord* best_epoch(const RunRecord& run) {
  const EpochRecord* best = nullptr;
  for (const EpochRecord& epoch : run.epochs) {
    if (!std::isfinite(epoch.test_accuracy)) continue;
    if (!best || epoch.test_accuracy > best->test_accuracy) best = &epoch;
  }
  return best;
}

double mean_pulses(const RunRecord& run) {
  Spread spread;
  for (const EpochRecord& epoch : run.epochs) add_to(spread, epoch.pulses_per_sample);
  return spread.mean;
}

double chip_seconds(const RunRecord& run) {
  double latest = kNotRecorded;
  for (const EpochRecord& epoch : run.epochs) latest = std::fmax(latest, epoch.seconds);
  return latest;
}

std::vector<Spread> spread_over_epochs(const RunGroup& group, double EpochRecord::*quantity) {
  std::map<double, Spread> by_epoch;
  for (const RunRecord* run : group.runs) {
    for (const EpochRecord& epoch : run->epochs) {
      if (std::isfinite(epoch.epoch)) add_to(by_epoch[epoch.epoch], epoch.*quantity);
    }
  }
  std::vector<Spread> result;
  for (auto& [epoch, spread] : by_epoch) {
    spread.at = epoch;
    if (spread.count > 0) result.push_back(spread);
  }
  return result;
}

Spread final_accuracy(const RunGroup& group) {
  Spread spread;
  for (const RunRecord* run : group.runs) {
    const EpochRecord* last = final_epoch(*run);
    if (!last) continue;
    add_to(spread, last->test_accuracy);
    spread.at = std::max(spread.at, last->epoch);
  }
  return spread;
}

std::vector<std::string> compensations(const RunGroup& group) {
  std::vector<std::string> names;
  for (const RunRecord* run : group.runs) {
    for (const DeployResult& result : run->deploy) {
      if (std::find(names.begin(), names.end(), result.compensate) == names.end()) names.push_back(result.compensate);
    }
  }
  return names;
}

std::vector<AgedAccuracy> aged_accuracy(const RunGroup& group, const std::string& compensation) {
  std::map<double, std::vector<const DeployResult*>> by_age;
  for (const RunRecord* run : group.runs) {
    for (const DeployResult& result : run->deploy) {
      const bool usable = std::isfinite(result.at_seconds) && std::isfinite(result.accuracy_mean);
      if (usable && result.compensate == compensation) by_age[result.at_seconds].push_back(&result);
    }
  }
  std::vector<AgedAccuracy> ages;
  for (const auto& [seconds, results] : by_age) ages.push_back(pooled(results));
  return ages;
}

}  // namespace ohmic::report
