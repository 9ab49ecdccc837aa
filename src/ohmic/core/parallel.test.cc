#include "ohmic/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ohmic {
namespace {

class Parallel : public ::testing::Test {
 protected:
  Parallel() { set_thread_count(4); }
  ~Parallel() override { set_thread_count(0); }
};

TEST_F(Parallel, EachChunkOnceAndWhole) {
  for (const std::size_t count : {0u, 1u, 7u, 64u, 1000u}) {
    for (const std::size_t chunk : {1u, 3u, 64u, 2000u}) {
      std::vector<int> visits(count, 0);
      parallel_chunks(count, chunk, [&](std::size_t begin, std::size_t end) {
        EXPECT_EQ(begin % chunk, 0u);
        EXPECT_TRUE(end == begin + chunk || end == count);
        for (std::size_t i = begin; i < end; ++i) ++visits[i];
      });
      EXPECT_EQ(std::accumulate(visits.begin(), visits.end(), 0), static_cast<int>(count));
      for (const int v : visits) EXPECT_EQ(v, 1);
    }
  }
}

// A loop's writes are seen after it, and by the next: a chain of loops, each from the results of the one before.
TEST_F(Parallel, LoopsFollowEachOther) {
  std::vector<int> a(100, 0), b(100, 0);
  for (int round = 0; round < 20000; ++round) {
    parallel_chunks(100, 9, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) b[i] = a[99 - i] + 1;
    });
    std::swap(a, b);
  }
  for (const int v : a) EXPECT_EQ(v, 20000);
}

TEST_F(Parallel, ErrorsComeOutAfterAllChunks) {
  std::atomic<int> done = 0;
  const auto loop = [&] {
    parallel_chunks(50, 1, [&](std::size_t begin, std::size_t) {
      ++done;
      if (begin == 20) throw std::runtime_error("chunk 20");
    });
  };
  EXPECT_THROW(loop(), std::runtime_error);
  EXPECT_EQ(done, 50);
  parallel_chunks(50, 1, [&](std::size_t, std::size_t) { ++done; });
  EXPECT_EQ(done, 100);
}

TEST_F(Parallel, LoopsInLoopsAndBesideEachOther) {
  std::atomic<int> done = 0;
  const auto nested = [&] {
    parallel_chunks(
        10, 1, [&](std::size_t, std::size_t) { parallel_chunks(10, 1, [&](std::size_t, std::size_t) { ++done; }); });
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 200; ++k) nested();
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 3 * 200 * 100);
}

TEST_F(Parallel, ThreadCountMayChange) {
  for (const int threads : {1, 5, 2, 3}) {
    set_thread_count(threads);
    EXPECT_EQ(thread_count(), threads);
    std::atomic<std::size_t> sum = 0;
    parallel_chunks(1000, 10, [&](std::size_t begin, std::size_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 1000u);
  }
}

}  // namespace
}  // namespace ohmic
