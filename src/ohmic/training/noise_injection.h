#pragma once

#include <cstdint>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/matrix.h"
#include "ohmic/network/graph.h"

namespace ohmic {

/// Hardware-aware training of digital weights (Joshi et al., Nat. Commun. 11:2473, 2020): what cells will do to the
/// weights later is done to them at random while they learn.
struct NoiseInjectionSpec {
  double eta = 0;          ///< Joshi et al. 2020: 0.038
  double clip_sigmas = 0;  ///< Joshi et al. 2020: 2.0 to 2.5

  bool any() const { return eta > 0 || clip_sigmas > 0; }
};

void describe(FieldVisitor& v, NoiseInjectionSpec& s);

/// Perturbs and clips the weights of a network that are to live on cells (DigitalWeights::is_meant_for_cells).
class NoiseInjection {
 public:
  /// `seed` keys the noise.
  NoiseInjection(const NoiseInjectionSpec& spec, std::uint64_t seed) : spec_(spec), seed_(seed) {}

  /// W <- W + N(0, (eta max|W|)^2), max|W| of each matrix, until `restore`. `step` keys the noise: fresh in each batch.
  void perturb(Graph& graph, std::uint64_t step);
  /// The weights as before `perturb`; nothing where there was none.
  void restore(Graph& graph);
  /// Clips each matrix at clip_sigmas times the standard deviation of its weights.
  void clip(Graph& graph) const;

 private:
  NoiseInjectionSpec spec_;
  std::uint64_t seed_;
  std::vector<Matrix> clean_;  ///< per matrix of the graph, while perturbed
  std::vector<float> noise_;   ///< scratch
};

}  // namespace ohmic
