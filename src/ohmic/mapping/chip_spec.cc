#include "ohmic/mapping/chip_spec.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/constants.h"
#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kChipFolder = "presets/chips/";
constexpr std::string_view kTomlEnding = ".toml";

std::string_view chip_name_of(std::string_view path) {
  return path.substr(kChipFolder.size(), path.size() - kChipFolder.size() - kTomlEnding.size());
}

ConfigDocument open_chip(std::string_view name) {
  if (name.ends_with(kTomlEnding)) return ConfigDocument::read_file(name);
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kChipFolder) && chip_name_of(file.path) == name) {
      return ConfigDocument::parse(file.text, file.path);
    }
  }
  const auto names = chip_names();
  const std::string near = nearest_name(name, names);
  fail("--chip {}: there is no such chip; choose one of {}, or the path of a .toml file{}", name,
       fmt::join(names, ", "), near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
}

// The constants in their order, each with its sourced value.
class ConstantReader final : public ConstantVisitor {
 public:
  using ConstantVisitor::field;

  ConstantReader(std::string_view chip, const ConfigDocument& tables) : chip_(chip), tables_(tables) {}

  void field(const FieldInfo& info, double& value) override {
    const std::string name(info.name);
    const ConfigDocument table = tables_.table(name);
    for (const char* key : {"value", "unit", "source", "status"}) {
      if (!table.contains(key)) {
        fail("chip {}: constants.{}.{} is missing; each constant needs value, unit, source and status", chip_, name,
             key);
      }
    }
    SourcedConstant constant;
    read_fields(table, fmt::format("chip {}: constants.{}", chip_, name), constant);
    const std::string_view unit = info.unit.empty() ? "1" : info.unit;
    if (constant.unit != unit || constant.source.empty()) {
      fail("chip {}: constants.{} has the unit \"{}\" and the source \"{}\"; it is taken in \"{}\", and needs a source",
           chip_, name, constant.unit, constant.source, unit);
    }
    if (!(constant.value >= info.min && constant.value <= info.max)) {
      fail("chip {}: constants.{}.value = {} is outside {} to {} {} ({}); correct it", chip_, name, constant.value,
           info.min, info.max, unit, info.doc);
    }
    value = constant.value;
    constants_.push_back({name, constant.unit, std::string(info.doc),
                          std::string(kSourceStatuses[static_cast<std::size_t>(constant.status)]), constant.source,
                          value});
  }

  const std::vector<ChipConstant>& finish() const {
    for (const std::string& key : tables_.keys()) {
      std::vector<std::string> names;
      for (const ChipConstant& c : constants_) names.push_back(c.name);
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      const std::string near = nearest_name(key, names);
      fail("chip {}: constants.{} is unknown{}; the constants are {}", chip_, key,
           near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near), fmt::join(names, ", "));
    }
    return constants_;
  }

 private:
  std::string chip_;
  ConfigDocument tables_;
  std::vector<ChipConstant> constants_;
};

// What --set and files of results may change: the constants and the topology, with bounds.
struct ChangeableChip {
  ChipSpec& chip;
};

void describe(FieldVisitor& v, ChangeableChip& c) {
  v.choice({"topology", "", "how cores are linked"}, kTopologies, c.chip.topology);
  describe(v, c.chip.constants);
}

void check_whole(const ChipSpec& chip, std::string_view name, double value) {
  if (value != std::floor(value)) fail("chip {}: {} = {} must be a whole number", chip.name, name, value);
}

}  // namespace

void describe(FieldVisitor& v, ChipConstants& c) {
  v.field({"array_rows", "rows", "rows of one array", 1, 65536}, c.array_rows);
  v.field({"array_columns", "columns", "columns of one array, each a signed weight wide", 1, 65536}, c.array_columns);
  v.field({"arrays_per_core", "arrays", "arrays that share a core's SRAM and digital unit", 1, 65536},
          c.arrays_per_core);
  v.field({"cores", "cores", "on the chip; 0: as many as a network needs", 0, 1e7}, c.cores);
  v.field({"mvm_ns", "ns", "one matrix-vector product with its conversions: a tick", 1e-3, 1e9}, c.mvm_ns);
  v.field({"activation_bits", "bits", "of one activation in buffers and on links", 1, 64}, c.activation_bits);
  v.field({"sram_kib", "KiB", "activation memory of one core; 0: as much as needed", 0, 1e9}, c.sram_kib);
  v.field({"sram_banks", "banks", "of a core's memory, read at the same time", 1, 65536}, c.sram_banks);
  v.field({"sram_port_bits", "bits", "read from one bank per clock", 1, 1e9}, c.sram_port_bits);
  v.field({"clock_ghz", "GHz", "of memories and links", 1e-3, 1e3}, c.clock_ghz);
  v.field({"link_bits", "bits", "over one link per clock, in one direction", 1, 1e9}, c.link_bits);
  v.field({"head_flits", "flits", "of link_bits each, before the data of a packet", 0, 64}, c.head_flits);
  v.field({"hop_ns", "ns", "from one core to a linked one", 0, 1e9}, c.hop_ns);
  v.field({"reach", "cores", "how many of the cores after it a core of a prism reaches", 1, 64}, c.reach);
}

std::vector<std::string> chip_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with(kChipFolder)) names.emplace_back(chip_name_of(file.path));
  }
  return names;
}

ChipSpec load_chip(std::string_view name, std::span<const std::string> settings) {
  const ConfigDocument document = open_chip(name);
  for (const std::string& key : document.keys()) {
    if (key == "description" || key == "topology" || key == "constants") continue;
    fail("chip {}: \"{}\" is unknown here; a chip has description, topology and constants", name, key);
  }
  ChipSpec chip;
  chip.name = name;
  chip.description = document.string_or("description", "");
  ConstantReader reader(name, document.table("constants"));
  describe(reader, chip.constants);
  reader.finish();
  ConfigDocument changes;
  changes.set(fmt::format("topology={}", document.string_or("topology", "mesh")));
  for (const std::string& setting : settings) changes.set(setting, "--chip-set");
  ChangeableChip changeable{chip};
  read_fields(changes, "chip", changeable);
  const ChipConstants& c = chip.constants;
  check_whole(chip, "array_rows", c.array_rows);
  check_whole(chip, "array_columns", c.array_columns);
  check_whole(chip, "arrays_per_core", c.arrays_per_core);
  check_whole(chip, "cores", c.cores);
  check_whole(chip, "link_bits", c.link_bits);
  check_whole(chip, "head_flits", c.head_flits);
  check_whole(chip, "reach", c.reach);
  return chip;
}

std::vector<ChipConstant> chip_constants(std::string_view name) {
  ChipConstants values;
  ConstantReader reader(name, open_chip(name).table("constants"));
  describe(reader, values);
  return reader.finish();
}

}  // namespace ohmic
