#include "ohmic/device/measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "ohmic/core/config.h"
#include "ohmic/core/error.h"
#include "ohmic/device/csv_table.h"

namespace ohmic {
namespace {

struct UnitName {
  ConductanceUnit unit;
  std::string_view name;
  double in_us;
};
constexpr std::array<UnitName, 4> kUnits = {{{ConductanceUnit::nanosiemens, "nS", 1e-3},
                                             {ConductanceUnit::microsiemens, "uS", 1},
                                             {ConductanceUnit::millisiemens, "mS", 1e3},
                                             {ConductanceUnit::siemens, "S", 1e6}}};
constexpr double kMostLikelyUs = 1e4, kLeastLikelyUs = 1e-3;  ///< a median beyond speaks for another unit
constexpr std::uint32_t kMostPulsesOfRow = 100000;
constexpr std::int64_t kLongestGap = 100;
constexpr std::size_t kMostNamed = 3;  ///< of many equal oddities, so many are named

const UnitName& details(ConductanceUnit unit) {
  return *std::find_if(kUnits.begin(), kUnits.end(), [&](const UnitName& u) { return u.unit == unit; });
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

// Both micro signs of Unicode are "u".
std::string without_micro(std::string text) {
  for (const std::string_view micro : {"\xc2\xb5", "\xce\xbc"}) {
    for (std::size_t at = text.find(micro); at != std::string::npos; at = text.find(micro)) {
      text.replace(at, micro.size(), "u");
    }
  }
  return text;
}

const UnitName* find_unit(std::string_view text) {
  const std::string name = lower_case(without_micro(std::string(text)));
  const auto found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return lower_case(u.name) == name; });
  return found == kUnits.end() ? nullptr : &*found;
}

// "conductance (uS)" -> {"conductance", "uS"}; also [uS], _us, a blank.
std::pair<std::string, std::string> split_heading(std::string_view heading) {
  const std::size_t end = heading.find_first_of(" _([");
  if (end == std::string_view::npos) return {lower_case(heading), ""};
  const std::size_t start = heading.find_first_not_of(" _([", end);
  if (start == std::string_view::npos) return {lower_case(heading.substr(0, end)), ""};
  const std::size_t last = heading.find_last_not_of(" )]");
  return {lower_case(heading.substr(0, end)), std::string(heading.substr(start, last - start + 1))};
}

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// Where the columns stand.
struct Columns {
  std::size_t cell = kNone, pulse = kNone, conductance = kNone, time = kNone, read = kNone;
  std::string conductance_unit;
};

constexpr std::array<std::pair<std::string_view, std::size_t Columns::*>, 5> kColumns = {
    {{"cell", &Columns::cell},
     {"pulse", &Columns::pulse},
     {"conductance", &Columns::conductance},
     {"time", &Columns::time},
     {"read", &Columns::read}}};

/// Other names by which people call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kSynonyms = {{{"cells", "cell"},
                                                                                     {"device", "cell"},
                                                                                     {"devices", "cell"},
                                                                                     {"pulses", "pulse"},
                                                                                     {"g", "conductance"},
                                                                                     {"conductances", "conductance"},
                                                                                     {"t", "time"},
                                                                                     {"times", "time"},
                                                                                     {"reads", "read"}}};

std::string column_name(const std::string& heading) {
  const auto* const synonym =
      std::find_if(kSynonyms.begin(), kSynonyms.end(), [&](const auto& s) { return s.first == heading; });
  return synonym == kSynonyms.end() ? heading : std::string(synonym->second);
}

std::string known_columns() {
  return "cell, pulse, conductance and, if recorded, time and read, one row for each read";
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

[[noreturn]] void fail_unknown_column(const CsvTable& table, const std::string& heading) {
  const std::vector<std::string> names = {"cell", "pulse", "conductance", "time", "read"};
  const std::string place = table.place(table.header_line);
  if (is_number(heading)) {
    fail("{}: this should be the header, but it holds the number {}; name the columns in the first line: {}", place,
         heading, known_columns());
  }
  const std::string near = nearest_name(split_heading(heading).first, names);
  fail("{}: the column \"{}\" is unknown{}; the columns are {}; rename it, or remove it", place, heading,
       near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near), known_columns());
}

void take_column(Columns& columns, const CsvTable& table, std::size_t index) {
  const auto [heading, unit] = split_heading(table.header[index]);
  const std::string name = column_name(heading), place = table.place(table.header_line);
  const auto* const known =
      std::find_if(kColumns.begin(), kColumns.end(), [&](const auto& c) { return c.first == name; });
  if (known == kColumns.end()) fail_unknown_column(table, table.header[index]);
  if (columns.*known->second != kNone) {
    fail("{}: there are two columns \"{}\" (\"{}\" and \"{}\"); keep one", place, name,
         table.header[columns.*known->second], table.header[index]);
  }
  columns.*known->second = index;
  if (name == "conductance") columns.conductance_unit = unit;
  if (name == "time" && !unit.empty() && unit != "s") {
    fail("{}: the column \"{}\" must be in seconds since the pulse; convert it", place, table.header[index]);
  }
}

Columns find_columns(const CsvTable& table) {
  Columns columns;
  for (std::size_t k = 0; k < table.header.size(); ++k) take_column(columns, table, k);
  for (const auto& [name, column] : kColumns) {
    if (name == "time" || name == "read" || columns.*column != kNone) continue;
    fail(
        "{}: the column \"{}\" is missing from the header \"{}\"; the columns are {}, between commas, semicolons or "
        "tabs",
        table.place(table.header_line), name, fmt::join(table.header, std::string(1, table.separator)),
        known_columns());
  }
  return columns;
}

const UnitName& resolve_unit(const Columns& columns, const CsvTable& table, std::optional<ConductanceUnit> wanted) {
  const UnitName* stated = nullptr;
  if (!columns.conductance_unit.empty()) {
    stated = find_unit(columns.conductance_unit);
    if (stated == nullptr) {
      fail("{}: the column \"{}\" has no known unit; use nS, uS, mS or S", table.place(table.header_line),
           table.header[columns.conductance]);
    }
  }
  if (stated != nullptr && wanted && stated->unit != *wanted) {
    fail("{}: the column \"{}\" is in {}, but --unit says {}; leave out --unit, or correct the heading",
         table.place(table.header_line), table.header[columns.conductance], stated->name, details(*wanted).name);
  }
  return stated != nullptr ? *stated : details(wanted.value_or(ConductanceUnit::microsiemens));
}

bool is_missing(std::string_view field) {
  constexpr std::array<std::string_view, 7> kMissing = {"", "nan", "na", "n/a", "null", "none", "-"};
  return std::find(kMissing.begin(), kMissing.end(), lower_case(field)) != kMissing.end();
}

// 0,5 for 0.5, as spreadsheets of many countries write it; a number with both signs is left alone.
std::string with_decimal_point(std::string field) {
  if (std::count(field.begin(), field.end(), ',') == 1 && field.find('.') == std::string::npos) {
    field[field.find(',')] = '.';
  }
  return field;
}

double parse_number(const std::string& text, std::string_view column, const CsvTable& table, std::size_t line) {
  double value = 0;
  const std::string field = with_decimal_point(text);
  const char* end = field.data() + field.size();
  const char* start = field.data() + (field.starts_with('+') ? 1 : 0);
  const auto [stop, error] = std::from_chars(start, end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) {
    fail("{}: {} = \"{}\" is not a number; write it like 1.25 or 3e-6, or leave it empty if it is missing",
         table.place(line), column, text);
  }
  return value;
}

std::uint32_t parse_count(const std::string& field, std::string_view column, const CsvTable& table, std::size_t line) {
  const double value = is_missing(field) ? -1 : parse_number(field, column, table, line);
  if (value < 0 || value != std::floor(value) || value > kMostPulsesOfRow) {
    fail("{}: {} = \"{}\" must be a whole number from 0 to {}{}", table.place(line), column, field, kMostPulsesOfRow,
         column == "pulse" ? " (SET pulses since RESET; 0 is after RESET)" : "");
  }
  return static_cast<std::uint32_t>(value);
}

double parse_time_s(const std::string& field, const CsvTable& table, std::size_t line) {
  const double time = is_missing(field) ? -1 : parse_number(field, "time", table, line);
  if (!(time > 0)) {
    fail(
        "{}: time = \"{}\" must be a number of seconds above 0, counted from the last pulse; fill it in, or remove the "
        "row",
        table.place(line), field);
  }
  return time;
}

/// Many oddities of one kind as one warning that names the first few.
class Oddities {
 public:
  void add(std::string place) {
    if (places_.size() < kMostNamed) places_.push_back(std::move(place));
    ++count_;
  }
  void report(std::vector<std::string>& warnings, std::string_view what) const {
    if (count_ == 0) return;
    warnings.push_back(
        fmt::format("{}: {} ({}{})", what, count_, fmt::join(places_, ", "), count_ > places_.size() ? ", ..." : ""));
  }

 private:
  std::vector<std::string> places_;
  std::size_t count_ = 0;
};

/// Puts rows into cells.
class Collector {
 public:
  Collector(const CsvTable& table, const Columns& columns, const UnitName& unit)
      : table_(table), columns_(columns), unit_(unit) {}

  void add(const CsvRow& row);
  Measurements finish();

 private:
  struct Key {
    std::size_t cell;
    std::uint32_t pulse;
    double time;
    std::uint32_t read;
    auto operator<=>(const Key&) const = default;
  };
  struct Seen {
    double conductance;
    std::size_t line;
  };

  std::size_t cell_index(const CsvRow& row);
  bool is_duplicate(const Key& key, const Seen& seen);
  void require_likely_unit() const;
  void require_positive() const;
  void require_short_gaps() const;
  void leave_out_far_ones();
  void note_gaps();
  void fill_cells();

  const CsvTable& table_;
  const Columns& columns_;
  const UnitName& unit_;
  Measurements result_;
  std::map<std::string, std::size_t> names_;
  std::multimap<Key, Seen> seen_;
  Oddities missing_, duplicates_, negatives_, commas_, far_out_;
};

std::size_t Collector::cell_index(const CsvRow& row) {
  const std::string& name = row.fields[columns_.cell];
  if (name.empty()) fail("{}: the cell has no name; fill in the column \"cell\"", table_.place(row.line));
  const auto [found, is_new] = names_.try_emplace(name, result_.cells.size());
  if (is_new) result_.cells.push_back({name, {}});
  return found->second;
}

// Equal reads of one cell and pulse happen by chance only if instruments round; equal rows are rather pasted twice.
bool Collector::is_duplicate(const Key& key, const Seen& seen) {
  const auto [first, last] = seen_.equal_range(key);
  for (auto other = first; other != last; ++other) {
    if (columns_.read != kNone && other->second.conductance != seen.conductance) {
      fail("{}: cell, pulse, time and read are those of line {}, but the conductance differs; keep one of them",
           table_.place(seen.line), other->second.line);
    }
    if (other->second.conductance != seen.conductance) continue;
    duplicates_.add(fmt::format("{} repeats line {}", table_.place(seen.line), other->second.line));
    return true;
  }
  seen_.emplace(key, seen);
  return false;
}

void Collector::add(const CsvRow& row) {
  const std::size_t cell = cell_index(row);
  const std::uint32_t pulse = parse_count(row.fields[columns_.pulse], "pulse", table_, row.line);
  const double time = columns_.time == kNone ? -1 : parse_time_s(row.fields[columns_.time], table_, row.line);
  const std::uint32_t read =
      columns_.read == kNone ? 0 : parse_count(row.fields[columns_.read], "read", table_, row.line);
  const std::string& field = row.fields[columns_.conductance];
  if (is_missing(field)) return missing_.add(table_.place(row.line));
  const double conductance = unit_.in_us * parse_number(field, "conductance", table_, row.line);
  if (field.find(',') != std::string::npos) commas_.add(fmt::format("{}: {}", table_.place(row.line), field));
  if (is_duplicate({cell, pulse, time, read}, {conductance, row.line})) return;
  if (conductance < 0) negatives_.add(table_.place(row.line));
}

double middle_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The unit under which a median is nearest to 1 to 100 uS.
std::string_view likely_unit(double median_in_stated, const UnitName& stated) {
  const UnitName* best = &kUnits.front();
  const auto distance = [&](const UnitName& u) {
    return std::abs(std::log10(median_in_stated / stated.in_us * u.in_us / 10));
  };
  for (const UnitName& unit : kUnits) {
    if (distance(unit) < distance(*best)) best = &unit;
  }
  return best->name;
}

void Collector::require_likely_unit() const {
  std::vector<double> values;
  for (const auto& [key, seen] : seen_) {
    if (key.pulse > 0) values.push_back(std::abs(seen.conductance));
  }
  if (values.empty()) return;
  const double median = middle_of(std::move(values));
  if (median <= kMostLikelyUs && median >= kLeastLikelyUs) return;
  if (median == 0) fail("{}: more than half of the conductances are 0; were they measured?", table_.source);
  fail(
      "{}: the median conductance would be {:.3g} uS, taken as {}; that is {} any memory cell's, and the numbers suit "
      "{}: say --unit {} or name the unit in the heading (conductance_{})",
      table_.source, median, unit_.name, median > kMostLikelyUs ? "above" : "below", likely_unit(median, unit_),
      likely_unit(median, unit_), likely_unit(median, unit_));
}

void Collector::require_positive() const {
  const auto is_negative = [](const auto& entry) { return entry.second.conductance < 0; };
  const auto negative = std::find_if(seen_.begin(), seen_.end(), is_negative);
  const auto count = static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), is_negative));
  if (2 * count <= seen_.size()) return;
  fail(
      "{}: {} of {} conductances are negative ({:.4g} uS here), more than read noise can make so; if they have the "
      "sign "
      "of the current, change it",
      table_.place(negative->second.line), count, seen_.size(), negative->second.conductance);
}

// A slip of the pen or of the instrument is told from a memory cell by its distance to all others.
void Collector::leave_out_far_ones() {
  constexpr double kFar = 5;  // times the range of the middle 90 %
  std::vector<double> values;
  for (const auto& [key, seen] : seen_) values.push_back(seen.conductance);
  if (values.size() < kMostNamed) return;
  std::sort(values.begin(), values.end());
  const std::size_t tail = std::max(values.size() / 20, std::min<std::size_t>(2, values.size() / 4));
  const double low = values[tail], high = values[values.size() - 1 - tail];
  const double margin = kFar * (high - low);
  const auto is_far = [&](double v) { return margin > 0 && (v < low - margin || v > high + margin); };
  for (const auto& [key, seen] : seen_) {
    if (is_far(seen.conductance)) far_out_.add(fmt::format("{}: {:.4g} uS", table_.place(seen.line), seen.conductance));
  }
  std::erase_if(seen_, [&](const auto& entry) { return is_far(entry.second.conductance); });
  far_out_.report(result_.warnings,
                  fmt::format("conductances below {:.4g} or above {:.4g} uS, far from all others, left out",
                              low - margin, high + margin));
}

// Each place without a read costs as much time as one with a read, and says nothing.
void Collector::require_short_gaps() const {
  std::size_t cell = kNone;
  std::int64_t before = -1;
  for (const auto& [key, seen] : seen_) {
    if (key.cell != cell) cell = key.cell, before = -1;
    const std::int64_t gap = key.pulse - before - 1;
    if (gap > kLongestGap) {
      fail(
          "{}: pulse = {}, but cell {} was not read after the {} pulses before; the fit goes across {} at most; "
          "correct "
          "the number, or count from the RESET as 0",
          table_.place(seen.line), key.pulse, result_.cells[cell].name, gap, kLongestGap);
    }
    before = key.pulse;
  }
}

void Collector::fill_cells() {
  for (const auto& [key, seen] : seen_) {
    auto& pulses = result_.cells[key.cell].pulses;
    if (pulses.size() <= key.pulse) pulses.resize(key.pulse + 1);
    pulses[key.pulse].push_back({seen.conductance, key.time > 0 ? key.time : std::numeric_limits<double>::quiet_NaN()});
  }
  std::erase_if(result_.cells, [](const MeasuredCell& cell) { return cell.pulses.empty(); });
}

void Collector::note_gaps() {
  Oddities gaps;
  for (const MeasuredCell& cell : result_.cells) {
    for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
      if (cell.pulses[n].empty()) gaps.add(fmt::format("cell {} pulse {}", cell.name, n));
    }
  }
  const bool has_reset = std::any_of(result_.cells.begin(), result_.cells.end(),
                                     [](const MeasuredCell& cell) { return !cell.pulses.front().empty(); });
  if (!has_reset && !result_.cells.empty()) {
    result_.warnings.push_back(
        "no cell was read after RESET (pulse 0): its constants are inferred from what follows; if the table counts "
        "from "
        "1, subtract 1");
  }
  gaps.report(result_.warnings, "places in the cells' sequences without a read, across which the fit goes on");
}

Measurements Collector::finish() {
  result_.source = table_.source;
  result_.has_times = columns_.time != kNone;
  commas_.report(result_.warnings, "decimal commas, read as points");
  missing_.report(result_.warnings, "rows without a conductance, left out");
  duplicates_.report(result_.warnings, "rows that repeat others, left out");
  negatives_.report(result_.warnings, "negative conductances, as read noise can make them");
  require_likely_unit();
  require_positive();
  leave_out_far_ones();
  require_short_gaps();
  fill_cells();
  note_gaps();
  return std::move(result_);
}

void require_enough(const Measurements& measurements) {
  if (measurements.cells.size() < 2) {
    fail(
        "{}: it holds {} with a conductance; spreads need two cells at least, and thirty to be of use; "
        "measure more",
        measurements.source, measurements.cells.empty() ? "no cell" : "one cell");
  }
  if (measurements.pulse_count() < 3) {
    fail(
        "{}: the cells have seen at most {} SET pulse{}; steps and their memory need three pulses at least; "
        "measure more",
        measurements.source, measurements.pulse_count(), measurements.pulse_count() == 1 ? "" : "s");
  }
}

}  // namespace

std::size_t Measurements::read_count() const {
  std::size_t count = 0;
  for (const MeasuredCell& cell : cells) {
    for (const PulseReads& reads : cell.pulses) count += reads.size();
  }
  return count;
}

std::size_t Measurements::pulse_count() const {
  std::size_t most = 0;
  for (const MeasuredCell& cell : cells) most = std::max(most, cell.pulses.size());
  return most == 0 ? 0 : most - 1;
}

ConductanceUnit parse_conductance_unit(std::string_view text) {
  const UnitName* unit = find_unit(text);
  if (unit == nullptr) fail("--unit {}: there is no such unit of conductance here; choose from nS, uS, mS, S", text);
  return unit->unit;
}

Measurements read_measurements(std::string_view text, std::string_view source, std::optional<ConductanceUnit> unit) {
  const CsvTable table = parse_csv(text, source);
  const Columns columns = find_columns(table);
  Collector collector(table, columns, resolve_unit(columns, table, unit));
  for (const CsvRow& row : table.rows) collector.add(row);
  Measurements measurements = collector.finish();
  require_enough(measurements);
  return measurements;
}

std::string to_csv(const Measurements& measurements) {
  std::string text =
      measurements.has_times ? "cell,pulse,read,time,conductance_uS\n" : "cell,pulse,read,conductance_uS\n";
  for (const MeasuredCell& cell : measurements.cells) {
    for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
      for (std::size_t r = 0; r < cell.pulses[n].size(); ++r) {
        const CellRead& read = cell.pulses[n][r];
        const std::string time = measurements.has_times ? fmt::format(",{}", read.time_s) : "";
        fmt::format_to(std::back_inserter(text), "{},{},{}{},{:.6g}\n", cell.name, n, r + 1, time, read.conductance_us);
      }
    }
  }
  return text;
}

}  // namespace ohmic
