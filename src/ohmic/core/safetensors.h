#pragma once

// The safetensors container (https://github.com/huggingface/safetensors): 8-byte little-endian header length, a JSON
// header
// {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets"}}, then the bytes.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ohmic {

enum class TensorType { f64, f32, i64, i32, i16, i8, u8, u32, u64 };

template <class T>
constexpr TensorType tensor_type_of();

/// Named tensors and string metadata, to be written. Holds views: the data must outlive `write`.
class SafetensorsWriter {
 public:
  template <class T>
  void add(std::string name, std::span<const T> data, std::vector<std::int64_t> shape) {
    add_bytes(std::move(name), tensor_type_of<T>(), std::as_bytes(data), std::move(shape));
  }
  template <class T>
  void add(std::string name, std::span<const T> data) {
    add(std::move(name), data, {static_cast<std::int64_t>(data.size())});
  }
  /// As `add`, for values that nobody else holds.
  template <class T>
  void keep(std::string name, const std::vector<T>& data) {
    const auto bytes = std::as_bytes(std::span(data));
    kept_.emplace_back(bytes.begin(), bytes.end());
    add_bytes(std::move(name), tensor_type_of<T>(), kept_.back(), {static_cast<std::int64_t>(data.size())});
  }
  void set_metadata(std::string key, std::string value);

  /// Writes aside, then renames (write_file_atomically). Header in name order; data 8-byte aligned, the widest types
  /// first, so that every tensor is aligned to its type. Adds metadata "crc32" of all names, types, shapes, metadata
  /// and data. The bytes written depend only on what was added, not on the order.
  void write(const std::filesystem::path& path) const;

 private:
  struct Entry {
    TensorType type;
    std::span<const std::byte> bytes;
    std::vector<std::int64_t> shape;
  };
  void add_bytes(std::string name, TensorType type, std::span<const std::byte> bytes, std::vector<std::int64_t> shape);
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::list<std::vector<std::byte>> kept_;
};

namespace detail {
/// Where one tensor lies among the data bytes of a file.
struct SafetensorsEntry {
  TensorType type;
  std::size_t begin, end;
  std::vector<std::int64_t> shape;
};
}  // namespace detail

/// A file read whole and checked: header length, JSON, offsets inside the file without overlaps and holes, sizes equal
/// to shape x type, crc32 where present. Any damage throws Error with the path, what is wrong and the way out.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  bool contains(std::string_view name) const;
  std::vector<std::string> names() const;
  std::vector<std::int64_t> shape(std::string_view name) const;
  /// The metadata value; Error names the file if it is missing.
  std::string metadata(std::string_view key) const;

  /// Copies tensor `name` into `out`; Error if it is missing, of another type or of another number of elements.
  template <class T>
  void read(std::string_view name, std::span<T> out) const {
    read_bytes(name, tensor_type_of<T>(), std::as_writable_bytes(out));
  }
  template <class T>
  std::vector<T> read(std::string_view name) const {
    std::vector<T> out(element_count(name));
    read(name, std::span<T>(out));
    return out;
  }
  std::size_t element_count(std::string_view name) const;

 private:
  using Entry = detail::SafetensorsEntry;
  const Entry& find(std::string_view name) const;
  void read_bytes(std::string_view name, TensorType type, std::span<std::byte> out) const;
  std::filesystem::path path_;
  std::string content_;
  std::size_t data_begin_ = 0;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

template <>
constexpr TensorType tensor_type_of<double>() {
  return TensorType::f64;
}
template <>
constexpr TensorType tensor_type_of<float>() {
  return TensorType::f32;
}
template <>
constexpr TensorType tensor_type_of<std::int64_t>() {
  return TensorType::i64;
}
template <>
constexpr TensorType tensor_type_of<std::int32_t>() {
  return TensorType::i32;
}
template <>
constexpr TensorType tensor_type_of<std::int16_t>() {
  return TensorType::i16;
}
template <>
constexpr TensorType tensor_type_of<std::int8_t>() {
  return TensorType::i8;
}
template <>
constexpr TensorType tensor_type_of<std::uint8_t>() {
  return TensorType::u8;
}
template <>
constexpr TensorType tensor_type_of<std::uint32_t>() {
  return TensorType::u32;
}
template <>
constexpr TensorType tensor_type_of<std::uint64_t>() {
  return TensorType::u64;
}

}  // namespace ohmic
