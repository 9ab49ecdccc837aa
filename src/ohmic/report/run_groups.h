#pragma once

// Runs that differ in nothing but their seed belong together: the page draws their mean and their spread.

#include <span>
#include <string>
#include <vector>

#include "ohmic/report/json_record.h"

namespace ohmic::report {

struct RunGroup {
  std::vector<const RunRecord*> runs;  ///< never empty; the records outlive the group
  std::string name;  ///< unique on the page: that of the runs and, if needed, what tells them from others of that name
  std::string distinction;  ///< the second part of the name, ", learning rate 0.4"
  std::string short_name;   ///< for charts: the name, or the distinction alone where the first part is common to all
  std::string label;        ///< the short name and, for several runs, how many: "mnist (5 seeds)"
  int colour = 0;           ///< index into the page's palette
  bool is_digital = false;  ///< trained in floating point, without devices

  const RunRecord& first() const { return *runs.front(); }
};

/// Groups in the order of their first run. Runs share a group when rule, device, data and every setting but the seed
/// agree; a run without a recorded configuration stays alone.
std::vector<RunGroup> group_runs(std::span<const RunRecord> runs);

/// Whether the accuracies of the groups can be compared.
bool have_same_data(const RunGroup& a, const RunGroup& b);
/// Trained on ideal cells, the yardstick between floating point and real devices.
bool is_ideal(const RunRecord& run);
/// Trained in floating point, without devices: rule sgd or fp32.
bool is_digital(const RunRecord& run);
/// "mixed precision", "fp32 SGD"; empty if not recorded.
std::string rule_name(const RunRecord& run);
/// "PCM", "projected PCM"; empty if not recorded or digital.
std::string device_name(const RunRecord& run);
/// "no compensation", "GDC", "AdaBS".
std::string compensation_name(const std::string& key);

/// The last epoch with a test accuracy, or nullptr.
const EpochRecord* final_epoch(const RunRecord& run);
/// The epoch with the highest test accuracy (the first of equals), or nullptr.
const EpochRecord* best_epoch(const RunRecord& run);
/// SET pulses per training sample over the whole run; NaN if not recorded.
double mean_pulses(const RunRecord& run);
/// Simulated chip time of the whole run; NaN if not recorded.
double chip_seconds(const RunRecord& run);

/// Mean and range of a quantity over the runs of a group that recorded it.
struct Spread {
  double at = 0;  ///< epoch, or age in seconds
  double mean = kNotRecorded;
  double low = kNotRecorded;
  double high = kNotRecorded;
  int count = 0;
};

/// One Spread per epoch that any run of the group recorded, in order.
std::vector<Spread> spread_over_epochs(const RunGroup& group, double EpochRecord::*quantity);
/// Final test accuracy over the group's runs; count is 0 if none has one.
Spread final_accuracy(const RunGroup& group);

/// Accuracy at one age (time after training) pooled over the runs and draws of a group.
struct AgedAccuracy {
  double seconds;
  std::string at;
  double mean;
  double stddev;  ///< over draws and runs; NaN if not recorded
  double low;
  double high;
  double draws;  ///< evaluations, each with its own noise; NaN if not recorded
};

/// The compensations that a group was deployed with, in the order of first use.
std::vector<std::string> compensations(const RunGroup& group);
/// Pooled results with one compensation, in the order of age; ages without an accuracy are left out.
std::vector<AgedAccuracy> aged_accuracy(const RunGroup& group, const std::string& compensation);

}  // namespace ohmic::report
