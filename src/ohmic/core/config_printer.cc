#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <nlohmann/json.hpp>

#include "ohmic/core/config.h"
#include "ohmic/core/config_node.h"
#include "ohmic/core/error.h"

namespace ohmic::detail {
namespace {

using Json = nlohmann::ordered_json;

std::string toml_text(bool value) { return value ? "true" : "false"; }
std::string toml_text(std::int64_t value) { return fmt::format("{}", value); }
std::string toml_text(double value) { return toml_double(value); }
std::string toml_text(const std::string& value) { return toml_string(value); }

template <class T>
std::string toml_text(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T& value : values) texts.push_back(toml_text(value));
  return fmt::format("[{}]", join_names(texts));
}

std::string joined(std::span<const std::string_view> names) {
  return join_names(std::vector<std::string>(names.begin(), names.end()));
}

/// Turns every kind of field into one call of `add` with its text, its information and its choices if it has some.
class TextPrinter : public FieldVisitor {
 public:
  using FieldVisitor::choice;
  using FieldVisitor::field;
  void field(const FieldInfo& info, bool& value) override { add(info, toml_text(value), "true, false"); }
  void field(const FieldInfo& info, std::int64_t& value) override { add(info, toml_text(value), ""); }
  void field(const FieldInfo& info, double& value) override { add(info, toml_text(value), ""); }
  void field(const FieldInfo& info, std::string& value) override { add(info, toml_text(value), ""); }
  void field(const FieldInfo& info, std::vector<double>& value) override { add(info, toml_text(value), ""); }
  void field(const FieldInfo& info, std::vector<std::string>& value) override { add(info, toml_text(value), ""); }
  void choice(const FieldInfo& info, std::span<const std::string_view> names, int& index) override {
    const auto name = names[static_cast<std::size_t>(index)];
    add(info, toml_string(name), joined(names));
  }

 protected:
  virtual void add(const FieldInfo& info, const std::string& value, const std::string& choices) = 0;
};

/// TOML wants the plain values of a table before its sub-tables, whatever order `describe` has: so it collects a tree
/// first.
class TomlPrinter final : public TextPrinter {
 public:
  TomlPrinter() : open_{&root_} {}

  std::string finish() const {
    std::string text = root_.lines;
    for (const Table& child : root_.children) append(text, child);
    return text;
  }

 protected:
  void add(const FieldInfo& info, const std::string& value, const std::string& choices) override {
    std::string comment = std::string(info.unit);
    if (!comment.empty() && !info.doc.empty()) comment += "; ";
    comment += info.doc;
    const bool is_boolean = value == "true" || value == "false";
    if (!choices.empty() && !is_boolean) comment += fmt::format(" ({})", choices);
    open_.back()->lines += fmt::format("{} = {}{}\n", info.name, value, comment.empty() ? "" : "  # " + comment);
  }

  void begin_section(const FieldInfo& info) override {
    Table& parent = *open_.back();
    for (Table& child : parent.children) {
      if (child.key == key_in(parent, info)) return open_.push_back(&child);  // a table described in two parts
    }
    open_.push_back(&add_child(info, "[", "]"));
  }
  void end_section() override { open_.pop_back(); }

  std::size_t begin_list(const FieldInfo& info, std::size_t current_size) override {
    if (current_size == 0) add(info, "[]", "");
    lists_.push_back(info);
    return current_size;
  }
  void begin_element() override { open_.push_back(&add_child(lists_.back(), "[[", "]]")); }
  void end_element() override { open_.pop_back(); }
  void end_list() override { lists_.pop_back(); }

 private:
  struct Table {
    std::string key;
    std::string header;
    std::string lines;
    std::list<Table> children;  // a list, because open_ points to them while more are added
  };

  static std::string key_in(const Table& parent, const FieldInfo& info) {
    return parent.key.empty() ? std::string(info.name) : fmt::format("{}.{}", parent.key, info.name);
  }

  Table& add_child(const FieldInfo& info, std::string_view opening, std::string_view closing) {
    Table& parent = *open_.back();
    const std::string key = key_in(parent, info);
    const std::string comment = info.doc.empty() ? "" : fmt::format("  # {}", info.doc);
    return parent.children.emplace_back(
        Table{key, fmt::format("\n{}{}{}{}\n", opening, key, closing, comment), "", {}});
  }

  static void append(std::string& text, const Table& table) {
    text += table.header;
    text += table.lines;
    for (const Table& child : table.children) append(text, child);
  }

  Table root_;
  std::vector<Table*> open_;
  std::vector<FieldInfo> lists_;
};

/// JSON has no infinities and no nan: they become strings.
Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(toml_double(value)); }

class JsonPrinter final : public FieldVisitor {
 public:
  JsonPrinter() : root_(Json::object()), open_{&root_} {}

  std::string finish() const { return root_.dump(-1, ' ', false, Json::error_handler_t::replace); }

  using FieldVisitor::choice;
  using FieldVisitor::field;
  void field(const FieldInfo& info, bool& value) override { put(info) = value; }
  void field(const FieldInfo& info, std::int64_t& value) override { put(info) = value; }
  void field(const FieldInfo& info, double& value) override { put(info) = json_number(value); }
  void field(const FieldInfo& info, std::string& value) override { put(info) = value; }
  void field(const FieldInfo& info, std::vector<double>& value) override {
    Json& array = put(info) = Json::array();
    for (const double number : value) array.push_back(json_number(number));
  }
  void field(const FieldInfo& info, std::vector<std::string>& value) override { put(info) = value; }
  void choice(const FieldInfo& info, std::span<const std::string_view> names, int& index) override {
    put(info) = names[static_cast<std::size_t>(index)];
  }

 protected:
  void begin_section(const FieldInfo& info) override {
    Json& section = put(info);
    if (section.is_null()) section = Json::object();
    open_.push_back(&section);
  }
  void end_section() override { open_.pop_back(); }
  std::size_t begin_list(const FieldInfo& info, std::size_t current_size) override {
    Json& array = put(info) = Json::array();
    open_.push_back(&array);
    return current_size;
  }
  void begin_element() override { open_.push_back(&open_.back()->emplace_back(Json::object())); }
  void end_element() override { open_.pop_back(); }
  void end_list() override { open_.pop_back(); }

 private:
  Json& put(const FieldInfo& info) { return (*open_.back())[std::string(info.name)]; }

  Json root_;
  // Only the innermost container grows while it is open, so these stay valid.
  std::vector<Json*> open_;
};

/// A Markdown table cell: a bar would end it.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

std::string code_cell(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", cell(text)); }

std::string range_text(const FieldInfo& info) {
  // The limits of an int field's type say nothing about its meaning.
  const bool has_min = std::isfinite(info.min) && info.min != std::numeric_limits<int>::min();
  const bool has_max = std::isfinite(info.max) && info.max != std::numeric_limits<int>::max();
  if (has_min && has_max) return fmt::format("{} to {}", short_number(info.min), short_number(info.max));
  if (has_min) return fmt::format("at least {}", short_number(info.min));
  return has_max ? fmt::format("at most {}", short_number(info.max)) : "";
}

class DocsPrinter final : public TextPrinter {
 public:
  std::string finish() const { return text_; }
  bool wants_all() const override { return true; }

 protected:
  void add(const FieldInfo& info, const std::string& value, const std::string& choices) override {
    const std::string row =
        fmt::format("| {} | {} | {} | {} | {} |\n", code_cell(prefix() + std::string(info.name)), code_cell(value),
                    cell(info.unit), cell(choices.empty() ? range_text(info) : choices), cell(info.doc));
    if (std::find(rows_.begin(), rows_.end(), row) != rows_.end()) return;
    rows_.push_back(row);
    text_ += row;
  }

  void begin_section(const FieldInfo& info) override { prefixes_.push_back(prefix() + std::string(info.name) + "."); }
  void end_section() override { prefixes_.pop_back(); }

  /// One element at least, so that the fields of a list that is empty by default are explained too.
  std::size_t begin_list(const FieldInfo& info, std::size_t current_size) override {
    prefixes_.push_back(prefix() + std::string(info.name) + "[].");
    return std::max<std::size_t>(current_size, 1);
  }
  void begin_element() override {}
  void end_element() override {}
  void end_list() override { prefixes_.pop_back(); }

 private:
  std::string prefix() const { return prefixes_.empty() ? "" : prefixes_.back(); }

  std::string text_ = "| key | default | unit | range or choices | meaning |\n|---|---|---|---|---|\n";
  std::vector<std::string> prefixes_;
  std::vector<std::string> rows_;
};

}  // namespace

std::unique_ptr<FieldVisitor> make_toml_printer() { return std::make_unique<TomlPrinter>(); }
std::string finish_toml_printer(FieldVisitor& printer) { return static_cast<const TomlPrinter&>(printer).finish(); }
std::unique_ptr<FieldVisitor> make_json_printer() { return std::make_unique<JsonPrinter>(); }
std::string finish_json_printer(FieldVisitor& printer) { return static_cast<const JsonPrinter&>(printer).finish(); }
std::unique_ptr<FieldVisitor> make_docs_printer() { return std::make_unique<DocsPrinter>(); }
std::string finish_docs_printer(FieldVisitor& printer) { return static_cast<const DocsPrinter&>(printer).finish(); }

}  // namespace ohmic::detail
