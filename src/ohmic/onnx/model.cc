#include "ohmic/onnx/model.h"

#include <onnx.pb.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"

namespace ohmic::onnx {
namespace {

namespace format = onnx_format;
namespace fs = std::filesystem;

// Numbers of ONNX's TensorProto.DataType.
enum DataType {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0) {
    const float small = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -small : small;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

// The elements of raw bytes, little-endian as this machine.
template <class Stored, class To, class Convert>
std::vector<To> from_raw(const std::string& what, const std::string& raw, std::size_t count, const Convert& convert) {
  if (raw.size() != count * sizeof(Stored)) {
    fail("{} has {} bytes of data, but its shape needs {}; the file is damaged", what, raw.size(),
         count * sizeof(Stored));
  }
  std::vector<To> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values.push_back(convert(stored));
  }
  return values;
}

// The same of a field that has one entry per element.
template <class To, class Field, class Convert>
std::vector<To> from_field(const std::string& what, const Field& field, std::size_t count, const Convert& convert) {
  if (static_cast<std::size_t>(field.size()) != count) {
    fail("{} has {} values, but its shape needs {}; the file is damaged", what, field.size(), count);
  }
  std::vector<To> values;
  values.reserve(count);
  for (const auto& v : field) values.push_back(convert(v));
  return values;
}

// Where the bytes of a tensor lie in another file.
struct ExternalData {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< else to the end
};

std::uint64_t whole_number(const std::string& what, const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    fail("{} has {} = \"{}\" for its bytes in another file, which is no whole number; export the model again", what,
         key, text);
  }
  return value;
}

ExternalData external_data_of(const format::TensorProto& proto, const std::string& what) {
  ExternalData data;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") data.location = entry.value();
    if (entry.key() == "offset") data.offset = whole_number(what, entry.key(), entry.value());
    if (entry.key() == "length") data.length = whole_number(what, entry.key(), entry.value());
  }
  return data;
}

// A model must not reach for files that were not given with it.
fs::path path_of(const ExternalData& data, const fs::path& folder, const std::string& what) {
  const fs::path location(data.location), root = fs::weakly_canonical(folder);
  fs::path path = fs::weakly_canonical(root / location);
  const bool is_inside = std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
  if (location.empty() || location.is_absolute() || !is_inside) {
    fail(
        "{} keeps its numbers in \"{}\", which is not in the folder of the model; put that file beside the model and "
        "save it so",
        what, data.location);
  }
  if (!fs::is_regular_file(path)) {
    fail("{} keeps its numbers in {}, which is not there; copy it from where the model was exported", what,
         path.string());
  }
  return path;
}

std::string external_bytes(const format::TensorProto& proto, const fs::path& folder, const std::string& what) {
  if (folder.empty()) fail("{} keeps its numbers in another file, and only one was given", what);
  const ExternalData data = external_data_of(proto, what);
  const fs::path path = path_of(data, folder, what);
  const std::uint64_t size = fs::file_size(path);
  const std::uint64_t length = data.length.value_or(size - std::min(size, data.offset));
  if (data.offset > size || length > size - data.offset) {
    fail(
        "{} keeps its numbers in {} from byte {} on, {} of them, but that file has {}; it is cut off or belongs to "
        "another model",
        what, path.string(), data.offset, length, size);
  }
  std::string bytes(length, '\0');
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(data.offset));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(length))) {
    fail("{}: cannot read {}; check its permissions", what, path.string());
  }
  return bytes;
}

class TensorReader {
 public:
  TensorReader(const format::TensorProto& proto, const std::string& what, const fs::path& folder)
      : proto_(proto), what_(what), is_elsewhere_(proto.data_location() != 0) {
    if (is_elsewhere_) elsewhere_ = external_bytes(proto, folder, what);
  }

  Tensor read() {
    Tensor tensor;
    tensor.dims.assign(proto_.dims().begin(), proto_.dims().end());
    count_ = static_cast<std::size_t>(checked_count(what_, tensor.dims));
    read_values(tensor);
    return tensor;
  }

 private:
  bool is_raw() const { return is_elsewhere_ || proto_.has_raw_data(); }
  const std::string& raw() const { return is_elsewhere_ ? elsewhere_ : proto_.raw_data(); }

  template <class Stored, class Field>
  void read_whole(Tensor& tensor, const Field& field) const {
    const auto convert = [](auto v) { return static_cast<std::int64_t>(v); };
    tensor.is_whole = true;
    tensor.whole = is_raw() ? from_raw<Stored, std::int64_t>(what_, raw(), count_, convert)
                            : from_field<std::int64_t>(what_, field, count_, convert);
  }
  template <class Stored, class Field, class Convert>
  void read_real(Tensor& tensor, const Field& field, const Convert& convert) const {
    tensor.real = is_raw() ? from_raw<Stored, float>(what_, raw(), count_, convert)
                           : from_field<float>(what_, field, count_, convert);
  }

  void read_values(Tensor& tensor) const {
    const auto plain = [](auto v) { return static_cast<float>(v); };
    switch (proto_.data_type()) {
      case kFloat:
        return read_real<float>(tensor, proto_.float_data(), plain);
      case kDouble:
        return read_real<double>(tensor, proto_.double_data(), plain);
      case kFloat16:
        return read_real<std::uint16_t>(tensor, proto_.int32_data(),
                                        [](auto v) { return from_half(static_cast<std::uint16_t>(v)); });
      case kBfloat16:
        return read_real<std::uint16_t>(tensor, proto_.int32_data(),
                                        [](auto v) { return from_bfloat(static_cast<std::uint16_t>(v)); });
      case kInt64:
        return read_whole<std::int64_t>(tensor, proto_.int64_data());
      case kInt32:
        return read_whole<std::int32_t>(tensor, proto_.int32_data());
      case kInt16:
        return read_whole<std::int16_t>(tensor, proto_.int32_data());
      case kInt8:
        return read_whole<std::int8_t>(tensor, proto_.int32_data());
      case kUint16:
        return read_whole<std::uint16_t>(tensor, proto_.int32_data());
      case kUint8:
      case kBool:
        return read_whole<std::uint8_t>(tensor, proto_.int32_data());
      case kUint32:
        return read_whole<std::uint32_t>(tensor, proto_.uint64_data());
      case kUint64:
        return read_whole<std::uint64_t>(tensor, proto_.uint64_data());
      default:
        fail("{} has elements of ONNX's type {}, which are not read; export the model in fp32", what_,
             proto_.data_type());
    }
  }

  const format::TensorProto& proto_;
  const std::string& what_;
  bool is_elsewhere_;
  std::string elsewhere_;
  std::size_t count_ = 0;
};

// A file on its way to a model.
struct Source {
  const std::string& name;
  const fs::path& folder;

  Tensor read_tensor(const format::TensorProto& proto, const std::string& what) const {
    return TensorReader(proto, what, folder).read();
  }
};

Attribute read_attribute(const format::AttributeProto& proto, const std::string& what, const Source& source) {
  Attribute a;
  a.whole = proto.i();
  a.number = proto.has_f() ? static_cast<double>(proto.f()) : static_cast<double>(proto.i());
  a.text = proto.s();
  a.wholes.assign(proto.ints().begin(), proto.ints().end());
  a.numbers.assign(proto.floats().begin(), proto.floats().end());
  a.texts.assign(proto.strings().begin(), proto.strings().end());
  if (proto.has_t()) a.tensor = source.read_tensor(proto.t(), fmt::format("{}, attribute {}", what, proto.name()));
  return a;
}

Node read_node(const format::NodeProto& proto, const Source& source) {
  Node node;
  node.name = proto.name();
  const bool is_onnx = proto.domain().empty() || proto.domain() == "ai.onnx";
  node.operation = is_onnx ? proto.op_type() : proto.domain() + "." + proto.op_type();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  const std::string what = fmt::format("{}: {}", source.name, node.description());
  for (const auto& attribute : proto.attribute()) {
    node.attributes.emplace(attribute.name(), read_attribute(attribute, what, source));
  }
  return node;
}

PortInfo read_port(const format::ValueInfoProto& proto) {
  PortInfo port;
  port.name = proto.name();
  port.has_shape = proto.type().tensor_type().has_shape();
  for (const auto& dim : proto.type().tensor_type().shape().dim()) {
    port.dims.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : PortInfo::kUnknown);
  }
  return port;
}

std::int64_t read_opset(const format::ModelProto& proto, const std::string& name) {
  std::int64_t opset = 0;
  for (const auto& imported : proto.opset_import()) {
    if (imported.domain().empty() || imported.domain() == "ai.onnx") opset = imported.version();
  }
  if (opset < kFirstOpset || opset > kLastOpset) {
    fail(
        "{}: its operators are of opset {}, but {} to {} are understood; export it with opset_version={}, or convert "
        "it "
        "with onnx.version_converter",
        name, opset, kFirstOpset, kLastOpset, 17);
  }
  return opset;
}

Model model_of(const format::ModelProto& proto, const Source& source) {
  const std::string& name = source.name;
  if (!proto.has_graph() || proto.graph().node_size() == 0) {
    fail("{} holds no network; give an .onnx file as exporters write it", name);
  }
  Model model;
  model.opset = read_opset(proto, name);
  const format::GraphProto& graph = proto.graph();
  for (const auto& tensor : graph.initializer()) {
    const std::string what = fmt::format("{}: the tensor \"{}\"", name, tensor.name());
    model.stored.insert_or_assign(tensor.name(), source.read_tensor(tensor, what));
  }
  for (const auto& node : graph.node()) model.nodes.push_back(read_node(node, source));
  for (const auto& input : graph.input()) {
    if (model.stored.find(input.name()) == model.stored.end()) model.inputs.push_back(read_port(input));
  }
  for (const auto& output : graph.output()) model.outputs.push_back(read_port(output));
  return model;
}

}  // namespace

Model parse_model(std::string_view bytes, const std::string& name, const fs::path& folder) {
  format::ModelProto proto;
  if (bytes.size() > 0x7fffffff || !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail("{} is no ONNX file, or it is damaged; export the model again", name);
  }
  return model_of(proto, {name, folder});
}

Model read_model(const fs::path& path) {
  return parse_model(read_text_file(path), path.string(), fs::absolute(path).parent_path());
}

std::string Node::description() const {
  std::string text = operation.empty() ? "a node without operator" : operation + " node";
  if (!name.empty()) text += fmt::format(" \"{}\"", name);
  if (name.empty() && !outputs.empty()) text += fmt::format(" (output \"{}\")", outputs.front());
  return text;
}

const Attribute* Node::find(std::string_view attribute) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? nullptr : &found->second;
}

std::int64_t Node::whole(std::string_view attribute, std::int64_t otherwise) const {
  const Attribute* a = find(attribute);
  return a == nullptr ? otherwise : a->whole;
}

double Node::number(std::string_view attribute, double otherwise) const {
  const Attribute* a = find(attribute);
  return a == nullptr ? otherwise : a->number;
}

std::string Node::text(std::string_view attribute, std::string_view otherwise) const {
  const Attribute* a = find(attribute);
  return a == nullptr ? std::string(otherwise) : a->text;
}

std::vector<std::int64_t> Node::wholes(std::string_view attribute, std::vector<std::int64_t> otherwise) const {
  const Attribute* a = find(attribute);
  if (a == nullptr) return otherwise;
  return a->wholes;
}

}  // namespace ohmic::onnx
