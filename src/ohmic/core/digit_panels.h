#pragma once

#include <cstddef>
#include <cstdint>

namespace ohmic {

/// The digits of a matrix as the byte-wise multiply-add instructions want them: panels of 16 columns, in each the
/// groups of four rows one after the other, in each group high, low and variance digits, in each kind 16 columns x 4
/// rows. Columns beyond the matrix are zero.
struct DigitPanels {
  static constexpr int kColumns = 16;
  static constexpr int kKindBytes = kColumns * 4;
  static constexpr int kGroupBytes = 3 * kKindBytes;
  /// Tiles of sixteen groups are loaded whole, so so much must be readable behind the last group.
  static constexpr int kBytesBehind = 15 * kGroupBytes;

  const std::int8_t* digits;
  int groups;
  int columns;
  std::size_t panel_bytes;  ///< from one panel to the next

  int panels() const { return (columns + kColumns - 1) / kColumns; }
  const std::int8_t* panel(int number) const { return digits + static_cast<std::size_t>(number) * panel_bytes; }
};

/// Four rows of such a matrix, to be written.
struct DigitGroup {
  std::int8_t* digits;
  std::size_t panel_bytes;

  /// From the group's place in the first panel to the four bytes of a column's high digits; the low and the variance
  /// digits follow kKindBytes apart.
  static std::size_t at(int column, std::size_t panel_bytes) {
    return static_cast<std::size_t>(column / DigitPanels::kColumns) * panel_bytes +
           static_cast<std::size_t>(column % DigitPanels::kColumns) * 4;
  }
  std::int8_t* column(int number) const { return digits + at(number, panel_bytes); }
};

}  // namespace ohmic
