#include "ohmic/network/layer.h"

namespace ohmic {

void Layer::forward_and_finish(LayerInputs, MatrixView<float>, const Pass&, const FinishRows&) { OHMIC_EXPECT(false); }

}  // namespace ohmic
