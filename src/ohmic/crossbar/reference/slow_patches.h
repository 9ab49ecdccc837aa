#pragma once

#include <span>
#include <vector>

#include "ohmic/crossbar/array_reader.h"
#include "ohmic/crossbar/patches.h"

namespace ohmic::reference {

/// An output: what the ADC gives times its step, which is 1 where several row blocks are summed up.
struct SlowOutput {
  float code, step;

  float value() const { return code * step; }
};

std::vector<float> values_of(std::span<const SlowOutput> outputs);

/// PatchReader for one sample the slow, obvious way: integer by integer, with the same Gaussians. Returns positions x
/// columns.
std::vector<SlowOutput> slow_read_patches(const ArrayReader& array, std::span<const float> x, const PatchShape& shape,
                                          const ReadKey& key, std::uint64_t read);

/// Adds patches (positions x patch_size) into an image, positions in order. Returns height x width x channels.
std::vector<float> slow_scatter(std::span<const SlowOutput> patches, const PatchShape& shape);

/// patch^T vector of one sample from codes: images of codes, positions x width vectors. Returns patch_size x width.
std::vector<std::int64_t> slow_patch_gradient(std::span<const int> image, std::span<const int> vectors,
                                              const PatchShape& shape, int width);

/// The codes of one sample with the DAC's full scale at its largest magnitude.
std::vector<int> slow_codes(std::span<const float> x, float full_scale, std::int64_t bits);

/// The image value that entry `k` of the patch at (y, x) shows, as an index; -1 beyond the image.
int slow_patch_index(const PatchShape& shape, int y, int x, int k);

}  // namespace ohmic::reference
