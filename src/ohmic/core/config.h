#pragma once

// Settings: every parameter is declared once, in its struct's `describe`, and that declaration serves reading (strict),
// printing, JSON, help and docs.
//
//   struct RefreshSpec { bool enabled = true; int every_samples = 100; };
//   inline void describe(FieldVisitor& v, RefreshSpec& s) {
//     v.field({"enabled", "", "rewrite saturated pairs while training"}, s.enabled);
//     v.field({"every_samples", "samples", "training samples between two refreshes", 1, 1e9}, s.every_samples);
//   }

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ohmic {

/// What is known of one field beside its value.
struct FieldInfo {
  std::string_view name;  ///< key as written in TOML
  std::string_view unit;  ///< "uS", "s", "samples"; empty when dimensionless
  std::string_view doc;   ///< one line, no full stop
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// Walks the fields of a struct. A struct takes part by a free function `void describe(FieldVisitor&, T&)` in its
/// namespace.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void field(const FieldInfo& info, bool& value) = 0;
  virtual void field(const FieldInfo& info, std::int64_t& value) = 0;
  virtual void field(const FieldInfo& info, double& value) = 0;
  virtual void field(const FieldInfo& info, std::string& value) = 0;
  virtual void field(const FieldInfo& info, std::vector<double>& value) = 0;
  virtual void field(const FieldInfo& info, std::vector<std::string>& value) = 0;
  /// One of `names`; `index` is the position of the chosen one.
  virtual void choice(const FieldInfo& info, std::span<const std::string_view> names, int& index) = 0;

  void field(const FieldInfo& info, int& value);

  /// True where every field is to be named, also those that the values at hand have no use for (documentation).
  virtual bool wants_all() const { return false; }

  /// A nested table.
  template <class T>
  void section(const FieldInfo& info, T& value) {
    begin_section(info);
    describe(*this, value);
    end_section();
  }

  /// An array of tables ([[name]]). When reading, the vector takes the length found; absent leaves it as it is.
  template <class T>
  void list(const FieldInfo& info, std::vector<T>& values) {
    values.resize(begin_list(info, values.size()));
    for (T& value : values) {
      begin_element();
      describe(*this, value);
      end_element();
    }
    end_list();
  }

  /// An enum whose values count from 0 in the order of `names`.
  template <class E>
  void choice(const FieldInfo& info, std::span<const std::string_view> names, E& value) requires std::is_enum_v<E> {
    int index = static_cast<int>(value);
    choice(info, names, index);
    value = static_cast<E>(index);
  }

 protected:
  virtual void begin_section(const FieldInfo& info) = 0;
  virtual void end_section() = 0;
  virtual std::size_t begin_list(const FieldInfo& info, std::size_t current_size) = 0;
  virtual void begin_element() = 0;
  virtual void end_element() = 0;
  virtual void end_list() = 0;
};

/// A parsed TOML document: keys, values and where each stands. Copyable handle; immutable except through `set`/`merge`.
class ConfigDocument {
 public:
  ConfigDocument();  ///< empty
  ~ConfigDocument();
  ConfigDocument(const ConfigDocument&);
  ConfigDocument& operator=(const ConfigDocument&);
  ConfigDocument(ConfigDocument&&) noexcept;
  ConfigDocument& operator=(ConfigDocument&&) noexcept;

  /// Parses TOML text. Errors name `source_name`, line and column.
  static ConfigDocument parse(std::string_view text, std::string_view source_name);
  /// Reads and parses a file. Errors name the path.
  static ConfigDocument read_file(const std::filesystem::path& path);

  /// Applies `a.b.c=value` as given to --set; the value is TOML, or a bare word taken as a string; `layers.0.units=5`
  /// reaches into arrays. Messages name `option`.
  void set(std::string_view assignment, std::string_view option = "--set");
  /// Lays `over` on top: its values win, tables are merged, arrays are replaced. Each value keeps its own source
  /// position.
  void merge(const ConfigDocument& over);

  bool contains(std::string_view dotted_key) const;
  /// The string at the key, or `fallback` if absent. Throws Error if it is not a string.
  std::string string_or(std::string_view dotted_key, std::string_view fallback) const;
  /// The table at the key as a document of its own (positions kept); empty if absent; Error if it is not a table.
  ConfigDocument table(std::string_view dotted_key) const;
  /// The keys of the top table, in order.
  std::vector<std::string> keys() const;
  /// Without the top-level key.
  ConfigDocument without(std::string_view key) const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

namespace detail {
std::unique_ptr<FieldVisitor> make_reader(const ConfigDocument& document, std::string_view what);
void finish_reader(FieldVisitor& reader);
std::unique_ptr<FieldVisitor> make_toml_printer();
std::string finish_toml_printer(FieldVisitor& printer);
std::unique_ptr<FieldVisitor> make_json_printer();
std::string finish_json_printer(FieldVisitor& printer);
std::unique_ptr<FieldVisitor> make_docs_printer();
std::string finish_docs_printer(FieldVisitor& printer);
}  // namespace detail

/// Fills `spec` from the document. Strict: an unknown key, a wrong type, a value out of [min, max] or an unknown choice
/// throws Error with "file:line: key = value", the bound, and the nearest known key or the list of choices. Absent keys
/// keep the value that the struct had. `what` names the thing in messages, e.g. "experiment".
template <class T>
void read_fields(const ConfigDocument& document, std::string_view what, T& spec) {
  auto reader = detail::make_reader(document, what);
  describe(*reader, spec);
  detail::finish_reader(*reader);
}

/// TOML text of every field with its unit and doc as a comment; parses back to the same values (doubles round-trip).
template <class T>
std::string to_toml(const T& spec) {
  auto printer = detail::make_toml_printer();
  describe(*printer, const_cast<T&>(spec));
  return detail::finish_toml_printer(*printer);
}

/// Compact JSON object of every field.
template <class T>
std::string to_json(const T& spec) {
  auto printer = detail::make_json_printer();
  describe(*printer, const_cast<T&>(spec));
  return detail::finish_json_printer(*printer);
}

/// A Markdown table: key, default, unit, range or choices, meaning.
template <class T>
std::string to_docs(const T& defaults) {
  auto printer = detail::make_docs_printer();
  T copy = defaults;  // empty lists get an element, so that its fields are explained too
  describe(*printer, copy);
  return detail::finish_docs_printer(*printer);
}

/// The candidate nearest to `word` by edit distance, or empty if none is near (more than a third of the letters
/// differ).
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);

}  // namespace ohmic
