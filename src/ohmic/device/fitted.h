#pragma once

#include "ohmic/device/cell.h"
#include "ohmic/device/pcm.h"

namespace ohmic {

/// Constants of a cell fitted to measurements: those of the pulse-memory cell and two curvatures.
struct FittedParameters final : CellParameters {
  PcmParameters common;
  double step_mean_curvature_per_us = 0;
  double step_stddev_curvature_per_us = 0;

  std::string_view model() const override { return "fitted"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<FittedParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// A cell from data: mean and spread of a SET step as quadratic functions of the conductance with an additional term
/// that fades with the number of pulses since RESET,
///
///     mu(G, n)    = offset_mu + slope_mu G + curvature_mu G^2 + memory_mu exp(-n / decay)
///     sigma(G, n) = the same with its own constants, not below 0
///
/// and drift and read noise of PcmCell. Valid where the data were; beyond it the bounds hold.
class FittedCell final : public CellModel {
 public:
  explicit FittedCell(const FittedParameters& parameters);

  double conductance_min_us() const override { return pcm_.conductance_min_us(); }
  double conductance_max_us() const override { return pcm_.conductance_max_us(); }
  DriftLaw drift() const override { return pcm_.drift(); }
  ReadNoiseLaw read_noise() const override { return pcm_.read_noise(); }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override { return pcm_.reset(gaussian); }

 private:
  FittedParameters p_;
  PcmCell pcm_;
};

}  // namespace ohmic
