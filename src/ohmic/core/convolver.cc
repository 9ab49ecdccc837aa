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
memory::desc weights_in(const ConvolutionSizes& s, Tag tag) { return {weight_dims(s), memory::data_type::f32, tag}; }

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// What all three directions are described by.
struct Description {
  memory::desc image, weights, positions;
  memory::dims strides, dilations, before, behind;

  Description(const ConvolutionSizes& s, int count, const memory::desc& weights_layout)
      : image(images(count, s.height, s.width, s.channels)),
        weights(weights_layout),
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

  // One direction for one number of images.
  template <class Primitive>
  struct Way {
    typename Primitive::primitive_desc description;
    Primitive primitive;  ///< empty: there is none
    mutable OperandsPool operands;
  };

  // One direction by numbers of images, with the weights as all of them want them.
  template <class Primitive>
  struct Direction {
    std::map<int, Way<Primitive>> ways;
    memory weights;

    // What the first way likes best, the others take.
    memory::desc layout(const ConvolutionSizes& s) const {
      return weights ? weights.get_desc() : weights_in(s, Tag::any);
    }

    // Plans for so many images at a time, unless that is done.
    template <class Describe>
    bool prepare(const ConvolutionSizes& s, int count, const Describe& describe) {
      const auto [found, is_new] = ways.try_emplace(count);
      Way<Primitive>& way = found->second;
      if (!is_new) return static_cast<bool>(way.primitive);
      const LoneThread lone;
      way.description = describe(Description(s, count, layout(s)));
      if (!is_vectorised(way.description)) return false;
      way.primitive = Primitive(way.description);
      if (!weights) weights = memory(way.description.weights_desc(), cpu());
      return true;
    }

    void set_weights(const ConvolutionSizes& s, const float* values) {
      const LoneThread lone;
      dnnl::stream stream(cpu());
      copy(given(weights_in(s, Tag::hwio), values), weights, stream);
      stream.wait();
    }
  };

  ConvolutionSizes sizes;
  Direction<dnnl::convolution_forward> forward;
  Direction<dnnl::convolution_backward_data> back;

  struct Gradient {
    dnnl::convolution_backward_weights::primitive_desc description;
    dnnl::convolution_backward_weights primitive;
  };
  std::map<int, Gradient> gradients;  // by images
};

Convolver::Convolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Convolver::~Convolver() = default;

std::unique_ptr<Convolver> Convolver::make(const ConvolutionSizes& sizes, int images) {
  auto impl = std::make_unique<Impl>();
  impl->sizes = sizes;
  std::unique_ptr<Convolver> convolver(new Convolver(std::move(impl)));
  return convolver->prepare(images) ? std::move(convolver) : nullptr;
}

bool Convolver::prepare(int images) {
  return impl_->forward.prepare(impl_->sizes, images, [](const Description& d) {
    return describe_forward(d, dnnl::prop_kind::forward_inference);
  });
}

void Convolver::set_weights(const float* weights) { impl_->forward.set_weights(impl_->sizes, weights); }

void Convolver::convolve(int images, const float* image, float* out) const {
  const LoneThread lone;
  const auto& way = impl_->forward.ways.at(images);
  way.operands.run(way.primitive, image, out, [&] {
    const auto& d = way.description;
    return std::make_unique<Impl::Operands>(DNNL_ARG_SRC, d.src_desc(), DNNL_ARG_DST, d.dst_desc(),
                                            impl_->forward.weights, d.scratchpad_desc());
  });
}

bool Convolver::prepare_back(int images) {
  return impl_->back.prepare(impl_->sizes, images, describe_way_back<dnnl::convolution_backward_data>);
}

void Convolver::set_back_weights(const float* weights) { impl_->back.set_weights(impl_->sizes, weights); }

void Convolver::convolve_back(int images, const float* positions, float* image) const {
  const LoneThread lone;
  const auto& way = impl_->back.ways.at(images);
  way.operands.run(way.primitive, positions, image, [&] {
    const auto& d = way.description;
    return std::make_unique<Impl::Operands>(DNNL_ARG_DIFF_DST, d.diff_dst_desc(), DNNL_ARG_DIFF_SRC, d.diff_src_desc(),
                                            impl_->back.weights, d.scratchpad_desc());
  });
}

bool Convolver::prepare_gradient(int images) {
  const auto found = impl_->gradients.find(images);
  if (found != impl_->gradients.end()) return static_cast<bool>(found->second.primitive);
  const LoneThread lone;
  Impl::Gradient& gradient = impl_->gradients[images];
  gradient.description =
      describe_way_back<dnnl::convolution_backward_weights>({impl_->sizes, images, weights_in(impl_->sizes, Tag::any)});
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
  copy(found, given(weights_in(impl_->sizes, Tag::hwio), gradient), stream);
  stream.wait();
}

}  // namespace ohmic
