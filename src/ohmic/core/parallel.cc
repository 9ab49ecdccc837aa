#include "ohmic/core/parallel.h"

#include <omp.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ohmic {
namespace {

// A pool of our own and not OpenMP's, because a machine is often shared: OpenMP ends a loop when every thread has come,
// even those that the system has not let run, and waits by spinning, which takes the processor from them. Here a loop
// ends when its chunks are done; a thread that comes too late finds the door closed.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~ThreadPool() {
    stop_ = true;
    announce();
    for (std::thread& thread : threads_) thread.join();
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(threads_.size()) + 1; }

  void run(std::size_t chunks, void (*body)(const void*, std::size_t), const void* context) {
    const std::unique_lock lock(in_use_, std::try_to_lock);
    if (is_inside() || !lock.owns_lock()) {
      for (std::size_t c = 0; c < chunks; ++c) body(context, c);
      return;
    }
    body_ = body;
    context_ = context;
    chunks_ = chunks;
    next_ = 0;
    door_ = kOpen;
    announce();
    take_chunks();
    std::uint32_t inside = door_.fetch_and(~kOpen) & ~kOpen;
    while (inside > 0) {
      wait_for_change(door_, inside);
      inside = door_;
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  static constexpr std::uint32_t kOpen = 1u << 31;  // the other bits of the door count the threads inside
  static constexpr int kSpins = 1000;               // about ten microseconds, as long as waking a thread takes

  static bool& is_inside() {
    thread_local bool inside = false;
    return inside;
  }

  static void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
    for (int i = 0; i < kSpins; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      __builtin_ia32_pause();
    }
    value.wait(old);
  }

  void announce() {
    ++announced_;
    announced_.notify_all();
  }

  void work() {
    std::uint32_t seen = 0;
    while (true) {
      wait_for_change(announced_, seen);
      seen = announced_;
      if (stop_) return;
      std::uint32_t door = door_;
      while ((door & kOpen) != 0 && !door_.compare_exchange_weak(door, door + 1)) {
      }
      if ((door & kOpen) == 0) continue;
      take_chunks();
      --door_;
      door_.notify_one();
    }
  }

  void take_chunks() {
    is_inside() = true;
    for (std::size_t c = next_++; c < chunks_; c = next_++) {
      try {
        body_(context_, c);
      } catch (...) {
        const std::lock_guard lock(error_lock_);
        error_ = std::current_exception();
      }
    }
    is_inside() = false;
  }

  std::vector<std::thread> threads_;
  std::mutex in_use_;
  std::atomic<bool> stop_ = false;
  void (*body_)(const void*, std::size_t) = nullptr;
  const void* context_ = nullptr;
  std::size_t chunks_ = 0;
  std::mutex error_lock_;
  std::exception_ptr error_;
  alignas(64) std::atomic<std::uint32_t> announced_ = 0;
  alignas(64) std::atomic<std::uint32_t> door_ = 0;
  alignas(64) std::atomic<std::size_t> next_ = 0;
};

struct Threads {
  int count = omp_get_num_procs();
  std::unique_ptr<ThreadPool> pool;
  std::mutex making;

  ThreadPool& of_count() {
    const std::lock_guard lock(making);
    if (pool == nullptr) pool = std::make_unique<ThreadPool>(count);
    return *pool;
  }
};

Threads& threads() {
  static Threads all;
  return all;
}

}  // namespace

void set_thread_count(int count) {
  Threads& all = threads();
  const std::lock_guard lock(all.making);
  all.count = count > 0 ? count : omp_get_num_procs();
  if (all.pool != nullptr && all.pool->threads() != all.count) all.pool.reset();
}

int thread_count() { return threads().count; }

void detail::run_chunks(std::size_t chunks, void (*run)(const void*, std::size_t), const void* context) {
  threads().of_count().run(chunks, run, context);
}

}  // namespace ohmic
