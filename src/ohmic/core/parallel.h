#pragma once

#include <cstddef>

namespace ohmic {

/// Threads for parallel loops; 0 means as many as the machine has cores. Results never depend on it. Not while a loop
/// runs.
void set_thread_count(int threads);
int thread_count();

namespace detail {

/// Calls run(context, c) for c = 0 .. chunks - 1, on all threads.
void run_chunks(std::size_t chunks, void (*run)(const void* context, std::size_t chunk), const void* context);

}  // namespace detail

/// Calls body(begin, end) for consecutive chunks of [0, count), each of at most `chunk`. The chunks do not depend on
/// the number of threads. An exception in a body is rethrown here after all chunks have ended. A loop inside a body, or
/// beside one of another thread, runs on its caller alone.
template <class Body>
void parallel_chunks(std::size_t count, std::size_t chunk, const Body& body) {
  const std::size_t chunks = (count + chunk - 1) / chunk;
  const auto run = [&](std::size_t c) {
    const std::size_t begin = c * chunk;
    body(begin, begin + chunk < count ? begin + chunk : count);
  };
  if (chunks <= 1 || thread_count() == 1) {
    for (std::size_t c = 0; c < chunks; ++c) run(c);
    return;
  }
  detail::run_chunks(
      chunks, [](const void* context, std::size_t c) { (*static_cast<const decltype(run)*>(context))(c); }, &run);
}

}  // namespace ohmic
