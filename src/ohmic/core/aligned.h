#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

namespace ohmic {

constexpr std::align_val_t kCacheLine{64};

/// Memory that begins at a cache line, so that whole vectors do not straddle two.
template <class T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kCacheLine)); }
  void deallocate(T* data, std::size_t) { ::operator delete(data, kCacheLine); }
  bool operator==(const AlignedAllocator&) const = default;
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Memory that stays: blocks of about a huge page and more lie in huge pages, where the system grants them. A batch's
/// activations lie in thousands of small ones, whose addresses processors do not remember. Not for what comes and goes,
/// since the system hands out huge pages whole. std::bad_alloc.
void* allocate_pages(std::size_t bytes);
void free_pages(void* data, std::size_t bytes);

template <class T>
struct PageAllocator {
  using value_type = T;

  PageAllocator() = default;
  template <class U>
  PageAllocator(const PageAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_pages(count * sizeof(T))); }
  void deallocate(T* data, std::size_t count) { free_pages(data, count * sizeof(T)); }
  bool operator==(const PageAllocator&) const = default;
};

/// The same, but elements of a vector that grows are not set: what stands in activations is written before it is read.
/// In builds with debug checks they are NaN, so that a mistake shows.
struct UnsetFloats : PageAllocator<float> {
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
