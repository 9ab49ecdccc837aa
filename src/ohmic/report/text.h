#pragma once

// Text for the page: escaping, widths and numbers as people write them. All output is UTF-8.

#include <string>
#include <string_view>

namespace ohmic::report {

/// Text made harmless for HTML and SVG, in element content and in quoted attributes. Bytes that are not UTF-8, control
/// characters and bidirectional overrides (which could reorder the page around them) become U+FFFD.
std::string escape_html(std::string_view text);

/// At most `max_characters` code points; a longer text ends in an ellipsis.
std::string shorten(std::string_view text, std::size_t max_characters);

/// An estimate of the width of `text` in px, from the safe side: SVG made ahead of time cannot measure its font.
double text_width(std::string_view text, double font_size);

/// What stands for a value that a record lacks.
inline constexpr std::string_view kNoValue = "–";

/// A whole number with thousands separators, "1,234,567".
std::string format_count(double value);

/// `digits` significant digits without an exponent where that stays readable: "0.0123", "1.9", "98,000", "3.2e-09".
std::string format_significant(double value, int digits);

/// A fraction as a percentage, "97.82 %" (with a no-break space).
std::string format_percent(double fraction, int decimals = 2);

/// A short count for an axis: "250", "10k", "1.5M".
std::string format_compact(double value);

/// A time in the two largest units that matter: "45.1 s", "2 min 10 s", "5 h 0 min", "12.4 d", "1.2 y".
std::string format_duration(double seconds);

/// A tick label with just the decimals that `step` needs and a true minus sign.
std::string format_tick(double value, double step);

/// "1 run", "5 runs".
std::string format_plural(std::size_t count, std::string_view noun);

}  // namespace ohmic::report
