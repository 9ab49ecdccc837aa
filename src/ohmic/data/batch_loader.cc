#include "ohmic/data/batch_loader.h"

#include <algorithm>
#include <utility>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

// Handing over a batch costs some ten microseconds, about what preparing so many numbers does.
constexpr std::size_t kFewestNumbersInBackground = 1 << 14;

bool wants_background(const BatchOptions& options, std::size_t sample_size) {
  if (options.loading != Loading::automatic) return options.loading == Loading::background;
  return thread_count() > 1 && options.batch_size * sample_size >= kFewestNumbersInBackground;
}

}  // namespace

BatchLoader::BatchLoader(const Dataset& dataset, const Split& split, const BatchOptions& options)
    : split_(split), options_(options), decoder_(dataset, options.normalise) {
  if (options.batch_size == 0) fail("batches of 0 images are asked for; at least 1 is needed");
  if (wants_background(options, decoder_.shape().size())) worker_ = std::thread([this] { work(); });
}

BatchLoader::~BatchLoader() {
  if (!worker_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void BatchLoader::start(std::vector<int> order, std::uint64_t epoch, std::size_t first) {
  OHMIC_EXPECT(first <= order.size());
  wait_until_idle();
  order_ = std::move(order);
  epoch_ = epoch;
  position_ = first;
  if (has_next()) want(position_);
}

const ImageBatch& BatchLoader::next() {
  OHMIC_EXPECT(has_next());
  if (!is_background()) {
    load(position_, present_);
  } else {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return work_ == Work::done; });
    if (error_) std::rethrow_exception(error_);
    std::swap(present_, coming_);
    work_ = Work::none;
  }
  position_ += present_.labels.size();
  if (has_next()) want(position_);
  return present_;
}

void BatchLoader::load(std::size_t first, ImageBatch& batch) const {
  const std::size_t count = std::min(options_.batch_size, order_.size() - first);
  batch.images.resize(count, decoder_.shape().size());
  batch.labels.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto sample = static_cast<std::size_t>(order_[first + i]);  // a negative one is beyond any split
    Augmentation augmentation;
    if (!options_.augmentation.is_none() && sample < split_.labels.size()) {
      augmentation =
          draw_augmentation(options_.augmentation, options_.seed, epoch_, static_cast<std::uint32_t>(sample));
    }
    decoder_.decode(split_, sample, augmentation, batch.images.row(i));
    batch.labels[i] = split_.labels[sample];
  }
}

void BatchLoader::want(std::size_t first) {
  if (!is_background()) return;
  {
    const std::lock_guard lock(mutex_);
    wanted_first_ = first;
    work_ = Work::wanted;
  }
  changed_.notify_all();
}

/// Takes back a batch that nobody wants any more.
void BatchLoader::wait_until_idle() {
  if (!is_background()) return;
  std::unique_lock lock(mutex_);
  if (work_ == Work::wanted) work_ = Work::none;
  changed_.wait(lock, [this] { return work_ != Work::running; });
  work_ = Work::none;
  error_ = nullptr;
}

void BatchLoader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || work_ == Work::wanted; });
    if (stop_) return;
    work_ = Work::running;
    const std::size_t first = wanted_first_;
    lock.unlock();
    std::exception_ptr error;
    try {
      load(first, coming_);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = std::move(error);
    work_ = Work::done;
    changed_.notify_all();
  }
}

}  // namespace ohmic
