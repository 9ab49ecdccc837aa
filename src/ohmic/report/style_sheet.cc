#include <fmt/format.h>

#include "ohmic/report/html_page.h"
#include "ohmic/report/palette.h"

namespace ohmic::report {
namespace {

constexpr std::string_view kLightTheme =
    "--page:#fff;--ink:#1b2127;--quiet:#59636e;--rule:#d9dee3;--grid:#e8ebee;--panel:#f5f7f8;"
    "--warn-page:#fff3dc;--warn-rule:#d98e04;--warn-ink:#5c3a00;";
constexpr std::string_view kDarkTheme =
    "--page:#15191d;--ink:#e7ebee;--quiet:#a3adb7;--rule:#3a434c;--grid:#272e35;--panel:#1d2329;"
    "--warn-page:#332608;--warn-rule:#d98e04;--warn-ink:#ffdf9e;";

constexpr std::string_view kRules = R"(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
  font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1040px;margin:0 auto;padding:40px 40px 64px}
h1,h2,h3{line-height:1.25;margin:0;font-weight:650;overflow-wrap:anywhere}
h1{font-size:30px;letter-spacing:-.01em}
h2{font-size:20px;margin-bottom:14px}
h3{font-size:15px;margin:0 0 6px}
p{margin:0}
img.samples{display:block;width:min(100%,728px);image-rendering:pixelated;margin:8px 0 20px}
pre.samples{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px;background:var(--panel);padding:12px;margin:8px 0 20px}
header{border-bottom:1px solid var(--rule);padding-bottom:24px}
.finding{font-size:20px;line-height:1.45;margin-top:12px;max-width:46em;overflow-wrap:anywhere}
.meta{color:var(--quiet);font-size:14px;margin-top:12px;overflow-wrap:anywhere}
.meta span+span::before{content:"·";padding:0 .5em}
section{margin-top:44px}
.note{color:var(--quiet);font-size:13.5px;margin-top:8px;max-width:62em;overflow-wrap:anywhere}
.warning{background:var(--warn-page);color:var(--warn-ink);border-left:4px solid var(--warn-rule);
  padding:12px 16px;margin-top:24px;overflow-wrap:anywhere}
.pill{display:inline-block;font-size:.85em;font-weight:600;line-height:1.5;padding:0 .6em;border-radius:.8em;text-indent:0;
  background:var(--warn-page);color:var(--warn-ink);white-space:nowrap}
.swatch{display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--k);margin-right:8px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;line-height:1.35;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
th,td{text-align:left;vertical-align:baseline;padding:7px 0 7px 14px;border-bottom:1px solid var(--grid);font-weight:400}
th:first-child,td:first-child{padding-left:0}
.number{text-align:right;white-space:nowrap}
thead th{color:var(--quiet);font-size:12.5px;vertical-align:bottom;border-bottom-color:var(--rule)}
thead .number{white-space:normal}
tbody th:first-child{font-weight:600;overflow-wrap:anywhere;min-width:9em}
tr>:first-child{position:sticky;left:0;background:var(--page)}
.run{padding-left:18px;text-indent:-18px}
.sub{color:var(--quiet);font-weight:400}
svg.chart{display:block;width:100%;height:auto;overflow:visible}
svg.narrow{display:none}
svg.histogram{max-width:560px}
.pair+h3{margin-top:28px}
svg text{font-family:inherit;font-size:13px;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick,svg .axis-title{fill:var(--quiet)}
svg.histogram text{font-size:12px}
svg .panel-name{font-weight:600}
svg .label{fill:var(--k)}
svg .value{fill:var(--k);font-weight:650}
.grid{stroke:var(--grid);fill:none}
.axis{stroke:var(--quiet);fill:none}
.leader{stroke:var(--rule);fill:none}
.line{stroke:var(--k);stroke-width:2;fill:none;stroke-linejoin:round;stroke-linecap:round}
.dashed{stroke-dasharray:7 5}
.dotted{stroke-dasharray:1 5}
.band{fill:var(--k);opacity:.16}
.bar{stroke:var(--k);stroke-width:1.3;fill:none}
.mark{fill:var(--k);stroke:var(--page);stroke-width:1}
.fill{fill:var(--k);opacity:.2}
.step{stroke:var(--k);stroke-width:1.4;fill:none;stroke-linejoin:round}
.hover{fill:transparent;pointer-events:all}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr));gap:8px 40px;margin-top:10px}
details{border-top:1px solid var(--rule);padding:9px 0}
details:last-of-type{border-bottom:1px solid var(--rule)}
.chart+details,.note+details,.pair+details{margin-top:16px}
summary{cursor:pointer;font-size:14.5px;overflow-wrap:anywhere}
summary:hover{color:var(--c0)}
.settings{columns:3 270px;column-gap:36px;margin-top:12px;font-size:13px;line-height:1.4}
.settings>div{break-inside:avoid;margin-bottom:16px}
dl{margin:0}
dl>div{display:flex;justify-content:space-between;gap:12px;border-bottom:1px solid var(--grid);padding:2px 0}
dt{color:var(--quiet);overflow-wrap:anywhere;flex:none;max-width:60%}
dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
@media (max-width:640px){
  main{padding:24px 16px 48px}
  h1{font-size:25px}
  .finding{font-size:17.5px}
  section{margin-top:36px}
  svg.wide{display:none}
  svg.narrow{display:block}
}
@media print{
  body{font-size:11pt}
  main{max-width:none;padding:0}
  svg.wide{display:block}
  svg.narrow{display:none}
  section{margin-top:24pt}
  h2,h3{break-after:avoid}
  svg,tr,.warning{break-inside:avoid}
  table{font-size:8pt}
  thead th{font-size:7.5pt}
  th,td{padding-left:7pt}
  tbody th:first-child{min-width:0}
  .scroll{overflow:visible}
  .warning,.pill{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
)";

std::string palette_variables(std::string_view SeriesColour::*theme) {
  std::string variables;
  for (std::size_t k = 0; k < kPalette.size(); ++k) variables += fmt::format("--c{}:{};", k, kPalette[k].*theme);
  return variables;
}

}  // namespace

std::string style_sheet() {
  std::string css =
      fmt::format(":root{{color-scheme:light dark;{}{}}}\n", kLightTheme, palette_variables(&SeriesColour::light));
  // Paper is white whatever the screen prefers.
  css += fmt::format("@media screen and (prefers-color-scheme:dark){{:root{{{}{}}}}}\n", kDarkTheme,
                     palette_variables(&SeriesColour::dark));
  for (std::size_t k = 0; k < kPalette.size(); ++k) css += fmt::format(".k{0}{{--k:var(--c{0})}}\n", k);
  css += kRules.substr(1);
  return css;
}

}  // namespace ohmic::report
