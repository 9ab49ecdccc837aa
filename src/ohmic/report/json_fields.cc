#include "ohmic/report/json_fields.h"

#include <utility>

#include "ohmic/core/error.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr int kMaxDepth = 64;

std::string excerpt(const Json& value) {
  return shorten(value.dump(-1, ' ', false, Json::error_handler_t::replace), 40);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source) {
  const auto check_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth)
      fail("{}: nested deeper than {} levels, which no record is; write the file anew", source, kMaxDepth);
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check_depth);
  } catch (const Json::exception& problem) {
    fail("{}: not valid JSON ({}); restore the file or run again", source, problem.what());
  }
}

JsonFields::JsonFields(const Json& node, std::string where) : node_(node), where_(std::move(where)) {
  if (!node.is_object()) fail("{}: is {}, but must be an object", where_, excerpt(node));
}

const Json* JsonFields::find(const char* key) const {
  const auto found = node_.find(key);
  return found == node_.end() || found->is_null() ? nullptr : &*found;
}

bool JsonFields::has(const char* key) const { return find(key) != nullptr; }

void JsonFields::refuse(const char* key, std::string_view expected) const {
  const Json* value = find(key);
  fail("{}: {} is {}, but {}", where_, key, value ? excerpt(*value) : "absent", expected);
}

double JsonFields::number(const char* key) const {
  const Json* value = find(key);
  if (!value) return std::numeric_limits<double>::quiet_NaN();
  if (!value->is_number()) refuse(key, "must be a number or null");
  return value->get<double>();
}

double JsonFields::number(const char* key, double low, double high) const {
  const double value = number(key);
  if (value < low || value > high) refuse(key, fmt::format("must lie between {} and {}", low, high));
  return value;
}

std::string JsonFields::text(const char* key) const {
  const Json* value = find(key);
  if (!value) return {};
  if (!value->is_string()) refuse(key, "must be a string or null");
  return value->get<std::string>();
}

bool JsonFields::flag(const char* key) const {
  const Json* value = find(key);
  if (!value) return false;
  if (!value->is_boolean()) refuse(key, "must be true, false or null");
  return value->get<bool>();
}

std::optional<std::uint64_t> JsonFields::natural(const char* key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number_unsigned()) refuse(key, "must be a whole number from 0 to 2^64 - 1, or null");
  return value->get<std::uint64_t>();
}

std::vector<double> JsonFields::numbers(const char* key) const {
  const Json* value = find(key);
  if (!value) return {};
  std::vector<double> result;
  if (!value->is_array()) refuse(key, "must be an array of numbers");
  for (const Json& element : *value) {
    if (!element.is_number()) refuse(key, fmt::format("element {} must be a number", result.size()));
    result.push_back(element.get<double>());
  }
  return result;
}

std::optional<JsonFields> JsonFields::object(const char* key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_object()) refuse(key, "must be an object or null");
  return JsonFields(*value, fmt::format("{}: {}", where_, key));
}

std::vector<JsonFields> JsonFields::objects(const char* key) const {
  const Json* value = find(key);
  if (!value) return {};
  if (!value->is_array()) refuse(key, "must be an array of objects");
  std::vector<JsonFields> result;
  for (const Json& element : *value)
    result.emplace_back(element, fmt::format("{}: {}[{}]", where_, key, result.size()));
  return result;
}

}  // namespace ohmic::report
