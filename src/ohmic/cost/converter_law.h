#pragma once

// Energy and area of analog-to-digital converters as laws of resolution and rate, as technology files state them in
// [[laws]]. The form is that of Andrulis et al., arXiv 2404.06553, fitted to Murmann's survey of published converters:
//
//     SNDR = 20 log10(2) b + 10 log10(1.5) dB                     b bits, all of them effective
//     F    = min(merit_of_bits + merit_per_bit b, merit_of_rate + merit_per_log_rate ln f)      dB, f in 1/s
//     E    = 1/2 10^((SNDR - F) / 10) exp(energy_constant + energy_per_log_node ln n + energy_per_log_bits ln b)   pJ
//     A    = exp(area_constant + area_per_log_node ln n + area_per_log_rate ln f + area_per_log_energy ln E)       um2
//
// n: node in nm. F is Schreier's figure of merit as the best converters have it: bounded by the resolution, and from a
// corner rate on by the rate. So energy is flat below the corner and rises above it.

#include <string>

#include "ohmic/core/config.h"

namespace ohmic {

struct ConverterLaw {
  std::string family;
  double merit_of_bits = 0, merit_per_bit = 0;
  double merit_of_rate = 0, merit_per_log_rate = 0;
  double energy_constant = 0, energy_per_log_node = 0, energy_per_log_bits = 0;
  double area_constant = 0, area_per_log_node = 0, area_per_log_rate = 0, area_per_log_energy = 0;
  double energy_low = 1, energy_high = 1;  ///< ends of the interval over the value
  double area_low = 1, area_high = 1;
  int least_bits = 1, most_bits = 16;
  double most_rate_gs = 0;
  std::string source, interval_source;
  int status = 2;  ///< index into kSourceStatuses

  /// Whether it holds there. `rate_gs`: conversions of one converter, in 1e9 per second, above 0.
  bool holds(int bits, double rate_gs) const;
  double energy_pj(double bits, double rate_gs, double node_nm) const;
  double area_um2(double bits, double rate_gs, double node_nm) const;
  /// The rate from which energy rises.
  double corner_gs(double bits) const;
};
void describe(FieldVisitor& v, ConverterLaw& l);

/// Errors of a law in `file`: no source, an interval that leaves out the value, energy or area that fall with bits,
/// rate or node.
void check_law(const std::string& file, const ConverterLaw& law);

}  // namespace ohmic
