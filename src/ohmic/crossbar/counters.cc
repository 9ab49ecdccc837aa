#include "ohmic/crossbar/counters.h"

namespace ohmic {
namespace {

void append_values(const Counters& counters, std::vector<std::uint64_t>& values) {
  Counters::each(counters, [&](std::string_view, const std::uint64_t& value) { values.push_back(value); });
}

// Files of earlier versions have fewer kinds of events; those that are new stand at the end.
void take_values(Counters& counters, const std::vector<std::uint64_t>& values, std::size_t first, std::size_t count) {
  std::size_t next = 0;
  Counters::each(counters, [&](std::string_view, std::uint64_t& value) {
    value = next < count && first + next < values.size() ? values[first + next] : 0;
    ++next;
  });
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  std::vector<std::uint64_t> more;
  append_values(other, more);
  std::size_t next = 0;
  each(*this, [&](std::string_view, std::uint64_t& value) { value += more[next++]; });
  return *this;
}

Counters PhaseCounters::total() const {
  Counters total;
  for (const Counters& counters : phases_) total += counters;
  return total;
}

PhaseCounters& PhaseCounters::operator+=(const PhaseCounters& other) {
  for (std::size_t p = 0; p < phases_.size(); ++p) phases_[p] += other.phases_[p];
  return *this;
}

void PhaseCounters::save(const std::string& prefix, SafetensorsWriter& out) const {
  std::vector<std::uint64_t> values;
  for (const Counters& counters : phases_) append_values(counters, values);
  out.keep(prefix + ".phase_counters", values);
}

void PhaseCounters::load(const std::string& prefix, const SafetensorsFile& in) {
  *this = {};
  if (!in.contains(prefix + ".phase_counters")) {
    const auto values = in.read<std::uint64_t>(prefix + ".counters");
    take_values((*this)[Phase::unsplit], values, 0, values.size());
    return;
  }
  const auto values = in.read<std::uint64_t>(prefix + ".phase_counters");
  const std::size_t kinds = values.size() / phases_.size();
  for (std::size_t p = 0; p < phases_.size(); ++p) take_values(phases_[p], values, p * kinds, kinds);
}

}  // namespace ohmic
