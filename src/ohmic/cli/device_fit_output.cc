#include "ohmic/cli/device_fit_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "ohmic/cli/terminal.h"
#include "ohmic/core/version.h"
#include "ohmic/report/fit_page.h"

namespace ohmic {
namespace {

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.4g}", value) : ""; }

std::string interval(const FittedConstant& c) {
  if (!std::isfinite(c.low) || !std::isfinite(c.high)) return "";
  return fmt::format("{:.4g} to {:.4g}", c.low, c.high);
}

std::string status(const FittedConstant& c) { return c.is_derived ? "derived" : "assumed"; }

std::string constants_text(const CellFit& fit) {
  std::vector<std::vector<std::string>> rows = {{"constant", "value", "95 % interval", "unit", "status"}};
  for (const FittedConstant& c : fit.constants) {
    rows.push_back({c.name, number(c.value), interval(c), c.unit.empty() ? "1" : c.unit, status(c)});
  }
  return format_table(rows);
}

std::string pulses_text(const CellFit& fit) {
  std::vector<std::vector<std::string>> rows = {
      {"pulses", "cells", "mean, uS", "model", "spread, uS", "model", "KS", "5 % bound", "chi2"}};
  for (const PulseComparison& p : fit.quality.pulses) {
    if (p.cells == 0) continue;
    rows.push_back({fmt::format("{}", p.pulse), fmt::format("{}", p.cells), number(p.data_mean_us),
                    number(p.model_mean_us), number(p.data_stddev_us), number(p.model_stddev_us),
                    fmt::format("{:.3f}", p.ks_distance), fmt::format("{:.3f}", p.ks_bound),
                    p.chi_square > 0 ? fmt::format("{:.2f}", p.chi_square) : ""});
  }
  return format_table(rows);
}

std::size_t measured_pulse_numbers(const CellFit& fit) {
  return static_cast<std::size_t>(std::count_if(fit.quality.pulses.begin(), fit.quality.pulses.end(),
                                                [](const PulseComparison& p) { return p.cells > 0; }));
}

std::string quality_sentence(const CellFit& fit) {
  return fmt::format(
      "R2 of the mean trajectory {:.5f}; reduced chi-square of prediction errors {:.3f}; distributions differ beyond "
      "chance (KS, 5 %) at {} of {} pulse numbers",
      fit.quality.r_squared, fit.quality.reduced_chi_square, fit.quality.pulses_beyond_ks, measured_pulse_numbers(fit));
}

std::string data_sentence(const Measurements& m) {
  return fmt::format("{} cells, SET pulses 0 to {}, {} reads", with_thousands(m.cells.size()), m.pulse_count(),
                     with_thousands(m.read_count()));
}

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json constants_json(const CellFit& fit) {
  Json constants = Json::object();
  for (const FittedConstant& c : fit.constants) {
    constants[c.name] = {{"value", c.value},
                         {"low", number_or_null(c.low)},
                         {"high", number_or_null(c.high)},
                         {"unit", c.unit.empty() ? "1" : c.unit},
                         {"status", status(c)},
                         {"remark", c.remark}};
  }
  return constants;
}

Json pulses_json(const CellFit& fit) {
  Json pulses = Json::array();
  for (const PulseComparison& p : fit.quality.pulses) {
    if (p.cells == 0) continue;
    pulses.push_back({{"pulses", p.pulse},
                      {"cells", p.cells},
                      {"data_mean_us", p.data_mean_us},
                      {"model_mean_us", p.model_mean_us},
                      {"data_stddev_us", p.data_stddev_us},
                      {"model_stddev_us", p.model_stddev_us},
                      {"ks_distance", p.ks_distance},
                      {"ks_bound", p.ks_bound},
                      {"chi_square", p.chi_square}});
  }
  return pulses;
}

FitPageData::Pulse page_pulse(const PulseComparison& p) {
  return {static_cast<double>(p.pulse),
          static_cast<double>(p.cells),
          p.data_mean_us,
          p.data_stddev_us,
          p.model_mean_us,
          p.model_stddev_us,
          p.ks_distance,
          p.ks_bound,
          p.chi_square,
          p.data_us,
          p.model_us};
}

// The measured means of each pulse number and the power law through their level.
std::vector<FitPageData::Drift> page_drift(const CellFit& fit) {
  std::map<std::size_t, FitPageData::Drift> curves;
  for (const DriftPoint& point : fit.drift.points) {
    if (point.pulse == 0 || std::isnan(point.time_s)) continue;
    FitPageData::Drift& curve = curves[point.pulse];
    curve.pulse = static_cast<double>(point.pulse);
    curve.times.push_back(point.time_s);
    curve.data.push_back(point.mean_us);
  }
  std::vector<FitPageData::Drift> list;
  for (auto& [pulse, curve] : curves) {
    double level = 0, squares = 0;
    std::vector<double> factors;
    for (std::size_t k = 0; k < curve.times.size(); ++k) {
      factors.push_back(std::pow(curve.times[k] / fit.drift.reference_age_s, -fit.parameters.common.drift_exponent));
      level += factors[k] * curve.data[k], squares += factors[k] * factors[k];
    }
    for (const double factor : factors) curve.model.push_back(factor * level / squares);
    if (curve.times.size() > 1) list.push_back(std::move(curve));
  }
  return list;
}

}  // namespace

std::string fit_text(const CellFit& fit, const Measurements& measurements, const FitFiles& files) {
  std::string text =
      fmt::format("{}: {}\n\n{}\n", measurements.source, data_sentence(measurements), constants_text(fit));
  text += pulses_text(fit) + "\n" + quality_sentence(fit) + "\n";
  for (const std::string& warning : fit.warnings) text += fmt::format("warning: {}\n", warning);
  text += fmt::format("preset: {}\nreport: {}\n", files.preset, files.report);
  return text;
}

std::string fit_json(const CellFit& fit, const Measurements& measurements, const FitFiles& files) {
  const Json json = {{"data", measurements.source},
                     {"cells", measurements.cells.size()},
                     {"pulses", measurements.pulse_count()},
                     {"reads", measurements.read_count()},
                     {"constants", constants_json(fit)},
                     {"goodness",
                      {{"r_squared", fit.quality.r_squared},
                       {"reduced_chi_square", fit.quality.reduced_chi_square},
                       {"pulse_numbers_beyond_ks_bound", fit.quality.pulses_beyond_ks},
                       {"log_likelihood", fit.log_likelihood},
                       {"converged", fit.has_converged}}},
                     {"by_pulse", pulses_json(fit)},
                     {"warnings", fit.warnings},
                     {"preset", files.preset},
                     {"report", files.report}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";  // file names may be anything
}

std::string fit_page(const CellFit& fit, const Measurements& measurements, const std::string& name) {
  FitPageData page;
  page.title = fmt::format("Fitted cell: {}", name);
  page.finding = quality_sentence(fit) + ".";
  page.facts = {measurements.source, data_sentence(measurements), fmt::format("ohmic {}", kVersion)};
  page.warnings = fit.warnings;
  for (const FittedConstant& c : fit.constants) {
    page.constants.push_back(
        {c.name, c.meaning, number(c.value), interval(c), c.unit.empty() ? "1" : c.unit, status(c), c.remark});
  }
  for (const PulseComparison& p : fit.quality.pulses) page.pulses.push_back(page_pulse(p));
  for (const StepComparison& s : fit.quality.steps) {
    page.steps.push_back({s.conductance_us, static_cast<double>(s.data_steps), s.data_mean_us, s.data_stddev_us,
                          s.model_mean_us, s.model_stddev_us});
  }
  page.data_residuals = fit.quality.data_residuals;
  page.model_residuals = fit.quality.model_residuals;
  page.drift = page_drift(fit);
  return render_fit_page(page);
}

}  // namespace ohmic
