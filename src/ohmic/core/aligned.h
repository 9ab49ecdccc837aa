#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace ohmic {

/// Memory for AlignedAllocator. Blocks of about a huge page and more lie in huge pages, where the system grants
/// them: a batch's activations lie in thousands of small ones, whose addresses processors do not remember.
/// std::bad_alloc.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* data, std::size_t bytes);

/// Memory that begins at a cache line, so that whole vectors do not straddle two.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_aligned(count * sizeof(T))); }
  void deallocate(T* data, std::size_t count) { free_aligned(data, count * sizeof(T)); }
  bool operator==(const AlignedAllocator&) const = default;
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// The same, but elements of a vector that grows are not set: what stands in activations is written before it is read.
/// In builds with debug checks they are NaN, so that a mistake shows.
struct UnsetFloats : AlignedAllocator<float> {
  template <class U>
  struct rebind {
    using other = UnsetFloats;
  };

  template <class... Values>
  static void construct(float* at, Values... values) {
    if constexpr (sizeof...(values) > 0) {
      *at = float(values...);
    } else {
#ifndef NDEBUG
      *at = std::numeric_limits<float>::quiet_NaN();
#endif
    }
  }
};

}  // namespace ohmic
