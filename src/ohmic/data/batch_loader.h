#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/data/dataset.h"
#include "ohmic/data/image.h"

namespace ohmic {

/// Labelled images as a network takes them.
struct ImageBatch {
  Matrix images;  ///< batch x (height width channels)
  std::vector<int> labels;
};

/// Where the next batch is prepared. The results are the same.
enum class Loading {
  automatic,   ///< in the background where there is a thread to spare and a batch is worth handing over
  background,  ///< on a thread of its own, while the caller works on the batch before
  foreground,  ///< when it is asked for
};

struct BatchOptions {
  std::size_t batch_size = 1;
  Normalise normalise = Normalise::none;
  AugmentationSpec augmentation;
  std::uint64_t seed = 1;  ///< keys the augmentation
  Loading loading = Loading::automatic;
};

/// Deals out a split's images batch by batch, in a given order; the next batch is prepared while the caller works on
/// the present one.
///
///   BatchLoader loader(dataset, dataset.train, options);
///   loader.start(order, epoch);
///   while (loader.has_next()) train(loader.next());
class BatchLoader {
 public:
  /// `dataset` and `split`, one of its splits, must outlive this and stay as they are.
  BatchLoader(const Dataset& dataset, const Split& split, const BatchOptions& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Begins an epoch, whatever became of the one before: the samples of `order` from position `first` on. `epoch` keys
  /// the augmentation.
  void start(std::vector<int> order, std::uint64_t epoch, std::size_t first = 0);

  /// The position in the order of the first sample that next() would give; the length of the order at the end.
  std::size_t position() const { return position_; }
  bool has_next() const { return position_ < order_.size(); }

  /// The next batch, the last of an epoch maybe smaller; valid until next() or start() is called again. What went wrong
  /// while it was prepared, such as Error for a sample that the split does not have, is thrown here, and thrown again
  /// if it is asked for again.
  const ImageBatch& next();

  bool is_background() const { return worker_.joinable(); }

 private:
  enum class Work { none, wanted, running, done };

  void load(std::size_t first, ImageBatch& batch) const;
  void want(std::size_t first);
  void wait_until_idle();
  void work();

  const Split& split_;
  BatchOptions options_;
  ImageDecoder decoder_;
  std::vector<int> order_;
  std::uint64_t epoch_ = 0;
  std::size_t position_ = 0;
  ImageBatch present_, coming_;  ///< `coming_` is the worker's from `wanted` until `done`

  std::mutex mutex_;
  std::condition_variable changed_;
  Work work_ = Work::none;        ///< guarded by mutex_, as are the next three
  std::size_t wanted_first_ = 0;  ///< position of the batch in work
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread worker_;  ///< last: it uses all of the above
};

}  // namespace ohmic
