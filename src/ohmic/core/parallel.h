#pragma once

#include <cstddef>
#include <exception>

namespace ohmic {

/// Threads for parallel loops; 0 means as many as the machine has cores. Results never depend on it.
void set_thread_count(int threads);
int thread_count();

/// Calls body(begin, end) for consecutive chunks of [0, count), each of at most `chunk`. The chunks do not depend on
/// the number of threads. An exception in a body is rethrown here after all chunks have ended.
template <class Body>
void parallel_chunks(std::size_t count, std::size_t chunk, const Body& body) {
  const auto chunks = static_cast<std::ptrdiff_t>((count + chunk - 1) / chunk);
  const auto run = [&](std::ptrdiff_t c) {
    const std::size_t begin = static_cast<std::size_t>(c) * chunk;
    body(begin, begin + chunk < count ? begin + chunk : count);
  };
  if (chunks <= 1 || thread_count() == 1) {
    for (std::ptrdiff_t c = 0; c < chunks; ++c) run(c);
    return;
  }
  std::exception_ptr error;
#pragma omp parallel for schedule(dynamic, 1) num_threads(thread_count())
  for (std::ptrdiff_t c = 0; c < chunks; ++c) {
    try {
      run(c);
    } catch (...) {
#pragma omp critical(ohmic_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace ohmic
