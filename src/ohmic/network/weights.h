#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/outer_product.h"
#include "ohmic/crossbar/tile.h"

namespace ohmic {

/// What identifies a pass through the network for the noise: sample s of the batch is read number first_read + s.
struct Pass {
  std::uint64_t first_read = 0;
  bool training = false;    ///< converter ranges may learn from it
  bool continues = false;   ///< its sequences go on where those of the pass before ended
  bool calibrates = false;  ///< converter ranges may learn from it though it is no training

  bool may_calibrate() const { return training || calibrates; }
  /// What its way forward is part of.
  Phase phase() const { return training ? Phase::forward : Phase::evaluation; }
};

/// A weight matrix (inputs x outputs), wherever it lives.
class Weights {
 public:
  virtual ~Weights() = default;
  virtual int inputs() const = 0;
  virtual int outputs() const = 0;
  /// y = x W; x: batch x inputs, y: batch x outputs.
  virtual void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) = 0;
  /// dx = dy W^T.
  virtual void backward(MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) = 0;
  virtual const PhaseCounters& phase_counters() const = 0;
  Counters counters() const { return phase_counters().total(); }
  virtual void save(const std::string& prefix, SafetensorsWriter& out) const = 0;
  virtual void load(const std::string& prefix, const SafetensorsFile& in) = 0;
  virtual std::size_t bytes() const = 0;
};

/// How many of the inputs of a weight matrix are zero: decides how a digital one multiplies.
enum class Sparsity { sparse, dense };

/// Plain fp32 weights. Sparse: zero inputs are skipped, sums in the order of the inputs; dense: by oneDNN.
class DigitalWeights final : public Weights {
 public:
  explicit DigitalWeights(Matrix values, Sparsity sparsity = Sparsity::sparse)
      : values_(std::move(values)), sparsity_(sparsity) {}

  Matrix& values() { return values_; }
  const Matrix& values() const { return values_; }
  void count_macs(std::uint64_t macs, Phase phase) { counters_[phase].digital_macs += macs; }
  /// Notes what an update did beside.
  void count_update(const Counters& work) { counters_[Phase::update] += work; }
  /// Whether they stand in for weights on cells (they do unless told otherwise), which is what hardware-aware training
  /// and deployment are about.
  void set_meant_for_cells(bool meant) { meant_for_cells_ = meant; }
  bool is_meant_for_cells() const { return meant_for_cells_; }

  int inputs() const override { return static_cast<int>(values_.rows()); }
  int outputs() const override { return static_cast<int>(values_.columns()); }
  void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) override;
  void backward(MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) override;
  const PhaseCounters& phase_counters() const override { return counters_; }
  void save(const std::string& prefix, SafetensorsWriter& out) const override;
  void load(const std::string& prefix, const SafetensorsFile& in) override;
  std::size_t bytes() const override { return values_.values().size() * sizeof(float); }

 private:
  Matrix values_;
  Sparsity sparsity_;
  bool meant_for_cells_ = true;
  PhaseCounters counters_;
};

/// Weights on a tile of memory cells.
class AnalogWeights final : public Weights {
 public:
  explicit AnalogWeights(Tile tile, const OuterProductSpec& outer_product = {})
      : tile_(std::move(tile)), outer_product_(outer_product) {}

  Tile& tile() { return tile_; }
  const Tile& tile() const { return tile_; }
  /// How inputs and deltas are multiplied for the update.
  const OuterProductSpec& outer_product() const { return outer_product_; }

  int inputs() const override { return tile_.inputs(); }
  int outputs() const override { return tile_.outputs(); }
  void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) override {
    tile_.forward(x, y, pass.first_read, pass.may_calibrate());
  }
  void backward(MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) override {
    tile_.backward(dy, dx, pass.first_read, pass.may_calibrate());
  }
  const PhaseCounters& phase_counters() const override { return tile_.phase_counters(); }
  void save(const std::string& prefix, SafetensorsWriter& out) const override { tile_.save(prefix, out); }
  void load(const std::string& prefix, const SafetensorsFile& in) override { tile_.load(prefix, in); }
  std::size_t bytes() const override { return tile_.bytes(); }

 private:
  Tile tile_;
  OuterProductSpec outer_product_;
};

/// The matrix as it is now, wherever it lives: cells as they have drifted, without read noise.
Matrix values_of(const Weights& weights);

/// The positions and values of the non-zero elements of a vector.
struct SparseVector {
  std::vector<int> index;
  std::vector<float> value;

  void clear() {
    index.clear();
    value.clear();
  }
  void add(int position, float x) {
    index.push_back(position);
    value.push_back(x);
  }
  /// `first` is added to the positions.
  void assign(std::span<const float> x, int first = 0);
};

}  // namespace ohmic
