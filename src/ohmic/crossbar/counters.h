#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ohmic {

/// What the hardware did, counted where it happens. Energy, latency and wear are these counts times a technology file.
struct Counters {
  std::uint64_t mvm = 0;              ///< products of one array with one vector
  std::uint64_t dac_conversions = 0;  ///< inputs converted
  std::uint64_t adc_conversions = 0;  ///< outputs converted
  std::uint64_t set_pulses = 0;
  std::uint64_t depression_pulses = 0;
  std::uint64_t reset_pulses = 0;
  std::uint64_t refreshes = 0;     ///< pairs rewritten
  std::uint64_t cell_reads = 0;    ///< single cells read to decide on a refresh or to verify a pulse
  std::uint64_t digital_macs = 0;  ///< multiply-adds outside the arrays, in fp32
  std::uint64_t bit_reads = 0;     ///< of binary cells
  std::uint64_t bit_sets = 0;      ///< of binary cells
  std::uint64_t bit_resets = 0;    ///< of binary cells

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
  }

  Counters& operator+=(const Counters& other) {
    mvm += other.mvm;
    dac_conversions += other.dac_conversions;
    adc_conversions += other.adc_conversions;
    set_pulses += other.set_pulses;
    depression_pulses += other.depression_pulses;
    reset_pulses += other.reset_pulses;
    refreshes += other.refreshes;
    cell_reads += other.cell_reads;
    digital_macs += other.digital_macs;
    bit_reads += other.bit_reads;
    bit_sets += other.bit_sets;
    bit_resets += other.bit_resets;
    return *this;
  }
};

/// How often each of many cells was SET and RESET.
struct CellWear {
  std::vector<std::uint64_t> sets, resets;
};

}  // namespace ohmic
