#pragma once

// Typed access to a JSON object whose errors name the file, the key and what was found there.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic::report {

/// Keeps the order in which keys were written.
using Json = nlohmann::ordered_json;

/// Parses JSON text. Error says `source` and what is wrong where; nesting deeper than 64 is refused, so that walking
/// the result by recursion is safe.
Json parse_json(std::string_view text, const std::string& source);

/// One object of a document. An absent key and `null` both mean "not recorded"; a value of another type is an Error.
class JsonFields {
 public:
  /// `where` names the object in messages ("runs/a/run.json", "runs/a/run.json: epochs[2]"). Error if not an object.
  JsonFields(const Json& node, std::string where);

  bool has(const char* key) const;
  const std::string& where() const { return where_; }
  const Json& node() const { return node_; }

  /// NaN when not recorded.
  double number(const char* key) const;
  /// NaN when not recorded, else within [low, high].
  double number(const char* key, double low, double high) const;
  /// Empty when not recorded.
  std::string text(const char* key) const;
  bool flag(const char* key) const;
  std::optional<std::uint64_t> natural(const char* key) const;
  /// An array of finite numbers; empty when not recorded.
  std::vector<double> numbers(const char* key) const;
  /// The nested object, or nothing when not recorded.
  std::optional<JsonFields> object(const char* key) const;
  /// The objects of an array; empty when not recorded.
  std::vector<JsonFields> objects(const char* key) const;

  /// Throws Error: "<where>: <key> is <value>, but <expected>".
  [[noreturn]] void refuse(const char* key, std::string_view expected) const;

 private:
  /// The value at the key, or null when not recorded.
  const Json* find(const char* key) const;

  const Json& node_;
  std::string where_;
};

}  // namespace ohmic::report
