#include "ohmic/mapping/exact_placement.h"

#include <algorithm>
#include <limits>

namespace ohmic {
namespace {

constexpr int kMostExactCores = 16, kMostExactPlaces = 25;
constexpr std::int64_t kMostNodes = 20'000;

// Cores are placed one after the other, each time the one with most traffic to those that stand. What the others cost
// is at least what each of them costs towards those that stand, in its best free place, and one hop between any two.
class BranchAndBound {
 public:
  BranchAndBound(const Fabric& fabric, const CoreKinds& kinds, double known)
      : fabric_(fabric), kinds_(kinds), places_(static_cast<std::size_t>(fabric.cores())), best_(known) {
    find_bits();
    order_cores();
    find_remainders();
    is_free_.assign(places_, true);
    standing_.assign(order_.size(), 0);
    towards_.assign((order_.size() + 1) * order_.size() * places_, 0.0);
  }

  ExactPlacement run() {
    place_next(0, 0);
    ExactPlacement result;
    result.is_complete = nodes_ < kMostNodes;
    result.bit_hops = best_;
    if (best_order_.empty()) return result;
    result.places.assign(places_, -1);
    std::vector<bool> is_taken(places_, false);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      result.places[static_cast<std::size_t>(order_[i])] = best_order_[i];
      is_taken[static_cast<std::size_t>(best_order_[i])] = true;
    }
    // Cores that are not in use get what is left.
    std::size_t free = 0;
    for (int& place : result.places) {
      if (place >= 0) continue;
      while (is_taken[free]) ++free;
      place = static_cast<int>(free++);
    }
    return result;
  }

 private:
  int kind(std::size_t i) const { return kinds_.kind_of[static_cast<std::size_t>(order_[i])]; }

  // Bits from the first core of the order to the second, and back.
  std::pair<double, double> bits(std::size_t i, std::size_t j) const {
    const auto kinds = static_cast<std::size_t>(kinds_.kinds());
    return bits_[static_cast<std::size_t>(kind(i)) * kinds + static_cast<std::size_t>(kind(j))];
  }

  void find_bits() {
    const auto kinds = static_cast<std::size_t>(kinds_.kinds());
    bits_.assign(kinds * kinds, {0, 0});
    for (std::size_t k = 0; k < kinds; ++k) {
      for (const CoreKinds::Partner& p : kinds_.partners[k]) {
        bits_[k * kinds + static_cast<std::size_t>(p.kind)] = {p.sent, p.received};
      }
    }
  }

  void order_cores() {
    std::vector<int> left;
    for (std::size_t c = 0; c < kinds_.kind_of.size(); ++c) {
      if (kinds_.kind_of[c] >= 0) left.push_back(static_cast<int>(c));
    }
    while (!left.empty()) {
      std::size_t most = 0;
      double most_bits = -1;
      for (std::size_t l = 0; l < left.size(); ++l) {
        order_.push_back(left[l]);
        double sum = 0;
        for (std::size_t i = 0; i + 1 < order_.size(); ++i) {
          const auto [there, back] = bits(order_.size() - 1, i);
          sum += there + back;
        }
        order_.pop_back();
        if (sum <= most_bits) continue;
        most_bits = sum;
        most = l;
      }
      order_.push_back(left[most]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(most));
    }
  }

  // What the cores from each one of the order on cost among them at least.
  void find_remainders() {
    remainder_.assign(order_.size() + 1, 0);
    CoreKinds left = kinds_;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      remainder_[i] = bound_from_distances(fabric_, left);
      const int gone = kind(i);
      if (--left.sizes[static_cast<std::size_t>(gone)] > 0) continue;
      left.partners[static_cast<std::size_t>(gone)].clear();
      for (auto& partners : left.partners) {
        std::erase_if(partners, [&](const CoreKinds::Partner& p) { return p.kind == gone; });
      }
    }
  }

  // Of core i of the order in each place, towards those placed before step `depth`.
  double* towards(std::size_t depth, std::size_t i) { return towards_.data() + (depth * order_.size() + i) * places_; }

  double bound(std::size_t depth) {
    double sum = remainder_[depth];
    for (std::size_t i = depth; i < order_.size(); ++i) {
      const double* costs = towards(depth, i);
      double least = std::numeric_limits<double>::max();
      for (std::size_t p = 0; p < places_; ++p) {
        if (is_free_[p]) least = std::min(least, costs[p]);
      }
      sum += least;
    }
    return sum;
  }

  bool is_better(double cost) const { return cost < best_ * (1 - 1e-9); }

  void place_next(std::size_t depth, double cost) {
    if (depth == order_.size()) {
      best_ = cost;
      best_order_ = standing_;
      return;
    }
    std::vector<std::pair<double, int>> tries;
    for (std::size_t p = 0; p < places_; ++p) {
      if (is_free_[p] && is_in_turn(depth, static_cast<int>(p))) {
        tries.emplace_back(towards(depth, depth)[p], static_cast<int>(p));
      }
    }
    std::sort(tries.begin(), tries.end());
    for (const auto& [own, place] : tries) {
      if (nodes_ >= kMostNodes) return;
      ++nodes_;
      stand(depth, place);
      if (is_better(cost + own + bound(depth + 1))) place_next(depth + 1, cost + own);
      is_free_[static_cast<std::size_t>(place)] = true;
    }
  }

  // Cores of a kind stand in the order of their places: other orders are the same. The first core of all needs to try
  // one place of a ring, and of a mesh without a short row one quarter.
  bool is_in_turn(std::size_t depth, int place) const {
    for (std::size_t i = depth; i-- > 0;) {
      if (kind(i) == kind(depth)) return place > standing_[i];
    }
    const bool is_only = kinds_.sizes[static_cast<std::size_t>(kind(depth))] == 1;
    if (depth > 0 || !is_only) return true;
    if (fabric_.topology() != Topology::mesh) return place == 0;
    const int columns = fabric_.columns(), rows = fabric_.cores() / columns;
    if (fabric_.cores() % columns != 0) return true;
    return 2 * (place / columns) < rows + rows % 2 && 2 * (place % columns) < columns + columns % 2;
  }

  void stand(std::size_t depth, int place) {
    standing_[depth] = place;
    is_free_[static_cast<std::size_t>(place)] = false;
    for (std::size_t i = depth + 1; i < order_.size(); ++i) {
      const auto [there, back] = bits(depth, i);
      const double* before = towards(depth, i);
      double* after = towards(depth + 1, i);
      for (std::size_t p = 0; p < places_; ++p) {
        const int other = static_cast<int>(p);
        after[p] = before[p] + there * fabric_.hops(place, other) + back * fabric_.hops(other, place);
      }
    }
  }

  const Fabric& fabric_;
  const CoreKinds& kinds_;
  std::size_t places_;
  std::vector<int> order_;                       // cores in the order in which they are placed
  std::vector<double> remainder_;                // see find_remainders
  std::vector<std::pair<double, double>> bits_;  // between kinds
  std::vector<double> towards_;
  std::vector<bool> is_free_;
  std::vector<int> standing_, best_order_;  // places by order
  double best_;
  std::int64_t nodes_ = 0;
};

}  // namespace

ExactPlacement find_best_places(const Fabric& fabric, const CoreKinds& kinds, double known) {
  const auto used = std::count_if(kinds.kind_of.begin(), kinds.kind_of.end(), [](int kind) { return kind >= 0; });
  if (used < 1 || used > kMostExactCores || fabric.cores() > kMostExactPlaces) return {};
  return BranchAndBound(fabric, kinds, known).run();
}

}  // namespace ohmic
