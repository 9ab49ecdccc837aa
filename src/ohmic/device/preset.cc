#include "ohmic/device/preset.h"

#include <algorithm>
#include <array>
#include <map>

#include "ohmic/core/constants.h"
#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kFolder = "presets/cells/";
constexpr std::string_view kEnding = ".toml";

ConfigDocument open_preset(std::string_view name) {
  if (name.ends_with(kEnding)) return ConfigDocument::read_file(name);
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == fmt::format("{}{}{}", kFolder, name, kEnding)) return ConfigDocument::parse(file.text, file.path);
  }
  const auto names = cell_preset_names();
  const std::string near = nearest_name(name, names);
  fail("device.cell = \"{}\" is not a cell that ohmic knows; choose one of {}, or the path of a .toml preset{}", name,
       fmt::join(names, ", "), near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

// Fills a parameter set from sourced constants and says what is wrong with them.
class PresetReader final : public ConstantVisitor {
 public:
  using ConstantVisitor::field;

  PresetReader(std::string_view preset, std::map<std::string, SourcedConstant> values)
      : preset_(preset), values_(std::move(values)) {}

  void field(const FieldInfo& info, double& value) override {
    names_.emplace_back(info.name);
    const auto found = values_.find(std::string(info.name));
    if (found == values_.end()) {
      missing_.emplace_back(info.name);
      return;
    }
    check(info, found->second);
    value = found->second.value;
  }
  void finish(std::string_view model) const;

 private:
  void check(const FieldInfo& info, const SourcedConstant& constant) const;

  std::string preset_;
  std::map<std::string, SourcedConstant> values_;
  std::vector<std::string> names_, missing_;
};

void PresetReader::check(const FieldInfo& info, const SourcedConstant& constant) const {
  if (!(constant.value >= info.min && constant.value <= info.max)) {
    fail("cell preset {}: parameters.{}.value = {} is outside {} to {}{}{} ({}); correct it in the preset", preset_,
         info.name, constant.value, info.min, info.max, info.unit.empty() ? "" : " ", info.unit, info.doc);
  }
  const std::string_view unit = info.unit.empty() ? "1" : info.unit;
  if (constant.unit != unit) {
    fail("cell preset {}: parameters.{}.unit = \"{}\", but ohmic takes this constant in \"{}\"; convert the value",
         preset_, info.name, constant.unit, unit);
  }
}

void PresetReader::finish(std::string_view model) const {
  for (const auto& [name, constant] : values_) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
    const std::string near = nearest_name(name, names_);
    fail("cell preset {}: the {} model has no parameter \"{}\"{}", preset_, model, name,
         near.empty() ? fmt::format("; it has {}", fmt::join(names_, ", "))
                      : fmt::format(" (did you mean \"{}\"?)", near));
  }
  if (missing_.empty()) return;
  fail("cell preset {}: parameters.{} is missing; the {} model needs it", preset_, fmt::join(missing_, ", parameters."),
       model);
}

void require_sourced(std::string_view preset, const std::string& parameter, const ConfigDocument& table) {
  for (const char* key : {"value", "unit", "source", "status"}) {
    if (!table.contains(key)) {
      fail("cell preset {}: parameters.{} has no {}; each constant needs value, unit, source and status", preset,
           parameter, key);
    }
  }
  if (table.string_or("source", "").empty()) {
    fail("cell preset {}: parameters.{}.source is empty; say where the constant comes from, or \"assumed\" and why",
         preset, parameter);
  }
}

std::unique_ptr<CellParameters> parameters_of(std::string_view model, std::string_view preset) {
  try {
    return cell_parameters(model);
  } catch (const Error& error) {
    fail("cell preset {}: model: {}", preset, error.what());
  }
}

// The text of [parameters.*].
class PresetWriter final : public ConstantVisitor {
 public:
  using ConstantVisitor::field;

  PresetWriter(const std::map<std::string, std::string>& sources, std::string_view source)
      : sources_(sources), source_(source) {}

  void field(const FieldInfo& info, double& value) override {
    const auto own = sources_.find(std::string(info.name));
    const std::string number = fmt::format("{}", value);
    const bool is_float = number.find_first_of(".e") != std::string::npos;
    text_ += fmt::format("\n[parameters.{}]\nvalue = {}{}\nunit = \"{}\"\nsource = \"{}\"\nstatus = \"{}\"\n",
                         info.name, number, is_float ? "" : ".0", info.unit.empty() ? "1" : info.unit,
                         own == sources_.end() ? "not in the data" : source_,
                         own == sources_.end() ? "assumed" : own->second);
  }
  const std::string& text() const { return text_; }

 private:
  const std::map<std::string, std::string>& sources_;
  std::string source_, text_;
};

// Joins the constants in use with what their preset says of them.
class ConstantCollector final : public ConstantVisitor {
 public:
  using ConstantVisitor::field;

  explicit ConstantCollector(const ConfigDocument& tables) : tables_(tables) {}

  void field(const FieldInfo& info, double& value) override {
    SourcedConstant preset;
    read_fields(tables_.table(info.name), info.name, preset);
    const bool changed = preset.value != value;
    constants_.push_back({std::string(info.name), value, std::string(info.unit), std::string(info.doc),
                          changed ? "set" : std::string(kSourceStatuses[static_cast<std::size_t>(preset.status)]),
                          changed ? fmt::format("set by hand; the preset has {}", preset.value) : preset.source});
  }
  std::vector<CellConstant> take() { return std::move(constants_); }

 private:
  ConfigDocument tables_;
  std::vector<CellConstant> constants_;
};

}  // namespace

std::vector<std::string> cell_preset_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with(kFolder)) continue;
    names.emplace_back(file.path.substr(kFolder.size(), file.path.size() - kFolder.size() - kEnding.size()));
  }
  return names;
}

std::string cell_preset_description(std::string_view name) { return open_preset(name).string_or("description", ""); }

std::unique_ptr<CellParameters> load_cell_preset(std::string_view name) {
  const ConfigDocument document = open_preset(name);
  for (const std::string& key : document.keys()) {
    if (key == "model" || key == "description" || key == "parameters") continue;
    fail("cell preset {}: \"{}\" is unknown here; a preset has model, description and parameters", name, key);
  }
  auto parameters = parameters_of(document.string_or("model", ""), name);
  const ConfigDocument tables = document.table("parameters");
  std::map<std::string, SourcedConstant> values;
  for (const std::string& key : tables.keys()) {
    const ConfigDocument table = tables.table(key);
    require_sourced(name, key, table);
    read_fields(table, fmt::format("cell preset {}: parameters.{}", name, key), values[key]);
  }
  PresetReader reader(name, std::move(values));
  parameters->describe_fields(reader);
  reader.finish(parameters->model());
  return parameters;
}

std::string preset_text(std::string_view description, CellParameters& parameters,
                        const std::map<std::string, std::string>& sources, std::string_view source) {
  PresetWriter writer(sources, source);
  parameters.describe_fields(writer);
  return fmt::format("model = \"{}\"\ndescription = \"{}\"\n{}", parameters.model(), description, writer.text());
}

DeviceSpec::DeviceSpec(std::string cell)
    : cell_(std::move(cell)), loaded_(cell_), parameters_(load_cell_preset(cell_)) {}

DeviceSpec::DeviceSpec(const DeviceSpec& other)
    : cell_(other.cell_),
      loaded_(other.loaded_),
      parameters_(other.parameters_->clone()),
      variation_(other.variation_) {}

DeviceSpec& DeviceSpec::operator=(const DeviceSpec& other) {
  *this = DeviceSpec(other);
  return *this;
}

void describe(FieldVisitor& v, DeviceSpec& spec) {
  v.field({"cell", "", "memory cell: a preset's name, or the path of a preset file"}, spec.cell_);
  if (spec.cell_ != spec.loaded_) {
    spec.parameters_ = load_cell_preset(spec.cell_);
    spec.loaded_ = spec.cell_;
  }
  v.section({"parameters", "", "the cell's constants; those not given keep the preset's value"}, *spec.parameters_);
  v.section({"variation", "", "which of the cell's variations are simulated"}, spec.variation_);
}

std::vector<CellConstant> cell_constants(const DeviceSpec& device) {
  ConstantCollector collector(open_preset(device.cell()).table("parameters"));
  device.parameters().clone()->describe_fields(collector);
  return collector.take();
}

}  // namespace ohmic
