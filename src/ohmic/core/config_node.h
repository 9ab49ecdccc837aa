#pragma once

// The tree behind ConfigDocument: TOML values that remember where they stand. The parser's own nodes forget their place
// when they are copied, and layers of settings (preset, experiment, --set) are copied all the time.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic::detail {

/// Where a value was written: "file:line", or the --set that gave it.
struct ConfigPlace {
  std::shared_ptr<const std::string> source;
  int line = 0;  ///< 0: the source is no file

  std::string text() const;
};

struct ConfigNode;
struct ConfigEntry;

/// Keys in the order in which they were written.
using ConfigTable = std::vector<ConfigEntry>;
using ConfigArray = std::vector<ConfigNode>;

/// A date or time: TOML has them, no setting uses them.
struct ConfigDate {};

struct ConfigNode {
  std::variant<ConfigTable, ConfigArray, std::string, std::int64_t, double, bool, ConfigDate> value;
  ConfigPlace place;
};

struct ConfigEntry {
  std::string key;
  ConfigNode node;
};

/// The parts of a dotted key, empty ones included.
std::vector<std::string_view> split_path(std::string_view dotted_key);
/// The value at `key`, or null.
const ConfigNode* find_key(const ConfigTable& table, std::string_view key);
/// The child of a table by key or of an array by index, or null.
const ConfigNode* find_step(const ConfigNode& node, std::string_view step);
/// Follows a dotted key, where a number is an index into an array; null where there is nothing.
const ConfigNode* find_path(const ConfigNode& root, std::string_view dotted_key);
/// "a table", "an array", "the integer 3", "the string \"x\"" and so on.
std::string describe_value(const ConfigNode& node);
/// The value as TOML would show it, cut short if long.
std::string show_value(const ConfigNode& node);

/// As a TOML basic string, with its quotes.
std::string toml_string(std::string_view text);
/// Shortest TOML float that reads back as the same double.
std::string toml_double(double value);
/// A number for people: 0.001, 1e9, 25.
std::string short_number(double value);
/// `names` with ", " between.
std::string join_names(const std::vector<std::string>& names);

}  // namespace ohmic::detail

namespace ohmic {

struct ConfigDocument::Impl {
  detail::ConfigNode root;
};

}  // namespace ohmic
