#pragma once

// What a chip is made of: presets/chips/*.toml, each constant with its unit and source.
//
//   description = "..."
//   topology = "mesh"           # mesh, ring, full, prism
//   [constants.array_rows]
//   value = 256
//   unit = "rows"
//   source = "..."
//   status = "published"        # published | derived | assumed

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// How cores are linked.
enum class Topology {
  mesh,   ///< rows and columns, four neighbours each, routes along the row first
  ring,   ///< each with the next, both ways, the shorter way round
  full,   ///< each with each
  prism,  ///< 5 Parallel Prism as assumed here: core v sends to v + 1 ... v + reach
};
inline constexpr std::array<std::string_view, 4> kTopologies = {"mesh", "ring", "full", "prism"};

struct ChipConstants {
  double array_rows = 256, array_columns = 256;
  double arrays_per_core = 1;
  double cores = 0;  ///< 0: as many as a network needs
  double mvm_ns = 100;
  double activation_bits = 8;
  double sram_kib = 0;  ///< of one core; 0: as much as needed
  double sram_banks = 1;
  double sram_port_bits = 4096;
  double clock_ghz = 1;
  double link_bits = 64;  ///< per clock and direction: a flit
  double head_flits = 0;  ///< before the data of a packet
  double hop_ns = 0;
  double reach = 5;
};

void describe(FieldVisitor& v, ChipConstants& c);

struct ChipSpec {
  std::string name, description;
  Topology topology = Topology::mesh;
  ChipConstants constants;

  std::int64_t array_rows() const { return static_cast<std::int64_t>(constants.array_rows); }
  std::int64_t array_columns() const { return static_cast<std::int64_t>(constants.array_columns); }
  std::int64_t arrays_per_core() const { return static_cast<std::int64_t>(constants.arrays_per_core); }
  std::int64_t cores() const { return static_cast<std::int64_t>(constants.cores); }
  /// Bytes of a pixel of a stream.
  double pixel_bytes(int channels) const { return channels * constants.activation_bits / 8; }
  double core_sram_bytes() const { return constants.sram_kib * 1024; }
};

std::vector<std::string> chip_names();

/// One constant of a chip and what is known of it.
struct ChipConstant {
  std::string name, unit, meaning, status, source;
  double value = 0;
};

/// A shipped preset by its name, or a file if `name` ends in ".toml"; then `settings`, e.g. "array_rows=128" or
/// "topology=ring". Error if a constant is missing, has no source, or is out of range.
ChipSpec load_chip(std::string_view name, std::span<const std::string> settings = {});

/// The constants with their sources, in order.
std::vector<ChipConstant> chip_constants(std::string_view name);

}  // namespace ohmic
