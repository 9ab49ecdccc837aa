#pragma once

// Presets: a cell's constants as a data file, each with its value, unit, source and status.
//
//   model = "pcm"
//   description = "..."
//   [parameters.drift_exponent]
//   value = 0.04
//   unit = "1"
//   source = "..."
//   status = "published"   # published | derived | assumed

#include <map>
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

/// A preset file's text. `sources` holds the status ("published", "derived", "assumed") of each constant that `source`
/// accounts for; the others are written as assumed, not in the data.
std::string preset_text(std::string_view description, CellParameters& parameters,
                        const std::map<std::string, std::string>& sources, std::string_view source);

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
  std::unique_ptr<CellModel> make() const { return with_variation(parameters_->make(), variation_); }
  const CellParameters& parameters() const { return *parameters_; }

  friend void describe(FieldVisitor& v, DeviceSpec& spec);

 private:
  std::string cell_;
  std::string loaded_;  ///< the preset that `parameters_` were read from
  std::unique_ptr<CellParameters> parameters_;
  VariationSpec variation_;
};

/// One constant of a cell, as it is used, and what is known of it.
struct CellConstant {
  std::string name;
  double value = 0;
  std::string unit;     ///< empty when dimensionless
  std::string meaning;  ///< one line
  std::string status;   ///< published, derived, assumed; "set" where it differs from the preset
  std::string source;
};

/// The constants of a device in the order of its model.
std::vector<CellConstant> cell_constants(const DeviceSpec& device);

}  // namespace ohmic
