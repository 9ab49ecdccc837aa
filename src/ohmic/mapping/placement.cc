#include "ohmic/mapping/placement.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ohmic/core/kernels.h"
#include "ohmic/mapping/core_kinds.h"
#include "ohmic/mapping/exact_placement.h"

namespace ohmic {
namespace {

// Random numbers one after the other.
class RandomNumbers {
 public:
  /// 0 ... below - 1.
  int below(int bound) {
    return static_cast<int>((static_cast<std::uint64_t>(next()) * static_cast<std::uint64_t>(bound)) >> 32);
  }
  double uniform() { return (static_cast<double>(next()) + 0.5) / 4294967296.0; }

 private:
  static constexpr std::uint32_t kBlock = 32;  // elements that random_words takes together

  std::uint32_t next() {
    if (at_ == words_.size()) {
      random_words(stream_, words_, first_block_);
      first_block_ += static_cast<std::uint32_t>(words_.size()) / kBlock;
      at_ = 0;
    }
    return words_[at_++];
  }

  RandomStream stream_{0, Purpose::placement, 0, 0};
  std::vector<std::uint32_t> words_ = std::vector<std::uint32_t>(128 * kBlock);
  std::size_t at_ = words_.size();
  std::uint32_t first_block_ = 0;
};

// Cores on places, and what exchanges of two of them change. Beside each kind lies the sum of hops from each place to
// all cores of the kind, so that an exchange is judged from the partners of its two kinds alone.
class Arrangement {
 public:
  Arrangement(const Fabric& fabric, const CoreKinds& kinds)
      : fabric_(fabric), kinds_(kinds), places_(static_cast<std::size_t>(fabric.cores())), kind_at_(kinds.kind_of) {
    core_at_.resize(places_);
    std::iota(core_at_.begin(), core_at_.end(), 0);
    const bool is_symmetric = has_equal_ways_back(fabric);
    for (const auto& partners : kinds.partners) {
      links_.emplace_back();
      for (const CoreKinds::Partner& p : partners) {
        // With equal ways back one sum of hops does for both directions.
        links_.back().push_back({static_cast<std::size_t>(p.kind), is_symmetric ? p.sent + p.received : p.sent,
                                 is_symmetric ? 0 : p.received});
      }
      own_.push_back(0);
      for (const Neighbour& n : links_.back()) {
        if (n.kind + 1 == links_.size()) own_.back() = is_symmetric ? n.sent / 2 : n.sent;
      }
    }
    hops_.resize(places_ * places_);
    for (std::size_t a = 0; a < places_; ++a) {
      for (std::size_t b = 0; b < places_; ++b) {
        hops_[a * places_ + b] = static_cast<std::uint16_t>(fabric.hops(static_cast<int>(a), static_cast<int>(b)));
      }
    }
    to_.assign(links_.size() * places_, 0);
    if (!is_symmetric) {
      from_ = to_;
      hops_back_.resize(hops_.size());
      for (std::size_t i = 0; i < hops_.size(); ++i) hops_back_[i % places_ * places_ + i / places_] = hops_[i];
    }
    for (std::size_t p = 0; p < places_; ++p) {
      if (kind_at_[p] >= 0) add(static_cast<std::size_t>(kind_at_[p]), p, +1);
    }
  }

  std::size_t places() const { return places_; }
  int kind_at(std::size_t place) const { return kind_at_[place]; }
  const std::vector<int>& core_at() const { return core_at_; }

  /// Bits x hops, anew from the sums.
  double cost() const {
    double sum = 0;
    for (std::size_t p = 0; p < places_; ++p) sum += cost_at(kind_at_[p], p);
    return sum / 2;
  }

  /// What the cost changes by if the cores at two places change places.
  double change(std::size_t p, std::size_t q) const {
    const int a = kind_at_[p], b = kind_at_[q];
    if (a == b) return 0;
    const double both = hop(p, q) + hop(q, p);
    double sum = cost_at(a, q) + cost_at(b, p) - cost_at(a, p) - cost_at(b, q);
    // The sums still count the two cores in their old places.
    sum -= (own(a) + own(b)) * both;
    if (a >= 0 && b >= 0) sum += pair(a, b, q, p) + pair(a, b, p, q);
    return sum;
  }

  void exchange(std::size_t p, std::size_t q) {
    for (const auto& [from, to] : {std::pair(p, q), std::pair(q, p)}) {
      if (kind_at_[from] < 0) continue;
      add(static_cast<std::size_t>(kind_at_[from]), from, -1);
      add(static_cast<std::size_t>(kind_at_[from]), to, +1);
    }
    std::swap(kind_at_[p], kind_at_[q]);
    std::swap(core_at_[p], core_at_[q]);
  }

  std::size_t partners(int kind) const { return kind < 0 ? 0 : links_[static_cast<std::size_t>(kind)].size(); }

 private:
  struct Neighbour {
    std::size_t kind;
    double sent, received;
  };

  double hop(std::size_t from, std::size_t to) const { return hops_[from * places_ + to]; }
  double own(int kind) const { return kind < 0 ? 0 : own_[static_cast<std::size_t>(kind)]; }

  // What a core of kind a at p and one of kind b at q cost.
  double pair(int a, int b, std::size_t p, std::size_t q) const {
    for (const Neighbour& n : links_[static_cast<std::size_t>(a)]) {
      if (n.kind == static_cast<std::size_t>(b)) return n.sent * hop(p, q) + n.received * hop(q, p);
    }
    return 0;
  }

  double cost_at(int kind, std::size_t place) const {
    if (kind < 0) return 0;
    double sum = 0;
    for (const Neighbour& n : links_[static_cast<std::size_t>(kind)]) sum += n.sent * to_[n.kind * places_ + place];
    if (from_.empty()) return sum;
    for (const Neighbour& n : links_[static_cast<std::size_t>(kind)]) {
      sum += n.received * from_[n.kind * places_ + place];
    }
    return sum;
  }

  void add(std::size_t kind, std::size_t place, int sign) {
    std::int32_t* to = to_.data() + kind * places_;
    if (from_.empty()) {
      const std::uint16_t* row = hops_.data() + place * places_;
      for (std::size_t p = 0; p < places_; ++p) to[p] += sign * row[p];
      return;
    }
    std::int32_t* from = from_.data() + kind * places_;
    const std::uint16_t* there = hops_.data() + place * places_;
    const std::uint16_t* back = hops_back_.data() + place * places_;
    for (std::size_t p = 0; p < places_; ++p) {
      to[p] += sign * back[p];
      from[p] += sign * there[p];
    }
  }

  const Fabric& fabric_;
  const CoreKinds& kinds_;
  std::size_t places_;
  std::vector<int> kind_at_, core_at_;
  std::vector<std::vector<Neighbour>> links_;
  std::vector<double> own_;               // per kind: bits from each of its cores to each other
  std::vector<std::uint16_t> hops_;       // from x to
  std::vector<std::uint16_t> hops_back_;  // to x from, where that differs
  std::vector<std::int32_t> to_;          // kind x place: hops from the place to all cores of the kind
  std::vector<std::int32_t> from_;        // and back, where that differs
};

std::vector<int> inverse(const std::vector<int>& core_at) {
  std::vector<int> place(core_at.size());
  for (std::size_t p = 0; p < core_at.size(); ++p) place[static_cast<std::size_t>(core_at[p])] = static_cast<int>(p);
  return place;
}

struct FoundPlaces {
  std::vector<int> places;
  double bit_hops = 0;
};

// A search by exchanges, threshold accepting (Dueck and Scheuer, J. Comput. Phys. 90:161, 1990) with random thresholds
// below one that falls. Its budget is work, not time: entries of the sums that are read and written.
class ExchangeSearch {
 public:
  ExchangeSearch(const Fabric& fabric, const CoreKinds& kinds) : fabric_(fabric), now_(fabric, kinds) {
    for (std::size_t p = 0; p < now_.places(); ++p) {
      if (now_.kind_at(p) >= 0) used_.push_back(p);
    }
  }

  /// Places of the cores that got better and better, the last the best.
  std::vector<FoundPlaces> run() {
    constexpr int kLevels = 48;
    constexpr double kWorkPerCore = 300'000, kMostWork = 6e7;
    if (used_.size() < 2) return {};
    double cost = now_.cost(), best = cost;
    const double first = 8 * mean_change(), last = first / 300;  // by trial on the networks that ship
    const double work = std::min(kMostWork, kWorkPerCore * static_cast<double>(now_.places()));
    std::vector<FoundPlaces> found;
    std::vector<int> best_cores;
    for (int level = 0; level <= kLevels; ++level) {
      const double share = static_cast<double>(level) / kLevels;
      const double threshold = level == kLevels || first == 0 ? 0 : first * std::pow(last / first, share);
      best_cores.clear();
      for (double done = 0; done < work / kLevels;) {
        const std::size_t p = used_place(), q = near(p, 1 - share);
        done += 4 + 2 * static_cast<double>(now_.partners(now_.kind_at(p)) + now_.partners(now_.kind_at(q)));
        if (now_.kind_at(p) == now_.kind_at(q)) continue;
        const double change = now_.change(p, q);
        if (change > threshold * random_.uniform()) continue;
        now_.exchange(p, q);
        move(p, q);
        cost += change;
        done += static_cast<double>(now_.places()) / 4;
        if (cost > best * (1 - 1e-9)) continue;
        best = cost;
        best_cores = now_.core_at();
      }
      if (!best_cores.empty()) found.push_back({inverse(best_cores), best});
    }
    return found;
  }

 private:
  std::size_t used_place() { return used_[static_cast<std::size_t>(random_.below(static_cast<int>(used_.size())))]; }

  // A place not far away, farther where `spread` is nearer to 1.
  std::size_t near(std::size_t place, double spread) {
    const int places = static_cast<int>(now_.places()), columns = fabric_.columns();
    const bool is_mesh = fabric_.topology() == Topology::mesh;
    const int radius = 1 + static_cast<int>(spread * (is_mesh ? columns : places) / 2);
    while (true) {
      int to = 0;
      if (is_mesh) {
        const int row = static_cast<int>(place) / columns + random_.below(2 * radius + 1) - radius;
        const int column = static_cast<int>(place) % columns + random_.below(2 * radius + 1) - radius;
        if (row < 0 || column < 0 || column >= columns) continue;
        to = row * columns + column;
      } else {
        to = (static_cast<int>(place) + random_.below(2 * radius + 1) - radius + places) % places;
      }
      if (to >= 0 && to < places && to != static_cast<int>(place)) return static_cast<std::size_t>(to);
    }
  }

  // Of random exchanges, upwards.
  double mean_change() {
    constexpr int kSamples = 500;
    double sum = 0;
    int count = 0;
    for (int i = 0; i < kSamples; ++i) {
      const std::size_t p = used_place();
      const double change = now_.change(p, near(p, 0));
      if (change <= 0) continue;
      sum += change;
      ++count;
    }
    return count > 0 ? sum / count : 0;
  }

  // Keeps track of used places.
  void move(std::size_t p, std::size_t q) {
    if (now_.kind_at(p) >= 0 && now_.kind_at(q) >= 0) return;
    const std::size_t from = now_.kind_at(p) < 0 ? p : q, to = now_.kind_at(p) < 0 ? q : p;
    *std::find(used_.begin(), used_.end(), from) = to;
  }

  const Fabric& fabric_;
  Arrangement now_;
  std::vector<std::size_t> used_;
  RandomNumbers random_;
};

// Traffic with the cores in other places.
Traffic route_from(const Fabric& fabric, std::span<const Flow> flows, const std::vector<int>& places) {
  std::vector<std::vector<int>> moved;
  for (const Flow& flow : flows) {
    for (const auto& cores : {flow.from, flow.to}) {
      moved.emplace_back();
      for (const int core : cores) moved.back().push_back(places[static_cast<std::size_t>(core)]);
    }
  }
  std::vector<Flow> there;
  for (std::size_t f = 0; f < flows.size(); ++f) there.push_back({moved[2 * f], moved[2 * f + 1], flows[f].bits});
  return route(fabric, there);
}

}  // namespace

namespace {

// How many arrangements are routed to see whether their busiest link is good enough: routing all pairs of cores takes
// long for large plans.
int affordable_tries(std::span<const Flow> flows, const Traffic& before) {
  constexpr double kMostSteps = 2e7, kMostTries = 12;
  double pairs = 1;
  for (const Flow& flow : flows) pairs += static_cast<double>(flow.from.size()) * static_cast<double>(flow.to.size());
  const double hops = before.bits > 0 ? before.bit_hops / before.bits : 1;
  return static_cast<int>(std::clamp(kMostSteps / (pairs * hops), 1.0, kMostTries));
}

// Takes the best of the places found that improve on those before in hops and not at the cost of the busiest link. They
// get better and better.
void take_best_fair(const Fabric& fabric, std::span<const Flow> flows, const Traffic& before,
                    std::span<const FoundPlaces> found, PlacedCores& result) {
  constexpr double kRounding = 1e-9;
  for (int tries = affordable_tries(flows, before); tries > 0 && !found.empty(); --tries) {
    const std::vector<int>& places = found.back().places;
    const Traffic after = route_from(fabric, flows, places);
    if (after.bit_hops < before.bit_hops * (1 - kRounding) &&
        after.busiest_bits <= before.busiest_bits * (1 + kRounding)) {
      result.places = places;
      result.bit_hops = after.bit_hops;
      return;
    }
    found = found.first(found.size() - 1);
  }
}

}  // namespace

PlacedCores place_cores(const Fabric& fabric, std::span<const Flow> flows, Placement placement) {
  const Traffic before = route(fabric, flows);
  PlacedCores result{std::vector<int>(static_cast<std::size_t>(fabric.cores())), before.bit_hops, before.bit_hops};
  std::iota(result.places.begin(), result.places.end(), 0);
  if (fabric.topology() == Topology::full) return result;  // all places are alike
  const CoreKinds kinds = core_kinds(fabric.cores(), flows);
  std::vector<FoundPlaces> found;
  if (placement == Placement::search && fabric.cores() <= kMostSearchedCores) {
    found = ExchangeSearch(fabric, kinds).run();
  }
  ExactPlacement exact = find_best_places(fabric, kinds, found.empty() ? before.bit_hops : found.back().bit_hops);
  if (placement == Placement::search && !exact.places.empty()) {
    found.push_back({std::move(exact.places), exact.bit_hops});
  }
  take_best_fair(fabric, flows, before, found, result);
  const double bound = exact.is_complete ? exact.bit_hops : bound_from_distances(fabric, kinds);
  result.least_bit_hops = std::min(result.bit_hops, bound);
  return result;
}

}  // namespace ohmic
