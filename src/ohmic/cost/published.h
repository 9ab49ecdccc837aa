#pragma once

// What publications state, to stand beside what is computed: presets/published/*.toml.

#include <string>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// A system as published; 0 where a figure is not stated.
struct PublishedSystem {
  std::string name, what;
  double tops = 0, tops_per_w = 0, tops_per_mm2 = 0, power_w = 0, area_mm2 = 0, mvm_nj = 0;
  std::string source;
  int status = 2;  ///< index into kSourceStatuses
};
void describe(FieldVisitor& v, PublishedSystem& s);

/// Error where an entry has no source.
std::vector<PublishedSystem> published_systems();

/// The mixed-precision study of Nandakumar et al., Front. Neurosci. 2020, per training image.
struct PublishedStudy {
  double computational_memory_nj = 0, digital_nj = 0;
  double forward_nj = 0, backward_nj = 0, update_nj = 0;  ///< of the digital design: assumed split
  std::string source, split_source;

  double ratio() const { return digital_nj / computational_memory_nj; }
};
void describe(FieldVisitor& v, PublishedStudy& s);
PublishedStudy published_study();

}  // namespace ohmic
