#pragma once

// Series colours. Within each theme every pair stays at least 13 apart (CIE76, in CIELAB) in normal vision and under
// simulated deuteranopia, protanopia and tritanopia (Machado et al. 2009, severity 1), and each has a contrast of at
// least 4.5 with the page, so that labels may be written in the colour of their line. Markers and direct labels say the
// same again.

#include <array>
#include <string_view>

namespace ohmic::report {

struct SeriesColour {
  std::string_view light;  ///< on the white page
  std::string_view dark;   ///< on the dark page
};

inline constexpr std::array<SeriesColour, 7> kPalette = {{{"#1668dc", "#5796ff"},
                                                          {"#c84a06", "#fa7030"},
                                                          {"#0d5a48", "#48e0a0"},
                                                          {"#a8429d", "#d57aa4"},
                                                          {"#5e4416", "#efd24a"},
                                                          {"#6a1bb0", "#c39bea"},
                                                          {"#6e747c", "#c3c8ce"}}};

/// The last colour, grey, is kept for references such as the run in floating point.
inline constexpr int kNeutralColour = 6;

}  // namespace ohmic::report
