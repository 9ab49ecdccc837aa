#include "ohmic/mapping/fabric.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "ohmic/core/error.h"

namespace ohmic {

Fabric::Fabric(Topology topology, int cores, int reach) : topology_(topology), cores_(cores), reach_(reach) {
  OHMIC_EXPECT(cores > 0 && reach > 0);
  const bool is_mesh = topology == Topology::mesh;
  columns_ = is_mesh ? static_cast<int>(std::ceil(std::sqrt(static_cast<double>(cores)))) : cores;
}

int Fabric::next_core(int from, int to) const {
  switch (topology_) {
    case Topology::mesh: {
      const int row = from / columns_, column = from % columns_, to_row = to / columns_, to_column = to % columns_;
      if (column != to_column) {
        const int next = from + (to_column > column ? 1 : -1);
        if (next < cores_) return next;
      }
      return from + (to_row > row ? columns_ : -columns_);
    }
    case Topology::ring: {
      const int ahead = (to - from + cores_) % cores_;
      return (from + (2 * ahead <= cores_ ? 1 : cores_ - 1)) % cores_;
    }
    case Topology::full:
      return to;
    case Topology::prism:
      return (from + std::min(reach_, (to - from + cores_) % cores_)) % cores_;
  }
  return to;
}

std::size_t Fabric::link_numbers() const {
  const auto cores = static_cast<std::size_t>(cores_);
  switch (topology_) {
    case Topology::mesh:
      return 4 * cores;
    case Topology::ring:
      return 2 * cores;
    case Topology::full:
      return cores * cores;
    case Topology::prism:
      return cores * static_cast<std::size_t>(reach_);
  }
  return 0;
}

std::size_t Fabric::link_number(const Link& link) const {
  const auto from = static_cast<std::size_t>(link.from);
  const int ahead = (link.to - link.from + cores_) % cores_;
  switch (topology_) {
    case Topology::mesh: {
      const int step = link.to - link.from;
      return 4 * from + (step == 1 ? 0u : step == -1 ? 1u : step > 0 ? 2u : 3u);
    }
    case Topology::ring:
      return 2 * from + (ahead == 1 ? 0u : 1u);
    case Topology::full:
      return from * static_cast<std::size_t>(cores_) + static_cast<std::size_t>(link.to);
    case Topology::prism:
      return from * static_cast<std::size_t>(reach_) + static_cast<std::size_t>(ahead) - 1;
  }
  return 0;
}

int Fabric::hops(int from, int to) const {
  const int ahead = (to - from + cores_) % cores_;
  switch (topology_) {
    case Topology::mesh:
      return std::abs(from / columns_ - to / columns_) + std::abs(from % columns_ - to % columns_);
    case Topology::ring:
      return std::min(ahead, cores_ - ahead);
    case Topology::full:
      return from == to ? 0 : 1;
    case Topology::prism:
      return (ahead + reach_ - 1) / reach_;
  }
  return 0;
}

int snake_core(int number, const Fabric& mesh) {
  const int row = number / mesh.columns(), column = number % mesh.columns();
  const int length = std::min(mesh.columns(), mesh.cores() - row * mesh.columns());
  return row * mesh.columns() + (row % 2 == 0 ? column : length - 1 - column);
}

Traffic route(const Fabric& fabric, std::span<const Flow> flows) {
  constexpr std::size_t kNone = ~std::size_t{0};
  Traffic traffic;
  std::vector<std::size_t> place(fabric.link_numbers(), kNone);  // of each link among the loads
  std::vector<std::size_t> last;                                 // of each load: the last flow seen
  std::vector<int> count;                                        // and how many there are
  const auto add = [&](const Link& link, std::size_t flow, double bits) {
    std::size_t& p = place[fabric.link_number(link)];
    if (p == kNone) {
      p = traffic.loads.size();
      traffic.loads.push_back({link});
      last.push_back(kNone);
      count.push_back(0);
    }
    traffic.loads[p].bits += bits;
    count[p] += last[p] != flow;
    last[p] = flow;
  };
  for (std::size_t f = 0; f < flows.size(); ++f) {
    const Flow& flow = flows[f];
    const double share = flow.bits / (static_cast<double>(flow.from.size()) * static_cast<double>(flow.to.size()));
    for (const int a : flow.from) {
      for (const int b : flow.to) {
        if (a == b) continue;
        int hops = 0;
        fabric.each_link(a, b, [&](const Link& link) {
          add(link, f, share);
          ++hops;
        });
        traffic.bits += share;
        traffic.bit_hops += share * hops;
        traffic.most_hops = std::max(traffic.most_hops, hops);
      }
    }
  }
  traffic.used_links = static_cast<int>(traffic.loads.size());
  traffic.shared_links = static_cast<int>(std::count_if(count.begin(), count.end(), [](int n) { return n > 1; }));
  for (const Traffic::Load& load : traffic.loads) {
    if (load.bits <= traffic.busiest_bits) continue;
    traffic.busiest = load.link;
    traffic.busiest_bits = load.bits;
  }
  return traffic;
}

namespace {

// Complete search for an order with a given reach: places are filled one after the other; a stage can be next when all
// that feed it stand, none of them too far back. What was placed longer ago than the reach matters no more, so a state
// is the set of placed stages and the places of the last few.
class OrderSearch {
 public:
  OrderSearch(int stages, std::span<const std::pair<int, int>> edges, int reach, std::int64_t most_states)
      : reach_(reach), most_states_(most_states), inputs_(static_cast<std::size_t>(stages)), readers_(inputs_) {
    for (const auto& [from, to] : edges) {
      inputs_[static_cast<std::size_t>(to)].push_back(from);
      readers_[static_cast<std::size_t>(from)].push_back(to);
    }
    place_.assign(inputs_.size(), -1);
  }

  bool search() { return fill(); }
  const std::vector<int>& order() const { return order_; }
  std::int64_t states() const { return states_; }
  bool was_cut() const { return was_cut_; }

 private:
  bool is_placed(int stage) const { return place_[static_cast<std::size_t>(stage)] >= 0; }

  // Whether the readers that a placed stage still waits for fit into the places that it reaches.
  bool can_still_reach() const {
    const int next = static_cast<int>(order_.size());
    std::vector<int> due;  // last places allowed for stages not placed
    std::set<int> seen;
    for (int place = std::max(0, next - reach_); place < next; ++place) {
      for (const int reader : readers_[static_cast<std::size_t>(order_[static_cast<std::size_t>(place)])]) {
        if (!is_placed(reader) && seen.insert(reader).second) due.push_back(place + reach_);
      }
    }
    // `due` rises: a stage is due by the first of its feeders.
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (due[i] < next + static_cast<int>(i)) return false;
    }
    return true;
  }

  std::vector<int> candidates() const {
    const int next = static_cast<int>(order_.size());
    std::vector<int> found;
    for (int stage = 0; stage < static_cast<int>(inputs_.size()); ++stage) {
      if (is_placed(stage)) continue;
      const auto& in = inputs_[static_cast<std::size_t>(stage)];
      const bool fits = std::all_of(in.begin(), in.end(), [&](int from) {
        return is_placed(from) && next - place_[static_cast<std::size_t>(from)] <= reach_;
      });
      if (fits) found.push_back(stage);
    }
    return found;
  }

  bool fill() {
    if (order_.size() == inputs_.size()) return true;
    if (!can_still_reach()) return false;
    if (states_ >= most_states_) {
      was_cut_ = true;
      return false;
    }
    ++states_;
    auto key = full_state();
    if (failed_.contains(key)) return false;
    for (const int stage : candidates()) {
      place_[static_cast<std::size_t>(stage)] = static_cast<int>(order_.size());
      order_.push_back(stage);
      if (fill()) return true;
      order_.pop_back();
      place_[static_cast<std::size_t>(stage)] = -1;
    }
    if (!was_cut_) failed_.insert(std::move(key));
    return false;
  }

  // Which stages stand, and where the last few do.
  std::vector<int> full_state() const {
    std::vector<int> key;
    for (std::size_t s = 0; s < place_.size(); s += 30) {
      int bits = 0;
      for (std::size_t b = 0; b < 30 && s + b < place_.size(); ++b) bits |= (place_[s + b] >= 0 ? 1 : 0) << b;
      key.push_back(bits);
    }
    const std::size_t next = order_.size();
    for (std::size_t p = next - std::min(next, static_cast<std::size_t>(reach_)); p < next; ++p) {
      key.push_back(order_[p]);
    }
    return key;
  }

  int reach_;
  std::int64_t most_states_, states_ = 0;
  bool was_cut_ = false;
  std::vector<std::vector<int>> inputs_, readers_;
  std::vector<int> place_, order_;
  std::set<std::vector<int>> failed_;
};

}  // namespace

PrismOrder find_prism_order(int stages, std::span<const std::pair<int, int>> edges, int wanted_reach,
                            std::int64_t most_states) {
  PrismOrder result;
  // A stage with r readers, each in a place of its own, needs a reach of r; so do f feeders.
  std::vector<int> readers(static_cast<std::size_t>(stages), 0), feeders = readers;
  for (const auto& [from, to] : edges) {
    ++readers[static_cast<std::size_t>(from)];
    ++feeders[static_cast<std::size_t>(to)];
  }
  int least = 1;
  for (int s = 0; s < stages; ++s) {
    const int degree = std::max(readers[static_cast<std::size_t>(s)], feeders[static_cast<std::size_t>(s)]);
    if (degree > wanted_reach && result.blocking_stage < 0) result.blocking_stage = s;
    least = std::max(least, degree);
  }
  for (int reach = least;; ++reach) {
    OrderSearch search(stages, edges, reach, most_states);
    const bool found = search.search();
    result.states += search.states();
    if (!found && search.was_cut()) result.is_exact = false;
    if (!found) continue;
    result.reach = reach;
    result.order = search.order();
    return result;
  }
}

}  // namespace ohmic
