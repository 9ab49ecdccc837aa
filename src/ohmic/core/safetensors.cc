#include "ohmic/core/safetensors.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"

static_assert(std::endian::native == std::endian::little,
              "safetensors data are little-endian and are copied as they are");

namespace ohmic {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::string_view kChecksumKey = "crc32";
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;

struct TypeName {
  std::string_view name;
  std::size_t bytes;
};

// In the order of TensorType.
constexpr TypeName kTypes[] = {{"F64", 8}, {"F32", 4}, {"I64", 8}, {"I32", 4}, {"I16", 2},
                               {"I8", 1},  {"U8", 1},  {"U32", 4}, {"U64", 8}};

const TypeName& type_name(TensorType type) { return kTypes[static_cast<std::size_t>(type)]; }

std::optional<TensorType> type_of_name(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) { return t.name == name; });
  if (found == std::end(kTypes)) return std::nullopt;
  return static_cast<TensorType>(found - std::begin(kTypes));
}

/// The bytes that a tensor takes, or nothing if the number does not fit or an extent is negative.
std::optional<std::size_t> byte_count(TensorType type, std::span<const std::int64_t> shape) {
  std::size_t count = type_name(type).bytes;
  for (std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, static_cast<std::size_t>(extent), &count)) return std::nullopt;
  }
  return count;
}

using Entries = std::map<std::string, detail::SafetensorsEntry, std::less<>>;
using Metadata = std::map<std::string, std::string, std::less<>>;

Json header_json(const Entries& entries, const Metadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  for (const auto& [name, entry] : entries) {
    header[name] = {
        {"dtype", type_name(entry.type).name}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  }
  return header;
}

unsigned long add_to_checksum(unsigned long checksum, std::string_view bytes) {
  if (bytes.empty()) return checksum;  // zlib starts over when it gets a null pointer
  return ::crc32_z(checksum, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

/// The checksum covers the header as we would write it without the checksum, and then the data: a flipped bit is found
/// wherever it is, also in a step counter kept as metadata.
std::string checksum_text(const Entries& entries, Metadata metadata, std::span<const std::string_view> data) {
  metadata.erase(std::string(kChecksumKey));
  unsigned long checksum = add_to_checksum(0, header_json(entries, metadata).dump());
  for (std::string_view piece : data) checksum = add_to_checksum(checksum, piece);
  return fmt::format("{:08x}", checksum);
}

/// Padded with spaces so that the data after it are aligned.
std::string header_text(const std::filesystem::path& path, const Entries& entries, Metadata metadata,
                        std::span<const std::string_view> data) {
  std::string text;
  try {
    metadata.insert_or_assign(std::string(kChecksumKey), checksum_text(entries, metadata, data));
    text = header_json(entries, metadata).dump();
  } catch (const Json::type_error&) {
    fail("cannot write {}: a tensor name or metadata value is not valid UTF-8; rename it", path.string());
  }
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  if (key == kChecksumKey) fail("the metadata key \"{}\" is filled in by the writer; choose another key", key);
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

void SafetensorsWriter::add_bytes(std::string name, TensorType type, std::span<const std::byte> bytes,
                                  std::vector<std::int64_t> shape) {
  if (name == kMetadataKey) fail("a tensor cannot be named {}: the format reserves that name", name);
  if (byte_count(type, shape) != bytes.size()) {
    fail("tensor \"{}\" has {} bytes, which is not its shape times the size of {}; give the shape of the data", name,
         bytes.size(), type_name(type).name);
  }
  const auto [entry, inserted] = entries_.try_emplace(std::move(name), Entry{type, bytes, std::move(shape)});
  if (!inserted) fail("tensor \"{}\" was added twice; give each tensor its own name", entry->first);
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  // Widest types first, then by name: every tensor is aligned to its type without the holes that the format forbids.
  std::vector<std::pair<std::string_view, const Entry*>> layout;
  for (const auto& [name, entry] : entries_) layout.emplace_back(name, &entry);
  std::stable_sort(layout.begin(), layout.end(), [](const auto& a, const auto& b) {
    return type_name(a.second->type).bytes > type_name(b.second->type).bytes;
  });

  Entries placed;
  std::vector<std::string_view> data;
  std::size_t end = 0;
  for (const auto& [name, entry] : layout) {
    const std::size_t begin = end;
    end += entry->bytes.size();
    placed.emplace(name, detail::SafetensorsEntry{entry->type, begin, end, entry->shape});
    data.emplace_back(reinterpret_cast<const char*>(entry->bytes.data()), entry->bytes.size());
  }

  const std::string header = header_text(path, placed, metadata_, data);
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(static_cast<std::uint64_t>(header.size()));
  std::vector<std::span<const char>> pieces = {length, header};
  pieces.insert(pieces.end(), data.begin(), data.end());
  write_file_atomically(path, pieces);
}

namespace {

/// Reads the header of one file; every complaint names the file.
class HeaderReader {
 public:
  HeaderReader(const std::filesystem::path& path, std::string_view content) : path_(path), content_(content) {}

  [[noreturn]] void damaged(const std::string& what) const {
    fail("{} is damaged or no safetensors file: {}; use another copy or make it again", path_.string(), what);
  }

  std::string_view header_text() const {
    if (content_.size() < kLengthBytes) damaged(fmt::format("it has only {} bytes", content_.size()));
    std::uint64_t length = 0;
    std::memcpy(&length, content_.data(), kLengthBytes);
    if (length > content_.size() - kLengthBytes) {
      damaged(fmt::format("its header claims {} bytes but the file has {}", length, content_.size()));
    }
    return content_.substr(kLengthBytes, static_cast<std::size_t>(length));
  }

  Json header() const {
    Json json;
    try {
      json = Json::parse(header_text());
    } catch (const Json::exception& error) {
      damaged(fmt::format("its header is not JSON ({})", error.what()));
    }
    if (!json.is_object()) damaged("its header is not a JSON object");
    return json;
  }

  Metadata metadata(const Json& object) const {
    if (!object.is_object()) damaged("its metadata is not a JSON object");
    Metadata result;
    for (const auto& [key, value] : object.items()) {
      if (!value.is_string()) damaged(fmt::format("metadata \"{}\" is not a string", key));
      result[key] = value.get<std::string>();
    }
    return result;
  }

  detail::SafetensorsEntry tensor(const std::string& name, const Json& json, std::size_t data_size) const {
    const std::vector<std::int64_t> offsets = integers(name, json, "data_offsets");
    if (offsets.size() != 2) damaged(fmt::format("tensor \"{}\" needs two data_offsets", name));
    detail::SafetensorsEntry entry{type(name, json), static_cast<std::size_t>(offsets[0]),
                                   static_cast<std::size_t>(offsets[1]), integers(name, json, "shape")};
    if (entry.begin > entry.end || entry.end > data_size) {
      damaged(fmt::format("tensor \"{}\" lies outside the {} data bytes", name, data_size));
    }
    if (byte_count(entry.type, entry.shape) != entry.end - entry.begin) {
      damaged(
          fmt::format("the {} bytes of tensor \"{}\" are not its shape times its type", entry.end - entry.begin, name));
    }
    return entry;
  }

 private:
  TensorType type(const std::string& name, const Json& tensor) const {
    const Json& dtype = member(name, tensor, "dtype");
    if (!dtype.is_string()) damaged(fmt::format("tensor \"{}\" has no type", name));
    const auto type = type_of_name(dtype.get_ref<const std::string&>());
    if (!type) {
      fail("{}: tensor \"{}\" has the type {}, which is not supported; convert it to F32", path_.string(), name,
           dtype.dump());
    }
    return *type;
  }

  std::vector<std::int64_t> integers(const std::string& name, const Json& tensor, const char* key) const {
    const Json& array = member(name, tensor, key);
    if (!array.is_array()) damaged(fmt::format("tensor \"{}\": {} is not an array", name, key));
    std::vector<std::int64_t> result;
    for (const Json& number : array) {
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > INT64_MAX) {
        damaged(fmt::format("tensor \"{}\": {} holds {}, which is not a size", name, key, number.dump()));
      }
      result.push_back(number.get<std::int64_t>());
    }
    return result;
  }

  const Json& member(const std::string& name, const Json& tensor, const char* key) const {
    if (!tensor.is_object() || !tensor.contains(key)) damaged(fmt::format("tensor \"{}\" has no {}", name, key));
    return tensor[key];
  }

  const std::filesystem::path& path_;
  std::string_view content_;
};

/// Every data byte belongs to exactly one tensor: catches overlaps, holes, and bytes cut off or added at the end.
void check_covers(const HeaderReader& reader, std::vector<std::pair<std::size_t, std::size_t>> ranges,
                  std::size_t size) {
  std::sort(ranges.begin(), ranges.end());
  std::size_t end = 0;
  for (const auto& [range_begin, range_end] : ranges) {
    if (range_begin != end) reader.damaged(fmt::format("its tensors overlap or leave a hole at data byte {}", end));
    end = range_end;
  }
  if (end != size) reader.damaged(fmt::format("its tensors take {} data bytes but it has {}", end, size));
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), content_(read_text_file(path)) {
  const HeaderReader reader(path_, content_);
  Json tensors = reader.header();
  data_begin_ = kLengthBytes + reader.header_text().size();
  const std::size_t data_size = content_.size() - data_begin_;

  if (tensors.contains(kMetadataKey)) metadata_ = reader.metadata(tensors[std::string(kMetadataKey)]);
  tensors.erase(std::string(kMetadataKey));
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, value] : tensors.items()) {
    const Entry& entry = entries_.emplace(name, reader.tensor(name, value, data_size)).first->second;
    ranges.emplace_back(entry.begin, entry.end);
  }
  check_covers(reader, std::move(ranges), data_size);

  const auto checksum = metadata_.find(kChecksumKey);
  if (checksum == metadata_.end()) return;
  const std::string_view data = std::string_view(content_).substr(data_begin_);
  if (checksum->second != checksum_text(entries_, metadata_, {&data, 1})) {
    reader.damaged("its checksum does not fit its content");
  }
}

bool SafetensorsFile::contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> result;
  for (const auto& [name, entry] : entries_) result.push_back(name);
  return result;
}

std::vector<std::int64_t> SafetensorsFile::shape(std::string_view name) const { return find(name).shape; }

std::size_t SafetensorsFile::element_count(std::string_view name) const {
  const Entry& entry = find(name);
  return (entry.end - entry.begin) / type_name(entry.type).bytes;
}

std::string SafetensorsFile::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    fail("{} has no metadata \"{}\"; use a file that this program wrote", path_.string(), key);
  }
  return found->second;
}

const SafetensorsFile::Entry& SafetensorsFile::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    fail("{} has no tensor \"{}\"; use a file that belongs to this network", path_.string(), name);
  }
  return found->second;
}

void SafetensorsFile::read_bytes(std::string_view name, TensorType type, std::span<std::byte> out) const {
  const Entry& entry = find(name);
  if (entry.type != type) {
    fail("{}: tensor \"{}\" has the type {} but {} is needed; use a file that belongs to this network", path_.string(),
         name, type_name(entry.type).name, type_name(type).name);
  }
  const std::size_t size = type_name(type).bytes;
  if (entry.end - entry.begin != out.size()) {
    fail("{}: tensor \"{}\" has {} elements but {} are needed; use a file that belongs to this network", path_.string(),
         name, (entry.end - entry.begin) / size, out.size() / size);
  }
  if (!out.empty()) std::memcpy(out.data(), content_.data() + data_begin_ + entry.begin, out.size());
}

}  // namespace ohmic
