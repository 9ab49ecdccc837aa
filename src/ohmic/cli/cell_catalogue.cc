#include "ohmic/cli/cell_catalogue.h"

#include <fmt/format.h>

#include "ohmic/device/characterise.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr std::string_view kHead =
    R"(<!-- Made by `ohmic list devices --markdown`; change presets/cells instead, then make it again. -->

# Cells

The memory cells that ship with `ohmic`, and where each of their constants comes from: `published` in the source that is
named, `derived` from it, or `assumed`, with a reason. `ohmic device NAME` simulates a cell and draws its figures;
`--set device.parameters.CONSTANT=VALUE` changes a constant in an experiment. Usable is the conductance up to which
targets make sense: what the noise-free cell reaches by SET pulses, or the bound where a cell can be programmed to it.
`ohmic device fit` makes a cell of your own from measurements, see [fit.md](fit.md).

)";

std::string drift_text(const DriftLaw& law) {
  if (law.steepest() == 0) return "none";
  return law.is_individual() ? "from cell to cell" : fmt::format("exponent {}", law.exponent_of(1, 0));
}

std::string noise_text(const ReadNoiseLaw& law) {
  if (!law.is_noisy()) return "none";
  return law.has_flicker() ? "1/f" : "white";
}

std::string overview_row(const std::string& name) {
  const auto cell = DeviceSpec(name).make();
  const auto method = chosen_method(*cell, {});
  return fmt::format("| [{0}](#{0}) | {1:g} to {2:.4g} uS | {3} | {4} | {5} | {6} |\n", name,
                     cell->conductance_min_us(), usable_conductance_us(*cell), cell->has_depression() ? "yes" : "no",
                     drift_text(cell->drift()), noise_text(cell->read_noise()),
                     kProgrammingMethods[static_cast<std::size_t>(method)]);
}

std::string section(const std::string& name) {
  const DeviceSpec device(name);
  std::string text = fmt::format(
      "\n## {}\n\n{}. Model `{}`.\n\n| constant | value | unit | status | meaning | source |\n"
      "|---|--:|---|---|---|---|\n",
      name, cell_preset_description(name), device.parameters().model());
  for (const CellConstant& c : cell_constants(device)) {
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", c.name, c.value, c.unit, c.status, c.meaning, c.source);
  }
  return text;
}

}  // namespace

std::string cell_catalogue_markdown() {
  std::string text(kHead);
  text += "| cell | usable | small steps down | drift | read noise | programmed by |\n|---|---|---|---|---|---|\n";
  for (const std::string& name : cell_preset_names()) text += overview_row(name);
  for (const std::string& name : cell_preset_names()) text += section(name);
  return text;
}

}  // namespace ohmic
