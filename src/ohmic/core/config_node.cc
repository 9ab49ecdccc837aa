#include "ohmic/core/config_node.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic::detail {
namespace {

/// The element that `step` counts out, or null if it is no number or beyond the end.
const ConfigNode* find_index(const ConfigArray& array, std::string_view step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool valid = error == std::errc() && end == step.data() + step.size() && index < array.size();
  return valid ? &array[index] : nullptr;
}

std::string shortened(std::string text) {
  constexpr std::size_t kLongest = 60;
  return text.size() <= kLongest ? text : text.substr(0, kLongest - 3) + "...";
}

}  // namespace

std::vector<std::string_view> split_path(std::string_view dotted_key) {
  std::vector<std::string_view> steps;
  while (true) {
    const std::size_t dot = dotted_key.find('.');
    steps.push_back(dotted_key.substr(0, dot));
    if (dot == std::string_view::npos) return steps;
    dotted_key.remove_prefix(dot + 1);
  }
}

const ConfigNode* find_step(const ConfigNode& node, std::string_view step) {
  if (const auto* table = std::get_if<ConfigTable>(&node.value)) return find_key(*table, step);
  if (const auto* array = std::get_if<ConfigArray>(&node.value)) return find_index(*array, step);
  return nullptr;
}

const ConfigNode* find_key(const ConfigTable& table, std::string_view key) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.key == key; });
  return found == table.end() ? nullptr : &found->node;
}

const ConfigNode* find_path(const ConfigNode& root, std::string_view dotted_key) {
  const ConfigNode* node = &root;
  for (std::string_view step : split_path(dotted_key)) {
    node = find_step(*node, step);
    if (node == nullptr) return nullptr;
  }
  return node;
}

std::string show_value(const ConfigNode& node) {
  struct Show {
    std::string operator()(const ConfigTable&) const { return "{...}"; }
    std::string operator()(const ConfigArray& array) const { return array.empty() ? "[]" : "[...]"; }
    std::string operator()(const std::string& text) const { return shortened(toml_string(text)); }
    std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
    std::string operator()(double value) const { return short_number(value); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(ConfigDate) const { return "a date"; }
  };
  return std::visit(Show{}, node.value);
}

std::string describe_value(const ConfigNode& node) {
  constexpr std::string_view kKinds[] = {"a table",     "an array", "the string ", "the integer ",
                                         "the number ", "",         "a date"};
  const std::size_t kind = node.value.index();
  const bool shows_value = kind >= 2 && kind <= 5;
  return fmt::format("{}{}", kKinds[kind], shows_value ? show_value(node) : "");
}

std::string ConfigPlace::text() const {
  if (source == nullptr) return "(built in)";
  return line > 0 ? fmt::format("{}:{}", *source, line) : *source;
}

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.append({'\\', c});
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      quoted += fmt::format("\\u{:04X}", code);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string toml_double(double value) {
  std::string text = fmt::format("{}", value);
  const bool is_whole_number = text.find_first_not_of("-0123456789") == std::string::npos;
  return is_whole_number ? text + ".0" : text;
}

std::string short_number(double value) {
  std::string text = fmt::format("{:g}", value);
  if (std::isfinite(value) && std::stod(text) != value) text = fmt::format("{}", value);
  // "1e+09" reads better as "1e9".
  const std::size_t exponent = text.find('e');
  if (exponent == std::string::npos) return text;
  const std::string_view sign = text[exponent + 1] == '-' ? "-" : "";
  const std::size_t digits = std::min(text.find_first_not_of("+-0", exponent + 1), text.size() - 1);
  return fmt::format("{}e{}{}", text.substr(0, exponent), sign, text.substr(digits));
}

std::string join_names(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

}  // namespace ohmic::detail
