#include "ohmic/report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr std::string_view kDigitalName = "fp32";

/// The group with the highest final accuracy among those that `wanted` accepts, or nullptr.
template <class Wanted>
const RunGroup* best_group(std::span<const RunGroup> groups, const Wanted& wanted) {
  const RunGroup* best = nullptr;
  for (const RunGroup& group : groups) {
    if (final_accuracy(group).count == 0 || !wanted(group)) continue;
    if (!best || final_accuracy(group).mean > final_accuracy(*best).mean) best = &group;
  }
  return best;
}

/// Floating point, ideal cells, devices: the page is about the last of these that it has.
int realism(const RunGroup& group) { return group.is_digital ? 0 : is_ideal(group.first()) ? 1 : 2; }

/// The first group with a result, real data before stand-ins and then by realism: the sentence is about groups like it,
/// since accuracies on different data cannot be ranked and ideal cells would always win.
const RunGroup* topic(std::span<const RunGroup> groups) {
  const RunGroup* chosen = nullptr;
  int chosen_rank = -1;
  for (const RunGroup& group : groups) {
    const int rank = (group.first().data.synthetic ? 0 : 3) + realism(group);
    if (final_accuracy(group).count == 0 || rank <= chosen_rank) continue;
    chosen = &group;
    chosen_rank = rank;
  }
  return chosen;
}

bool are_rivals(const RunGroup& a, const RunGroup& b) { return realism(a) == realism(b) && have_same_data(a, b); }

/// "On mnist, " where the page has other data as well.
std::string data_prefix(const RunGroup& group, std::span<const RunGroup> groups) {
  const DataRecord& data = group.first().data;
  if (data.synthetic) return "On synthetic data, ";
  const bool alone =
      std::all_of(groups.begin(), groups.end(), [&](const RunGroup& g) { return have_same_data(g, group); });
  return alone || data.name.empty() ? std::string() : fmt::format("On {}, ", shorten(data.name, 40));
}

std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// Who reaches it. Names that users chose keep their case at the start of the sentence.
std::string subject(const RunGroup& group, std::span<const RunGroup> groups) {
  const std::string prefix = data_prefix(group, groups);
  if (group.is_digital) return prefix + std::string(kDigitalName);
  const auto rivals = std::count_if(groups.begin(), groups.end(), [&](const RunGroup& other) {
    return are_rivals(other, group) && final_accuracy(other).count > 0;
  });
  if (rivals > 1) {
    const std::string text = fmt::format("the best of {} analog configurations, {},", rivals, shorten(group.name, 60));
    return prefix.empty() ? capitalised(text) : prefix + text;
  }
  const std::string device = is_ideal(group.first()) ? "the ideal cell" : device_name(group.first());
  if (device.empty()) return prefix + shorten(group.name, 60);
  return prefix.empty() ? capitalised(device) : prefix + device;
}

bool is_finished(const RunGroup& group) {
  return std::all_of(group.runs.begin(), group.runs.end(),
                     [](const RunRecord* run) { return run->status == RunStatus::finished; });
}

std::string epochs_text(const RunGroup& group) {
  const double done = final_accuracy(group).at;
  const std::string planned = group.first().setting("training.epochs");
  if (!is_finished(group) && !planned.empty()) return fmt::format("{:.0f} of {} epochs", done, shorten(planned, 12));
  return format_plural(static_cast<std::size_t>(std::max(done, 0.0)), "epoch");
}

/// "0.5 points under fp32", with its epochs if it has others, or empty if no run in floating point used the same data.
std::string distance_to_digital(const RunGroup& group, std::span<const RunGroup> groups) {
  if (group.is_digital) return {};
  const RunGroup* reference =
      best_group(groups, [&](const RunGroup& other) { return other.is_digital && have_same_data(other, group); });
  if (!reference) return {};
  const Spread ours = final_accuracy(group), theirs = final_accuracy(*reference);
  const double points = 100 * (ours.mean - theirs.mean);
  const std::string name =
      std::string(kDigitalName) + (ours.at == theirs.at ? "" : " after " + epochs_text(*reference));
  if (std::abs(points) < 0.005) return fmt::format("level with {}", name);
  return fmt::format("{:.{}f} points {} {}", std::abs(points), std::abs(points) < 0.095 ? 2 : 1,
                     points < 0 ? "under" : "over", name);
}

std::string pulses_text(const RunGroup& group) {
  double sum = 0;
  for (const RunRecord* run : group.runs) sum += mean_pulses(*run) / static_cast<double>(group.runs.size());
  if (!std::isfinite(sum) || group.is_digital) return {};
  return fmt::format("with {} pulses per image", format_significant(sum, 2));
}

/// The best accuracy at the longest age: "keeps 96.9 % at an age of 1 y with GDC".
std::string retention_text(const RunGroup& group) {
  std::string how;
  AgedAccuracy oldest{-1, "", 0, 0, 0, 0, 0};
  for (const std::string& name : compensations(group)) {
    const std::vector<AgedAccuracy> ages = aged_accuracy(group, name);
    if (ages.empty()) continue;
    const AgedAccuracy& last = ages.back();
    if (last.seconds < oldest.seconds || (last.seconds == oldest.seconds && last.mean <= oldest.mean)) continue;
    oldest = last;
    how = compensation_name(name);
  }
  if (oldest.seconds < 0) return {};
  return fmt::format("keeps {} at an age of {} with {}", format_percent(oldest.mean, 1),
                     age_text(oldest.at, oldest.seconds), how);
}

std::string mean_text(const RunGroup& group) {
  return group.runs.size() > 1 ? fmt::format(" (mean of {} runs)", final_accuracy(group).count) : std::string();
}

}  // namespace

std::string age_text(const std::string& at, double seconds) {
  if (at.empty()) return format_duration(seconds);
  const std::size_t unit = at.find_first_not_of("0123456789.");
  if (unit == std::string::npos || unit == 0 || at[unit] == ' ') return shorten(at, 16);
  return shorten(at.substr(0, unit) + "\u00a0" + at.substr(unit), 16);
}

std::string finding(std::span<const RunGroup> groups) {
  const RunGroup* about = topic(groups);
  if (!about) return "No test accuracy is recorded yet.";
  const RunGroup* best = best_group(groups, [&](const RunGroup& group) { return are_rivals(group, *about); });
  const Spread final = final_accuracy(*best);
  std::string sentence =
      fmt::format("{} {} {} after {}{}", subject(*best, groups), is_finished(*best) ? "reaches" : "is at",
                  format_percent(final.mean, 1), epochs_text(*best), mean_text(*best));
  for (const std::string& part : {distance_to_digital(*best, groups), pulses_text(*best)}) {
    if (!part.empty()) sentence += ", " + part;
  }
  const std::string retention = retention_text(*best);
  if (!retention.empty()) sentence += ", and " + retention;
  return sentence + ".";
}

}  // namespace ohmic::report
