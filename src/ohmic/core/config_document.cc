#include <algorithm>

#include "ohmic/core/config.h"
#include "ohmic/core/config_node.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace ohmic {
namespace detail {
namespace {

using Source = std::shared_ptr<const std::string>;

ConfigPlace place_of(const toml::source_region& region, const Source& source) {
  return {source, static_cast<int>(region.begin.line)};
}

ConfigNode node_of(const toml::node& node, const toml::source_region& region, const Source& source);

/// The parser sorts keys by name; people expect them in the order of the file.
ConfigTable table_of(const toml::table& table, const Source& source) {
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first->source().begin < b.first->source().begin; });
  ConfigTable result;
  for (const auto& [key, node] : entries) {
    result.push_back({std::string(key->str()), node_of(*node, key->source(), source)});
  }
  return result;
}

ConfigArray array_of(const toml::array& array, const Source& source) {
  ConfigArray result;
  for (const toml::node& node : array) result.push_back(node_of(node, node.source(), source));
  return result;
}

ConfigNode node_of(const toml::node& node, const toml::source_region& region, const Source& source) {
  ConfigNode result{ConfigDate{}, place_of(region, source)};
  if (const auto* table = node.as_table()) result.value = table_of(*table, source);
  if (const auto* array = node.as_array()) result.value = array_of(*array, source);
  if (const auto* text = node.as_string()) result.value = text->get();
  if (const auto* integer = node.as_integer()) result.value = integer->get();
  if (const auto* real = node.as_floating_point()) result.value = real->get();
  if (const auto* boolean = node.as_boolean()) result.value = boolean->get();
  return result;
}

ConfigNode parse_root(std::string_view text, const Source& source) {
  const toml::table table = toml::parse(text);
  return {table_of(table, source), {source, 1}};
}

void place_everywhere(ConfigNode& node, const ConfigPlace& place) {
  node.place = place;
  if (auto* table = std::get_if<ConfigTable>(&node.value)) {
    for (auto& [key, child] : *table) place_everywhere(child, place);
  }
  if (auto* array = std::get_if<ConfigArray>(&node.value)) {
    for (ConfigNode& child : *array) place_everywhere(child, place);
  }
}

ConfigNode* find_key(ConfigTable& table, std::string_view key) {
  return const_cast<ConfigNode*>(find_key(std::as_const(table), key));
}

void merge_tables(ConfigTable& base, const ConfigTable& over) {
  for (const auto& [key, value] : over) {
    ConfigNode* mine = find_key(base, key);
    if (mine == nullptr) {
      base.push_back({key, value});
      continue;
    }
    auto* my_table = std::get_if<ConfigTable>(&mine->value);
    const auto* over_table = std::get_if<ConfigTable>(&value.value);
    if (my_table != nullptr && over_table != nullptr) {
      merge_tables(*my_table, *over_table);
    } else {
      *mine = value;
    }
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// One `key=value` of --set, or of the option that is named.
class Assignment {
 public:
  Assignment(std::string_view text, std::string_view option)
      : option_(option),
        text_(text),
        place_{std::make_shared<const std::string>(fmt::format("{} {}", option, text)), 0} {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      fail("{0} {1}: there is no \"=\" in it; write {0} key=value", option, text);
    }
    key_ = trimmed(text.substr(0, equals));
    value_ = trimmed(text.substr(equals + 1));
    for (std::string_view step : split_path(key_)) check_step(step);
    if (value_.empty())
      fail("{0} {1}: the value is missing; write {0} '{2}=\"\"' for an empty string", option, text, key_);
  }

  void apply(ConfigNode& root) const {
    ConfigNode* node = &root;
    std::string done;
    for (std::string_view step : split_path(key_)) {
      node = &descend(*node, step, done);
      done += done.empty() ? std::string(step) : fmt::format(".{}", step);
    }
    *node = parse_value();
  }

 private:
  void check_step(std::string_view step) const {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (step.empty())
      fail("{0} {1}: a part of the key is empty; write {0} key=value or {0} table.key=value", option_, text_);
    if (step.find_first_not_of(kAllowed) != std::string_view::npos) {
      fail("{} {}: \"{}\" cannot be a key; use letters, digits, _ and -, with dots between tables", option_, text_,
           step);
    }
  }

  /// The child of `node` at `step`, made if a table lacks it. `done` is the key of `node`.
  ConfigNode& descend(ConfigNode& node, std::string_view step, const std::string& done) const {
    if (const ConfigNode* found = find_step(node, step)) return const_cast<ConfigNode&>(*found);
    if (auto* table = std::get_if<ConfigTable>(&node.value)) {
      table->push_back({std::string(step), ConfigNode{ConfigTable{}, place_}});
      return table->back().node;
    }
    if (const auto* array = std::get_if<ConfigArray>(&node.value)) {
      fail("{} {}: {} has {} element{} ({}), so \"{}\" is not one of them; count from 0", option_, text_, done,
           array->size(), array->size() == 1 ? "" : "s", node.place.text(), step);
    }
    fail("{} {}: {} is {} ({}), not a table; it has no key \"{}\"", option_, text_, done, describe_value(node),
         node.place.text(), step);
  }

  ConfigNode parse_value() const {
    ConfigNode result;
    if (!try_parse(value_, result)) {
      // Quotes and brackets announce TOML; taking half of it as a word would hide the slip.
      if (std::string_view("\"'[{").find(value_.front()) != std::string_view::npos) {
        fail("{} {}: {} is not a TOML value; close its quotes and brackets, and quote it for the shell", option_, text_,
             value_);
      }
      if (!try_parse(toml_string(value_), result))
        fail("{} {}: the value is not valid UTF-8; retype it", option_, text_);
    }
    place_everywhere(result, place_);
    return result;
  }

  /// Reads `value` as TOML; false if it is none. Dates are left to be words, as no setting takes them.
  static bool try_parse(std::string_view value, ConfigNode& result) {
    try {
      auto root = parse_root(fmt::format("value = {}", value), nullptr);
      auto& table = std::get<ConfigTable>(root.value);
      if (table.size() != 1) return false;  // a line break in it began another key
      result = std::move(table.front().node);
      return !std::holds_alternative<ConfigDate>(result.value);
    } catch (const toml::parse_error&) {
      return false;
    }
  }

  std::string_view option_;
  std::string_view text_;
  ConfigPlace place_;
  std::string_view key_;
  std::string_view value_;
};

}  // namespace
}  // namespace detail

ConfigDocument::ConfigDocument() : impl_(std::make_unique<Impl>()) {}
ConfigDocument::~ConfigDocument() = default;
ConfigDocument::ConfigDocument(const ConfigDocument& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
ConfigDocument& ConfigDocument::operator=(const ConfigDocument& other) {
  if (this != &other) impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
ConfigDocument::ConfigDocument(ConfigDocument&&) noexcept = default;
ConfigDocument& ConfigDocument::operator=(ConfigDocument&&) noexcept = default;

ConfigDocument ConfigDocument::parse(std::string_view text, std::string_view source_name) {
  ConfigDocument document;
  try {
    document.impl_->root = detail::parse_root(text, std::make_shared<const std::string>(source_name));
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    fail("{}:{}:{}: this is not valid TOML ({}); mend the line", source_name, at.line, at.column, error.description());
  }
  return document;
}

ConfigDocument ConfigDocument::read_file(const std::filesystem::path& path) {
  return parse(read_text_file(path), path.string());
}

void ConfigDocument::set(std::string_view assignment, std::string_view option) {
  detail::Assignment(assignment, option).apply(impl_->root);
}

void ConfigDocument::merge(const ConfigDocument& over) {
  detail::merge_tables(std::get<detail::ConfigTable>(impl_->root.value),
                       std::get<detail::ConfigTable>(over.impl_->root.value));
}

bool ConfigDocument::contains(std::string_view dotted_key) const {
  return detail::find_path(impl_->root, dotted_key) != nullptr;
}

std::string ConfigDocument::string_or(std::string_view dotted_key, std::string_view fallback) const {
  const detail::ConfigNode* node = detail::find_path(impl_->root, dotted_key);
  if (node == nullptr) return std::string(fallback);
  if (const auto* text = std::get_if<std::string>(&node->value)) return *text;
  fail("{}: {} is {}, not a string; put it in quotes", node->place.text(), dotted_key, detail::describe_value(*node));
}

ConfigDocument ConfigDocument::table(std::string_view dotted_key) const {
  ConfigDocument document;
  const detail::ConfigNode* node = detail::find_path(impl_->root, dotted_key);
  if (node == nullptr) return document;
  if (!std::holds_alternative<detail::ConfigTable>(node->value)) {
    fail("{}: {} is {}, not a table; write [{}] and its keys below", node->place.text(), dotted_key,
         detail::describe_value(*node), dotted_key);
  }
  document.impl_->root = *node;
  return document;
}

std::vector<std::string> ConfigDocument::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, value] : std::get<detail::ConfigTable>(impl_->root.value)) result.push_back(key);
  return result;
}

ConfigDocument ConfigDocument::without(std::string_view key) const {
  ConfigDocument document(*this);
  auto& table = std::get<detail::ConfigTable>(document.impl_->root.value);
  std::erase_if(table, [&](const auto& entry) { return entry.key == key; });
  return document;
}

}  // namespace ohmic
