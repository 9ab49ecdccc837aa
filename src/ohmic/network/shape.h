#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>

namespace ohmic {

/// The shape of one sample at one place of a network: `steps` points in time, each an image of height x width x
/// channels (channels last). A plain vector has only channels. Stored in this order, the last fastest.
struct Shape {
  int steps = 1;
  int height = 1;
  int width = 1;
  int channels = 1;

  std::size_t positions() const {
    return static_cast<std::size_t>(steps) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  std::size_t size() const { return positions() * static_cast<std::size_t>(channels); }
  bool is_image() const { return height > 1 || width > 1; }
  bool is_sequence() const { return steps > 1; }

  bool operator==(const Shape&) const = default;
};

/// "32 x 32 x 16", with the steps in front if there are any.
inline std::string to_string(const Shape& s) {
  std::string text = s.is_sequence() ? fmt::format("{} steps of ", s.steps) : "";
  if (s.is_image()) text += fmt::format("{} x {} x ", s.height, s.width);
  return text + fmt::format("{}", s.channels);
}

}  // namespace ohmic
