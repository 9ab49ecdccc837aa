#include "ohmic/network/layer.h"

namespace ohmic {

void Layer::forward_and_finish(LayerInputs, MatrixView<float>, const Pass&, const FinishRows&) { OHMIC_EXPECT(false); }

FinishRows Layer::forward_later(LayerInputs, const Pass&) {
  OHMIC_EXPECT(false);
  return {};
}

FinishRows Layer::backward_later(LayerInputs, MatrixView<const float>, const Pass&) {
  OHMIC_EXPECT(false);
  return {};
}

void Layer::forward_samples(const SampleBatch&, MatrixView<float>, const Pass&, const FinishRows&) {
  OHMIC_EXPECT(false);
}

void Layer::backward_samples(const SampleBatch&, const InputGradient&, const Pass&) { OHMIC_EXPECT(false); }

}  // namespace ohmic
