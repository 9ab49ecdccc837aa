#include "ohmic/cli/device_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/cli/terminal.h"

namespace ohmic {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string conductance(double us) { return fmt::format("{:.{}f}", us, us < 99.995 ? 2 : 1); }
std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }
std::string with_spread(double mean, double stddev, int digits) {
  return stddev > 0 ? fmt::format("{:.{}f} +- {:.{}f}", mean, digits, stddev, digits)
                    : fmt::format("{:.{}f}", mean, digits);
}

std::string section(const FigureTable& table) {
  return fmt::format("\n{}\n{}", table.heading, format_table(table.rows));
}

std::vector<std::string> pulse_row(const PulseOutcome& outcome) {
  const ConductanceSpread& g = outcome.conductance;
  std::vector<std::string> row = {fmt::format("{}", outcome.pulse), conductance(g.mean_us),
                                  conductance(g.stddev_us),         conductance(g.quantiles_us[0]),
                                  conductance(g.quantiles_us[2]),   conductance(g.quantiles_us[4])};
  if (outcome.pulse == 0) return row;
  row.push_back(fmt::format("{:.3f}", outcome.mean_step_us));
  row.push_back(fmt::format("{:.3f}", outcome.step_stddev_us));
  row.push_back(percent(outcome.share_negative));
  return row;
}

Rows pulse_rows(const std::vector<PulseOutcome>& outcomes, std::string_view heading) {
  Rows rows = {{std::string(heading), "mean", "spread", "5 %", "50 %", "95 %", "step", "spread", "< 0"}};
  for (const std::size_t n : tabled_pulses(outcomes.size() - 1)) rows.push_back(pulse_row(outcomes[n]));
  return rows;
}

// The histogram as one line of shades.
std::string shades(const std::vector<std::uint64_t>& counts) {
  constexpr std::string_view kShades = " .:-=+*#%@";
  const auto most = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
  std::string line;
  for (const std::uint64_t count : counts) {
    const auto shade = static_cast<std::size_t>(std::ceil(static_cast<double>(count) / most * (kShades.size() - 1)));
    line += kShades[shade];
  }
  return line;
}

std::string histogram_section(const Characterisation& f) {
  const std::vector<double>& edges = f.histograms.front().edges_us;
  std::string text =
      fmt::format("\nDistribution from {} to {} uS\n", conductance(edges.front()), conductance(edges.back()));
  for (const ConductanceHistogram& histogram : f.histograms) {
    text += fmt::format("{:>4} {}  |{}|\n", histogram.pulses, histogram.pulses == 1 ? "pulse " : "pulses",
                        shades(histogram.counts));
  }
  return text;
}

std::string constants_section(const DeviceStudy& study) {
  std::size_t name = 0;
  std::size_t value = 0;
  const auto number = [](const CellConstant& c) { return fmt::format("{} {}", c.value, c.unit); };
  for (const CellConstant& c : study.constants) {
    name = std::max(name, c.name.size());
    value = std::max(value, number(c).size());
  }
  std::string text = fmt::format("\nConstants of the {} model\n", study.model);
  for (const CellConstant& c : study.constants) {
    text += fmt::format("{:<{}}  {:<{}}  {:<9}  {}\n", c.name, name, number(c), value, c.status, c.source);
  }
  return text;
}

std::string drift_cell(const Characterisation& f, double age_s) {
  const DriftCurve& half = f.drift[2];
  return f.drifts ? percent(at_age(half, age_s).mean_us / half.level_us) : "100.0 %";
}

std::string pulses_to_saturate(const Characterisation& f) {
  const double start = f.potentiation.front().noise_free_us;
  const auto found = std::find_if(f.potentiation.begin(), f.potentiation.end(), [&](const PulseOutcome& outcome) {
    return outcome.noise_free_us >= start + 0.95 * (f.saturation_us - start);
  });
  if (found == f.potentiation.end()) return fmt::format("over {}", f.pulses);
  return fmt::format("{}", found->pulse);
}

FigureTable noise_over_time(const Characterisation& f) {
  FigureTable table{"Noise of a read as the cell ages, uS", {{"from"}}};
  for (const NamedAge& age : tabled_ages()) table.rows.front().emplace_back(age.name);
  for (const DriftCurve& curve : f.drift) {
    table.rows.push_back({conductance(curve.level_us)});
    for (const NamedAge& age : tabled_ages()) {
      table.rows.back().push_back(fmt::format("{:.4f}", at_age(curve, age.age_s).read_noise_us));
    }
  }
  return table;
}

FigureTable noise_over_conductance(const Characterisation& f) {
  FigureTable table{fmt::format("Noise of a read {:g} s after the last pulse, uS", f.drift_reference_age_s),
                    {{"conductance", "noise", "relative"}}};
  for (std::size_t k = 0; k < f.read_noise.size(); k += 4) {
    const auto [g, stddev] = f.read_noise[k];
    table.rows.push_back({conductance(g), fmt::format("{:.4f}", stddev), g > 0 ? percent(stddev / g) : "-"});
  }
  return table;
}

}  // namespace

std::vector<FigureTable> pulse_tables(const Characterisation& f) {
  std::vector<FigureTable> tables = {
      {"SET pulses after RESET: conductance and step of the last pulse, uS", pulse_rows(f.potentiation, "pulses")}};
  if (!f.depression.empty()) {
    tables.push_back({"Depression pulses after these, uS", pulse_rows(f.depression, "pulse")});
  }
  return tables;
}

FigureTable drift_table(const Characterisation& f) {
  FigureTable table{fmt::format("Drift of cells that had these conductances {:g} s after the last pulse, uS",
                                f.drift_reference_age_s),
                    {{"from", "exponent"}}};
  for (const NamedAge& age : tabled_ages()) table.rows.front().emplace_back(age.name);
  for (const DriftCurve& curve : f.drift) {
    table.rows.push_back({conductance(curve.level_us), with_spread(curve.exponent_mean, curve.exponent_stddev, 4)});
    for (const NamedAge& age : tabled_ages()) {
      const AgedConductance& aged = at_age(curve, age.age_s);
      table.rows.back().push_back(with_spread(aged.mean_us, aged.stddev_us, 2));
    }
  }
  return table;
}

std::vector<FigureTable> noise_tables(const Characterisation& f) {
  std::vector<FigureTable> tables = {noise_over_conductance(f)};
  if (f.has_flicker) tables.push_back(noise_over_time(f));
  return tables;
}

FigureTable programming_table(const DeviceStudy& study) {
  FigureTable table{fmt::format("Programming ({}), uS; counts per cell", programming_text(study)),
                    {{"target", "mean", "spread", "rms error", "converged", "pulses", "resets", "reads"}}};
  for (const TargetOutcome& t : study.figures.targets) {
    table.rows.push_back({conductance(t.target_us), conductance(t.achieved.mean_us),
                          fmt::format("{:.3f}", t.achieved.stddev_us), fmt::format("{:.3f}", t.rms_error_us),
                          percent(t.share_converged), fmt::format("{:.1f}", t.pulses), fmt::format("{:.1f}", t.resets),
                          fmt::format("{:.1f}", t.reads)});
  }
  return table;
}

std::string device_text(const DeviceStudy& study) {
  const Characterisation& f = study.figures;
  std::string text =
      fmt::format("{}: {}\n{} cells, seed {}; conductances in uS, from {} to {}, usable to {}\n", study.label,
                  study.description, with_thousands(static_cast<std::uint64_t>(f.cells)), study.seed,
                  conductance(f.lowest_us), conductance(f.highest_us), conductance(f.usable_us));
  for (const FigureTable& table : pulse_tables(f)) text += section(table);
  if (f.depression.empty()) text += "There are no small steps down: only RESET lowers the conductance.\n";
  text += histogram_section(f);
  text += f.drifts ? section(drift_table(f)) : "\nDrift: none\n";
  if (!f.is_noisy) text += "\nRead noise: none\n";
  if (f.is_noisy) {
    for (const FigureTable& table : noise_tables(f)) text += section(table);
  }
  text += section(programming_table(study));
  const std::string note = convergence_note(study);
  return text + note + (note.empty() ? "" : "\n") + constants_section(study);
}

Rows comparison_rows(std::span<const DeviceStudy> studies) {
  Rows rows = {{"conductances in uS"}};
  for (const DeviceStudy& study : studies) rows.front().push_back(study.label);
  const auto row = [&](const std::string& heading, const auto& value) {
    rows.push_back({heading});
    for (const DeviceStudy& study : studies) rows.back().push_back(value(study.figures));
  };
  using F = const Characterisation&;
  row("model", [](F) { return std::string(); });
  for (std::size_t k = 0; k < studies.size(); ++k) rows.back()[k + 1] = studies[k].model;
  row("lowest", [](F f) { return conductance(f.lowest_us); });
  row("usable up to", [](F f) { return conductance(f.usable_us); });
  row("pulses to 95 % of saturation", [](F f) { return pulses_to_saturate(f); });
  for (const std::size_t n : tabled_pulses(static_cast<std::size_t>(studies.front().figures.pulses))) {
    row(fmt::format("after {} SET pulse{}", n, n == 1 ? "" : "s"), [n](F f) {
      const ConductanceSpread& g = f.potentiation[n].conductance;
      return with_spread(g.mean_us, g.stddev_us, 2);
    });
  }
  row("small steps down", [](F f) { return std::string(f.depression.empty() ? "no" : "yes"); });
  row("steps down among the first 10", [](F f) { return percent(early_share_negative(f)); });
  row("half scale after 1 h", [](F f) { return drift_cell(f, 3600); });
  row("half scale after 1 y", [](F f) { return drift_cell(f, kYearSeconds); });
  row("drift exponent at half scale",
      [](F f) { return with_spread(f.drift[2].exponent_mean, f.drift[2].exponent_stddev, 4); });
  row("read noise at half scale", [](F f) { return fmt::format("{:.4f}", f.read_noise[10].stddev_us); });
  row("read noise of the usable range", [](F f) { return percent(f.read_noise[10].stddev_us / f.usable_us); });
  row("programmed by",
      [](F f) { return std::string(kProgrammingMethods[static_cast<std::size_t>(f.programming_method)]); });
  row("programming error, rms", [](F f) { return fmt::format("{:.3f}", summary_of(f.targets).rms_error_us); });
  row("of the usable range", [](F f) { return percent(summary_of(f.targets).rms_error_us / f.usable_us); });
  row("converged", [](F f) { return percent(summary_of(f.targets).share_converged); });
  row("pulses, resets, reads per cell", [](F f) {
    const ProgrammingSummary s = summary_of(f.targets);
    return fmt::format("{:.1f}, {:.1f}, {:.1f}", s.pulses, s.resets, s.reads);
  });
  return rows;
}

std::string comparison_text(std::span<const DeviceStudy> studies) {
  const Characterisation& f = studies.front().figures;
  std::string text;
  for (const DeviceStudy& study : studies) text += fmt::format("{}: {}\n", study.label, study.description);
  return text + fmt::format("{} cells each, seed {}\n\n{}", with_thousands(static_cast<std::uint64_t>(f.cells)),
                            studies.front().seed, format_table(comparison_rows(studies)));
}

}  // namespace ohmic
