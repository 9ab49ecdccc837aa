#include "ohmic/data/text_streams.h"

#include <algorithm>

#include "ohmic/core/error.h"

namespace ohmic {

TextStreams::TextStreams(std::span<const std::uint8_t> tokens, std::size_t lanes, std::size_t steps, LastWindow last)
    : tokens_(tokens), lanes_(lanes), steps_(steps) {
  if (lanes == 0 || steps == 0) {
    fail("text is to be cut into {} lanes with windows of {} steps; at least 1 of each is needed", lanes, steps);
  }
  lane_length_ = tokens.empty() ? 0 : (tokens.size() - 1) / lanes;  // the last token is a target only
  windows_ = last == LastWindow::keep ? (lane_length_ + steps - 1) / steps : lane_length_ / steps;
  if (windows_ == 0) {
    fail(
        "a text of {} tokens is too short for {} lanes with windows of {} steps, which need at least {}; use fewer or "
        "shorter ones, or more text",
        tokens.size(), lanes, steps, lanes * (last == LastWindow::keep ? 1 : steps) + 1);
  }
}

void TextStreams::read(std::size_t index, TextWindow& window) const {
  OHMIC_EXPECT(index < windows_);
  const std::size_t begin = index * steps_;
  window.lanes = lanes_;
  window.steps = std::min(steps_, lane_length_ - begin);
  window.inputs.resize(window.steps * lanes_);
  window.targets.resize(window.steps * lanes_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const std::uint8_t* token = tokens_.data() + lane * lane_length_ + begin;
    for (std::size_t step = 0; step < window.steps; ++step) {
      window.inputs[step * lanes_ + lane] = token[step];
      window.targets[step * lanes_ + lane] = token[step + 1];
    }
  }
}

}  // namespace ohmic
