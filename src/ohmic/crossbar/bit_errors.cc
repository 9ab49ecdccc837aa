#include "ohmic/crossbar/bit_errors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <numbers>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr double kSureDeviations = 7;  // of read noise
constexpr double kOldestRead = 1e9;    // s
constexpr double kWidest = 12;         // standard deviations that integrals and searches span

double below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// The z between -kWidest and kWidest where a rising function passes zero.
template <class F>
double crossing(const F& f) {
  double low = -kWidest, high = kWidest;
  for (int k = 0; k < 80; ++k) {
    const double middle = 0.5 * (low + high);
    (f(middle) < 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// The z that a standard normal number stays below with this probability: an estimate within 0.003 (Abramowitz and
// Stegun, 26.2.22) and Newton's steps on the logarithm of the probability, which bring it to double precision.
double quantile(double probability) {
  if (probability > 0.5) return -quantile(1 - probability);
  const double logarithm = std::log(std::max(probability, below(-kWidest)));
  const double t = std::sqrt(-2 * logarithm);
  double z = (2.30753 + 0.27061 * t) / (1 + t * (0.99229 + 0.04481 * t)) - t;
  for (int k = 0; k < 3; ++k) {
    const double p = below(z), density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    z -= (std::log(p) - logarithm) * p / density;
  }
  return z;
}

}  // namespace

BitErrors::BitErrors(const CellModel& cell, double threshold_us)
    : cell_(cell), drift_(cell.drift()), noise_(cell.read_noise()), threshold_us_(threshold_us) {
  if (threshold_us == 0) threshold_us_ = middle_us();
  const double low = written_us(false, 0), high = written_us(true, 0);
  if (threshold_us_ <= low || threshold_us_ >= high) {
    fail("hybrid.lsb.threshold_us = {} is not between the states of the cell, {} and {} uS; choose one that is, or 0",
         threshold_us_, low, high);
  }
  // Weak are the SET cells below some Gaussian, and the RESET cells above one.
  const double set = crossing([&](double z) { return is_weak(true, written_us(true, z)) ? -1.0 : 1.0; });
  const double reset = crossing([&](double z) { return is_weak(false, written_us(false, z)) ? 1.0 : -1.0; });
  weak_probability_[1] = below(set);
  weak_probability_[0] = below(-reset);
}

double BitErrors::written_us(bool state, double gaussian) const {
  const auto z = static_cast<float>(gaussian);
  return static_cast<double>(state ? cell_.set(0, 0, {z, 0}) : cell_.reset(z));
}

// As many standard deviations from either state.
double BitErrors::middle_us() const {
  std::array<double, 2> mean{}, stddev{};
  for (const bool state : {false, true}) {
    mean[state] = written_us(state, 0);
    const double write = 0.5 * (written_us(state, 1) - written_us(state, -1));
    stddev[state] = std::hypot(write, noise_.stddev_us(mean[state], mean[state], drift_.reference_age_s));
  }
  const double sum = stddev[0] + stddev[1];
  return sum > 0 ? (stddev[1] * mean[0] + stddev[0] * mean[1]) / sum : 0.5 * (mean[0] + mean[1]);
}

bool BitErrors::is_weak(bool state, double conductance_us) const {
  constexpr int kAges = 12;
  const double widest = drift_.is_individual() ? kSureDeviations : 0;
  for (int k = 0; k <= kAges; ++k) {
    const double age = drift_.min_age_s * std::pow(kOldestRead / drift_.min_age_s, static_cast<double>(k) / kAges);
    for (const double xi : {-widest, 0.0, widest}) {
      const double g = conductance_us * drift_.factor(age, drift_.exponent_of(conductance_us, xi));
      const double reach = kSureDeviations * noise_.stddev_us(conductance_us, g, age);
      if (state ? g - reach < threshold_us_ : g + reach > threshold_us_) return true;
    }
  }
  return false;
}

double BitErrors::misread_probability(bool state, double age_s) const {
  constexpr int kPoints = 4800;
  const double width = 2 * kWidest / kPoints;
  double sum = 0;
  for (int k = 0; k < kPoints; ++k) {
    const double z = -kWidest + (k + 0.5) * width;
    const double written = written_us(state, z);
    const double g = written * drift_.factor(age_s, drift_.exponent_of(written, 0));
    const double noise = noise_.stddev_us(written, g, age_s);
    const double beyond = state ? g - threshold_us_ : threshold_us_ - g;
    const double misread = noise > 0 ? below(-beyond / noise) : beyond < 0;
    sum += std::exp(-0.5 * z * z) * misread;
  }
  return sum * width / std::sqrt(2 * std::numbers::pi);
}

double BitErrors::weak_conductance_us(bool state, double u) const {
  const double z = quantile(u * weak_probability(state));
  return written_us(state, state ? z : -z);
}

bool BitErrors::reads_as_one(double conductance_us, double age_s, double of_cell, double of_read) const {
  const double g = conductance_us * drift_.factor(age_s, drift_.exponent_of(conductance_us, of_cell));
  return g + noise_.stddev_us(conductance_us, g, age_s) * of_read > threshold_us_;
}

}  // namespace ohmic
