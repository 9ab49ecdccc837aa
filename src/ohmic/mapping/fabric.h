#pragma once

// Cores and the links between them.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ohmic/mapping/chip_spec.h"

namespace ohmic {

/// A directed link.
struct Link {
  int from, to;
  auto operator<=>(const Link&) const = default;
};

/// Links as rules on the numbers of cores, and the one way that data take between two of them.
class Fabric {
 public:
  /// A mesh is as square as `cores` allows; its last row may be short.
  Fabric(Topology topology, int cores, int reach);

  Topology topology() const { return topology_; }
  int cores() const { return cores_; }
  /// Of a prism: how many of the cores after it a core reaches.
  int reach() const { return reach_; }
  /// Of a mesh: cores per row; else all cores in one row.
  int columns() const { return columns_; }

  /// Links are numbered from 0 to below link_numbers(); some numbers may stand for no link.
  std::size_t link_number(const Link& link) const;
  std::size_t link_numbers() const;
  int hops(int from, int to) const;
  /// Calls f(link) for each link of the way. Mesh: along the row, then along the column; where the row is short, along
  /// the column first.
  template <class F>
  void each_link(int from, int to, const F& f) const {
    while (from != to) {
      const int next = next_core(from, to);
      f(Link{from, next});
      from = next;
    }
  }

 private:
  int next_core(int from, int to) const;

  Topology topology_;
  int cores_, columns_, reach_;
};

/// Core number n along a snake over a mesh: every second row backwards, so that neighbours in number are linked.
int snake_core(int number, const Fabric& mesh);

/// Data that go from some cores to others, spread evenly over all pairs.
struct Flow {
  std::span<const int> from, to;
  double bits = 0;  ///< per sample
};

/// What flows do to the links of a fabric.
struct Traffic {
  double bits = 0;      ///< per sample, each counted once
  double bit_hops = 0;  ///< per sample, counted on every link
  int most_hops = 0;
  Link busiest{0, 0};
  double busiest_bits = 0;  ///< per sample
  int shared_links = 0;     ///< that carry several flows: where these can get into each other's way
  int used_links = 0;
  struct Load {
    Link link;
    double bits = 0;  ///< per sample
  };
  std::vector<Load> loads;  ///< of the links that are used
};

Traffic route(const Fabric& fabric, std::span<const Flow> flows);

/// Result of the search for an order of stages on a line in which every edge leads at most `reach` places ahead: a
/// homomorphism of the stage graph on the assumed prism that keeps direction.
struct PrismOrder {
  int reach = 0;            ///< the smallest for which there is one
  std::vector<int> order;   ///< stages in their places
  std::int64_t states = 0;  ///< of the search
  bool is_exact = true;     ///< whether smaller reaches were ruled out; false: the search was cut short
  int blocking_stage =
      -1;  ///< where the reach that was asked for is too short: a stage with more readers or feeders, else -1
};

/// edges: pairs of stages, from < to. Exact: complete search over prefixes of the order, which remembers those that
/// failed; cut short after `most_states`.
PrismOrder find_prism_order(int stages, std::span<const std::pair<int, int>> edges, int wanted_reach,
                            std::int64_t most_states = 2'000'000);

}  // namespace ohmic
