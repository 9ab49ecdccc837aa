#include "ohmic/crossbar/register_array.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"
#include "ohmic/device/binary_pcm.h"

namespace ohmic {
namespace {

constexpr std::size_t kBlock = CountPlanes::kBlock;

// What the random numbers of a candidate for a weak cell are for.
constexpr std::uint32_t kGap = 0, kKind = 1, kConductance = 2, kUses = 4;

std::shared_ptr<const CellModel> two_state_cell(const BitCellSpec& spec) {
  const std::string_view model = spec.device.parameters().model();
  if (model == BinaryPcmParameters().model()) return spec.device.make();
  fail("hybrid.lsb.device.cell = \"{}\" is a cell of the model {}, but bits need one of two states; choose \"binary_pcm\"",
       spec.device.cell(), model);
}

// The position of set bit number n, counted from 0.
int nth_set_bit(std::uint64_t word, std::uint64_t n) {
  for (; n > 0; --n) word &= word - 1;
  return std::countr_zero(word);
}

}  // namespace

void describe(FieldVisitor& v, BitCellSpec& s) {
  v.section({"device", "", "the binary cell of each bit"}, s.device);
  v.field({"threshold_us", "uS",
           "above it a cell reads as 1; 0: as many standard deviations from the one state as from the other", 0, 1e4},
          s.threshold_us);
}

RegisterArray::RegisterArray(const RegisterRule& rule, const BitCellSpec& cells, std::size_t count, std::uint64_t seed,
                             std::uint32_t unit)
    : rule_(rule),
      cell_(two_state_cell(cells)),
      errors_(std::make_unique<BitErrors>(*cell_, cells.threshold_us)),
      most_weak_(std::max(errors_->weak_probability(false), errors_->weak_probability(true))),
      seed_(seed),
      unit_(unit),
      registers_(count),
      writes_(static_cast<std::size_t>(rule.bits), CountPlanes(count)),
      parts_((count + kPart - 1) / kPart) {
  OHMIC_EXPECT(rule.bits >= 2 && rule.bits <= RegisterRule::kMostBits);
  if (count > std::numeric_limits<std::uint32_t>::max() / static_cast<std::size_t>(rule.bits)) {
    fail("a matrix of {} weights has more than 2^32 binary cells at hybrid.lsb_bits = {}; split the layer", count,
         rule.bits);
  }
  for (std::size_t p = 0; p < parts_.size(); ++p) erase_all(p);
}

bool RegisterArray::bit(std::uint32_t cell) const {
  const auto bits = static_cast<std::uint32_t>(rule_.bits);
  return (registers_[cell / bits] >> cell % bits & 1) != 0;
}

int RegisterArray::sign_extended(int pattern) const {
  const int capacity = 1 << (rule_.bits - 1);
  return ((pattern & (2 * capacity - 1)) ^ capacity) - capacity;
}

std::size_t RegisterArray::weak_cells() const {
  std::size_t count = 0;
  for (const Part& part : parts_) count += part.weak.size();
  return count;
}

// ----------------------------------------------------------------------------------------------------------- weak cells

double RegisterArray::uniform(std::size_t number, std::uint32_t use) const {
  const RandomStream stream(seed_, Purpose::bit_write, unit_, parts_[number].candidates);
  return random_uniform(stream, static_cast<std::uint32_t>(number) * kUses + use);
}

// A write is a candidate with the probability of the weaker state; the gap between two is geometric.
void RegisterArray::next_candidate(std::size_t number) {
  Part& part = parts_[number];
  ++part.candidates;
  constexpr double kNever = 1e18;
  const double gap = most_weak_ >= 1  ? 0
                     : most_weak_ > 0 ? std::floor(std::log(uniform(number, kGap)) / std::log1p(-most_weak_))
                                      : kNever;
  part.until_weak = static_cast<std::uint64_t>(std::min(gap, kNever));
}

void RegisterArray::consider(std::size_t number, std::uint32_t cell, double now_s) {
  const bool state = bit(cell);
  if (uniform(number, kKind) * most_weak_ < errors_->weak_probability(state)) {
    const double g = errors_->weak_conductance_us(state, uniform(number, kConductance));
    parts_[number].weak[cell] = {static_cast<float>(g), now_s};
  }
  next_candidate(number);
}

// Before training all cells have been RESET.
void RegisterArray::erase_all(std::size_t number) {
  next_candidate(number);
  const std::size_t registers = std::min(kPart, registers_.size() - number * kPart);
  const auto cells = static_cast<std::uint64_t>(registers) * static_cast<std::uint64_t>(rule_.bits);
  const auto first = static_cast<std::uint32_t>(number * kPart * static_cast<std::size_t>(rule_.bits));
  std::uint64_t& until = parts_[number].until_weak;
  std::uint64_t at = 0;
  while (until < cells - at) {
    at += until;
    consider(number, first + static_cast<std::uint32_t>(at), -cell_->drift().reference_age_s);
    ++at;
  }
  until -= cells - at;
}

// All cells that are marked have been written: they are no longer what they were, and some are weak now.
void RegisterArray::note_writes(std::size_t number, std::size_t first_block, std::span<const std::uint64_t> marks,
                                double now_s) {
  Part& part = parts_[number];
  const auto bits = static_cast<std::size_t>(rule_.bits);
  const std::size_t blocks = marks.size() / bits;
  const std::size_t first_element = number * kPart + first_block * kBlock;
  std::erase_if(part.weak, [&](const auto& entry) {
    const std::size_t element = entry.first / bits;
    if (element < first_element || element >= first_element + blocks * kBlock) return false;
    const std::size_t offset = element - first_element;
    return (marks[entry.first % bits * blocks + offset / kBlock] >> offset % kBlock & 1) != 0;
  });
  std::uint64_t writes = 0;
  for (const std::uint64_t word : marks) writes += static_cast<std::uint64_t>(std::popcount(word));
  if (part.until_weak >= writes) {
    part.until_weak -= writes;
    return;
  }
  for (std::size_t w = 0; w < marks.size(); ++w) {
    std::uint64_t left = marks[w];
    while (part.until_weak < static_cast<std::uint64_t>(std::popcount(left))) {
      const int at = nth_set_bit(left, part.until_weak);
      const std::size_t element = first_element + w % blocks * kBlock + static_cast<std::size_t>(at);
      left &= at == 63 ? 0 : ~std::uint64_t{0} << (at + 1);
      consider(number, static_cast<std::uint32_t>(element * bits + w / blocks), now_s);
    }
    part.until_weak -= static_cast<std::uint64_t>(std::popcount(left));
  }
}

// -------------------------------------------------------------------------------------------------------------- misreads

// Registers whose weak cells are misread now hold what was read.
void RegisterArray::misread(Part& part, std::size_t first, std::size_t count, const RegisterUpdate& update,
                            std::vector<Misread>& found) {
  const auto bits = static_cast<std::size_t>(rule_.bits);
  const RandomStream noise(seed_, Purpose::bit_read, unit_, update.when);
  const RandomStream exponents(seed_, Purpose::bit_drift, unit_, 0);
  const bool is_individual = cell_->drift().is_individual();
  const auto end = part.weak.lower_bound(static_cast<std::uint32_t>((first + count) * bits));
  for (auto at = part.weak.lower_bound(static_cast<std::uint32_t>(first * bits)); at != end; ++at) {
    const auto& [cell, weak] = *at;
    const double of_cell = is_individual ? static_cast<double>(random_gaussian(exponents, cell)) : 0;
    const double of_read = static_cast<double>(random_gaussian(noise, cell));
    const double age = update.now_s - weak.written_s;
    if (errors_->reads_as_one(static_cast<double>(weak.conductance_us), age, of_cell, of_read) == bit(cell)) continue;
    const std::size_t element = cell / bits;
    if (found.empty() || found.back().element != element) found.push_back({element, registers_[element], 0});
    found.back().mask |= 1 << cell % bits;
  }
  for (const Misread& m : found) {
    registers_[m.element] = static_cast<std::int16_t>(sign_extended(m.before ^ m.mask));
  }
}

// A misread cell that was not written is still what it was; one that was written has been written for nothing.
void RegisterArray::restore(Part& part, std::span<const Misread> found) {
  for (const Misread& m : found) {
    const int after = registers_[m.element];
    const int written = after ^ sign_extended(m.before ^ m.mask);
    for (int k = 0; k < rule_.bits; ++k) {
      if (((m.mask & written) >> k & 1) != 0) {
        Redundant& redundant = part.redundant[static_cast<std::uint32_t>(m.element) *
                                                  static_cast<std::uint32_t>(rule_.bits) +
                                              static_cast<std::uint32_t>(k)];
        ++((after >> k & 1) != 0 ? redundant.sets : redundant.resets);
      }
    }
    registers_[m.element] = static_cast<std::int16_t>(sign_extended(after ^ (m.mask & ~written)));
  }
}

// --------------------------------------------------------------------------------------------------------------- updates

void RegisterArray::add(std::size_t first, std::span<const float> changes, float factor, const RegisterUpdate& update,
                        std::vector<RegisterCarry>& carries) {
  RegisterRule rule = rule_;
  rule.inverse_step = 1 / update.step;
  for (std::size_t done = 0; done < changes.size();) {
    const std::size_t at = first + done;
    const std::size_t count = std::min(kPart - at % kPart, changes.size() - done);
    add_in_part(rule, at, changes.subspan(done, count), factor, update, carries);
    done += count;
  }
}

void RegisterArray::add_without_carry(std::size_t element, float change, const RegisterUpdate& update) {
  RegisterRule rule = rule_;
  rule.inverse_step = 1 / update.step;
  rule.rounding = Rounding::deterministic;
  rule.most_carries = 0;
  std::vector<RegisterCarry> none;
  add_in_part(rule, element, {&change, 1}, 1, update, none);
}

void RegisterArray::add_in_part(const RegisterRule& rule, std::size_t first, std::span<const float> changes,
                                float factor, const RegisterUpdate& update, std::vector<RegisterCarry>& carries) {
  thread_local std::vector<std::uint64_t> marks;
  thread_local std::vector<Misread> found;
  const std::size_t number = first / kPart;
  Part& part = parts_[number];
  const std::size_t first_block = first % kPart / kBlock;
  const std::size_t blocks = (first + changes.size() - 1) / kBlock - first / kBlock + 1;
  const auto bits = static_cast<std::size_t>(rule_.bits);
  marks.assign(bits * blocks, 0);
  found.clear();
  if (!part.weak.empty()) misread(part, first, changes.size(), update, found);
  const RandomStream stream(seed_, Purpose::register_rounding, unit_, update.when);
  part.reads += add_to_registers(rule, stream, static_cast<std::uint32_t>(first), changes, factor,
                                 registers_.data() + first, marks.data(), blocks, carries);
  restore(part, found);
  note_writes(number, first_block, marks, update.now_s);
  for (std::size_t k = 0; k < bits; ++k) {
    writes_[k].add(number, first_block, std::span(marks).subspan(k * blocks, blocks));
  }
}

// ------------------------------------------------------------------------------------------------------------------ wear

Counters RegisterArray::counters() const {
  Counters counters;
  const auto bits = static_cast<std::uint64_t>(rule_.bits);
  const unsigned all = (1u << bits) - 1;
  std::uint64_t writes = 0, redundant_sets = 0, redundant_resets = 0, ones = 0;
  for (const CountPlanes& planes : writes_) writes += planes.total();
  for (const std::int16_t v : registers_) {
    ones += static_cast<std::uint64_t>(std::popcount(static_cast<unsigned>(v) & all));
  }
  for (const Part& part : parts_) {
    counters.bit_reads += bits * part.reads;
    for (const auto& [cell, redundant] : part.redundant) {
      redundant_sets += redundant.sets;
      redundant_resets += redundant.resets;
    }
  }
  const std::uint64_t turns = writes - redundant_sets - redundant_resets;
  counters.bit_sets = (turns + ones) / 2 + redundant_sets;
  counters.bit_resets = (turns - ones) / 2 + redundant_resets;
  return counters;
}

CellWear RegisterArray::wear(int bit_number) const {
  const std::vector<std::uint64_t> writes = writes_[static_cast<std::size_t>(bit_number)].counts();
  CellWear wear{std::vector<std::uint64_t>(writes.size()), std::vector<std::uint64_t>(writes.size())};
  const auto bits = static_cast<std::uint32_t>(rule_.bits);
  for (std::uint32_t e = 0; e < writes.size(); ++e) {
    const std::uint32_t cell = e * bits + static_cast<std::uint32_t>(bit_number);
    Redundant redundant;
    const auto& known = parts_[e / kPart].redundant;
    if (const auto found = known.find(cell); found != known.end()) redundant = found->second;
    const std::uint64_t turns = writes[e] - redundant.sets - redundant.resets;
    const std::uint64_t one = bit(cell) ? 1 : 0;
    wear.sets[e] = (turns + one) / 2 + redundant.sets;
    wear.resets[e] = (turns - one) / 2 + redundant.resets;
  }
  return wear;
}

// ----------------------------------------------------------------------------------------------------------------- files

void RegisterArray::save(const std::string& prefix, SafetensorsWriter& out) const {
  out.add(prefix + ".registers", std::span<const std::int16_t>(registers_));
  for (std::size_t k = 0; k < writes_.size(); ++k) writes_[k].save(fmt::format("{}.bit_writes.{}", prefix, k), out);
  std::vector<std::uint64_t> parts;
  std::vector<std::uint32_t> weak, redundant;
  std::vector<float> conductances;
  std::vector<double> times;
  for (const Part& part : parts_) {
    parts.insert(parts.end(), {part.reads, part.until_weak, part.candidates});
    for (const auto& [cell, state] : part.weak) {
      weak.push_back(cell);
      conductances.push_back(state.conductance_us);
      times.push_back(state.written_s);
    }
    for (const auto& [cell, counts] : part.redundant) {
      redundant.insert(redundant.end(), {cell, counts.sets, counts.resets});
    }
  }
  out.keep(prefix + ".register_parts", parts);
  if (!weak.empty()) {
    out.keep(prefix + ".weak_bits", weak);
    out.keep(prefix + ".weak_bits_us", conductances);
    out.keep(prefix + ".weak_bits_s", times);
  }
  if (!redundant.empty()) out.keep(prefix + ".redundant_writes", redundant);
}

void RegisterArray::load(const std::string& prefix, const SafetensorsFile& in) {
  in.read(prefix + ".registers", std::span<std::int16_t>(registers_));
  for (std::size_t k = 0; k < writes_.size(); ++k) writes_[k].load(fmt::format("{}.bit_writes.{}", prefix, k), in);
  std::vector<std::uint64_t> parts(3 * parts_.size());
  in.read(prefix + ".register_parts", std::span<std::uint64_t>(parts));
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    parts_[p] = {parts[3 * p], parts[3 * p + 1], parts[3 * p + 2], {}, {}};
  }
  const auto part_of = [&](std::uint32_t cell) -> Part& {
    return parts_.at(cell / static_cast<std::uint32_t>(rule_.bits) / kPart);
  };
  if (in.contains(prefix + ".weak_bits")) {
    const auto weak = in.read<std::uint32_t>(prefix + ".weak_bits");
    std::vector<float> conductances(weak.size());
    std::vector<double> times(weak.size());
    in.read(prefix + ".weak_bits_us", std::span<float>(conductances));
    in.read(prefix + ".weak_bits_s", std::span<double>(times));
    for (std::size_t i = 0; i < weak.size(); ++i) part_of(weak[i]).weak[weak[i]] = {conductances[i], times[i]};
  }
  if (in.contains(prefix + ".redundant_writes")) {
    const auto redundant = in.read<std::uint32_t>(prefix + ".redundant_writes");
    for (std::size_t i = 0; i + 2 < redundant.size(); i += 3) {
      part_of(redundant[i]).redundant[redundant[i]] = {redundant[i + 1], redundant[i + 2]};
    }
  }
}

std::size_t RegisterArray::bytes() const {
  constexpr std::size_t kMapNode = 48;  // what an entry of a std::map costs beside its value
  std::size_t bytes = registers_.size() * sizeof registers_[0] + parts_.size() * sizeof(Part);
  for (const CountPlanes& planes : writes_) bytes += planes.bytes();
  for (const Part& part : parts_) bytes += (part.weak.size() + part.redundant.size()) * kMapNode;
  return bytes;
}

}  // namespace ohmic
