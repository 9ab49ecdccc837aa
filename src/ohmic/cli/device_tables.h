#pragma once

// The figures of cells as text for the terminal and as JSON.

#include <span>
#include <string>

#include "ohmic/cli/device_study.h"

namespace ohmic {

/// Rows of equally many cells; the first row and the first column are headings.
struct FigureTable {
  std::string heading;
  std::vector<std::vector<std::string>> rows;
};

std::vector<FigureTable> pulse_tables(const Characterisation& figures);
FigureTable drift_table(const Characterisation& figures);
std::vector<FigureTable> noise_tables(const Characterisation& figures);
FigureTable programming_table(const DeviceStudy& study);

/// All figures and constants of one cell.
std::string device_text(const DeviceStudy& study);

/// The main figures of several cells, a column each.
std::string comparison_text(std::span<const DeviceStudy> studies);

/// The rows of that comparison.
std::vector<std::vector<std::string>> comparison_rows(std::span<const DeviceStudy> studies);

/// An array with one object per cell: every figure and every constant. `page` is the file written, or empty.
std::string device_json(std::span<const DeviceStudy> studies, const std::string& page);

}  // namespace ohmic
