#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ohmic/deployment/program_layer.h"
#include "ohmic/network/graph.h"

namespace ohmic {

/// The weights of a network, in fp32 and on the cells of one chip after another, layer by layer here or there. The
/// graph stays the same; what its weight matrices are made of changes.
class NetworkOnCells {
 public:
  /// A layer with weights that may live on cells.
  struct Part {
    std::string name;
    std::size_t weights = 0;
    std::size_t layer = 0;              ///< in the graph
    std::vector<std::size_t> matrices;  ///< in the graph
  };

  /// Parts are the layers whose weights are on cells or meant for them. `graph` must outlive this.
  explicit NetworkOnCells(Graph& graph);
  ~NetworkOnCells();
  NetworkOnCells(const NetworkOnCells&) = delete;
  NetworkOnCells& operator=(const NetworkOnCells&) = delete;

  std::span<const Part> parts() const { return parts_; }
  /// The number of the part of that name. Error if there is none, with the names.
  std::size_t part_named(const std::string& name) const;
  std::size_t weight_count() const;
  /// Whether all parts have cells: as trained, or programmed.
  bool has_cells() const;

  /// Writes the parts that `on_cells` names onto fresh cells of chip number `chip`, each chip with random numbers of
  /// its own, and places them there; the others are digital. Chip 0 has the experiment's own seed.
  std::vector<ProgrammedLayer> program(const ExperimentSpec& spec, std::uint64_t chip,
                                       const std::vector<bool>& on_cells);
  /// Which parts are read from their cells; the others are digital. Those must have been programmed, or trained.
  void place(const std::vector<bool>& on_cells);
  /// Root mean square of (weight on cells - weight), as a share of the largest weight of its matrix, over the parts on
  /// cells; cells as they are now.
  double weight_error() const;

 private:
  // The two forms of one matrix; that in use is in the graph, and null here.
  struct Forms {
    std::unique_ptr<Weights> digital, cells;
    bool on_cells = false;
  };
  WeightMatrix& matrix(std::size_t m) const { return *graph_.weight_matrices()[m]; }
  const Matrix& values(std::size_t m) const;
  void use(std::size_t m, bool on_cells);

  Graph& graph_;
  std::vector<Part> parts_;
  std::vector<Forms> forms_;  ///< per matrix of the graph; those of no part stay as they are
};

/// The seed of chip number `chip`, as wide as a setting's.
std::uint64_t chip_seed(std::uint64_t seed, std::uint64_t chip);

}  // namespace ohmic
