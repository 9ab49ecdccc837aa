#include "ohmic/device/preset.h"

#include <array>

#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kFolder = "presets/cells/";
constexpr std::string_view kEnding = ".toml";
constexpr std::array<std::string_view, 3> kStatuses = {"published", "derived", "assumed"};

struct SourcedValue {
  double value = 0;
  std::string unit, source;
  int status = 2;
};

void describe(FieldVisitor& v, SourcedValue& s) {
  v.field({"value", "", "the constant"}, s.value);
  v.field({"unit", "", "its unit"}, s.unit);
  v.field({"source", "", "where it comes from"}, s.source);
  v.choice({"status", "", "how sure it is"}, kStatuses, s.status);
}

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

// The names of a parameter set's fields, to find the ones that a preset leaves out.
class FieldNames final : public FieldVisitor {
 public:
  using FieldVisitor::choice;
  using FieldVisitor::field;
  void field(const FieldInfo& info, bool&) override { names.emplace_back(info.name); }
  void field(const FieldInfo& info, std::int64_t&) override { names.emplace_back(info.name); }
  void field(const FieldInfo& info, double&) override { names.emplace_back(info.name); }
  void field(const FieldInfo& info, std::string&) override { names.emplace_back(info.name); }
  void field(const FieldInfo& info, std::vector<double>&) override { names.emplace_back(info.name); }
  void field(const FieldInfo& info, std::vector<std::string>&) override { names.emplace_back(info.name); }
  void choice(const FieldInfo& info, std::span<const std::string_view>, int&) override {
    names.emplace_back(info.name);
  }
  std::vector<std::string> names;

 protected:
  void begin_section(const FieldInfo&) override {}
  void end_section() override {}
  std::size_t begin_list(const FieldInfo&, std::size_t size) override { return size; }
  void begin_element() override {}
  void end_element() override {}
  void end_list() override {}
};

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
  auto parameters = cell_parameters(document.string_or("model", ""));
  const ConfigDocument tables = document.table("parameters");
  ConfigDocument values;
  for (const std::string& key : tables.keys()) {
    const ConfigDocument table = tables.table(key);
    require_sourced(name, key, table);
    SourcedValue sourced;
    read_fields(table, fmt::format("cell preset {}: parameters.{}", name, key), sourced);
    values.set(fmt::format("{}={}", key, sourced.value));
  }
  FieldNames expected;
  describe(expected, *parameters);
  for (const std::string& field : expected.names) {
    if (!values.contains(field))
      fail("cell preset {}: parameters.{} is missing; the {} model needs it", name, field, parameters->model());
  }
  read_fields(values, fmt::format("cell preset {}", name), *parameters);
  return parameters;
}

DeviceSpec::DeviceSpec(std::string cell)
    : cell_(std::move(cell)), loaded_(cell_), parameters_(load_cell_preset(cell_)) {}

DeviceSpec::DeviceSpec(const DeviceSpec& other)
    : cell_(other.cell_), loaded_(other.loaded_), parameters_(other.parameters_->clone()) {}

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
}

}  // namespace ohmic
