#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

namespace ohmic {

/// Memory that begins at a cache line, so that whole vectors do not straddle two.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kAlignment)); }
  void deallocate(T* data, std::size_t) { ::operator delete(data, kAlignment); }
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
