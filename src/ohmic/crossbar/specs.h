#pragma once

// What a tile is made of, as settings. PHYSICS: a weight is the difference of two cells; matrices larger than one array
// are split by rows and columns, and each row block has its own ADC conversion.

#include <array>
#include <cstdint>
#include <string_view>

#include "ohmic/core/config.h"
#include "ohmic/crossbar/faults.h"
#include "ohmic/crossbar/synapse.h"
#include "ohmic/crossbar/wires.h"

namespace ohmic {

/// Pairs with a high cell leave no room for further SET pulses: they are RESET and their difference is written anew,
/// blindly or with a read after each pulse.
struct RefreshSpec {
  std::int64_t every_samples = 100;  ///< [assumed]
  double high_us = 8;                ///< [assumed]
  double difference_us = 6;          ///< [assumed]
  std::int64_t most_pulses = 3;      ///< [assumed]
  bool verify = false;
};

inline void describe(FieldVisitor& v, RefreshSpec& s) {
  v.field({"every_samples", "samples", "training samples between two refreshes; 0 never refreshes", 0, 1e12},
          s.every_samples);
  v.field({"high_us", "uS", "a pair with a cell that reads above this is a candidate", 0, 1e6}, s.high_us);
  v.field({"difference_us", "uS", "a candidate whose difference reads below this is rewritten", 0, 1e6},
          s.difference_us);
  v.field({"most_pulses", "pulses", "most SET pulses that rewrite a difference", 0, 127}, s.most_pulses);
  v.field(
      {"verify", "",
       "read after each pulse and pulse the cell that brings the difference nearer, until it is within half a pulse; "
       "what is missed goes to chi (the paper writes blindly)"},
      s.verify);
}

/// Where a converter's full scale comes from.
enum class RangeMode {
  per_vector,  ///< the largest magnitude of each vector
  per_layer,   ///< the largest magnitude seen in the first calibration vectors, then fixed
};
inline constexpr std::array<std::string_view, 2> kRangeModes = {"per_vector", "per_layer"};

struct PeripherySpec {
  std::int64_t array_rows = 256;
  std::int64_t array_columns = 256;
  std::int64_t dac_bits = 8;  ///< 0: exact inputs
  RangeMode dac_range = RangeMode::per_vector;
  std::int64_t adc_bits = 8;  ///< 0: exact outputs
  RangeMode adc_range = RangeMode::per_vector;
  std::int64_t calibration_vectors = 1000;
};

inline void describe(FieldVisitor& v, PeripherySpec& s) {
  v.field({"array_rows", "rows", "rows of one array; a multiple of 4", 4, 512}, s.array_rows);
  v.field({"array_columns", "columns", "columns of one array; a multiple of 4", 4, 512}, s.array_columns);
  v.field({"dac_bits", "bits", "resolution of the inputs, with sign; 0 for exact inputs", 0, 8}, s.dac_bits);
  v.choice({"dac_range", "", "full scale of the DAC"}, kRangeModes, s.dac_range);
  v.field({"adc_bits", "bits", "resolution of the outputs, with sign; 0 for exact outputs", 0, 16}, s.adc_bits);
  v.choice({"adc_range", "", "full scale of the ADC"}, kRangeModes, s.adc_range);
  v.field({"calibration_vectors", "vectors", "vectors from which per_layer ranges are taken", 1, 1e9},
          s.calibration_vectors);
}

struct TileSpec {
  int inputs = 0;   ///< rows of the matrix: word lines
  int outputs = 0;  ///< columns: bit lines
  SynapseSpec synapse;
  PeripherySpec periphery;
  FaultSpec faults;
  WireSpec wires;
  double drift_tolerance = 1e-3;      ///< relative error allowed in a drifted conductance
  double drift_sweep_interval_s = 1;  ///< time between two re-evaluations of all old cells
  bool counts_wear = false;           ///< pulses of each cell
  bool write_once = false;            ///< programmed as a whole, then read and aged, never pulsed or saved: a pair is
                                      ///< held in 8 bytes
  std::uint64_t seed = 1;
  std::uint32_t unit = 0;  ///< number of the tile in its network, below 2^14: keys its random numbers
};

}  // namespace ohmic
