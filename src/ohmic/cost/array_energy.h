#pragma once

// Energy that the data take in the cells: sum over rows and columns of V^2 G t, with the codes that were driven and the
// conductances that are there. A row costs its code's drive times the sum of the conductances along it, so that sums
// over columns are made once and a read costs no more than its codes.

#include <map>
#include <string>
#include <vector>

#include "ohmic/cost/technology.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/network/graph.h"

namespace ohmic {

/// What the data took in the cells of one matrix, over what they would take with every input at full scale and every
/// cell at the conductance of the technology's figure.
struct MeasuredActivity {
  std::string matrix;
  double share = 0;
  double full_scale_share = 0;  ///< the same with every input at full scale and the cells as they are
};

/// How much of a full-scale read a code makes in its cells, 0 to 1. `full`: the largest code.
double drive_of_code(int code, int full, InputCoding coding);

/// Sum of the conductances along each row of a tile, in uS: all columns, cells and lanes of one array's worth of lanes.
std::vector<double> row_conductances_us(const Tile& tile);

/// Watches the forward reads of a network's tiles and adds up what they take. One measurement at a time per graph; ends
/// with this object.
class ActivityMeter {
 public:
  ActivityMeter(Graph& graph, const Technology& technology);
  ~ActivityMeter();
  ActivityMeter(const ActivityMeter&) = delete;
  ActivityMeter& operator=(const ActivityMeter&) = delete;

  /// Of the matrices that were read forward through DACs; others are left out.
  std::vector<MeasuredActivity> result() const;

 private:
  struct Watched {
    std::string name;
    Tile* tile = nullptr;
    std::vector<double> rows_us;
    CodeImages codes;
    double driven_us = 0;  // sum of drive times conductance
    double reads = 0;
  };
  void watch(Watched& watched, MatrixView<const float> x, const PatchShape& shape);

  TechnologySpec technology_;
  std::vector<Watched> watched_;
};

}  // namespace ohmic
