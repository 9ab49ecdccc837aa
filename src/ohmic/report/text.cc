#include "ohmic/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ohmic::report {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// How many continuation bytes follow a lead byte, or -1 if it cannot lead.
int continuation_bytes(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead < 0xE0) return 1;
  if (lead >= 0xE0 && lead < 0xF0) return 2;
  if (lead >= 0xF0 && lead < 0xF5) return 3;
  return -1;
}

bool is_overlong_or_surrogate(char32_t code, int continuation) {
  constexpr std::array<char32_t, 4> kSmallest = {0, 0x80, 0x800, 0x10000};
  return code < kSmallest[continuation] || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF;
}

/// Reads one code point at `at` and moves past it; a bad byte yields U+FFFD and moves by one.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int continuation = continuation_bytes(lead);
  if (continuation < 0 || at + continuation > text.size()) return kReplacement;
  char32_t code = continuation == 0 ? lead : lead & (0x3F >> continuation);
  for (int k = 0; k < continuation; ++k) {
    const auto byte = static_cast<unsigned char>(text[at + k]);
    if ((byte & 0xC0) != 0x80) return kReplacement;
    code = (code << 6) | (byte & 0x3F);
  }
  if (is_overlong_or_surrogate(code, continuation)) return kReplacement;
  at += continuation;
  return code;
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> codes;
  codes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) codes.push_back(next_code_point(text, at));
  return codes;
}

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int continuation = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const auto lead_mark = static_cast<std::uint32_t>(0xFF00 >> (continuation + 1)) & 0xFF;
  out += static_cast<char>(lead_mark | (code >> (6 * continuation)));
  for (int k = continuation - 1; k >= 0; --k) out += static_cast<char>(0x80 | ((code >> (6 * k)) & 0x3F));
}

bool is_control(char32_t code) {
  return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0);
}

bool is_bidirectional_override(char32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F;
}

void append_escaped(std::string& out, char32_t code) {
  switch (code) {
    case '&':
      out += "&amp;";
      return;
    case '<':
      out += "&lt;";
      return;
    case '>':
      out += "&gt;";
      return;
    case '"':
      out += "&quot;";
      return;
    case '\'':
      out += "&#39;";
      return;
    default:
      append_utf8(out, is_control(code) || is_bidirectional_override(code) ? kReplacement : code);
  }
}

/// Puts separators into the integer part of a decimal number.
std::string with_thousands(std::string number) {
  const std::size_t start = number.starts_with('-') ? 1 : 0;
  const std::size_t end = std::min(number.find('.'), number.size());
  for (std::size_t at = end; at > start + 3; at -= 3) number.insert(at - 3, ",");
  return number;
}

std::string with_true_minus(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, "−");
  return number;
}

/// Rounds first, so that 59.99 min reads "1 h 0 min" and never "60 min".
std::string two_units(double value, double parts, std::string_view unit, std::string_view part_unit) {
  const double total = std::round(value * parts);
  return fmt::format("{:.0f} {} {:.0f} {}", std::floor(total / parts), unit, std::fmod(total, parts), part_unit);
}

/// In em, after DejaVu Sans, the widest of the fonts that the page may get.
double character_width(char32_t code) {
  // From Hangul and the CJK blocks on, a character fills the em.
  if (code >= 0x1100 && (code < 0x2000 || code >= 0x2E80)) return 1.0;
  const auto is_one_of = [code](std::u32string_view set) { return set.find(code) != std::u32string_view::npos; };
  if (is_one_of(U"ijl .,:;'|!")) return 0.34;
  if (is_one_of(U"frtI()[]-/")) return 0.42;
  if (is_one_of(U"mwMW@%")) return 0.98;
  return code >= 'A' && code <= 'Z' ? 0.72 : 0.63;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char32_t code : code_points(text)) append_escaped(out, code);
  return out;
}

std::string shorten(std::string_view text, std::size_t max_characters) {
  std::vector<char32_t> codes = code_points(text);
  if (codes.size() > max_characters) {
    codes.resize(std::max<std::size_t>(max_characters, 1) - 1);
    codes.push_back(U'…');
  }
  std::string out;
  for (const char32_t code : codes) append_utf8(out, code);
  return out;
}

double text_width(std::string_view text, double font_size) {
  double ems = 0;
  for (const char32_t code : code_points(text)) ems += character_width(code);
  return ems * font_size;
}

std::string format_count(double value) {
  if (!std::isfinite(value)) return std::string(kNoValue);
  return with_true_minus(with_thousands(fmt::format("{:.0f}", value)));
}

std::string format_significant(double value, int digits) {
  if (!std::isfinite(value)) return std::string(kNoValue);
  if (value == 0) return "0";
  const double magnitude = std::abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e15) return with_true_minus(fmt::format("{:.{}e}", value, digits - 1));
  const int exponent = static_cast<int>(std::floor(std::log10(magnitude)));
  const int decimals = std::max(0, digits - 1 - exponent);
  if (exponent >= digits) {
    const double unit = std::pow(10.0, exponent - digits + 1);
    value = std::round(value / unit) * unit;
  }
  return with_true_minus(with_thousands(fmt::format("{:.{}f}", value, decimals)));
}

std::string format_percent(double fraction, int decimals) {
  if (!std::isfinite(fraction)) return std::string(kNoValue);
  return with_true_minus(fmt::format("{:.{}f}\u00a0%", 100 * fraction, decimals));
}

std::string format_compact(double value) {
  if (!std::isfinite(value)) return std::string(kNoValue);
  struct Suffix {
    double unit;
    const char* text;
  };
  for (const Suffix& suffix : {Suffix{1e12, "T"}, Suffix{1e9, "G"}, Suffix{1e6, "M"}, Suffix{1e3, "k"}}) {
    if (std::abs(value) >= suffix.unit)
      return with_true_minus(fmt::format("{:.3g}{}", value / suffix.unit, suffix.text));
  }
  return with_true_minus(fmt::format("{:.3g}", value));
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return std::string(kNoValue);
  if (seconds == 0) return "0 s";
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  if (seconds < 3599.5) return two_units(seconds / 60, 60, "min", "s");
  if (seconds < 86400 - 30) return two_units(seconds / 3600, 60, "h", "min");
  if (seconds < 365 * 86400.0) return fmt::format("{:.1f} d", seconds / 86400);
  return format_significant(seconds / (365 * 86400.0), 3) + " y";
}

std::string format_tick(double value, double step) {
  const double magnitude = std::max(std::abs(value), std::abs(step));
  if (magnitude >= 1e6 || (magnitude > 0 && magnitude < 1e-4)) return with_true_minus(fmt::format("{:.3g}", value));
  int decimals = 0;
  // A step of 0.25 needs two decimals although its magnitude asks for one.
  for (double scaled = std::abs(step); decimals < 8 && std::abs(scaled - std::round(scaled)) > 1e-6 * scaled;
       scaled *= 10)
    ++decimals;
  if (std::abs(value) < 1e-9 * std::abs(step)) value = 0;
  return with_true_minus(with_thousands(fmt::format("{:.{}f}", value, decimals)));
}

std::string format_plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(static_cast<double>(count)), noun, count == 1 ? "" : "s");
}

}  // namespace ohmic::report
