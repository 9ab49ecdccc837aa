#include "ohmic/core/convolver.h"

#include <omp.h>

#include <dnnl.hpp>
#include <string_view>
#include <vector>

namespace ohmic {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

// While it lives, oneDNN plans for and works on the calling thread alone.
class LoneThread {
 public:
  LoneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~LoneThread() { omp_set_num_threads(before_); }
  LoneThread(const LoneThread&) = delete;
  LoneThread& operator=(const LoneThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc images(int height, int width, int channels) {
  return {{1, channels, height, width}, memory::data_type::f32, Tag::nhwc};
}

memory::dims weight_dims(const ConvolutionSizes& s) { return {s.outputs, s.channels, s.kernel_height, s.kernel_width}; }

dnnl::convolution_forward::primitive_desc describe_convolution(const ConvolutionSizes& s) {
  const memory::desc source = images(s.height, s.width, s.channels);
  const memory::desc target = images(s.out_height, s.out_width, s.outputs);
  const memory::desc weights(weight_dims(s), memory::data_type::f32, Tag::any);
  const memory::dims strides = {s.stride_y, s.stride_x}, dilations = {s.dilation_y - 1, s.dilation_x - 1};
  const memory::dims before = {s.pad_top, s.pad_left}, behind = {s.pad_bottom, s.pad_right};
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), kKind, kAlgorithm, source, weights, target, strides, dilations, before, behind, attributes, true};
#else
  const dnnl::convolution_forward::desc wanted(kKind, kAlgorithm, source, weights, target, strides, dilations, before,
                                               behind);
  return {wanted, attributes, cpu(), true};
#endif
}

}  // namespace

struct Convolver::Impl {
  ConvolutionSizes sizes;
  dnnl::convolution_forward::primitive_desc description;
  dnnl::convolution_forward convolution;
  memory weights;
};

Convolver::Convolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Convolver::~Convolver() = default;

std::unique_ptr<Convolver> Convolver::make(const ConvolutionSizes& sizes) {
  const LoneThread lone;
  auto impl = std::make_unique<Impl>();
  impl->sizes = sizes;
  impl->description = describe_convolution(sizes);
  if (!impl->description) return nullptr;
  const std::string_view way = impl->description.impl_info_str();
  if (way.find("jit") == std::string_view::npos && way.find("brg") == std::string_view::npos) return nullptr;
  if (way.find("gemm:") != std::string_view::npos) return nullptr;
  impl->convolution = dnnl::convolution_forward(impl->description);
  impl->weights = memory(impl->description.weights_desc(), cpu());
  return std::unique_ptr<Convolver>(new Convolver(std::move(impl)));
}

void Convolver::set_weights(const float* weights) {
  const LoneThread lone;
  dnnl::stream stream(cpu());
  memory given({weight_dims(impl_->sizes), memory::data_type::f32, Tag::hwio}, cpu(), const_cast<float*>(weights));
  dnnl::reorder(given, impl_->weights).execute(stream, given, impl_->weights);
  stream.wait();
}

void Convolver::convolve(const float* image, float* out) const {
  const LoneThread lone;
  thread_local std::vector<float> room;
  const auto& description = impl_->description;
  room.resize(description.scratchpad_desc().get_size() / sizeof(float) + 1);
  dnnl::stream stream(cpu());
  impl_->convolution.execute(stream,
                             {{DNNL_ARG_SRC, memory(description.src_desc(), cpu(), const_cast<float*>(image))},
                              {DNNL_ARG_WEIGHTS, impl_->weights},
                              {DNNL_ARG_DST, memory(description.dst_desc(), cpu(), out)},
                              {DNNL_ARG_SCRATCHPAD, memory(description.scratchpad_desc(), cpu(), room.data())}});
  stream.wait();
}

}  // namespace ohmic
