#include "ohmic/cost/converter_law.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ohmic/core/constants.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr double kPerGiga = 1e9;

// Signal to noise and distortion of a converter whose bits are all effective, in dB.
double sndr_db(double bits) { return 20 * std::log10(2.0) * bits + 10 * std::log10(1.5); }

void check_interval(const std::string& file, const ConverterLaw& law, const char* of, double low, double high) {
  if (0 < low && low <= 1 && high >= 1) return;
  fail(
      "technology {}: law {}: {}_low = {} and {}_high = {} are factors on the value; give one from 0 to 1, and one of "
      "1 "
      "or more",
      file, law.family, of, low, of, high);
}

struct LawPlace {
  int bits;
  double rate_gs, node_nm;
};

// The places next to one: a bit, a rate, a node more.
std::vector<LawPlace> places_beyond(const ConverterLaw& law, const LawPlace& at) {
  constexpr double kStep = 2;
  std::vector<LawPlace> beyond;
  if (at.bits < law.most_bits) beyond.push_back({at.bits + 1, at.rate_gs, at.node_nm});
  if (at.rate_gs * kStep <= law.most_rate_gs) beyond.push_back({at.bits, at.rate_gs * kStep, at.node_nm});
  beyond.push_back({at.bits, at.rate_gs, at.node_nm * kStep});
  return beyond;
}

void check_rises(const std::string& file, const ConverterLaw& law, const LawPlace& at) {
  for (const LawPlace& next : places_beyond(law, at)) {
    const bool rises =
        law.energy_pj(next.bits, next.rate_gs, next.node_nm) >= law.energy_pj(at.bits, at.rate_gs, at.node_nm) &&
        law.area_um2(next.bits, next.rate_gs, next.node_nm) >= law.area_um2(at.bits, at.rate_gs, at.node_nm);
    if (rises) continue;
    fail(
        "technology {}: law {} falls from {} bits at {} GS/s and {} nm to {} bits at {} GS/s and {} nm; energy and "
        "area must not fall with bits, rate or node",
        file, law.family, at.bits, at.rate_gs, at.node_nm, next.bits, next.rate_gs, next.node_nm);
  }
}

}  // namespace

void describe(FieldVisitor& v, ConverterLaw& l) {
  v.field({"family", "", "the law's short name, as that of a table"}, l.family);
  v.field({"merit_of_bits", "dB", "figure of merit that the resolution allows, at 0 bits"}, l.merit_of_bits);
  v.field({"merit_per_bit", "dB", "more of it per bit"}, l.merit_per_bit);
  v.field({"merit_of_rate", "dB", "figure of merit that the rate allows, at 1 conversion per second"}, l.merit_of_rate);
  v.field({"merit_per_log_rate", "dB", "more of it per unit of the rate's natural logarithm"}, l.merit_per_log_rate);
  v.field({"energy_constant", "", "natural logarithm of the factor that makes it pJ"}, l.energy_constant);
  v.field({"energy_per_log_node", "", "power of the node in nm"}, l.energy_per_log_node);
  v.field({"energy_per_log_bits", "", "power of the number of bits"}, l.energy_per_log_bits);
  v.field({"area_constant", "", "natural logarithm of the area in um2 where all else is 1"}, l.area_constant);
  v.field({"area_per_log_node", "", "power of the node in nm"}, l.area_per_log_node);
  v.field({"area_per_log_rate", "", "power of the rate in conversions per second"}, l.area_per_log_rate);
  v.field({"area_per_log_energy", "", "power of the energy in pJ"}, l.area_per_log_energy);
  v.field({"energy_low", "", "low end of energy over its value"}, l.energy_low);
  v.field({"energy_high", "", "high end of energy over its value"}, l.energy_high);
  v.field({"area_low", "", "low end of area over its value"}, l.area_low);
  v.field({"area_high", "", "high end of area over its value"}, l.area_high);
  v.field({"least_bits", "bits", "from which it holds", 1, 16}, l.least_bits);
  v.field({"most_bits", "bits", "up to which it holds", 1, 16}, l.most_bits);
  v.field({"most_rate_gs", "GS/s", "up to which it holds", 0, 1000}, l.most_rate_gs);
  v.field({"source", "", "where it comes from"}, l.source);
  v.field({"interval_source", "", "where the ends of the interval come from"}, l.interval_source);
  v.choice({"status", "", "how sure it is"}, kSourceStatuses, l.status);
}

bool ConverterLaw::holds(int bits, double rate_gs) const {
  return bits >= least_bits && bits <= most_bits && rate_gs > 0 && rate_gs <= most_rate_gs;
}

double ConverterLaw::energy_pj(double bits, double rate_gs, double node_nm) const {
  const double merit =
      std::min(merit_of_bits + merit_per_bit * bits, merit_of_rate + merit_per_log_rate * std::log(rate_gs * kPerGiga));
  const double log_factor =
      energy_constant + energy_per_log_node * std::log(node_nm) + energy_per_log_bits * std::log(bits);
  return 0.5 * std::pow(10.0, (sndr_db(bits) - merit) / 10) * std::exp(log_factor);
}

double ConverterLaw::area_um2(double bits, double rate_gs, double node_nm) const {
  return std::exp(area_constant + area_per_log_node * std::log(node_nm) +
                  area_per_log_rate * std::log(rate_gs * kPerGiga) +
                  area_per_log_energy * std::log(energy_pj(bits, rate_gs, node_nm)));
}

double ConverterLaw::corner_gs(double bits) const {
  return std::exp((merit_of_bits + merit_per_bit * bits - merit_of_rate) / merit_per_log_rate) / kPerGiga;
}

void check_law(const std::string& file, const ConverterLaw& law) {
  if (law.family.empty() || law.source.empty() || law.interval_source.empty()) {
    fail("technology {}: law \"{}\" needs family, source and interval_source", file, law.family);
  }
  check_interval(file, law, "energy", law.energy_low, law.energy_high);
  check_interval(file, law, "area", law.area_low, law.area_high);
  if (law.most_rate_gs <= 0 || law.least_bits > law.most_bits) {
    fail("technology {}: law {} holds nowhere: from {} to {} bits, up to {} GS/s; correct it", file, law.family,
         law.least_bits, law.most_bits, law.most_rate_gs);
  }
  constexpr double kLeastRateGs = 1e-6, kLeastNodeNm = 4, kMostNodeNm = 128, kStep = 2;
  for (int bits = law.least_bits; bits <= law.most_bits; ++bits) {
    for (double rate = kLeastRateGs; rate <= law.most_rate_gs; rate *= kStep) {
      for (double node = kLeastNodeNm; node <= kMostNodeNm; node *= kStep) check_rises(file, law, {bits, rate, node});
    }
  }
}

}  // namespace ohmic
