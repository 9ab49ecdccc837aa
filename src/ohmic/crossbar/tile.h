#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/array_reader.h"
#include "ohmic/crossbar/cell_array.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/patch_reader.h"
#include "ohmic/crossbar/patches.h"
#include "ohmic/crossbar/specs.h"
#include "ohmic/crossbar/tile_wires.h"
#include "ohmic/device/cell.h"
#include "ohmic/device/programming.h"

namespace ohmic {

/// Update pulses wanted at one crossing: potentiation if `count` is positive, depression if negative.
struct PulseRequest {
  std::uint32_t crossing;  ///< input * outputs + output
  int count;
};

struct RefreshResult {
  struct Missed {
    std::uint32_t crossing;
    float weight;  ///< what is still to be added
  };
  int rewritten = 0;           ///< pairs
  std::vector<Missed> missed;  ///< of each pair written with verify
};

/// A weight matrix (inputs x outputs) on memory cells, with its converters, over as many arrays as it needs.
///
/// CellArray owns what changes (conductances, pulse counts, times); the CellModel says how; ArrayReaders multiply.
/// Products use the effective conductances: drifted to the present and with fresh read noise. `now` is the simulated
/// time in seconds.
class Tile {
 public:
  Tile(const TileSpec& spec, std::shared_ptr<const CellModel> cell);

  int inputs() const { return spec_.inputs; }
  int outputs() const { return spec_.outputs; }
  int inputs(Direction d) const { return d == Direction::forward ? spec_.inputs : spec_.outputs; }
  int outputs(Direction d) const { return d == Direction::forward ? spec_.outputs : spec_.inputs; }
  const TileSpec& spec() const { return spec_; }
  const CellModel& cell() const { return cells_->model(); }
  double now_s() const { return cells_->now_s(); }
  Counters counters() const { return counters_.total(); }
  const PhaseCounters& phase_counters() const { return counters_; }
  /// Notes digital work done on behalf of this tile: an update's multiply-adds, and the words of the accumulator that
  /// they changed.
  void count_update(std::uint64_t macs, std::uint64_t changed_words) {
    counters_[Phase::update].digital_macs += macs;
    counters_[Phase::update].accumulator_updates += changed_words;
  }
  /// The same for the digital work of a batch.
  void count_update(const Counters& work) { counters_[Phase::update] += work; }

  /// y = x W. x: batch x inputs, y: batch x outputs, in weight units. Vector v of the batch is read number first_read +
  /// v and draws its own noise; with `calibrate`, per_layer converter ranges learn from it.
  void forward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate = false);
  /// y = x W^T through the same cells. x: batch x outputs, y: batch x inputs.
  void backward(MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read, bool calibrate = false);

  /// Each position's patch through the array, as a convolution does it forward and a transposed one backward.
  /// x: batch x (height x width x channels) of `shape`, y: batch x (positions x outputs of that direction). `shape`'s
  /// patches have as many values as that direction has inputs. Sample v of the batch is read number first_read + v.
  /// `codes` gets the converted x; `finish` is done to the outputs. One scale per sample at the DAC, one per position
  /// and row block at the ADC.
  void read_patches(Direction direction, const SampleBatch& x, const PatchShape& shape, MatrixView<float> y,
                    CodeImages& codes, std::uint64_t first_read, bool calibrate = false, const FinishRows& finish = {});
  /// One vector per position through the array, the outputs taken as patches and added into images: backward through a
  /// convolution, forward through a transposed one. x: batch x (positions x inputs of that direction), y: batch x
  /// (height x width x channels) of `shape`, overwritten; with `is_added`, only if `adds_images()`, they are added to
  /// it.
  void read_and_scatter(Direction direction, const SampleBatch& x, const PatchShape& shape, MatrixView<float> y,
                        CodeImages& codes, std::uint64_t first_read, bool calibrate = false, bool is_added = false);
  bool adds_images() const { return cells_->layout().arrays() == 1; }
  /// Whether such reads want each sample once only and nobody else wants any.
  bool reads_once() const { return cells_->layout().arrays() == 1 && !observer_; }
  /// The codes of such vectors or images without driving the array; for a gradient where nobody needs the product.
  void encode_vectors(Direction direction, const SampleBatch& x, const PatchShape& shape, CodeImages& codes);
  void encode_images(Direction direction, const SampleBatch& x, const PatchShape& shape, CodeImages& codes);

  /// Called with the input of each forward read before it, and with how patches are cut out of it; for measurements.
  using ReadObserver = std::function<void(MatrixView<const float> x, const PatchShape& shape)>;
  void set_read_observer(ReadObserver observer) { observer_ = std::move(observer); }

  /// A digital factor on the outputs of forward reads, as drift compensation sets it. Not saved.
  void set_output_scale(float scale) { output_scale_ = scale; }
  /// Likewise a factor for each output; empty: none.
  void set_column_scales(std::vector<float> scales) { column_scales_ = std::move(scales); }
  /// From `begin_measurement` on, the outputs of `forward` are watched; `end_measurement` returns the mean magnitude of
  /// each before the output scales, nothing if there were none.
  void begin_measurement() { measured_ = Measured{}; }
  std::vector<double> end_measurement();
  /// The share of a weight's change that one pulse makes, against a weight of one unit: 1 / synapse.cells on average.
  double pulse_share() const { return 1.0 / cells_->layout().cells(); }

  /// What a stored weight of 1 stands for: a digital factor on all outputs, for weights that were scaled to the cells'
  /// range before programming. Not saved.
  void set_weight_scale(float scale) { weight_scale_ = scale; }
  float weight_scale() const { return weight_scale_; }

  /// Blind pulses: on a differential pair a SET pulse on the cell of the sign, on a single cell a SET or a depression
  /// pulse. Where a weight has several cells, SelectionCounters picks one per pulse; copies are all pulsed. `step` keys
  /// the noise and must differ from call to call. Error if the synapse is sliced.
  void pulse(std::span<const PulseRequest> requests, std::uint64_t step);
  /// Reads every cell (often enough that read noise averages out), RESETs the saturated pairs and rewrites their
  /// difference: blindly with one SET pulse per `pulse_us`, rounded down, or with verify until it is within half of
  /// that. `step` keys the noise and may be that of a `pulse`. Single cells have nothing to refresh.
  RefreshResult refresh(const RefreshSpec& spec, double pulse_us, std::uint64_t step);
  /// Writes `weights` (inputs x outputs) divided by `scale`; those beyond the cells' range saturate. A slice after the
  /// first is given what the ones before it have missed.
  ProgrammingResult program(MatrixView<const float> weights, const ProgrammingSpec& spec, std::uint64_t step,
                            double scale = 1);

  /// The conductance difference that a largest weight is best given: all of the cell's range where the model says how
  /// well it can be programmed, else what the synapse uses for a weight of 1.
  double programmable_range_us() const;

  /// Lets time pass until `now_s`: conductances drift.
  void advance_to(double now_s);
  /// Lets `seconds` pass at once, for every cell.
  void age(double seconds);

  /// Solves the wires for the conductances of now; pulses count to first order until the next time. Programming and
  /// ageing do it by themselves.
  void renew_wires();

  /// The weight and the variance of one read, as the products see them now. Not of a tile that is written once.
  float effective_weight(int input, int output) const;
  float effective_variance(int input, int output) const;
  /// All weights (inputs x outputs) as the cells have them now, without read noise, weight_scale included.
  void read_weights(MatrixView<float> weights) const;
  /// The drifted conductance of one cell of a unit (side 0: G+, 1: G-), in uS; unit = crossing where a weight is one
  /// pair.
  float conductance_us(std::uint32_t unit, int side) const { return cells_->value(unit, side).conductance_us; }
  std::span<const CellPair> pairs() const { return cells_->pairs(); }
  const CellArray& cells() const { return *cells_; }

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  // One array of the synapse (LaneLayout), in both directions.
  struct Readers {
    ArrayReader forward;
    std::optional<ArrayReader> backward;
    PatchReader forward_patches, backward_patches;
  };

  /// Calls read(array, reader, patches, y, factor, finish) for each array of the synapse; y gets what they make
  /// together, with `finish` done to its rows of as many values as the direction has outputs.
  template <class F>
  void each_array(Direction direction, MatrixView<float> y, const FinishRows& finish, const F& read);
  void read_vectors(Direction direction, MatrixView<const float> x, MatrixView<float> y, std::uint64_t first_read,
                    bool calibrate);
  void measure(MatrixView<const float> y);
  void check_spec() const;
  void build_readers();
  ArrayReader make_reader(int rows, int columns, int block_rows, int block_columns, const DigitScale& scale) const;
  void make_backward_readers();
  void read_images(Direction direction, const SampleBatch& x, const PatchShape& in, const PatchShape* into,
                   MatrixView<float> y, CodeImages& codes, std::uint64_t first_read, bool calibrate, bool is_added,
                   const FinishRows& finish);
  ExactCells exact_cells_of(Direction direction, int array) const;
  void exact_cells(Direction direction, int array, std::span<float> weights, std::span<float> variances) const;
  int blocks() const;
  void effective(int array, std::uint32_t first, std::size_t count, float* weight, float* variance) const;
  bool effective_of_one(int array, std::uint32_t crossing, float* weight, float* variance) const;
  PairDigits digits(int array, std::uint32_t crossing) const;
  void evaluate(std::uint32_t unit);
  void evaluate_all();
  // What is written once is evaluated when it is first read at its age, the rest at once: pulses change it cell by
  // cell.
  void evaluate_all_or_later();
  void evaluate_group(int array, int group, const DigitGroup& to) const;
  void pulse_unit(std::uint32_t unit, bool potentiation, std::uint64_t key);
  void pulse_event(const PulseRequest& request, std::uint64_t key);
  void write_difference(std::uint32_t unit, double difference_us, const RefreshSpec& spec, double pulse_us,
                        std::uint64_t step);
  void find_targets(std::span<const float> weights, double scale, std::span<float> targets) const;
  void subtract_written(int array, std::span<float> missing, const ProgrammingSpec& spec);

  TileSpec spec_;
  std::unique_ptr<CellArray> cells_;
  SelectionCounters selection_;
  TileWires wires_;
  std::vector<Readers> readers_;
  bool is_stale_ = false;  ///< the digits of the readers are not those of the cells
  PhaseCounters counters_;
  ReadObserver observer_;
  float output_scale_ = 1;
  std::vector<float> column_scales_;
  // Outputs watched for drift compensation.
  struct Measured {
    std::vector<double> sums;  ///< of magnitudes, per output
    std::uint64_t vectors = 0;
  };
  std::optional<Measured> measured_;
  float weight_scale_ = 1;
  DigitRule digit_rule_{};
  Matrix partial_;      ///< scratch: the outputs of one array of several
  CodeImages vectors_;  ///< scratch: a batch as the DACs see it
};

}  // namespace ohmic
