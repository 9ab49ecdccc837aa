#pragma once

// How a network lies on a chip, and the passes that find it. Each pass takes a plan and gives the next one.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/mapping/chip_spec.h"
#include "ohmic/mapping/fabric.h"
#include "ohmic/mapping/pipeline.h"
#include "ohmic/mapping/placement.h"
#include "ohmic/mapping/stage_graph.h"

namespace ohmic {

/// How large buffers are made.
enum class BufferScheme {
  least,      ///< as few pixels as a run needs to get through
  full_rate,  ///< as few as are needed never to wait for room
  rows,       ///< that, rounded up to whole rows
  full_map,   ///< a whole sample at least
};
inline constexpr std::array<std::string_view, 4> kBufferSchemes = {"least", "full-rate", "rows", "full-map"};

/// How much links carry.
enum class LinkWidth {
  as_needed,  ///< whatever comes
  of_chip,    ///< pixels queue for the chip's bandwidth
};
/// Whether convolutions make several pixels per product where that takes no further array.
enum class WindowPacking { off, on };
/// Whether small layers stand on one array and take turns.
enum class ArraySharing { off, on };
/// Where convolutions of one channel per group are computed.
enum class DepthwisePlace { arrays, digital };

struct BufferPlan {
  std::int64_t pixels = 0;
  BufferNeeds needs;
  double bytes = 0;
};

struct StagePlan {
  Packing packing;
  int copies = 1;
  std::int64_t arrays_per_copy = 0;
  double utilisation = 0;       ///< share of the cells of its arrays that hold weights
  std::int64_t iterations = 1;  ///< products per sample, of all copies
  Tick interval = 1;            ///< between two products of one copy: 1, or more where the memory's ports are narrow
  Tick ticks_per_sample = 1;
  int leader = -1;                  ///< stage whose array it shares; -1: none, or the others share its own
  Tick slots = 1, slot = 0;         ///< as in PipelineStage
  std::vector<BufferPlan> buffers;  ///< as the stage's inputs
  std::vector<int> cores;           ///< that hold its arrays, or whose digital unit it uses

  /// Those of a leader count once.
  std::int64_t arrays() const { return leader < 0 ? arrays_per_copy * copies : 0; }
};

struct Plan {
  std::string network;
  ChipSpec chip;
  StageGraph graph;
  DepthwisePlace depthwise = DepthwisePlace::arrays;
  BufferScheme scheme = BufferScheme::full_rate;
  Tick ticks_per_sample = 1;
  Placement placement = Placement::search;
  LinkWidth links = LinkWidth::as_needed;  ///< that its buffers are sized for
  std::vector<StagePlan> stages;
  int cores = 1;                            ///< used
  double bit_hops = 0, least_bit_hops = 0;  ///< as PlacedCores

  std::int64_t arrays() const;
  double sram_bytes() const;
  /// Share of the cells of all arrays that hold weights.
  double utilisation() const;
  double samples_per_second() const { return 1e9 / (static_cast<double>(ticks_per_sample) * chip.constants.mvm_ns); }
  /// Products of one sample layer by layer, without copies. A layer that is only added to another (a projection
  /// shortcut) runs beside it.
  std::int64_t serial_products() const;
};

/// Arrays of one copy of a stage on arrays of rows x columns; groups stand block by block on a diagonal.
std::int64_t arrays_of(const Stage& stage, const Packing& packing, std::int64_t array_rows, std::int64_t array_columns);

/// All that follows from packing and copies of the stages: arrays, products, times, lanes of digital stages.
Plan derive(Plan plan);
/// One copy of each stage, split over arrays.
Plan split(std::string network, StageGraph graph, const ChipSpec& chip, DepthwisePlace depthwise);
/// Several pixels per product: the most that fit on the arrays that the stage has anyway, up to 8 x 8.
Plan pack_windows(Plan plan);
/// As many copies of each stage as a sample per `ticks` takes. Error where a stage cannot be that fast.
Plan replicate_to_ticks(Plan plan, Tick ticks);
/// The fastest plan with at most `arrays` arrays: exact, because fewer ticks never take fewer arrays. Error where even
/// one copy of each does not fit.
Plan replicate_to_arrays(Plan plan, std::int64_t arrays);
/// The plan with the fewest copies whose samples take at most `latency` ticks, first input to last output, found by
/// halving. Error where it is out of reach.
Plan replicate_to_latency(Plan plan, Tick latency);
/// Puts stages of one array and one copy together on one, block by block on its diagonal, where their turns still make
/// the plan's ticks per sample; first fit, the busiest first. Copies and packing must be final.
Plan share_arrays(Plan plan);
/// Buffer sizes. Copies must be final. `least`: how the least sizes are found.
Plan size_buffers(Plan plan, BufferScheme scheme, LeastBuffers least = LeastBuffers::exact);
/// The sizes of all buffers by their needs, as the plan's scheme has it.
Plan apply_scheme(Plan plan);
/// Groups arrays into cores and gives these places on the fabric. Error where arrays, cores or bytes are missing: the
/// message says how many.
Plan place(Plan plan, Placement placement = Placement::search);
/// The cores as they stand, or `search` for better places of theirs: bits x hops and their bound are filled in.
Plan weigh_places(Plan plan, Placement placement);

/// Rows and columns of the block that a stage of one copy takes on an array, packing included.
std::pair<std::int64_t, std::int64_t> block_of(const Stage& stage, const Packing& packing);

/// The plan in time. With `bounded` its buffers have their sizes, else none is ever full.
enum class BufferBounds { bounded, unbounded };
Pipeline make_pipeline(const Plan& plan, BufferBounds bounds);

/// Lets pixels queue for links. Each stream meets the others on the busiest link of its ways, with the share of it that
/// goes there; the unbounded schedule knows nothing of it. Samples come no faster than the busiest link carries them.
Pipeline with_links(Pipeline pipeline, const Plan& plan);

/// Edges between stages of which both stand on cores.
std::vector<std::pair<int, int>> placed_edges(const Plan& plan);
/// The streams between stages that stand on cores, as views of the plan's.
std::vector<Flow> plan_flows(const Plan& plan);
/// Bits of activations between stages on a fabric, where the plan's cores stand.
Traffic plan_traffic(const Plan& plan, const Fabric& fabric);
Fabric plan_fabric(const Plan& plan);
/// Ticks that the busiest link takes for what one sample sends over it.
double link_ticks(const Plan& plan, const Traffic& traffic);

/// Every rule that the plan breaks, one a line; empty if none. Whether its buffers let a sample through shows when it
/// is run.
std::vector<std::string> check(const Plan& plan);

/// What is asked of a mapping.
struct MapRequest {
  std::optional<Tick> ticks;  ///< at most one of the three
  std::optional<std::int64_t> arrays;
  std::optional<Tick> latency;
  WindowPacking packing = WindowPacking::off;
  ArraySharing sharing = ArraySharing::off;
  DepthwisePlace depthwise = DepthwisePlace::arrays;
  BufferScheme scheme = BufferScheme::full_rate;
  Placement placement = Placement::search;
};

/// All passes.
Plan map_network(std::string network, StageGraph graph, const ChipSpec& chip, const MapRequest& request);

}  // namespace ohmic
