// Bits x hops that no placement can be below, from distances alone.
//
// All that is used of mesh and ring is that their distances are sums of cuts (each cut parts the places in two, and the
// distance of two places is the number of cuts between them, on a ring half of it). So for any two groups of cores in
// any places the mean distance from one to the other is at least the mean of those within the two (each core to itself
// included): for one cut with shares a and b of the groups on one side, a (1 - b) + b (1 - a) - a (1 - a) - b (1 - b) =
// (a - b)^2.

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "ohmic/mapping/core_kinds.h"

namespace ohmic {
namespace {

// Sum of the distances of the `count` places nearest to a place with the most near ones.
double nearest_hops(const Fabric& fabric, int count) {
  const auto places_at = [&](std::int64_t distance) -> std::int64_t {
    switch (fabric.topology()) {
      case Topology::mesh:
        return 4 * distance;
      case Topology::ring:
        return 2;
      case Topology::full:
        return fabric.cores();
      case Topology::prism:
        return fabric.reach();
    }
    return 1;
  };
  std::int64_t left = count, sum = 0;
  for (std::int64_t distance = 1; left > 0; ++distance) {
    const std::int64_t here = std::min(left, places_at(distance));
    sum += here * distance;
    left -= here;
  }
  return static_cast<double>(sum);
}

// Distances over all ordered pairs of n places of a mesh, at least.
//
// Let c_i be the places used in column i, w the columns used, Q = sum c_i^2. Vertical: two columns with sets S and S'
// of rows have, by the above, at least half the sum of the means within them; c different whole numbers have c (c^2 -
// 1) / 3 over ordered pairs; so all pairs of columns have at least (n / 3) sum (c_i^2 - 1) = (n / 3) (Q - w).
// Horizontal: spread over the width of each column, the sum becomes that of a density c(x), Q / 3 larger, and is 2
// times the integral of F (m - F), F the places left of x, m their number. With b Q = b times the integral of F'^2, as
// a sum of squares is at least twice the product, 2 F (m - F) + b F'^2 >= 2 sqrt(2 b F (m - F)) F', whose integral is
// m^2 pi sqrt(b / 2) / 2. So
//   sum >= n^2 (pi / 2) sqrt((n - 1) / 6) - n w / 3,
// and, for wide sets, the same with one place of each column apart: those have (w^3 - w) / 3 among them and at least
// (w^2 - 1) / 4 from any other column. For large n that is 0.641 n^2.5; the best is 0.650 n^2.5 (Bender et al., J.
// Phys. A 37:147, 2004).
double least_mesh_pairs(int places) {
  const double n = places, b = (n - 1) / 3, factor = std::numbers::pi / 2 * std::sqrt(b / 2);
  double least = n * n * n;
  for (int width = 1; width <= places; ++width) {
    const double w = width, rest = n - w;
    const double together = n * n * factor - n * w / 3;
    const double apart = (w * w * w - w) / 3 + rest * (w * w - 1) / 2 + rest * n * 2 / 3 + rest * rest * factor;
    least = std::min(least, std::max(together, apart));
  }
  return least;
}

// Distances over all ordered pairs of n places of a ring of N, at least.
//
// Twice the distance of two places is the number of the N cuts into halves that part them (of a ring of odd length: of
// cuts through a link and a place, on a ring with a place more in each link). With a places on one side, a cut parts
// 2 a (n - a) ordered pairs; from one cut to the next a changes by 1 at most, and half a turn later it is n - a. So
// each number between the least, m, and n - m comes at least twice, and the rest is not below m.
double least_ring_pairs(int places, int cores) {
  const double n = places;
  double least = n * n * cores, between_sum = (n * n * n - n) / 6;  // of a (n - a) for m < a < n - m
  for (int m = 0; 2 * m <= places; ++m) {
    if (m > 0) between_sum -= (2 * m == places ? 1.0 : 2.0) * m * (places - m);
    const int between = std::max(0, places - 2 * m - 1);
    if (2 * between > cores) continue;
    least = std::min(least, 2 * between_sum + (cores - 2.0 * between) * m * (places - m));
  }
  return least;
}

// Bounds for groups of cores, each computed once.
class GroupBounds {
 public:
  explicit GroupBounds(const Fabric& fabric) : fabric_(fabric) {}

  /// Distances over all ordered pairs of a group.
  double within(int cores) {
    const auto [at, is_new] = within_.emplace(cores, 0.0);
    if (!is_new) return at->second;
    at->second = cores * nearest_hops(fabric_, cores - 1);
    if (fabric_.topology() == Topology::mesh) at->second = std::max(at->second, least_mesh_pairs(cores));
    if (fabric_.topology() == Topology::ring) {
      at->second = std::max(at->second, least_ring_pairs(cores, fabric_.cores()));
    }
    return at->second;
  }

  /// Distances from each of a group to each of another one without a core in common. With A and B the sums within the
  /// groups of a <= b cores, and r = b / a, twice the sum C between them is at least r A + B / r; and A + B + 2 C is a
  /// sum within a + b cores. Together C >= (within(a + b) + (r^2 - 1) A) / (2 (1 + r)).
  double between(int some, int others) {
    const int a = std::min(some, others), b = std::max(some, others);
    const double near = std::max(a * nearest_hops(fabric_, b), b * nearest_hops(fabric_, a));
    if (!has_equal_ways_back(fabric_)) return near;
    const double r = static_cast<double>(b) / a;
    const double both = (within(a + b) + (r * r - 1) * within(a)) / (2 * (1 + r));
    return std::max({near, both, (r * within(a) + within(b) / r) / 2});
  }

 private:
  const Fabric& fabric_;
  std::map<int, double> within_;
};

// What the cores of one kind pay together for what they send, or receive. Partners sorted by bits are groups one in the
// other, the nearer the more bits they get: each with the difference to the next one's bits.
double kind_bound(int cores, std::vector<std::pair<double, int>> partners, GroupBounds& bounds) {
  std::sort(partners.begin(), partners.end(), std::greater<>());
  double sum = 0;
  int reached = 0;
  for (std::size_t i = 0; i < partners.size(); ++i) {
    reached += partners[i].second;
    const double next = i + 1 < partners.size() ? partners[i + 1].first : 0;
    if (partners[i].first > next) sum += (partners[i].first - next) * bounds.between(cores, reached);
  }
  return sum;
}

// Bits between cores of two kinds that are not yet in a bound, both directions where ways back are as long.
class OpenBits {
 public:
  explicit OpenBits(const CoreKinds& kinds, bool is_symmetric) {
    for (int k = 0; k < kinds.kinds(); ++k) {
      for (const CoreKinds::Partner& p : kinds.partners[static_cast<std::size_t>(k)]) {
        bits_[{k, p.kind}] = is_symmetric ? p.sent + p.received : p.sent;
      }
    }
  }

  double from(int kind, int to) const {
    const auto at = bits_.find({kind, to});
    return at == bits_.end() ? 0 : at->second;
  }
  void take(int a, int b, double bits) {
    bits_[{a, b}] -= bits;
    bits_[{b, a}] -= bits;
  }

 private:
  std::map<std::pair<int, int>, double> bits_;
};

// Three groups of m cores that all send to each other. A single core each: on a mesh, or around a ring, one of the
// three distances is 2 at least. Else, with A_i the sums within the groups and C the three between them together, 2 C
// >= 2 (A_1 + A_2 + A_3), and A_1 + A_2 + A_3 + 2 C is a sum within 3 m cores: C >= within(3 m) / 3.
double triangle_bound(const Fabric& fabric, int cores, GroupBounds& bounds) {
  const bool is_grid = fabric.topology() == Topology::mesh || fabric.topology() == Topology::ring;
  if (is_grid && cores == 1 && fabric.cores() > 3) return 4;
  return bounds.within(3 * cores) / 3;
}

enum class Triangles { none, of_single_cores, all };

// What triangles of kinds pay, the heaviest first; their bits are taken away.
double take_triangles(const Fabric& fabric, const CoreKinds& kinds, Triangles which, OpenBits& open,
                      GroupBounds& bounds) {
  struct Triangle {
    double bits;
    int a, b, c;
  };
  const auto bits_of = [&](int a, int b, int c) {
    return std::min({open.from(a, b), open.from(b, c), open.from(a, c)});
  };
  const auto size = [&](int kind) { return kinds.sizes[static_cast<std::size_t>(kind)]; };
  std::vector<Triangle> all;
  for (int a = 0; a < kinds.kinds(); ++a) {
    if (which == Triangles::of_single_cores && size(a) > 1) continue;
    for (const CoreKinds::Partner& p : kinds.partners[static_cast<std::size_t>(a)]) {
      if (p.kind <= a || size(p.kind) != size(a)) continue;
      for (const CoreKinds::Partner& q : kinds.partners[static_cast<std::size_t>(p.kind)]) {
        if (q.kind <= p.kind || size(q.kind) != size(a)) continue;
        if (const double bits = bits_of(a, p.kind, q.kind); bits > 0) all.push_back({bits, a, p.kind, q.kind});
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Triangle& x, const Triangle& y) { return x.bits > y.bits; });
  double sum = 0;
  for (const Triangle& t : all) {
    const double bits = bits_of(t.a, t.b, t.c);
    if (bits <= 0) continue;
    open.take(t.a, t.b, bits);
    open.take(t.b, t.c, bits);
    open.take(t.a, t.c, bits);
    sum += bits * triangle_bound(fabric, size(t.a), bounds);
  }
  return sum;
}

double bound_with(const Fabric& fabric, const CoreKinds& kinds, Triangles triangles) {
  GroupBounds bounds(fabric);
  const bool is_symmetric = has_equal_ways_back(fabric);
  OpenBits open(kinds, is_symmetric);
  double sum = 0;
  if (triangles != Triangles::none) sum += take_triangles(fabric, kinds, triangles, open, bounds);
  for (int k = 0; k < kinds.kinds(); ++k) {
    const auto kind = static_cast<std::size_t>(k);
    std::vector<std::pair<double, int>> sent, received;
    for (const CoreKinds::Partner& p : kinds.partners[kind]) {
      const int size = kinds.sizes[static_cast<std::size_t>(p.kind)];
      if (p.kind == k) {
        sum += p.sent * bounds.within(size);
        continue;
      }
      sent.emplace_back(open.from(k, p.kind), size);
      if (!is_symmetric) received.emplace_back(open.from(p.kind, k), size);
    }
    // Each pair of kinds is counted from both sides.
    const int cores = kinds.sizes[kind];
    sum += (kind_bound(cores, std::move(sent), bounds) + kind_bound(cores, std::move(received), bounds)) / 2;
  }
  return sum;
}

}  // namespace

double bound_from_distances(const Fabric& fabric, const CoreKinds& kinds) {
  double bound = bound_with(fabric, kinds, Triangles::none);
  if (!has_equal_ways_back(fabric)) return bound;
  for (const Triangles triangles : {Triangles::of_single_cores, Triangles::all}) {
    bound = std::max(bound, bound_with(fabric, kinds, triangles));
  }
  return bound;
}

}  // namespace ohmic
