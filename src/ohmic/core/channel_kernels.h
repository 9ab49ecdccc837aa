#pragma once

// The vector kernels of batch norm: rows of `channels` floats, each channel on its own. As in kernels.h all instruction
// sets give the same bits.

#include <cstddef>

namespace ohmic {

/// Of every channel; a value x is normalised to z = (x - mean) scale + beta, with `relu` to max(z, 0).
struct ChannelScales {
  const float *mean, *scale, *beta;
  bool relu;
};

/// sums[c] += x - shift[c] and sums[channels + c] += (x - shift[c])^2 over the rows, in fp32 and in their order.
void add_channel_moments(const float* x, std::size_t rows, std::size_t channels, const float* shift, float* sums);

/// y = z of x.
void normalise_channels(const float* x, std::size_t rows, std::size_t channels, const ChannelScales& scales, float* y);

/// With dz = dy, but 0 where the relu closes: sums[c] += dz and sums[channels + c] += dz (x - mean[c]) over the rows.
void add_channel_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels,
                           const ChannelScales& scales, float* sums);

/// dx = scale dz + (offset + slope (x - mean)).
void channel_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels,
                       const ChannelScales& scales, const float* offset, const float* slope, float* dx);

/// y[i] = a[i] + b[i], with `relu` max(that, 0); y may be a or b.
void add_values(const float* a, const float* b, std::size_t count, bool relu, float* y);

}  // namespace ohmic
