#include "ohmic/core/aligned.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace ohmic {
namespace {

constexpr std::size_t kHugePage = 2 << 20;  // x86-64, and Arm with pages of 4 KiB

// The part that huge pages take: the last one only if at least three quarters of it are wanted.
std::size_t huge_bytes(std::size_t bytes) { return (bytes + kHugePage / 4) / kHugePage * kHugePage; }

std::align_val_t alignment_of(std::size_t bytes) {
  return huge_bytes(bytes) > 0 ? std::align_val_t{kHugePage} : kCacheLine;
}

}  // namespace

void* allocate_pages(std::size_t bytes) {
  const std::size_t huge = huge_bytes(bytes);
  void* const data = ::operator new(std::max(bytes, huge), alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  if (huge > 0) madvise(data, huge, MADV_HUGEPAGE);  // where it fails, pages are small
#endif
  return data;
}

void free_pages(void* data, std::size_t bytes) { ::operator delete(data, alignment_of(bytes)); }

}  // namespace ohmic
