#include "ohmic/training/hybrid.h"

#include <cmath>

#include "ohmic/core/random.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {
namespace {

RegisterRule rule_of(const HybridSpec& spec) {
  RegisterRule rule;
  rule.bits = static_cast<int>(spec.lsb_bits);
  rule.most_carries = static_cast<int>(spec.most_pulses);
  rule.early = static_cast<int>(std::lround((1 - spec.threshold) * (1 << (rule.bits - 1))));
  rule.rounding = spec.rounding;
  rule.on_overflow = spec.on_overflow;
  return rule;
}

std::size_t chunks_of(std::size_t weights) { return (weights + RegisterArray::kPart - 1) / RegisterArray::kPart; }

}  // namespace

HybridRule::HybridRule(const HybridSpec& spec, const OptimizerSpec& optimizer, std::size_t inputs, std::size_t outputs,
                       std::uint64_t seed, std::uint32_t unit)
    : AccumulatingRule(spec.epsilon(), spec.outer_product, spec.refresh, optimizer, inputs, outputs,
                       chunks_of(inputs * outputs)),
      spec_(spec),
      registers_(rule_of(spec), spec.lsb, inputs * outputs, seed, unit),
      carries_(chunks_of(inputs * outputs)) {}

float HybridRule::register_step() const { return epsilon() / static_cast<float>(1 << (spec_.lsb_bits - 1)); }

// Two updates of a register may belong to one step: that of the batch and that of a refresh.
void HybridRule::accumulate(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) {
  if (step.number == 0 && spec_.dither) dither(tile);
  const RegisterUpdate update{2 * step.number, tile.now_s(), register_step()};
  if (pays_outer_product(matrix, optimizer(), step) && matrix.inputs.rows() == 1) {
    add_outer_product(matrix, step, update);
    return;
  }
  const std::span<const float> wanted = change(matrix, tile, step);
  parallel_chunks(wanted.size(), RegisterArray::kPart, [&](std::size_t begin, std::size_t end) {
    const std::size_t chunk = begin / RegisterArray::kPart;
    registers_.add(begin, wanted.subspan(begin, end - begin), 1, update, carries_[chunk]);
    ask_for_pulses(chunk);
  });
}

// No sum reaches the threshold, so that none is carried.
void HybridRule::dither(const Tile& tile) {
  constexpr std::uint64_t kBeforeAllSteps = std::uint64_t{1} << 62;
  const RegisterUpdate update{kBeforeAllSteps, tile.now_s(), register_step()};
  const RegisterRule& rule = registers_.rule();
  const int highest = (1 << (rule.bits - 1)) - 1 - rule.early;
  std::vector<std::uint32_t> words(size());
  random_words(RandomStream(tile.spec().seed, Purpose::accumulator_dither, tile.spec().unit, 0), words);
  for (std::size_t i = 0; i < size(); ++i) {
    const auto levels = static_cast<std::uint64_t>(2 * highest + 1);
    const int steps = static_cast<int>(words[i] * levels >> 32) - highest;
    registers_.add_without_carry(i, static_cast<float>(steps) * update.step, update);
  }
}

void HybridRule::add_outer_product(const WeightMatrix& matrix, const UpdateStep& step, const RegisterUpdate& update) {
  const OuterProduct product(matrix.inputs, matrix.deltas, step);
  product.for_each_term(
      [&](const OuterProduct::Term& term) { registers_.add_rows(term.rows, term.x, term.step, update, carries_[0]); });
  ask_for_pulses(0);
}

void HybridRule::ask_for_pulses(std::size_t chunk) {
  for (const RegisterCarry& carry : carries_[chunk]) pulses(chunk).push_back({carry.element, carry.count});
  carries_[chunk].clear();
}

void HybridRule::give_back(std::uint32_t crossing, float weight, const Tile& tile, const UpdateStep& step) {
  registers_.add_without_carry(crossing, weight, {2 * step.number + 1, tile.now_s(), register_step()});
}

void HybridRule::add_wear(WearRecord& wear) const {
  for (int k = 0; k < registers_.rule().bits; ++k) {
    const CellWear cells = registers_.wear(k);
    wear.add(fmt::format("LSB bit {}", k), cells.sets, cells.resets);
  }
}

void HybridRule::save(const std::string& prefix, SafetensorsWriter& out) const {
  registers_.save(prefix, out);
  AccumulatingRule::save(prefix, out);
}

void HybridRule::load(const std::string& prefix, const SafetensorsFile& in) {
  registers_.load(prefix, in);
  AccumulatingRule::load(prefix, in);
}

}  // namespace ohmic
