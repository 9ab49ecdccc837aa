#include "ohmic/crossbar/batch_product.h"

#include <dnnl.hpp>
#include <vector>

#include "ohmic/core/cpu.h"
#include "ohmic/core/error.h"
#include "ohmic/core/gemm.h"

namespace ohmic {
namespace {

using dnnl::memory;
using DataType = memory::data_type;
using Tag = memory::format_tag;

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  thread_local dnnl::stream in_order(engine());
  return in_order;
}

memory::desc matrix_desc(int rows, int columns, DataType type, Tag tag = Tag::ab) {
  return memory::desc(memory::dims{rows, columns}, type, tag);
}

// Whether oneDNN will multiply bytes without saturating in 16 bits (its own limit, DNNL_MAX_CPU_ISA, counts too).
bool bytes_are_exact() {
  if (!cpu_has(CpuFeature::avx512_vnni)) return false;
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto vnni = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni);
  return isa == 0 || (isa & vnni) == vnni;  // 0: no limit
}

}  // namespace

// One operand type per path: bytes where they are exact, floats elsewhere.
struct BatchProduct::Impl {
  int first_row, row_count, columns;
  bool bytes = bytes_are_exact();
  std::uint64_t version = ~0ull;
  dnnl::matmul::primitive_desc mean_desc, variance_desc;
  dnnl::matmul mean, variance;
  memory high_digits, low_digits, variance_digits;

  Impl(int first, int count, int width) : first_row(first), row_count(count), columns(width) {
    mean_desc = make(DataType::s8);
    variance_desc = make(DataType::u8);
    mean = dnnl::matmul(mean_desc);
    variance = dnnl::matmul(variance_desc);
    high_digits = memory(mean_desc.weights_desc(), engine());
    low_digits = memory(mean_desc.weights_desc(), engine());
    variance_digits = memory(variance_desc.weights_desc(), engine());
  }

  dnnl::matmul::primitive_desc make(DataType source) const {
    const auto in = bytes ? source : DataType::f32;
    const auto digit = bytes ? DataType::s8 : DataType::f32;
    const auto out = bytes ? DataType::s32 : DataType::f32;
    const memory::desc source_desc = matrix_desc(kVectors, row_count, in);
    const memory::desc digit_desc = matrix_desc(row_count, columns, digit, Tag::any);
    const memory::desc sum_desc = matrix_desc(kVectors, columns, out);
    dnnl::primitive_attr attributes;
    // Our own scratchpads, one per call: the library's are not for several threads at once.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), source_desc, digit_desc, sum_desc, attributes};
#else
    return {dnnl::matmul::desc(source_desc, digit_desc, sum_desc), attributes, engine()};
#endif
  }

  // The rows of one digit plane, out of their groups of four.
  template <class T>
  std::vector<T> plain_rows(const std::int8_t* quads) const {
    std::vector<T> plain(static_cast<std::size_t>(row_count) * static_cast<std::size_t>(columns));
    for (int i = 0; i < row_count; ++i) {
      const int row = first_row + i;
      const std::int8_t* group =
          quads + static_cast<std::size_t>(row / 4) * static_cast<std::size_t>(columns) * 4 + row % 4;
      T* out = plain.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(columns);
      for (int j = 0; j < columns; ++j) out[j] = static_cast<T>(group[4 * j]);
    }
    return plain;
  }

  template <class T>
  void take(const std::int8_t* quads, DataType type, memory& packed) const {
    std::vector<T> plain = plain_rows<T>(quads);
    memory source(matrix_desc(row_count, columns, type), engine(), plain.data());
    dnnl::reorder(source, packed).execute(stream(), source, packed);
    stream().wait();
  }

  void run(const dnnl::matmul& product, const dnnl::matmul::primitive_desc& desc, const void* source,
           const memory& digits, void* sums) const {
    const OneThread one;
    memory in(desc.src_desc(), engine(), const_cast<void*>(source));
    memory out(desc.dst_desc(), engine(), sums);
    thread_local std::vector<char> scratchpad;
    scratchpad.resize(desc.scratchpad_desc().get_size());
    memory pad(desc.scratchpad_desc(), engine(), scratchpad.data());
    product.execute(stream(),
                    {{DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, digits}, {DNNL_ARG_DST, out}, {DNNL_ARG_SCRATCHPAD, pad}});
    stream().wait();
  }

  std::size_t source_size() const { return static_cast<std::size_t>(kVectors) * static_cast<std::size_t>(row_count); }
  std::size_t sum_size() const { return static_cast<std::size_t>(kVectors) * static_cast<std::size_t>(columns); }

  void run_as_floats(const dnnl::matmul& product, const dnnl::matmul::primitive_desc& desc,
                     const std::vector<float>& source, const memory& digits, std::int32_t* sums) const {
    std::vector<float> out(sum_size());
    run(product, desc, source.data(), digits, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) sums[i] = static_cast<std::int32_t>(out[i]);
  }
};

BatchProduct::BatchProduct(int first_row, int row_count, int columns)
    : impl_(std::make_unique<Impl>(first_row, row_count, columns)) {
  OHMIC_EXPECT(row_count <= 512);
}

BatchProduct::~BatchProduct() = default;
BatchProduct::BatchProduct(BatchProduct&&) noexcept = default;
BatchProduct& BatchProduct::operator=(BatchProduct&&) noexcept = default;

void BatchProduct::load(const DigitMatrix& digits) {
  Impl& s = *impl_;
  if (s.version == digits.version()) return;
  const QuadMatrix quads = digits.quads();
  if (s.bytes) {
    s.take<std::int8_t>(quads.high, DataType::s8, s.high_digits);
    s.take<std::int8_t>(quads.low, DataType::s8, s.low_digits);
    s.take<std::int8_t>(quads.variance, DataType::s8, s.variance_digits);
  } else {
    s.take<float>(quads.high, DataType::f32, s.high_digits);
    s.take<float>(quads.low, DataType::f32, s.low_digits);
    s.take<float>(quads.variance, DataType::f32, s.variance_digits);
  }
  s.version = digits.version();
}

void BatchProduct::multiply(const std::int8_t* codes, const std::uint8_t* squares, std::int32_t* sum,
                            std::int32_t* variance) const {
  const Impl& s = *impl_;
  thread_local std::vector<std::int32_t> low;
  low.resize(s.sum_size());
  if (s.bytes) {
    s.run(s.mean, s.mean_desc, codes, s.high_digits, sum);
    s.run(s.mean, s.mean_desc, codes, s.low_digits, low.data());
    if (squares != nullptr) s.run(s.variance, s.variance_desc, squares, s.variance_digits, variance);
  } else {
    std::vector<float> source(codes, codes + s.source_size());
    s.run_as_floats(s.mean, s.mean_desc, source, s.high_digits, sum);
    s.run_as_floats(s.mean, s.mean_desc, source, s.low_digits, low.data());
    if (squares != nullptr) {
      source.assign(squares, squares + s.source_size());
      s.run_as_floats(s.variance, s.variance_desc, source, s.variance_digits, variance);
    }
  }
  for (std::size_t i = 0; i < low.size(); ++i) sum[i] = 256 * sum[i] + low[i];
}

std::size_t BatchProduct::bytes() const {
  const Impl& s = *impl_;
  return s.mean_desc.weights_desc().get_size() * 2 + s.variance_desc.weights_desc().get_size();
}

}  // namespace ohmic
