#pragma once

// Constants with their sources, as preset files give them: each a table with value, unit, source and status.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

inline constexpr std::array<std::string_view, 3> kSourceStatuses = {"published", "derived", "assumed"};

struct SourcedConstant {
  double value = 0;
  std::string unit, source;
  int status = 2;  ///< index into kSourceStatuses
};

inline void describe(FieldVisitor& v, SourcedConstant& s) {
  v.field({"value", "", "the constant"}, s.value);
  v.field({"unit", "", "its unit"}, s.unit);
  v.field({"source", "", "where it comes from"}, s.source);
  v.choice({"status", "", "how sure it is"}, kSourceStatuses, s.status);
}

/// Walks a set of constants, which are numbers one after the other, and passes over everything else.
class ConstantVisitor : public FieldVisitor {
 public:
  using FieldVisitor::choice;
  using FieldVisitor::field;
  void field(const FieldInfo&, bool&) override {}
  void field(const FieldInfo&, std::int64_t&) override {}
  void field(const FieldInfo&, std::string&) override {}
  void field(const FieldInfo&, std::vector<double>&) override {}
  void field(const FieldInfo&, std::vector<std::string>&) override {}
  void choice(const FieldInfo&, std::span<const std::string_view>, int&) override {}

 protected:
  void begin_section(const FieldInfo&) override {}
  void end_section() override {}
  std::size_t begin_list(const FieldInfo&, std::size_t size) override { return size; }
  void begin_element() override {}
  void end_element() override {}
  void end_list() override {}
};

}  // namespace ohmic
