#include "ohmic/crossbar/padded_image.h"

#include <algorithm>
#include <cstring>

namespace ohmic {
namespace {

// Calls f(from, to, pixels) for each row of an image: pixel numbers without and with padding.
template <class F>
void each_image_row(const PatchShape& s, const F& f) {
  const auto width = static_cast<std::size_t>(s.width);
  for (int y = 0; y < s.height; ++y) {
    const auto to = static_cast<std::size_t>(y + s.pad_top) * static_cast<std::size_t>(s.padded_width()) +
                    static_cast<std::size_t>(s.pad_left);
    f(static_cast<std::size_t>(y) * width, to, width);
  }
}

// `value` into the padding around an image whose pixels have `room` bytes.
void fill_padding(const PatchShape& s, std::size_t room, std::uint8_t value, std::uint8_t* image) {
  const std::size_t size =
      static_cast<std::size_t>(s.padded_height()) * static_cast<std::size_t>(s.padded_width()) * room;
  const auto fill = [&](std::size_t begin, std::size_t end) {  // mostly a few bytes, not worth a call
    const std::uint32_t four = value * 0x01010101u;
    for (; begin < end; begin += 4) std::memcpy(image + begin, &four, 4);
  };
  std::size_t end = 0;  // of what is done
  each_image_row(s, [&](std::size_t, std::size_t place, std::size_t pixels) {
    fill(end, place * room);
    end = (place + pixels) * room;
  });
  fill(end, size);
}

}  // namespace

void place_values(const PatchShape& s, std::span<const float> x, std::span<float> image) {
  const auto channels = static_cast<std::size_t>(s.channels);
  std::fill(image.begin(), image.end(), 0.0f);
  each_image_row(s, [&](std::size_t from, std::size_t to, std::size_t pixels) {
    std::copy_n(x.data() + from * channels, pixels * channels, image.data() + to * channels);
  });
}

void encode_image(const PatchShape& s, std::span<const float> x, const ByteScale& scale, std::uint8_t* scratch,
                  std::uint8_t* bytes, std::uint8_t* squares) {
  const auto channels = static_cast<std::size_t>(s.channels);
  const std::size_t room = (channels + 3) / 4 * 4;
  if (channels == room) {
    fill_padding(s, room, 0x80, bytes);
    if (squares != nullptr) fill_padding(s, room, 0, squares);
    each_image_row(s, [&](std::size_t from, std::size_t to, std::size_t pixels) {
      encode_bytes(x.subspan(from * channels, pixels * channels), scale, from * channels, bytes + to * room,
                   squares == nullptr ? nullptr : squares + to * room);
    });
    return;
  }
  const std::size_t padded = static_cast<std::size_t>(s.padded_height()) * static_cast<std::size_t>(s.padded_width());
  encode_bytes(x, scale, 0, scratch, squares == nullptr ? nullptr : scratch + x.size());
  const auto place = [&](const std::uint8_t* in, std::uint8_t padding, std::uint8_t* out) {
    std::memset(out, padding, padded * room);
    each_image_row(s, [&](std::size_t from, std::size_t to, std::size_t pixels) {
      for (std::size_t p = 0; p < pixels; ++p) std::copy_n(in + (from + p) * channels, channels, out + (to + p) * room);
    });
  };
  place(scratch, 0x80, bytes);
  if (squares != nullptr) place(scratch + x.size(), 0, squares);
}

}  // namespace ohmic
