#pragma once

#include "ohmic/core/config.h"
#include "ohmic/device/preset.h"

namespace ohmic {

/// The binary cells of registers and how they are read.
struct BitCellSpec {
  DeviceSpec device{"binary_pcm"};
  double threshold_us = 0;
};

inline void describe(FieldVisitor& v, BitCellSpec& s) {
  v.section({"device", "", "the binary cell of each bit"}, s.device);
  v.field({"threshold_us", "uS",
           "above it a cell reads as 1; 0: as many standard deviations from the one state as from the other", 0, 1e4},
          s.threshold_us);
}

}  // namespace ohmic
