#pragma once

// What a training run did, as its run.json says.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ohmic/crossbar/counters.h"

namespace ohmic {

/// What happened for one weight matrix.
struct MatrixEvents {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  bool on_cells = true;
  int arrays = 1;  ///< equal or sliced ones that hold it
  int cells_per_crossing = 2;
  PhaseCounters counters;
};

/// Digital work of a layer beside its weight matrices, or of all digital parameters.
struct LayerEvents {
  std::string name;
  PhaseCounters counters;
};

enum class UpdateArithmetic {
  full,        ///< products of 32 bits
  narrow,      ///< factors of a few levels
  stochastic,  ///< streams of bits
};

struct RunEvents {
  std::string name;
  std::vector<MatrixEvents> matrices;
  std::vector<LayerEvents> layers;
  /// Whether gradients of batches, optimisers and layers beside their matrices were counted.
  bool counts_digital_work = true;
  std::uint64_t samples = 0;  ///< trained
  std::int64_t array_rows = 256, array_columns = 256;
  int adc_bits = 8;          ///< 0: exact
  int accumulator_bits = 0;  ///< of one word beside the cells; 0: none, or in binary cells
  UpdateArithmetic arithmetic = UpdateArithmetic::full;
  std::uint64_t most_writes = 0;  ///< of the cell that was written most; 0: not counted cell by cell
};

/// Error where the folder holds no run, or its record lacks what a cost needs: the message names file and key.
RunEvents read_run_events(const std::filesystem::path& folder);

}  // namespace ohmic
