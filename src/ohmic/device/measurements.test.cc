// Is every table of measurements that people have at hand read for what it says, or refused by file and line?

#include "ohmic/device/measurements.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/device/csv_table.h"

namespace ohmic {
namespace {

constexpr const char* kSmall =
    "cell,pulse,conductance\n"
    "a,0,0.1\na,1,1.5\na,2,2.5\na,3,3.25\n"
    "b,0,0.2\nb,1,1.0\nb,2,2.0\nb,3,3.0\n";

void expect_refused(const std::string& text, const std::vector<std::string>& parts,
                    std::optional<ConductanceUnit> unit = std::nullopt) {
  try {
    read_measurements(text, "m.csv", unit);
    FAIL() << "was read: " << text;
  } catch (const Error& error) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " is not in: " << error.what();
    }
  }
}

std::string with_rows(const std::string& rows, const std::string& header = "cell,pulse,conductance\n") {
  return std::string(kSmall).replace(0, std::string("cell,pulse,conductance\n").size(), header) + rows;
}

void expect_small(const Measurements& m) {
  ASSERT_EQ(m.cells.size(), 2u);
  EXPECT_EQ(m.cells[0].name, "a");
  EXPECT_EQ(m.pulse_count(), 3u);
  EXPECT_EQ(m.read_count(), 8u);
  EXPECT_DOUBLE_EQ(m.cells[0].pulses[3].at(0).conductance_us, 3.25);
  EXPECT_TRUE(std::isnan(m.cells[0].pulses[3].at(0).time_s));
  EXPECT_TRUE(m.warnings.empty());
}

bool warns(const Measurements& m, const std::string& part) {
  for (const std::string& warning : m.warnings) {
    if (warning.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

TEST(Measurements, AreReadFromPlainCsv) { expect_small(read_measurements(kSmall, "m.csv")); }

TEST(Measurements, AreReadWhateverTheLineEndSeparatorAndMark) {
  expect_small(read_measurements(replaced(kSmall, "\n", "\r\n"), "m.csv"));
  expect_small(read_measurements(replaced(kSmall, "\n", "\r"), "m.csv"));
  expect_small(read_measurements("\xef\xbb\xbf" + std::string(kSmall), "m.csv"));
  expect_small(read_measurements(replaced(kSmall, ",", ";"), "m.csv"));
  expect_small(read_measurements(replaced(kSmall, ",", "\t"), "m.csv"));
  expect_small(read_measurements(replaced(kSmall, ",", " , "), "m.csv"));
  expect_small(
      read_measurements("# wafer 7\n\n  # read at 0.2 V\n" + replaced(kSmall, "b,0", "# lot 2\n\nb,0"), "m.csv"));
  expect_small(read_measurements(std::string(kSmall, std::string(kSmall).size() - 1), "m.csv"));
}

TEST(Measurements, QuotedFieldsMayHoldSeparatorsQuotesAndLineEnds) {
  const Measurements m =
      read_measurements(with_rows("\"c, \"\"7\"\"\",0,\"0.1\"\n\"c, \"\"7\"\"\",1,1\n\"d\ne\",0,0.3\n"), "m.csv");
  EXPECT_EQ(m.cells.at(2).name, "c, \"7\"");
  EXPECT_EQ(m.cells.at(3).name, "d\ne");
}

TEST(Measurements, ColumnsMayStandInAnyOrderAndCase) {
  expect_small(read_measurements(
      "Conductance,Cell,PULSE\n0.1,a,0\n1.5,a,1\n2.5,a,2\n3.25,a,3\n0.2,b,0\n1,b,1\n2,b,2\n3,b,3\n", "m.csv"));
}

TEST(Measurements, OtherNamesOfColumnsAreUnderstood) {
  expect_small(read_measurements(with_rows("", "Device ID,Pulses,G (uS)\n"), "m.csv"));
  expect_refused(with_rows("", "cell,pulse,conductence\n"), {"m.csv:1", "did you mean \"conductance\""});
  expect_refused(with_rows("", "device,cell,conductance\n"), {"two columns \"cell\" (\"device\" and \"cell\")"});
  expect_refused("1,0,0.5\n1,1,2\n", {"m.csv:1", "number 1", "name the columns"});
}

TEST(Measurements, DecimalCommasAreReadWithAWarning) {
  const Measurements m = read_measurements(replaced(replaced(kSmall, ",", ";"), ".", ","), "m.csv");
  EXPECT_EQ(m.cells[0].pulses[3].at(0).conductance_us, 3.25);
  EXPECT_TRUE(warns(m, "decimal commas, read as points: 8 (m.csv:2: 0,1, "));
  EXPECT_EQ(read_measurements(with_rows("c,0,\"0,5\"\n"), "m.csv").cells.at(2).pulses[0].at(0).conductance_us, 0.5);
  expect_refused(with_rows("c,0,\"1,234.5\"\n"), {"m.csv:10", "1,234.5"});
}

TEST(Measurements, BytesThatAreNotUtf8AreTakenForLatin1) {
  const Measurements m =
      read_measurements(with_rows("\xe4,0,1\n\"\xc3\",1,1\n", "cell,pulse,conductance (\xb5S)\n"), "m.csv");
  EXPECT_EQ(m.cells.at(2).name, "\xc3\xa4");
  EXPECT_EQ(m.cells.at(3).name, "\xc3\x83");
  EXPECT_EQ(read_measurements(with_rows("\xe6\xb8\xac,0,1\n"), "m.csv").cells.at(2).name, "\xe6\xb8\xac");
}

TEST(Measurements, TheOrderOfRowsDoesNotMatter) {
  const Measurements m = read_measurements(
      "cell,pulse,conductance\na,3,3.25\nb,1,1.0\na,1,1.5\nb,3,3\nb,0,0.2\na,2,2.5\nb,2,2\na,0,0.1\n", "m.csv");
  expect_small(m);
  EXPECT_EQ(to_csv(m), to_csv(read_measurements(kSmall, "m.csv")));
}

TEST(Measurements, SlipsFarFromAllOthersAreLeftOut) {
  const Measurements m = read_measurements(with_rows("a,4,9999\nb,4,3.5\nc,0,-500\n"), "m.csv");
  EXPECT_EQ(m.cells.size(), 2u);
  EXPECT_EQ(m.cells[0].pulses.size(), 4u);
  EXPECT_TRUE(warns(m, "far from all others, left out: 2 (m.csv:10: 9999 uS, m.csv:12: -500 uS)"));
}

TEST(Measurements, PulsesFarFromAllOthersAreRefused) {
  expect_refused(with_rows("a,99999,3\n"), {"m.csv:10", "pulse = 99999", "cell a", "100 at most"});
  expect_refused("cell,pulse,conductance\na,1000,1\na,1001,2\na,1002,3\na,1003,4\nb,1000,2\n",
                 {"m.csv:2", "pulse = 1000", "count from the RESET as 0"});
  EXPECT_TRUE(warns(read_measurements(replaced(kSmall, ",0,", ",4,"), "m.csv"), "subtract 1"));
}

TEST(Measurements, ConductancesOfTheOtherSignAreRefused) {
  expect_refused(replaced(replaced(replaced(kSmall, ",1.", ",-1."), ",2.", ",-2."), ",3.", ",-3."),
                 {"m.csv:3", "6 of 8", "negative", "sign"});
}

TEST(Measurements, TheHeadingNamesTheUnit) {
  for (const char* heading : {"conductance_us", "conductance_uS", "conductance (uS)", "conductance [uS]",
                              "conductance (\xc2\xb5S)", "conductance_\xce\xbcS", "conductance uS"}) {
    expect_small(read_measurements(with_rows("", std::string("cell,pulse,") + heading + "\n"), "m.csv"));
  }
  const auto first = [](const std::string& heading, std::optional<ConductanceUnit> unit = std::nullopt) {
    const std::string rows =
        unit == ConductanceUnit::siemens || heading.ends_with("_S") ? replaced(kSmall, ".", ".00000") : kSmall;
    return read_measurements(replaced(rows, "conductance", heading), "m.csv", unit)
        .cells[0]
        .pulses[1][0]
        .conductance_us;
  };
  EXPECT_DOUBLE_EQ(first("conductance_nS"), 1.5e-3);
  EXPECT_DOUBLE_EQ(first("conductance_mS"), 1.5e3);
  EXPECT_DOUBLE_EQ(first("conductance", ConductanceUnit::nanosiemens), 1.5e-3);
  EXPECT_DOUBLE_EQ(first("conductance_us", ConductanceUnit::microsiemens), 1.5);
  expect_refused(with_rows("", "cell,pulse,conductance_nS\n"), {"conductance_nS", "--unit says uS"},
                 ConductanceUnit::microsiemens);
  expect_refused(with_rows("", "cell,pulse,conductance_kOhm\n"), {"conductance_kOhm", "nS, uS, mS or S"});
}

TEST(Measurements, NumbersOfAnotherUnitAreRefusedWithTheOneTheySuit) {
  std::string siemens = "cell,pulse,conductance\n", nano = siemens;
  for (const char* cell : {"a", "b"}) {
    for (int n = 0; n < 5; ++n) {
      siemens += fmt::format("{},{},{}\n", cell, n, 2e-6 * (n + 1));
      nano += fmt::format("{},{},{}\n", cell, n, 2e4 * (n + 1));
    }
  }
  expect_refused(siemens, {"m.csv", "--unit S", "below"});
  expect_refused(nano, {"m.csv", "--unit nS", "above"});
  EXPECT_NEAR(read_measurements(siemens, "m.csv", ConductanceUnit::siemens).cells[0].pulses[4][0].conductance_us, 10,
              1e-9);
}

TEST(Measurements, MissingValuesAreLeftOutAndCounted) {
  const Measurements m = read_measurements(with_rows("c,0,\nc,1,nan\nc,2,NA\nc,3,4.0\nc,4,N/A\n"), "m.csv");
  EXPECT_EQ(m.cells.size(), 3u);
  EXPECT_EQ(m.cells[2].pulses.size(), 4u);
  EXPECT_TRUE(m.cells[2].pulses[1].empty());
  EXPECT_TRUE(warns(m, "rows without a conductance, left out: 4 (m.csv:10, m.csv:11, m.csv:12, ...)"));
  EXPECT_TRUE(
      warns(m, "places in the cells' sequences without a read, across which the fit goes on: 3 (cell c pulse 0"));
}

TEST(Measurements, RepeatedReadsAreKeptAndRepeatedRowsAreNot) {
  const Measurements m = read_measurements(with_rows("a,1,1.5\na,1,1.6\n"), "m.csv");
  EXPECT_EQ(m.cells[0].pulses[1].size(), 2u);
  EXPECT_TRUE(warns(m, "rows that repeat others, left out: 1 (m.csv:10 repeats line 3)"));
  const std::string numbered =
      "cell,pulse,read,conductance\na,0,1,0.1\na,1,1,1.5\na,1,2,1.5\na,2,1,2\na,3,1,2\nb,0,1,1\n";
  EXPECT_EQ(read_measurements(numbered, "m.csv").cells[0].pulses[1].size(), 2u);
  expect_refused(numbered + "a,1,2,1.7\n", {"m.csv:8", "line 4", "differs"});
}

TEST(Measurements, TimesAreKeptWithTheirReads) {
  const Measurements m = read_measurements(
      "cell,pulse,time_s,conductance\na,0,1,0.1\na,1,1,2\na,1,100,1.8\na,2,1,3\na,3,1,4\nb,1,1,2\n", "m.csv");
  EXPECT_TRUE(m.has_times);
  EXPECT_EQ(m.cells[0].pulses[1].at(1).time_s, 100);
  for (const char* time : {"", "0", "-1", "soon", "inf"}) {
    expect_refused(fmt::format("cell,pulse,time,conductance\na,0,{},0.1\n", time), {"m.csv:2", "time"});
  }
  expect_refused("cell,pulse,time_min,conductance\na,0,1,0.1\n", {"time_min", "seconds"});
}

TEST(Measurements, NegativeConductancesAreNoise) {
  EXPECT_TRUE(warns(read_measurements(with_rows("c,0,-0.02\n"), "m.csv"),
                    "negative conductances, as read noise can make them: 1 (m.csv:10)"));
}

TEST(Measurements, WrongFieldsAreRefusedWithFileAndLine) {
  expect_refused(with_rows("c,0,many\n"), {"m.csv:10", "conductance = \"many\"", "not a number"});
  expect_refused(with_rows("c,0,inf\n"), {"m.csv:10", "inf"});
  expect_refused(with_rows("c,0,1.5uS\n"), {"m.csv:10", "1.5uS"});
  expect_refused(with_rows("c,-1,1\n"), {"m.csv:10", "pulse = \"-1\"", "whole number"});
  expect_refused(with_rows("c,1.5,1\n"), {"m.csv:10", "pulse = \"1.5\""});
  expect_refused(with_rows("c,,1\n"), {"m.csv:10", "pulse = \"\""});
  expect_refused(with_rows("c,1e9,1\n"), {"m.csv:10", "100000"});
  expect_refused(with_rows(",1,1\n"), {"m.csv:10", "no name"});
  expect_refused(with_rows("c,1,0,5\n"), {"m.csv:10", "4 fields", "write 0.5, or separate the fields by semicolons"});
  expect_refused(with_rows("c,1\n"), {"m.csv:10", "2 fields"});
  expect_refused(with_rows("\"c,1,1\n"), {"m.csv:10", "never closed"});
  expect_refused(with_rows("\"c\"d,1,1\n"), {"m.csv:10", "after a closing quote"});
}

TEST(Measurements, WrongHeadersAreRefusedWithTheNearestName) {
  expect_refused("", {"m.csv", "no header"});
  expect_refused("# only a comment\n", {"m.csv", "no header"});
  expect_refused("cell,puls,conductance\n", {"\"puls\"", "did you mean \"pulse\""});
  expect_refused("cell,conductance\n", {"\"pulse\" is missing"});
  expect_refused("cell,cell,pulse,conductance\n", {"two columns \"cell\""});
  expect_refused("cell,pulse,conductance,voltage\n", {"m.csv:1", "\"voltage\" is unknown", "remove it"});
  expect_refused(std::string("c\0e\0l\0l\0", 8), {"m.csv:1", "this is no text", "UTF-8"});
}

TEST(Measurements, TooLittleIsRefused) {
  expect_refused("cell,pulse,conductance\n", {"no cell"});
  expect_refused("cell,pulse,conductance\na,0,1\na,1,2\na,2,3\na,3,3\n", {"one cell", "two cells at least"});
  expect_refused("cell,pulse,conductance\na,0,1\na,2,2\nb,0,1\nb,1,2\n", {"at most 2 SET pulses", "three"});
  expect_refused("cell,pulse,conductance\na,0,1\na,1,0\na,2,0\nb,1,0\nb,2,0\nb,3,4\n", {"more than half", "0"});
}

TEST(Measurements, CsvReadsBackAsTheSame) {
  const std::string text = "cell,pulse,time,conductance\na,0,1,0.1\na,1,1,2\na,1,100,1.8\na,2,1,3\na,3,1,4\nb,1,1,2\n";
  const Measurements first = read_measurements(text, "m.csv");
  const Measurements again = read_measurements(to_csv(first), "m.csv");
  EXPECT_EQ(to_csv(again), to_csv(first));
  EXPECT_EQ(again.read_count(), 6u);
  EXPECT_EQ(again.cells[0].pulses[1][1].time_s, 100);
}

TEST(Measurements, UnknownUnitListsTheChoices) {
  EXPECT_THROW(parse_conductance_unit("ohm"), Error);
  EXPECT_EQ(parse_conductance_unit("ns"), ConductanceUnit::nanosiemens);
  EXPECT_EQ(parse_conductance_unit("S"), ConductanceUnit::siemens);
}

}  // namespace
}  // namespace ohmic
