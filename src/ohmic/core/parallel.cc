#include "ohmic/core/parallel.h"

#include <omp.h>

namespace ohmic {
namespace {

int& threads() {
  static int count = omp_get_num_procs();
  return count;
}

}  // namespace

void set_thread_count(int count) {
  threads() = count > 0 ? count : omp_get_num_procs();
  omp_set_num_threads(threads());
}

int thread_count() { return threads(); }

}  // namespace ohmic
