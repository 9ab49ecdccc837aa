// Are the currents of an array with wires those of an independent circuit simulator? ngspice solves the same resistor
// network from a netlist, in every arrangement of drivers and virtual grounds.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "ohmic/crossbar/wires.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

struct Array {
  WireSpec spec;
  std::size_t rows, columns;
  std::vector<double> conductance_us;
  std::vector<double> volt;  ///< per word line

  MatrixView<const double> view() const { return {conductance_us.data(), rows, columns}; }
};

// One cell in eight is dead; inputs have both signs.
Array random_array(std::size_t rows, std::size_t columns, const WireSpec& spec) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> conductance(0.1, 20), volt(-1, 1);
  Array array{spec, rows, columns, {}, {}};
  for (std::size_t k = 0; k < rows * columns; ++k) {
    array.conductance_us.push_back(random() % 8 == 0 ? 0 : conductance(random));
  }
  for (std::size_t i = 0; i < rows; ++i) array.volt.push_back(volt(random));
  return array;
}

// Nodes: w<i>_<j> and b<i>_<j> on the lines, d<i> at a driver, 0 V behind a voltage source of 0 V, which measures.
class Netlist {
 public:
  explicit Netlist(const Array& array) : array_(array) {
    text_.precision(17);
    text_ << "wires\n.options reltol=1e-12 abstol=1e-20 vntol=1e-18 gmin=1e-20\n";
    for (std::size_t i = 0; i < array.rows; ++i) word_line(i);
    for (std::size_t j = 0; j < array.columns; ++j) bit_line(j);
    for (std::size_t i = 0; i < array.rows; ++i) {
      for (std::size_t j = 0; j < array.columns; ++j) {
        const double us = array.conductance_us[i * array.columns + j];
        if (us > 0) resistor(node('w', i, j), node('b', i, j), 1e6 / us);
      }
    }
    text_ << ".control\nset numdgt=16\nop\n";
    for (std::size_t j = 0; j < array.columns; ++j) text_ << "print i(vb" << j << ") i(vt" << j << ")\n";
    text_ << "quit\n.endc\n.end\n";
  }
  std::string text() const { return text_.str(); }

 private:
  static std::string node(char line, std::size_t i, std::size_t j) {
    return line + std::to_string(i) + "_" + std::to_string(j);
  }
  void resistor(const std::string& a, const std::string& b, double ohm) {
    text_ << "r" << resistors_++ << " " << a << " " << b << " " << ohm << "\n";
  }
  void word_line(std::size_t i) {
    const std::string driver = "d" + std::to_string(i);
    const double ohm = array_.spec.row_ohm;
    text_ << "v" << driver << " " << driver << " 0 dc " << array_.volt[i] << "\n";
    for (std::size_t j = 1; j < array_.columns; ++j) resistor(node('w', i, j - 1), node('w', i, j), ohm);
    if (array_.spec.drive != DriveSide::right) resistor(driver, node('w', i, 0), ohm);
    if (array_.spec.drive != DriveSide::left) resistor(driver, node('w', i, array_.columns - 1), ohm);
  }
  // A meter at either end; one without a connection reads 0.
  void bit_line(std::size_t j) {
    const std::string top = "t" + std::to_string(j), bottom = "b" + std::to_string(j);
    const double ohm = array_.spec.column_ohm;
    text_ << "v" << top << " " << top << " 0 dc 0\nv" << bottom << " " << bottom << " 0 dc 0\n";
    for (std::size_t i = 1; i < array_.rows; ++i) resistor(node('b', i - 1, j), node('b', i, j), ohm);
    if (array_.spec.sense != SenseSide::bottom) resistor(top, node('b', 0, j), ohm);
    if (array_.spec.sense != SenseSide::top) resistor(bottom, node('b', array_.rows - 1, j), ohm);
  }

  const Array& array_;
  std::ostringstream text_;
  std::size_t resistors_ = 0;
};

// The numbers of the lines "i(vb3) = 1.23e-06", both ends of a bit line added up, in uA.
std::vector<double> read_currents(const std::string& output, std::size_t columns) {
  std::vector<double> currents(columns, 0.0);
  std::size_t found = 0;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const bool is_current = line.starts_with("i(vb") || line.starts_with("i(vt");
    if (!is_current || line.find(") = ") == std::string::npos) continue;
    currents.at(std::stoul(line.substr(4))) += 1e6 * std::stod(line.substr(line.find('=') + 1));
    ++found;
  }
  EXPECT_EQ(found, 2 * columns) << output;
  return currents;
}

std::vector<double> ngspice_currents(const Array& array) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "array.cir", Netlist(array).text());
  const std::string files = (folder / "array.cir").string() + " > " + (folder / "out").string() + " 2>&1";
  const int status = std::system(("ngspice -b " + files).c_str());  // NOLINT(cert-env33-c)
  const std::string output = test::read_bytes(folder / "out");
  EXPECT_EQ(status, 0) << "ngspice gave no result; scripts/setup installs it. It said:\n" << output;
  return status == 0 ? read_currents(output, array.columns) : std::vector<double>(array.columns, std::nan(""));
}

std::vector<double> our_currents(const Array& array) {
  const std::vector<double> map = exact_wire_map(array.spec, array.view());
  std::vector<double> currents(array.columns, 0.0);
  for (std::size_t k = 0; k < map.size(); ++k) currents[k % array.columns] += map[k] * array.volt[k / array.columns];
  return currents;
}

// Each current within 1e-6 of itself. The resistances are high so that wires take a good part: about a third at 300
// ohm.
void expect_agreement(const Array& array) {
  const std::vector<double> ours = our_currents(array), theirs = ngspice_currents(array);
  for (std::size_t j = 0; j < array.columns; ++j) {
    const double relative = std::abs(ours[j] - theirs[j]) / std::abs(theirs[j]);
    EXPECT_LT(relative, 1e-6) << "bit line " << j << ": " << ours[j] << " uA, ngspice " << theirs[j] << " uA\n"
                              << to_toml(array.spec);
  }
}

TEST(WiresAgainstNgspice, AgreeInEveryArrangement) {
  for (const DriveSide drive : {DriveSide::left, DriveSide::right, DriveSide::both}) {
    for (const SenseSide sense : {SenseSide::bottom, SenseSide::top, SenseSide::both}) {
      expect_agreement(random_array(16, 16, {WireModel::exact, 300, 200, drive, sense}));
      expect_agreement(random_array(16, 16, {WireModel::exact, 0.5, 2, drive, sense}));
    }
  }
}

TEST(WiresAgainstNgspice, AgreeForAnArrayThatIsNotSquare) {
  expect_agreement(random_array(72, 50, {WireModel::exact, 20, 10, DriveSide::left, SenseSide::bottom}));
}

}  // namespace
}  // namespace ohmic
