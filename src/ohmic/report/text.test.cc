#include "ohmic/report/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ohmic::report {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

TEST(EscapeHtml, MakesMarkupHarmless) {
  EXPECT_EQ(escape_html("<script>alert('1 & \"2\"')</script>"),
            "&lt;script&gt;alert(&#39;1 &amp; &quot;2&quot;&#39;)&lt;/script&gt;");
}

TEST(EscapeHtml, KeepsUnicode) { EXPECT_EQ(escape_html("µS, Größe, 電気, 🔬"), "µS, Größe, 電気, 🔬"); }

TEST(EscapeHtml, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(escape_html("a\xFF"), "a\uFFFD");
  EXPECT_EQ(escape_html("\xC3"), "\uFFFD") << "cut in a character";
  EXPECT_EQ(escape_html("\xC0\xBC"), "\uFFFD\uFFFD") << "an overlong <";
  EXPECT_EQ(escape_html("\xED\xA0\x80").find('\xED'), std::string::npos) << "a surrogate";
}

TEST(EscapeHtml, ReplacesControlsAndOverrides) {
  EXPECT_EQ(escape_html(std::string_view("a\0b\x1B", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(escape_html("\u202Egnp.exe"), "\uFFFDgnp.exe");
}

TEST(Shorten, CountsCodePoints) {
  EXPECT_EQ(shorten("µµµµ", 4), "µµµµ");
  EXPECT_EQ(shorten("µµµµµ", 4), "µµµ…");
  EXPECT_EQ(shorten("", 4), "");
}

TEST(TextWidth, GrowsWithTextAndFont) {
  EXPECT_LT(text_width("ill", 12), text_width("WWW", 12));
  EXPECT_DOUBLE_EQ(text_width("abc", 24), 2 * text_width("abc", 12));
  EXPECT_DOUBLE_EQ(text_width("電気", 10), 20);
}

TEST(FormatCount, SeparatesThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(35776800000), "35,776,800,000");
  EXPECT_EQ(format_count(-1234567), "−1,234,567");
  EXPECT_EQ(format_count(kNotANumber), kNoValue);
}

TEST(FormatSignificant, AvoidsExponents) {
  EXPECT_EQ(format_significant(1.876, 2), "1.9");
  EXPECT_EQ(format_significant(0.012345, 3), "0.0123");
  EXPECT_EQ(format_significant(98123, 2), "98,000");
  EXPECT_EQ(format_significant(30.1, 3), "30.1");
  EXPECT_EQ(format_significant(3.2e-9, 2), "3.2e-09");
  EXPECT_EQ(format_significant(0, 3), "0");
  EXPECT_EQ(format_significant(kNotANumber, 3), kNoValue);
}

TEST(FormatPercent, HasNoBreakSpace) {
  EXPECT_EQ(format_percent(0.9782), "97.82\u00a0%");
  EXPECT_EQ(format_percent(1, 1), "100.0\u00a0%");
  EXPECT_EQ(format_percent(kNotANumber), kNoValue);
}

TEST(FormatCompact, UsesSuffixes) {
  EXPECT_EQ(format_compact(250), "250");
  EXPECT_EQ(format_compact(10000), "10k");
  EXPECT_EQ(format_compact(1.5e6), "1.5M");
}

TEST(FormatDuration, ChoosesUnits) {
  EXPECT_EQ(format_duration(0.25), "250 ms");
  EXPECT_EQ(format_duration(45.1), "45.1 s");
  EXPECT_EQ(format_duration(130), "2 min 10 s");
  EXPECT_EQ(format_duration(18000), "5 h 0 min");
  EXPECT_EQ(format_duration(3599.7), "1 h 0 min");
  EXPECT_EQ(format_duration(2 * 86400), "2.0 d");
  EXPECT_EQ(format_duration(365 * 86400), "1.00 y");
  EXPECT_EQ(format_duration(kNotANumber), kNoValue);
}

TEST(FormatTick, ShowsTheDecimalsOfTheStep) {
  EXPECT_EQ(format_tick(97.5, 0.5), "97.5");
  EXPECT_EQ(format_tick(0.75, 0.25), "0.75");
  EXPECT_EQ(format_tick(2000, 1000), "2,000");
  EXPECT_EQ(format_tick(-0.5, 0.5), "−0.5");
  EXPECT_EQ(format_tick(1e-17, 0.1), "0.0") << "the rounding error of 3 x 0.1 - 0.3";
}

}  // namespace
}  // namespace ohmic::report
