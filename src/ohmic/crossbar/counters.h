#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ohmic/core/safetensors.h"

namespace ohmic {

/// What the hardware did, counted where it happens. Energy, latency and wear are these counts times a technology file.
struct Counters {
  std::uint64_t mvm = 0;              ///< products of one array with one vector
  std::uint64_t dac_conversions = 0;  ///< inputs converted
  std::uint64_t adc_conversions = 0;  ///< outputs converted
  std::uint64_t set_pulses = 0;
  std::uint64_t depression_pulses = 0;
  std::uint64_t reset_pulses = 0;
  std::uint64_t refreshes = 0;            ///< pairs rewritten
  std::uint64_t cell_reads = 0;           ///< single cells read to decide on a refresh or to verify a pulse
  std::uint64_t digital_macs = 0;         ///< multiply-adds outside the arrays, in fp32
  std::uint64_t bit_reads = 0;            ///< of binary cells
  std::uint64_t bit_sets = 0;             ///< of binary cells
  std::uint64_t bit_resets = 0;           ///< of binary cells
  std::uint64_t crossing_reads = 0;       ///< crossings of rows and columns that products went through
  std::uint64_t accumulator_updates = 0;  ///< words of a digital accumulator read, changed and written back
  std::uint64_t gradient_macs = 0;        ///< those of digital_macs that sum up the gradient of a batch
  std::uint64_t operand_words = 0;        ///< activations and gradients by them that digital work read or wrote
  std::uint64_t optimizer_macs = 0;       ///< multiply-adds of an optimiser, but for that which changes the weight
  std::uint64_t state_words = 0;          ///< words of optimisers, gradients and digital weights read or written

  /// Calls f(name, value) for each counter, in this order.
  template <class Self, class F>
  static void each(Self& self, F&& f) {
    f(std::string_view("mvm"), self.mvm);
    f(std::string_view("dac_conversions"), self.dac_conversions);
    f(std::string_view("adc_conversions"), self.adc_conversions);
    f(std::string_view("set_pulses"), self.set_pulses);
    f(std::string_view("depression_pulses"), self.depression_pulses);
    f(std::string_view("reset_pulses"), self.reset_pulses);
    f(std::string_view("refreshes"), self.refreshes);
    f(std::string_view("cell_reads"), self.cell_reads);
    f(std::string_view("digital_macs"), self.digital_macs);
    f(std::string_view("bit_reads"), self.bit_reads);
    f(std::string_view("bit_sets"), self.bit_sets);
    f(std::string_view("bit_resets"), self.bit_resets);
    f(std::string_view("crossing_reads"), self.crossing_reads);
    f(std::string_view("accumulator_updates"), self.accumulator_updates);
    f(std::string_view("gradient_macs"), self.gradient_macs);
    f(std::string_view("operand_words"), self.operand_words);
    f(std::string_view("optimizer_macs"), self.optimizer_macs);
    f(std::string_view("state_words"), self.state_words);
  }

  Counters& operator+=(const Counters& other);
  bool operator==(const Counters&) const = default;
};

/// What the hardware was doing when it did it.
enum class Phase {
  forward,      ///< of training
  backward,     ///< of training
  update,       ///< of weights, accumulation included
  refresh,      ///< of saturated pairs
  programming,  ///< of weights that are there already
  evaluation,   ///< forward, without training
  unsplit,      ///< counted by a version that did not tell phases apart
};
inline constexpr std::array<std::string_view, 7> kPhases = {"forward",     "backward",   "update", "refresh",
                                                            "programming", "evaluation", "unsplit"};

/// Counters of each phase.
class PhaseCounters {
 public:
  Counters& operator[](Phase phase) { return phases_[static_cast<std::size_t>(phase)]; }
  const Counters& operator[](Phase phase) const { return phases_[static_cast<std::size_t>(phase)]; }
  Counters total() const;
  PhaseCounters& operator+=(const PhaseCounters& other);
  bool operator==(const PhaseCounters&) const = default;

  /// Kept under `prefix`.phase_counters. Files of versions without phases have a `prefix`.counters: all of it is then
  /// `unsplit`.
  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);

 private:
  std::array<Counters, kPhases.size()> phases_;
};

/// How often each of many cells was SET and RESET.
struct CellWear {
  std::vector<std::uint64_t> sets, resets;
};

}  // namespace ohmic
