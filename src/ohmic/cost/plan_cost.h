#pragma once

// What a mapped network costs per sample.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ohmic/chip/simulator.h"
#include "ohmic/cost/array_energy.h"
#include "ohmic/cost/cost_table.h"
#include "ohmic/cost/summary.h"
#include "ohmic/cost/technology.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {

/// Events of one stage.
struct StageEvents {
  std::uint64_t mvm = 0;  ///< products of one array
  std::uint64_t dac = 0, adc = 0;
  std::uint64_t crossing_reads = 0;
  std::uint64_t macs = 0;                         ///< of a digital unit
  std::uint64_t outputs = 0;                      ///< numbers that it makes
  std::uint64_t partial_sums = 0;                 ///< numbers added up beside
  std::uint64_t read_bits = 0, written_bits = 0;  ///< of the buffers that it reads
  std::uint64_t link_flits = 0;                   ///< sent over links to its inputs
  std::uint64_t link_flit_hops = 0;               ///< of these, from a core to the next

  bool operator==(const StageEvents&) const = default;
  StageEvents& operator+=(const StageEvents& other);
};

/// Per stage, for `samples` samples: from the plan alone.
std::vector<StageEvents> plan_events(const Plan& plan, std::uint64_t samples);
/// The same from what a simulation started.
std::vector<StageEvents> simulated_events(const Plan& plan, const SimulationResult& run);

/// Flits of a packet that brings a pixel of a stream to a core: its channels side by side, the last flit filled up,
/// behind the head.
std::uint64_t flits_of_pixel(const ChipSpec& chip, int channels);

struct PlanCostOptions {
  int adc_bits = 0;       ///< 0: the technology's
  int reads_per_mvm = 1;  ///< phases of a product, each with its conversions
};

/// A table of one sample, a layer per stage. Cells are driven as the technology assumes, at full scale at the upper
/// end, but for stages whose activity was measured.
CostTable cost_of_plan(const Plan& plan, const Technology& technology, const PlanCostOptions& options = {},
                       std::span<const MeasuredActivity> measured = {});
CostSummary summary_of_plan(const Plan& plan, const CostTable& table, const Technology& technology,
                            const PlanCostOptions& options = {});

/// Energy of a sample's products if each drove a whole array and all its converters at full scale, in J: what a chip
/// takes that cannot switch off what a layer leaves unused.
Interval whole_array_energy_j(const Plan& plan, const Technology& technology, const PlanCostOptions& options = {});

/// A full product of every array of a chip, all inputs and cells at full scale, and what follows per second: peak.
struct PeakCost {
  CostTable table{{"array"}};  ///< of one product of one array
  CostSummary summary;         ///< of all arrays at once; a chip without a number of cores counts one
  double arrays = 1;
};
PeakCost peak_of_chip(const ChipSpec& chip, const Technology& technology, const PlanCostOptions& options = {});

}  // namespace ohmic
