#include "ohmic/core/aligned.h"

#include <sys/mman.h>

#include <new>

namespace ohmic {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = 2 << 20;  // x86-64, and Arm with pages of 4 KiB

bool wants_huge_pages(std::size_t bytes) { return bytes >= kHugePage / 4 * 3; }

std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{wants_huge_pages(bytes) ? kHugePage : kCacheLine};
}

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (!wants_huge_pages(bytes)) return ::operator new(bytes, alignment_of(bytes));
  const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* const data = ::operator new(whole, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  madvise(data, whole, MADV_HUGEPAGE);  // where it fails, pages are small
#endif
  return data;
}

void free_aligned(void* data, std::size_t bytes) { ::operator delete(data, alignment_of(bytes)); }

}  // namespace ohmic
