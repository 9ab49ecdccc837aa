#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ohmic {

/// One window of a text, time-major: row t holds token t of each lane, and what follows it.
struct TextWindow {
  std::size_t steps = 0;
  std::size_t lanes = 0;
  std::vector<std::uint8_t> inputs;   ///< steps x lanes
  std::vector<std::uint8_t> targets;  ///< steps x lanes: the next token of the lane
};

/// What becomes of the end of the lanes where it is shorter than a window.
enum class LastWindow {
  drop,  ///< for training: all windows are of one size
  keep,  ///< for evaluation: a shorter window
};

/// Cuts a text into parallel lanes for truncated back-propagation: lane l is the contiguous part of `lane_length()`
/// tokens from l lane_length() on, and windows follow each other within the lanes, so that state can be carried from
/// each to the next. The targets of one lane end with the first token of the next one. What is left when the text is
/// divided into lanes, fewer tokens than lanes, is dropped.
class TextStreams {
 public:
  /// `tokens` must outlive this. Error: fewer tokens than lanes + 1, or lanes too short for one window.
  TextStreams(std::span<const std::uint8_t> tokens, std::size_t lanes, std::size_t steps,
              LastWindow last = LastWindow::drop);

  std::size_t lanes() const { return lanes_; }
  std::size_t lane_length() const { return lane_length_; }  ///< tokens that are predicted, per lane
  std::size_t windows() const { return windows_; }

  /// Window `index`; storage of `window` is used again.
  void read(std::size_t index, TextWindow& window) const;

 private:
  std::span<const std::uint8_t> tokens_;
  std::size_t lanes_, steps_, lane_length_ = 0, windows_ = 0;
};

}  // namespace ohmic
