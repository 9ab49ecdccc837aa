#pragma once

// Presets: a cell's constants as a data file, each with its value, unit, source and status.
//
//   model = "pcm"
//   description = "..."
//   [parameters.drift_exponent]
//   value = 0.04
//   unit = ""
//   source = "..."
//   status = "published"   # published | derived | assumed

#include <memory>
#include <string>
#include <vector>

#include "ohmic/device/cell.h"

namespace ohmic {

/// The names of the presets that ship with the program.
std::vector<std::string> cell_preset_names();

/// One line about a shipped preset.
std::string cell_preset_description(std::string_view name);

/// The parameters of a shipped preset, or of a file if `name` ends in ".toml". Error if it is unknown, if a constant is
/// missing, has no source or unit, or is out of range.
std::unique_ptr<CellParameters> load_cell_preset(std::string_view name);

/// Which cell a device is made of, and changes to its constants. In TOML:
///   [device]
///   cell = "pcm"
///   [device.parameters]
///   drift_exponent = 0.06
class DeviceSpec {
 public:
  DeviceSpec() : DeviceSpec("pcm") {}
  explicit DeviceSpec(std::string cell);
  DeviceSpec(const DeviceSpec& other);
  DeviceSpec& operator=(const DeviceSpec& other);
  DeviceSpec(DeviceSpec&&) noexcept = default;
  DeviceSpec& operator=(DeviceSpec&&) noexcept = default;

  const std::string& cell() const { return cell_; }
  std::unique_ptr<CellModel> make() const { return parameters_->make(); }

  friend void describe(FieldVisitor& v, DeviceSpec& spec);

 private:
  std::string cell_;
  std::string loaded_;  ///< the preset that `parameters_` were read from
  std::unique_ptr<CellParameters> parameters_;
};

}  // namespace ohmic
