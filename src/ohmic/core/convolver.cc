#include "ohmic/core/convolver.h"

#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <string_view>
#include <unordered_map>
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

memory::desc images(int count, int height, int width, int channels) {
  return {{count, channels, height, width}, memory::data_type::f32, Tag::nhwc};
}

memory::dims weight_dims(const ConvolutionSizes& s) { return {s.outputs, s.channels, s.kernel_height, s.kernel_width}; }

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// What all three directions are described by.
struct Description {
  memory::desc image, weights, positions;
  memory::dims strides, dilations, before, behind;

  Description(const ConvolutionSizes& s, int count)
      : image(images(count, s.height, s.width, s.channels)),
        weights(weight_dims(s), memory::data_type::f32, Tag::any),
        positions(images(count, s.out_height, s.out_width, s.outputs)),
        strides{s.stride_y, s.stride_x},
        dilations{s.dilation_y - 1, s.dilation_x - 1},
        before{s.pad_top, s.pad_left},
        behind{s.pad_bottom, s.pad_right} {}
};

constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc describe_forward(const Description& d, dnnl::prop_kind kind) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(),     kind,        kAlgorithm, d.image,  d.weights,        d.positions,
          d.strides, d.dilations, d.before,   d.behind, own_scratchpad(), true};
#else
  const dnnl::convolution_forward::desc wanted(kind, kAlgorithm, d.image, d.weights, d.positions, d.strides,
                                               d.dilations, d.before, d.behind);
  return {wanted, own_scratchpad(), cpu(), true};
#endif
}

// Of convolution_backward_data or convolution_backward_weights.
template <class Way>
typename Way::primitive_desc describe_way_back(const Description& d) {
  const auto forward = describe_forward(d, dnnl::prop_kind::forward_training);
  if (!forward) return {};
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(),       kAlgorithm, d.image,  d.weights, d.positions,      d.strides,
          d.dilations, d.before,   d.behind, forward,   own_scratchpad(), true};
#else
  const typename Way::desc wanted(kAlgorithm, d.image, d.weights, d.positions, d.strides, d.dilations, d.before,
                                  d.behind);
  return {wanted, own_scratchpad(), cpu(), forward, true};
#endif
}

// Whether a description is there and of a way that is faster than cutting patches for a matrix product.
template <class PrimitiveDescription>
bool is_vectorised(const PrimitiveDescription& description) {
  if (!description) return false;
  const std::string_view way = description.impl_info_str();
  return (way.find("jit") != std::string_view::npos || way.find("brg") != std::string_view::npos) &&
         way.find("gemm:") == std::string_view::npos;
}

memory given(const memory::desc& description, const float* values) {
  return {description, cpu(), const_cast<float*>(values)};
}

// Room of this thread, for as long as nothing else asks for it.
memory scratchpad(const memory::desc& description) {
  thread_local std::vector<float> room;
  room.resize(description.get_size() / sizeof(float) + 1);
  return {description, cpu(), room.data()};
}

void copy(memory from, memory to, dnnl::stream& stream) { dnnl::reorder(from, to).execute(stream, from, to); }

}  // namespace

struct Convolver::Impl {
  // One call's operands, kept for the next: to make them anew takes as long as a small convolution.
  class Operands {
   public:
    Operands(int from_role, const memory::desc& from, int to_role, const memory::desc& to, const memory& weights,
             const memory::desc& scratchpad)
        : from_role_(from_role),
          to_role_(to_role),
          stream_(cpu()),
          all_{{from_role, memory(from, cpu(), nullptr)},
               {to_role, memory(to, cpu(), nullptr)},
               {DNNL_ARG_WEIGHTS, weights},
               {DNNL_ARG_SCRATCHPAD, memory(scratchpad, cpu())}} {}

    void run(const dnnl::primitive& primitive, const float* from, float* to) {
      all_.at(from_role_).set_data_handle(const_cast<float*>(from));
      all_.at(to_role_).set_data_handle(to);
      primitive.execute(stream_, all_);
      stream_.wait();
    }

   private:
    int from_role_, to_role_;
    dnnl::stream stream_;
    std::unordered_map<int, memory> all_;
  };

  // As many as threads work at once.
  class OperandsPool {
   public:
    template <class Make>
    void run(const dnnl::primitive& primitive, const float* from, float* to, const Make& make) {
      std::unique_ptr<Operands> taken = take();
      if (!taken) taken = make();
      taken->run(primitive, from, to);
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(taken));
    }

   private:
    std::unique_ptr<Operands> take() {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return nullptr;
      std::unique_ptr<Operands> last = std::move(idle_.back());
      idle_.pop_back();
      return last;
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Operands>> idle_;
  };

  ConvolutionSizes sizes;
  dnnl::convolution_forward::primitive_desc description;
  dnnl::convolution_forward convolution;
  memory weights;

  bool knows_back = false;
  dnnl::convolution_backward_data::primitive_desc back_description;
  dnnl::convolution_backward_data back;
  memory back_weights;  // empty: no way back

  mutable OperandsPool operands, back_operands;

  struct Gradient {
    dnnl::convolution_backward_weights::primitive_desc description;
    dnnl::convolution_backward_weights primitive;
  };
  std::map<int, Gradient> gradients;  // by images

  memory::desc matrix() const { return {weight_dims(sizes), memory::data_type::f32, Tag::hwio}; }
};

Convolver::Convolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Convolver::~Convolver() = default;

std::unique_ptr<Convolver> Convolver::make(const ConvolutionSizes& sizes) {
  const LoneThread lone;
  auto impl = std::make_unique<Impl>();
  impl->sizes = sizes;
  impl->description = describe_forward({sizes, 1}, dnnl::prop_kind::forward_inference);
  if (!is_vectorised(impl->description)) return nullptr;
  impl->convolution = dnnl::convolution_forward(impl->description);
  impl->weights = memory(impl->description.weights_desc(), cpu());
  return std::unique_ptr<Convolver>(new Convolver(std::move(impl)));
}

void Convolver::set_weights(const float* weights) {
  const LoneThread lone;
  dnnl::stream stream(cpu());
  copy(given(impl_->matrix(), weights), impl_->weights, stream);
  stream.wait();
}

void Convolver::convolve(const float* image, float* out) const {
  const LoneThread lone;
  impl_->operands.run(impl_->convolution, image, out, [this] {
    const auto& d = impl_->description;
    return std::make_unique<Impl::Operands>(DNNL_ARG_SRC, d.src_desc(), DNNL_ARG_DST, d.dst_desc(), impl_->weights,
                                            d.scratchpad_desc());
  });
}

bool Convolver::set_back_weights(const float* weights) {
  const LoneThread lone;
  if (!impl_->knows_back) {
    impl_->knows_back = true;
    impl_->back_description = describe_way_back<dnnl::convolution_backward_data>({impl_->sizes, 1});
    if (!is_vectorised(impl_->back_description)) return false;
    impl_->back = dnnl::convolution_backward_data(impl_->back_description);
    impl_->back_weights = memory(impl_->back_description.weights_desc(), cpu());
  }
  if (!impl_->back_weights) return false;
  dnnl::stream stream(cpu());
  copy(given(impl_->matrix(), weights), impl_->back_weights, stream);
  stream.wait();
  return true;
}

void Convolver::convolve_back(const float* positions, float* image) const {
  const LoneThread lone;
  impl_->back_operands.run(impl_->back, positions, image, [this] {
    const auto& d = impl_->back_description;
    return std::make_unique<Impl::Operands>(DNNL_ARG_DIFF_DST, d.diff_dst_desc(), DNNL_ARG_DIFF_SRC, d.diff_src_desc(),
                                            impl_->back_weights, d.scratchpad_desc());
  });
}

bool Convolver::prepare_gradient(int images) {
  const auto found = impl_->gradients.find(images);
  if (found != impl_->gradients.end()) return static_cast<bool>(found->second.primitive);
  const LoneThread lone;
  Impl::Gradient& gradient = impl_->gradients[images];
  gradient.description = describe_way_back<dnnl::convolution_backward_weights>({impl_->sizes, images});
  if (!is_vectorised(gradient.description)) return false;
  gradient.primitive = dnnl::convolution_backward_weights(gradient.description);
  return true;
}

void Convolver::find_gradient(int images, const float* image, const float* positions, float* gradient) const {
  const LoneThread lone;
  const Impl::Gradient& way = impl_->gradients.at(images);
  thread_local std::vector<float> room;
  const memory::desc layout = way.description.diff_weights_desc();
  room.resize(layout.get_size() / sizeof(float));
  const memory found(layout, cpu(), room.data());
  dnnl::stream stream(cpu());
  way.primitive.execute(stream, {{DNNL_ARG_SRC, given(way.description.src_desc(), image)},
                                 {DNNL_ARG_DIFF_DST, given(way.description.diff_dst_desc(), positions)},
                                 {DNNL_ARG_DIFF_WEIGHTS, found},
                                 {DNNL_ARG_SCRATCHPAD, scratchpad(way.description.scratchpad_desc())}});
  copy(found, given(impl_->matrix(), gradient), stream);
  stream.wait();
}

}  // namespace ohmic
