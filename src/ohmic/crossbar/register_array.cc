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

constexpr std::size_t kCountsPerBlock = CountPlanes::kBlock;
static_assert(kCountsPerBlock == 64);  // of RegisterFlush

// What the random numbers of a candidate for a weak cell are for.
constexpr std::uint32_t kGap = 0, kKind = 1, kConductance = 2, kUses = 4;

std::shared_ptr<const CellModel> two_state_cell(const BitCellSpec& spec) {
  const std::string_view model = spec.device.parameters().model();
  if (model == BinaryPcmParameters().model()) return spec.device.make();
  fail(
      "hybrid.lsb.device.cell = \"{}\" is a cell of the model {}, but bits need one of two states; choose "
      "\"binary_pcm\"",
      spec.device.cell(), model);
}

}  // namespace

RegisterArray::RegisterArray(const RegisterRule& rule, const BitCellSpec& cells, std::size_t count, std::uint64_t seed,
                             std::uint32_t unit)
    : rule_(rule),
      layout_{rule.bits},
      size_(count),
      cell_(two_state_cell(cells)),
      errors_(std::make_unique<BitErrors>(*cell_, cells.threshold_us)),
      most_weak_(std::max(errors_->weak_probability(false), errors_->weak_probability(true))),
      seed_(seed),
      unit_(unit),
      words_((count + kCountsPerBlock - 1) / kCountsPerBlock * kCountsPerBlock),
      writes_(count, static_cast<std::size_t>(rule.bits)),
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
  return (words_[cell / bits] >> cell % bits & 1) != 0;
}

void RegisterArray::flip(std::uint32_t cell) {
  const auto bits = static_cast<std::uint32_t>(rule_.bits);
  words_[cell / bits] ^= 1u << cell % bits;
}

std::size_t RegisterArray::weak_cells() const {
  std::size_t count = 0;
  for (const Part& part : parts_) count += part.weak.size();
  return count;
}

// ---------------------------------------------------------------------------------------------------------- weak cells

double RegisterArray::uniform(std::size_t number, std::uint64_t candidate, std::uint32_t use) const {
  const RandomStream stream(seed_, Purpose::bit_write, unit_, candidate);
  return random_uniform(stream, static_cast<std::uint32_t>(number) * kUses + use);
}

// A cell is a candidate with the probability of the weaker state; the gap between two is geometric.
void RegisterArray::next_candidate(std::size_t number) {
  Part& part = parts_[number];
  ++part.candidates;
  constexpr double kNever = 1e18;
  const double gap = most_weak_ >= 1 ? 0
                     : most_weak_ > 0
                         ? std::floor(std::log(uniform(number, part.candidates, kGap)) / std::log1p(-most_weak_))
                         : kNever;
  part.until_weak = static_cast<std::uint64_t>(std::min(gap, kNever));
}

// The candidates among cells that may be written now.
void RegisterArray::watch_candidates(std::size_t number, std::size_t first_cell, std::uint64_t cells,
                                     std::vector<Watched>& watched) {
  Part& part = parts_[number];
  std::uint64_t at = 0;
  while (part.until_weak < cells - at) {
    at += part.until_weak;
    watched.push_back({static_cast<std::uint32_t>(first_cell + at), part.candidates});
    next_candidate(number);
    ++at;
  }
  part.until_weak -= cells - at;
}

// A candidate that was written becomes weak with the share of its state.
void RegisterArray::draw_weak(std::size_t number, const Watched& candidate, double now_s) {
  const bool state = bit(candidate.cell);
  if (uniform(number, candidate.candidate, kKind) * most_weak_ >= errors_->weak_probability(state)) return;
  const double g = errors_->weak_conductance_us(state, uniform(number, candidate.candidate, kConductance));
  parts_[number].weak[candidate.cell] = {static_cast<float>(g), now_s};
}

// Before training all cells have been RESET.
void RegisterArray::erase_all(std::size_t number) {
  const auto bits = static_cast<std::size_t>(rule_.bits);
  std::vector<Watched> candidates;
  next_candidate(number);
  watch_candidates(number, number * kPart * bits, std::min(kPart, size_ - number * kPart) * bits, candidates);
  for (const Watched& candidate : candidates) draw_weak(number, candidate, -cell_->drift().reference_age_s);
}

// Finds the cells to be looked after; weak cells that are misread now hold what was read.
void RegisterArray::watch(std::size_t number, std::size_t first, std::size_t count, const RegisterUpdate& update,
                          std::vector<Watched>& watched) {
  Part& part = parts_[number];
  const auto bits = static_cast<std::size_t>(rule_.bits);
  const RandomStream noise(seed_, Purpose::bit_read, unit_, update.when);
  const RandomStream exponents(seed_, Purpose::bit_drift, unit_, 0);
  const bool is_individual = !part.weak.empty() && cell_->drift().is_individual();
  const auto end = part.weak.lower_bound(static_cast<std::uint32_t>((first + count) * bits));
  for (auto at = part.weak.lower_bound(static_cast<std::uint32_t>(first * bits)); at != end; ++at) {
    const auto& [cell, weak] = *at;
    const double of_cell = is_individual ? static_cast<double>(random_gaussian(exponents, cell)) : 0;
    const auto of_read = static_cast<double>(random_gaussian(noise, cell));
    const double age = update.now_s - weak.written_s;
    const bool reads_as = errors_->reads_as_one(static_cast<double>(weak.conductance_us), age, of_cell, of_read);
    watched.push_back({cell, 0, reads_as != bit(cell)});
  }
  for (const Watched& w : watched) {
    if (w.is_misread) flip(w.cell);
  }
  watch_candidates(number, first * bits, count * bits, watched);
  for (Watched& w : watched) w.was_read = bit(w.cell);
}

// A weak cell that was misread and not written is still what it was; one that was, has been written for nothing.
void RegisterArray::look_after(std::size_t number, std::vector<Watched>& watched, double now_s) {
  Part& part = parts_[number];
  for (Watched& w : watched) w.is_written = bit(w.cell) != w.was_read;
  for (const Watched& w : watched) {
    if (w.is_misread && !w.is_written) flip(w.cell);
    if (w.is_misread && w.is_written) {
      Redundant& redundant = part.redundant[w.cell];
      ++(bit(w.cell) ? redundant.sets : redundant.resets);
    }
    if (w.is_written && w.candidate == 0) part.weak.erase(w.cell);
    if (w.is_written && w.candidate != 0) draw_weak(number, w, now_s);
  }
}

// ------------------------------------------------------------------------------------------------------------- updates

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
  thread_local std::vector<Watched> watched;
  thread_local std::vector<RegisterFlush> flushes;
  const std::size_t number = first / kPart;
  watched.clear();
  flushes.clear();
  watch(number, first, changes.size(), update, watched);
  parts_[number].reads += add_to_registers(rule, streams(update), static_cast<std::uint32_t>(first), changes, factor,
                                           words_.data(), flushes, carries);
  look_after(number, watched, update.now_s);
  flush(flushes);
}

RegisterStreams RegisterArray::streams(const RegisterUpdate& update) const {
  return {{seed_, Purpose::register_rounding, unit_, update.when},
          {seed_, Purpose::register_rounding, unit_, update.when + 1}};
}

void RegisterArray::flush(std::span<RegisterFlush> flushes) {
  for (RegisterFlush& flush : flushes) writes_.add(flush.block, std::span(flush.carries).first(writes_.kinds()));
}

// Where there is neither a weak cell nor a candidate for one among registers that lie in one part, passes them.
bool RegisterArray::pass_quietly(std::size_t first, std::size_t count) {
  Part& part = parts_[first / kPart];
  const std::uint64_t cells = count * static_cast<std::uint64_t>(rule_.bits);
  if ((first + count - 1) / kPart != first / kPart || !part.weak.empty() || part.until_weak < cells) return false;
  part.until_weak -= cells;
  return true;
}

// Rows that need no look at single cells go through the kernel together.
void RegisterArray::add_rows(std::span<const int> rows, std::span<const float> x, std::span<const float> d,
                             const RegisterUpdate& update, std::vector<RegisterCarry>& carries) {
  RegisterRule rule = rule_;
  rule.inverse_step = 1 / update.step;
  thread_local std::vector<RegisterFlush> flushes;
  const auto add_quiet = [&](std::size_t begin, std::size_t end) {
    if (begin == end) return;
    flushes.clear();
    const std::size_t part = static_cast<std::size_t>(rows[begin]) * d.size() / kPart;
    parts_[part].reads += add_rows_to_registers(rule, streams(update), rows.subspan(begin, end - begin),
                                                x.subspan(begin, end - begin), d, words_.data(), flushes, carries);
    flush(flushes);
  };
  std::size_t begin = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::size_t first = static_cast<std::size_t>(rows[k]) * d.size();
    if (pass_quietly(first, d.size())) continue;
    add_quiet(begin, k);
    add(first, d, x[k], update, carries);
    begin = k + 1;
  }
  add_quiet(begin, rows.size());
}

// ---------------------------------------------------------------------------------------------------------------- wear

Counters RegisterArray::counters() const {
  Counters counters;
  std::uint64_t writes = 0, redundant_sets = 0, redundant_resets = 0, ones = 0;
  writes += writes_.total() * layout_.carry();
  for (std::size_t e = 0; e < size_; ++e) {
    ones += static_cast<std::uint64_t>(std::popcount(words_[e] & ((1u << rule_.bits) - 1)));
    for (int k = 0; k < rule_.bits; ++k) writes += layout_.count(words_[e], k);
  }
  for (const Part& part : parts_) {
    counters.bit_reads += static_cast<std::uint64_t>(rule_.bits) * part.reads;
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
  CellWear wear{writes_.counts(static_cast<std::size_t>(bit_number)), std::vector<std::uint64_t>(size_)};
  const auto bits = static_cast<std::uint32_t>(rule_.bits);
  for (std::uint32_t e = 0; e < size_; ++e) {
    const std::uint32_t cell = e * bits + static_cast<std::uint32_t>(bit_number);
    Redundant redundant;
    const auto& known = parts_[e / kPart].redundant;
    if (const auto found = known.find(cell); found != known.end()) redundant = found->second;
    const std::uint64_t writes = wear.sets[e] * layout_.carry() + layout_.count(words_[e], bit_number);
    const std::uint64_t turns = writes - redundant.sets - redundant.resets;
    const std::uint64_t one = bit(cell) ? 1 : 0;
    wear.sets[e] = (turns + one) / 2 + redundant.sets;
    wear.resets[e] = (turns - one) / 2 + redundant.resets;
  }
  return wear;
}

// --------------------------------------------------------------------------------------------------------------- files

void RegisterArray::save(const std::string& prefix, SafetensorsWriter& out) const {
  out.add(prefix + ".registers", std::span<const std::uint32_t>(words_));
  writes_.save(prefix + ".bit_writes", out);
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
  in.read(prefix + ".registers", std::span<std::uint32_t>(words_));
  writes_.load(prefix + ".bit_writes", in);
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
  constexpr std::size_t kMapNode = 72;  // what an entry of a std::map costs
  std::size_t bytes = words_.size() * sizeof words_[0] + parts_.size() * sizeof(Part) + writes_.bytes();
  for (const Part& part : parts_) bytes += (part.weak.size() + part.redundant.size()) * kMapNode;
  return bytes;
}

}  // namespace ohmic
