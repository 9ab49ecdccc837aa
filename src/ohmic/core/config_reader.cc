#include <algorithm>
#include <cmath>
#include <map>

#include "ohmic/core/config.h"
#include "ohmic/core/config_node.h"
#include "ohmic/core/error.h"

namespace ohmic::detail {
namespace {

std::string dotted(const std::string& prefix, std::string_view key) {
  return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
}

std::string bounds_text(const FieldInfo& info) {
  if (std::isinf(info.min)) return fmt::format("be at most {}", short_number(info.max));
  if (std::isinf(info.max)) return fmt::format("be at least {}", short_number(info.min));
  return fmt::format("lie in [{}, {}]", short_number(info.min), short_number(info.max));
}

/// Fills fields from a tree of values and keeps the names of all fields, so that every key that no field asked for is
/// found.
class Reader final : public FieldVisitor {
 public:
  Reader(const ConfigDocument& document, std::string_view what) : root_(document.impl().root), what_(what) {
    push_frame(&std::get<ConfigTable>(root_.value), "");
  }

  using FieldVisitor::choice;
  using FieldVisitor::field;

  void field(const FieldInfo& info, bool& value) override {
    const ConfigNode* node = look_up(info);
    if (node == nullptr) return;
    const bool* found = std::get_if<bool>(&node->value);
    if (found == nullptr) fail_type(info, *node, "true or false", "write true or false without quotes");
    value = *found;
  }

  void field(const FieldInfo& info, std::int64_t& value) override {
    const ConfigNode* node = look_up(info);
    if (node == nullptr) return;
    const std::int64_t* found = std::get_if<std::int64_t>(&node->value);
    if (found == nullptr) fail_type(info, *node, "an integer", "write a whole number without quotes and decimal point");
    check_bounds(info, *node, static_cast<double>(*found));
    value = *found;
  }

  void field(const FieldInfo& info, double& value) override {
    if (const ConfigNode* node = look_up(info)) value = number(info, *node);
  }

  void field(const FieldInfo& info, std::string& value) override {
    if (const ConfigNode* node = look_up(info)) value = text(info, *node);
  }

  void field(const FieldInfo& info, std::vector<double>& value) override {
    const ConfigNode* node = look_up(info);
    if (node == nullptr) return;
    std::vector<double> numbers;
    for (const ConfigNode& element : array(info, *node, "numbers", "[1, 2.5]"))
      numbers.push_back(number(info, element));
    value = std::move(numbers);
  }

  void field(const FieldInfo& info, std::vector<std::string>& value) override {
    const ConfigNode* node = look_up(info);
    if (node == nullptr) return;
    std::vector<std::string> texts;
    for (const ConfigNode& element : array(info, *node, "strings", R"(["a", "b"])"))
      texts.push_back(text(info, element));
    value = std::move(texts);
  }

  void choice(const FieldInfo& info, std::span<const std::string_view> names, int& index) override {
    const ConfigNode* node = look_up(info);
    if (node == nullptr) return;
    const std::vector<std::string> choices(names.begin(), names.end());
    const std::string* name = std::get_if<std::string>(&node->value);
    const auto found = name == nullptr ? choices.end() : std::find(choices.begin(), choices.end(), *name);
    if (found == choices.end()) fail_choice(info, *node, choices);
    index = static_cast<int>(found - choices.begin());
  }

  /// Throws for the first key in the order of the document that no field asked for.
  void finish() const { check_keys(std::get<ConfigTable>(root_.value), ""); }

 protected:
  void begin_section(const FieldInfo& info) override {
    const ConfigNode* node = look_up(info);
    const std::string key = dotted_key(info);
    if (node == nullptr) {
      push_frame(nullptr, key);
      return;
    }
    const auto* table = std::get_if<ConfigTable>(&node->value);
    if (table == nullptr) fail_type(info, *node, "a table", fmt::format("write [{}] and its keys below", key));
    push_frame(table, key);
  }

  void end_section() override { frames_.pop_back(); }

  std::size_t begin_list(const FieldInfo& info, std::size_t current_size) override {
    const std::string key = dotted_key(info);
    const ConfigNode* node = look_up(info);
    if (node == nullptr) {
      lists_.push_back({nullptr, key, 0});
      return current_size;
    }
    const std::string advice = fmt::format("write [[{}]] and its keys below, once for each element", key);
    const auto* elements = std::get_if<ConfigArray>(&node->value);
    if (elements == nullptr) fail_type(info, *node, "an array of tables", advice);
    for (const ConfigNode& element : *elements) {
      if (!std::holds_alternative<ConfigTable>(element.value)) fail_type(info, element, "an array of tables", advice);
    }
    lists_.push_back({elements, key, 0});
    return elements->size();
  }

  void begin_element() override {
    List& list = lists_.back();
    const std::size_t index = list.next++;
    const ConfigTable* table =
        list.elements == nullptr ? nullptr : &std::get<ConfigTable>((*list.elements)[index].value);
    push_frame(table, fmt::format("{}.{}", list.key, index));
  }

  void end_element() override { frames_.pop_back(); }
  void end_list() override { lists_.pop_back(); }

 private:
  /// The table whose fields are being visited; null where the document has none, so that all fields keep their values.
  struct Frame {
    const ConfigTable* table;
    std::string prefix;
  };
  struct List {
    const ConfigArray* elements;
    std::string key;
    std::size_t next;
  };

  void push_frame(const ConfigTable* table, const std::string& prefix) {
    frames_.push_back({table, prefix});
    known_keys_[prefix];  // also a table without fields has its (empty) list of known keys
  }

  std::string dotted_key(const FieldInfo& info) const { return dotted(frames_.back().prefix, info.name); }

  const ConfigNode* look_up(const FieldInfo& info) {
    const Frame& frame = frames_.back();
    std::vector<std::string>& known = known_keys_[frame.prefix];
    if (std::find(known.begin(), known.end(), info.name) == known.end()) known.emplace_back(info.name);
    return frame.table == nullptr ? nullptr : find_key(*frame.table, info.name);
  }

  double number(const FieldInfo& info, const ConfigNode& node) const {
    double value = 0;
    if (const auto* real = std::get_if<double>(&node.value)) {
      value = *real;
    } else if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
      value = static_cast<double>(*integer);
    } else {
      fail_type(info, node, "a number", "write it without quotes, e.g. 0.5 or 1e-6");
    }
    check_bounds(info, node, value);
    return value;
  }

  const std::string& text(const FieldInfo& info, const ConfigNode& node) const {
    const auto* found = std::get_if<std::string>(&node.value);
    if (found == nullptr) fail_type(info, node, "a string", "put it in quotes");
    return *found;
  }

  const ConfigArray& array(const FieldInfo& info, const ConfigNode& node, std::string_view of,
                           std::string_view example) const {
    const auto* found = std::get_if<ConfigArray>(&node.value);
    if (found == nullptr)
      fail_type(info, node, fmt::format("an array of {}", of), fmt::format("write e.g. {}", example));
    return *found;
  }

  void check_bounds(const FieldInfo& info, const ConfigNode& node, double value) const {
    if (std::isnan(value)) {
      fail("{}: {} = nan is not a number that can be used; choose a number", node.place.text(), dotted_key(info));
    }
    if (value < info.min || value > info.max) {
      fail("{}: {} = {} is out of range: it must {}; choose a value inside", node.place.text(), dotted_key(info),
           show_value(node), bounds_text(info));
    }
  }

  [[noreturn]] void fail_type(const FieldInfo& info, const ConfigNode& node, std::string_view wanted,
                              std::string_view advice) const {
    fail("{}: {} must be {}, not {}; {}", node.place.text(), dotted_key(info), wanted, describe_value(node), advice);
  }

  [[noreturn]] void fail_choice(const FieldInfo& info, const ConfigNode& node,
                                const std::vector<std::string>& choices) const {
    const auto* name = std::get_if<std::string>(&node.value);
    const std::string near = name == nullptr ? std::string() : nearest_name(*name, choices);
    fail("{}: {} is not a choice of {}; choose one of {}{}", node.place.text(), show_value(node), dotted_key(info),
         join_names(choices), near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  }

  void check_keys(const ConfigTable& table, const std::string& prefix) const {
    const std::vector<std::string>& known = known_keys_.at(prefix);
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        fail("{}: {} is not a known key of the {}; {}", node.place.text(), dotted(prefix, key), what_,
             suggestion(key, known));
      }
      check_children(node, dotted(prefix, key));
    }
  }

  void check_children(const ConfigNode& node, const std::string& key) const {
    if (const auto* child = std::get_if<ConfigTable>(&node.value)) check_keys(*child, key);
    const auto* elements = std::get_if<ConfigArray>(&node.value);
    for (std::size_t i = 0; elements != nullptr && i < elements->size(); ++i) {
      check_children((*elements)[i], fmt::format("{}.{}", key, i));
    }
  }

  /// The nearest key at the same level; else the nearest anywhere, by its last part or in full; else all keys at this
  /// level.
  std::string suggestion(const std::string& key, const std::vector<std::string>& level) const {
    std::string near = nearest_name(key, level);
    if (near.empty()) near = nearest_anywhere(key);
    if (!near.empty()) return fmt::format("did you mean \"{}\"?", near);
    if (level.empty()) return "remove it";
    return fmt::format("the known keys here are {}", join_names(level));
  }

  std::string nearest_anywhere(const std::string& key) const {
    for (const auto& [prefix, names] : known_keys_) {
      const std::string near = nearest_name(key, names);
      if (!near.empty()) return dotted(prefix, near);
    }
    return {};
  }

  const ConfigNode root_;  // a copy: the document may be a temporary that dies before finish()
  std::string what_;
  std::vector<Frame> frames_;
  std::vector<List> lists_;
  std::map<std::string, std::vector<std::string>> known_keys_;  ///< of each table visited, by its dotted key
};

}  // namespace

std::unique_ptr<FieldVisitor> make_reader(const ConfigDocument& document, std::string_view what) {
  return std::make_unique<Reader>(document, what);
}

void finish_reader(FieldVisitor& reader) { static_cast<const Reader&>(reader).finish(); }

}  // namespace ohmic::detail
