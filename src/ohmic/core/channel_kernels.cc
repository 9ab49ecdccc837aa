#include "ohmic/core/channel_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#define HWY_TARGET_INCLUDE "ohmic/core/channel_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ohmic::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Many = hn::CappedTag<float, 16>;
using One = hn::CappedTag<float, 1>;

// f(d, c) for the channels from c on that a vector of d holds: whole vectors, then one by one.
template <class F>
HWY_INLINE void each_channel(std::size_t channels, const F& f) {
  std::size_t c = 0;
  for (; c + hn::Lanes(Many()) <= channels; c += hn::Lanes(Many())) f(Many(), c);
  for (; c < channels; ++c) f(One(), c);
}

template <class D>
struct Channel {
  hn::Vec<D> mean, scale, beta;

  HWY_INLINE Channel(D d, const ChannelScales& s, std::size_t c)
      : mean(hn::LoadU(d, s.mean + c)), scale(hn::LoadU(d, s.scale + c)), beta(hn::LoadU(d, s.beta + c)) {}

  HWY_INLINE hn::Vec<D> normalised(hn::Vec<D> centred) const { return hn::Add(hn::Mul(centred, scale), beta); }

  template <bool kRelu>
  HWY_INLINE hn::Vec<D> passed(hn::Vec<D> centred, hn::Vec<D> gradient) const {
    if constexpr (!kRelu) return gradient;
    return hn::IfThenElseZero(hn::Gt(normalised(centred), hn::Zero(D())), gradient);
  }
};

void AddMomentsKernel(const float* x, std::size_t rows, std::size_t channels, const float* shift, float* sums) {
  each_channel(channels, [&](auto d, std::size_t c) HWY_ATTR {
    const auto middle = hn::LoadU(d, shift + c);
    auto sum = hn::LoadU(d, sums + c), square = hn::LoadU(d, sums + channels + c);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto distance = hn::Sub(hn::LoadU(d, x + r * channels + c), middle);
      sum = hn::Add(sum, distance);
      square = hn::Add(square, hn::Mul(distance, distance));
    }
    hn::StoreU(sum, d, sums + c);
    hn::StoreU(square, d, sums + channels + c);
  });
}

template <bool kRelu>
void normalise(const float* x, std::size_t rows, std::size_t channels, const ChannelScales& scales, float* y) {
  each_channel(channels, [&](auto d, std::size_t c) HWY_ATTR {
    const Channel<decltype(d)> channel(d, scales, c);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = r * channels + c;
      const auto z = channel.normalised(hn::Sub(hn::LoadU(d, x + at), channel.mean));
      // Not Max, which would hide a NaN.
      hn::StoreU(kRelu ? hn::IfThenZeroElse(hn::Lt(z, hn::Zero(d)), z) : z, d, y + at);
    }
  });
}

template <bool kRelu>
void add_all(const float* a, const float* b, std::size_t count, float* y) {
  each_channel(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto sum = hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
    hn::StoreU(kRelu ? hn::IfThenZeroElse(hn::Lt(sum, hn::Zero(d)), sum) : sum, d, y + i);
  });
}

template <bool kRelu>
void add_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels, const ChannelScales& scales,
                   float* sums) {
  each_channel(channels, [&](auto d, std::size_t c) HWY_ATTR {
    const Channel<decltype(d)> channel(d, scales, c);
    auto sum = hn::LoadU(d, sums + c), product = hn::LoadU(d, sums + channels + c);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = r * channels + c;
      const auto centred = hn::Sub(hn::LoadU(d, x + at), channel.mean);
      const auto dz = channel.template passed<kRelu>(centred, hn::LoadU(d, dy + at));
      sum = hn::Add(sum, dz);
      product = hn::Add(product, hn::Mul(dz, centred));
    }
    hn::StoreU(sum, d, sums + c);
    hn::StoreU(product, d, sums + channels + c);
  });
}

template <bool kRelu>
void find_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels,
                    const ChannelScales& scales, const float* offset, const float* slope, float* dx) {
  each_channel(channels, [&](auto d, std::size_t c) HWY_ATTR {
    const Channel<decltype(d)> channel(d, scales, c);
    const auto a = hn::LoadU(d, offset + c), b = hn::LoadU(d, slope + c);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = r * channels + c;
      const auto centred = hn::Sub(hn::LoadU(d, x + at), channel.mean);
      const auto dz = channel.template passed<kRelu>(centred, hn::LoadU(d, dy + at));
      hn::StoreU(hn::Add(hn::Mul(channel.scale, dz), hn::Add(a, hn::Mul(b, centred))), d, dx + at);
    }
  });
}

void NormaliseKernel(const float* x, std::size_t rows, std::size_t channels, const ChannelScales& s, float* y) {
  s.relu ? normalise<true>(x, rows, channels, s, y) : normalise<false>(x, rows, channels, s, y);
}

void AddValuesKernel(const float* a, const float* b, std::size_t count, bool relu, float* y) {
  relu ? add_all<true>(a, b, count, y) : add_all<false>(a, b, count, y);
}

void AddGradientsKernel(const float* x, const float* dy, std::size_t rows, std::size_t channels, const ChannelScales& s,
                        float* sums) {
  s.relu ? add_gradients<true>(x, dy, rows, channels, s, sums) : add_gradients<false>(x, dy, rows, channels, s, sums);
}

void GradientsKernel(const float* x, const float* dy, std::size_t rows, std::size_t channels, const ChannelScales& s,
                     const float* offset, const float* slope, float* dx) {
  s.relu ? find_gradients<true>(x, dy, rows, channels, s, offset, slope, dx)
         : find_gradients<false>(x, dy, rows, channels, s, offset, slope, dx);
}

}  // namespace ohmic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ohmic {

HWY_EXPORT(AddMomentsKernel);
HWY_EXPORT(NormaliseKernel);
HWY_EXPORT(AddValuesKernel);
HWY_EXPORT(AddGradientsKernel);
HWY_EXPORT(GradientsKernel);

void add_channel_moments(const float* x, std::size_t rows, std::size_t channels, const float* shift, float* sums) {
  HWY_DYNAMIC_DISPATCH(AddMomentsKernel)(x, rows, channels, shift, sums);
}

void normalise_channels(const float* x, std::size_t rows, std::size_t channels, const ChannelScales& scales, float* y) {
  HWY_DYNAMIC_DISPATCH(NormaliseKernel)(x, rows, channels, scales, y);
}

void add_channel_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels,
                           const ChannelScales& scales, float* sums) {
  HWY_DYNAMIC_DISPATCH(AddGradientsKernel)(x, dy, rows, channels, scales, sums);
}

void channel_gradients(const float* x, const float* dy, std::size_t rows, std::size_t channels,
                       const ChannelScales& scales, const float* offset, const float* slope, float* dx) {
  HWY_DYNAMIC_DISPATCH(GradientsKernel)(x, dy, rows, channels, scales, offset, slope, dx);
}

void add_values(const float* a, const float* b, std::size_t count, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(AddValuesKernel)(a, b, count, relu, y);
}

}  // namespace ohmic
#endif  // HWY_ONCE
