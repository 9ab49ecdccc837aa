#include "ohmic/cli/device_study.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kEnding = ".toml";
constexpr std::array<NamedAge, 6> kTabledAges = {
    {{1, "1 s"}, {60, "1 min"}, {3600, "1 h"}, {86400, "1 d"}, {30 * 86400.0, "1 mo"}, {kYearSeconds, "1 y"}}};

struct Settings {
  DeviceSpec device;
  ProgrammingSpec programming;
};

void describe(FieldVisitor& v, Settings& s) {
  describe(v, s.device);
  v.section({"programming", "", "how targets are programmed"}, s.programming);
}

// As in an experiment, but that "device." may be left out.
ConfigDocument document_of(std::span<const std::string> settings) {
  constexpr std::string_view kPrefix = "device.";
  ConfigDocument document;
  for (const std::string& setting : settings) {
    document.set(setting.starts_with(kPrefix) ? std::string_view(setting).substr(kPrefix.size()) : setting);
  }
  if (document.contains("cell")) fail("--set {}: the cell is the one named on the command line", settings.back());
  return document;
}

Settings settings_of(const std::string& name, std::span<const std::string> settings) {
  Settings chosen{DeviceSpec(name), {}};
  read_fields(document_of(settings), fmt::format("cell {}", name), chosen);
  return chosen;
}

DeviceStudy study_of(const std::string& name, const Settings& settings, const CharacterisationRequest& request) {
  DeviceStudy study;
  study.name = name;
  study.label = name.ends_with(kEnding) ? std::filesystem::path(name).stem().string() : name;
  study.description = cell_preset_description(name);
  study.model = settings.device.parameters().model();
  study.seed = request.seed;
  study.programming = settings.programming;
  study.constants = cell_constants(settings.device);
  study.figures = characterise(*settings.device.make(), request);
  return study;
}

}  // namespace

void require_cell(const std::string& name, std::span<const std::string> subcommands) {
  std::vector<std::string> names = cell_preset_names();
  if (name.ends_with(kEnding) || std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string cells = fmt::format("{}", fmt::join(names, ", "));
  names.insert(names.end(), subcommands.begin(), subcommands.end());
  const std::string near = nearest_name(name, names);
  fail("there is no cell \"{}\"; name one of {}, or the path of a .toml preset{}{}", name, cells,
       subcommands.empty() ? "" : fmt::format(", or a subcommand ({})", fmt::join(subcommands, ", ")),
       near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

std::vector<DeviceStudy> study_devices(std::span<const std::string> names, const StudyRequest& request) {
  std::vector<Settings> settings;
  CharacterisationRequest common{request.pulses, request.cells, request.seed, {}};
  for (const std::string& name : names) {
    require_cell(name, {});
    settings.push_back(settings_of(name, request.settings));
    if (request.pulses > 0) continue;
    common.pulses = std::max(common.pulses, saturation_pulses(*settings.back().device.make()));
  }
  std::vector<DeviceStudy> studies;
  for (std::size_t k = 0; k < names.size(); ++k) {
    common.programming = settings[k].programming;
    studies.push_back(study_of(names[k], settings[k], common));
  }
  return studies;
}

std::vector<std::size_t> tabled_pulses(std::size_t last) {
  std::vector<std::size_t> numbers = {0};
  for (const std::size_t n : {1, 2, 5, 10, 20, 50, 100, 200, 500}) {
    if (n < last) numbers.push_back(n);
  }
  if (last > 0) numbers.push_back(last);
  return numbers;
}

std::span<const NamedAge> tabled_ages() { return kTabledAges; }

const AgedConductance& at_age(const DriftCurve& curve, double age_s) {
  const auto found = std::find_if(curve.ages.begin(), curve.ages.end(),
                                  [age_s](const AgedConductance& aged) { return aged.age_s == age_s; });
  OHMIC_EXPECT(found != curve.ages.end());
  return *found;
}

ProgrammingSummary summary_of(const std::vector<TargetOutcome>& targets) {
  ProgrammingSummary sum;
  const double weight = 1.0 / static_cast<double>(targets.size());
  for (const TargetOutcome& outcome : targets) {
    sum.share_converged += weight * outcome.share_converged;
    sum.rms_error_us += weight * outcome.rms_error_us * outcome.rms_error_us;
    sum.pulses += weight * outcome.pulses;
    sum.resets += weight * outcome.resets;
    sum.reads += weight * outcome.reads;
  }
  sum.rms_error_us = std::sqrt(sum.rms_error_us);
  return sum;
}

const TargetOutcome& hardest_target(const std::vector<TargetOutcome>& targets) {
  return *std::min_element(targets.begin(), targets.end(), [](const TargetOutcome& a, const TargetOutcome& b) {
    return a.share_converged < b.share_converged;
  });
}

double early_share_negative(const Characterisation& f) {
  const std::int64_t last = std::min<std::int64_t>(10, f.pulses);
  double sum = 0;
  for (std::int64_t n = 1; n <= last; ++n) sum += f.potentiation[static_cast<std::size_t>(n)].share_negative;
  return sum / static_cast<double>(last);
}

std::string convergence_note(const DeviceStudy& study) {
  constexpr double kNearlyAll = 0.99;
  const TargetOutcome& hardest = hardest_target(study.figures.targets);
  const bool verified = study.figures.programming_method == ProgrammingMethod::verify;
  if (!verified || hardest.share_converged >= kNearlyAll) return {};
  return fmt::format(
      "At {:.2f} uS {:.1f} % of the cells converge; programming.most_iterations, tolerance_us and reads_per_verify "
      "decide.",
      hardest.target_us, 100 * hardest.share_converged);
}

std::string programming_text(const DeviceStudy& study) {
  const ProgrammingSpec& spec = study.programming;
  switch (study.figures.programming_method) {
    case ProgrammingMethod::verify:
      return fmt::format("program and verify, within {} uS, at most {} rounds", spec.tolerance_us,
                         spec.most_iterations);
    case ProgrammingMethod::blind:
      return "blind: as many SET pulses as the noise-free cell needs";
    default:
      return "by the statistics of a whole procedure";
  }
}

}  // namespace ohmic
