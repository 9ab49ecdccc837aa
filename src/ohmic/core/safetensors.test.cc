#include "ohmic/core/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <system_error>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

class SafetensorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ohmic-safetensors-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "a.safetensors";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void write_small() const {
    SafetensorsWriter writer;
    writer.add<std::int8_t>("codes", codes_, {3, 1});
    writer.add<float>("weights", weights_, {2, 2});
    writer.set_metadata("step", "1200");
    writer.write(path_);
  }

  /// Without the care for crashes that makes write_file_atomically slow.
  void write_quickly(std::string_view text) const { std::ofstream(path_, std::ios::binary) << text; }

  /// A file from a header in JSON and data bytes, as another program would write it.
  void write_raw(std::string_view header, std::string_view data) const {
    const std::uint64_t length = header.size();
    std::string text(reinterpret_cast<const char*>(&length), sizeof length);
    write_quickly(text.append(header).append(data));
  }

  std::string error_on_load() const {
    try {
      const SafetensorsFile file(path_);
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }

  void expect_damaged(std::string_view header, std::string_view data, std::string_view complaint) const {
    write_raw(header, data);
    const std::string message = error_on_load();
    EXPECT_NE(message.find(complaint), std::string::npos) << header << "\n" << message;
    EXPECT_NE(message.find(path_.string()), std::string::npos) << message;
  }

  fs::path folder_;
  fs::path path_;
  std::vector<std::int8_t> codes_ = {1, -2, 127};
  std::vector<float> weights_ = {0.5F, -1.0F, 2.0F, 1e-30F};
};

TEST_F(SafetensorsTest, ReadsBackWhatWasWritten) {
  write_small();
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.names(), (std::vector<std::string>{"codes", "weights"}));
  EXPECT_EQ(file.shape("codes"), (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(file.element_count("weights"), 4U);
  EXPECT_EQ(file.read<std::int8_t>("codes"), codes_);
  EXPECT_EQ(file.read<float>("weights"), weights_);
  EXPECT_EQ(file.metadata("step"), "1200");
  EXPECT_TRUE(file.contains("codes"));
  EXPECT_FALSE(file.contains("code"));
}

template <class T>
void expect_round_trip(const fs::path& path, std::vector<T> values) {
  SafetensorsWriter writer;
  writer.add("x", std::span<const T>(values));
  writer.write(path);
  EXPECT_EQ(SafetensorsFile(path).read<T>("x"), values);
}

TEST_F(SafetensorsTest, EveryTypeRoundTrips) {
  expect_round_trip<double>(path_, {1.0, -0.1});
  expect_round_trip<float>(path_, {1.0F, -0.1F});
  expect_round_trip<std::int64_t>(path_, {INT64_MIN, INT64_MAX});
  expect_round_trip<std::int32_t>(path_, {INT32_MIN, INT32_MAX});
  expect_round_trip<std::int16_t>(path_, {INT16_MIN, INT16_MAX});
  expect_round_trip<std::int8_t>(path_, {INT8_MIN, INT8_MAX});
  expect_round_trip<std::uint8_t>(path_, {0, UINT8_MAX});
  expect_round_trip<std::uint32_t>(path_, {0, UINT32_MAX});
  expect_round_trip<std::uint64_t>(path_, {0, UINT64_MAX});
}

TEST_F(SafetensorsTest, EmptyFilesAndEmptyTensorsRoundTrip) {
  SafetensorsWriter().write(path_);
  EXPECT_TRUE(SafetensorsFile(path_).names().empty());
  expect_round_trip<float>(path_, {});
}

TEST_F(SafetensorsTest, BytesDependOnlyOnTheContentAndDataAreAligned) {
  write_small();
  const std::string text = read_text_file(path_);
  SafetensorsWriter other_order;
  other_order.set_metadata("step", "1200");
  other_order.add<float>("weights", weights_, {2, 2});
  other_order.add<std::int8_t>("codes", codes_, {3, 1});
  other_order.write(path_);
  EXPECT_EQ(read_text_file(path_), text);

  std::uint64_t header_length = 0;
  std::memcpy(&header_length, text.data(), sizeof header_length);
  EXPECT_EQ(header_length % 8, 0U);
  // The wide type comes first, whatever the names, so that it needs no padding.
  EXPECT_EQ(std::memcmp(text.data() + 8 + header_length, weights_.data(), 16), 0);
}

TEST_F(SafetensorsTest, ReadsWhatThePythonLibraryWrites) {
  // save_file({"a": float32 [2], "b": uint8 []}, metadata={"format": "pt"}): no checksum, padded by spaces.
  write_raw(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
            R"("b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}     )",
            std::string_view("\0\0\x80\x3f\0\0\0\x40\x07", 9));
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.read<float>("a"), (std::vector<float>{1.0F, 2.0F}));
  EXPECT_EQ(file.read<std::uint8_t>("b"), (std::vector<std::uint8_t>{7}));
  EXPECT_EQ(file.metadata("format"), "pt");
}

TEST_F(SafetensorsTest, TruncationAtEveryLengthIsAnError) {
  write_small();
  const std::string text = read_text_file(path_);
  for (std::size_t length = 0; length < text.size(); ++length) {
    write_quickly(text.substr(0, length));
    EXPECT_THROW(SafetensorsFile{path_}, Error) << length;
  }
  write_quickly(text + "x");
  EXPECT_THROW(SafetensorsFile{path_}, Error) << "one byte added";
}

/// The name of the checksum and the padding carry no content, so a flip there may load, but then nothing else has
/// changed.
bool is_flip_without_effect(const fs::path& path, std::span<const std::int8_t> codes, std::span<const float> weights) {
  const SafetensorsFile file(path);
  const auto same = [](const auto& a, const auto& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); };
  return same(file.read<std::int8_t>("codes"), codes) && same(file.read<float>("weights"), weights) &&
         file.metadata("step") == "1200" && file.names().size() == 2;
}

TEST_F(SafetensorsTest, AnyFlippedBitIsAnErrorOrHasNoEffect) {
  write_small();
  const std::string text = read_text_file(path_);
  int loaded = 0;
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write_quickly(damaged);
    if (error_on_load() != "(no error)") continue;
    ++loaded;
    EXPECT_TRUE(is_flip_without_effect(path_, codes_, weights_)) << bit / 8;
  }
  EXPECT_LE(loaded, 5 * 8 + 7 * 8) << "only the letters of \"crc32\" and at most 7 padding bytes";
}

TEST_F(SafetensorsTest, HeadersThatLieAreErrors) {
  constexpr std::string_view kFour("\0\0\0\0", 4);
  const auto tensor = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return fmt::format(R"({{"a":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
  };
  expect_damaged("[]", "", "not a JSON object");
  expect_damaged("{", "", "not JSON");
  expect_damaged("{}", "x", "its tensors take 0 data bytes but it has 1");
  expect_damaged(R"({"a":3})", "", "has no");
  expect_damaged(R"({"a":{"dtype":"F32"}})", "", "has no");
  expect_damaged(R"({"__metadata__":{"a":1}})", "", "metadata \"a\" is not a string");
  expect_damaged(R"({"__metadata__":[]})", "", "metadata is not a JSON object");
  expect_damaged(tensor("3", "[1]", "[0,4]"), kFour, "has no type");
  expect_damaged(tensor("\"BF16\"", "[2]", "[0,4]"), kFour, "convert it to F32");
  expect_damaged(tensor("\"F32\"", "1", "[0,4]"), kFour, "shape is not an array");
  expect_damaged(tensor("\"F32\"", "[-1]", "[0,4]"), kFour, "-1, which is not a size");
  expect_damaged(tensor("\"F32\"", "[1.0]", "[0,4]"), kFour, "1.0, which is not a size");
  expect_damaged(tensor("\"F32\"", "[\"1\"]", "[0,4]"), kFour, "which is not a size");
  expect_damaged(tensor("\"F32\"", "[18446744073709551615]", "[0,4]"), kFour, "which is not a size");
  expect_damaged(tensor("\"F32\"", "[4611686018427387905]", "[0,4]"), kFour, "not its shape times its type");
  expect_damaged(tensor("\"F32\"", "[4294967296,4294967296,4]", "[0,4]"), kFour, "not its shape times its type");
  expect_damaged(tensor("\"F32\"", "[2]", "[0,4]"), kFour, "not its shape times its type");
  expect_damaged(tensor("\"F32\"", "[1]", "[0]"), kFour, "needs two data_offsets");
  expect_damaged(tensor("\"F32\"", "[1]", "[4,0]"), kFour, "lies outside");
  expect_damaged(tensor("\"F32\"", "[1]", "[0,8]"), kFour, "lies outside");
  expect_damaged(tensor("\"I8\"", "[2]", "[2,4]"), kFour, "hole at data byte 0");
  expect_damaged(tensor("\"I8\"", "[1e999]", "[2,4]"), kFour, "not JSON");
  expect_damaged(R"({"a":{"dtype":"I8","shape":[3],"data_offsets":[0,3]},)"
                 R"("b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}})",
                 kFour, "overlap");
  expect_damaged(std::string(200000, '['), "", "not JSON");
}

TEST_F(SafetensorsTest, AHugeClaimedHeaderIsRefusedWithoutAllocating) {
  write_file_atomically(path_, std::string(8, '\xff') + "{}");
  EXPECT_NE(error_on_load().find("its header claims 18446744073709551615 bytes but the file has 10"), std::string::npos)
      << error_on_load();
}

TEST_F(SafetensorsTest, AskingForTheWrongThingIsAnError) {
  write_small();
  const SafetensorsFile file(path_);
  std::vector<float> three(3);
  EXPECT_THROW(file.read<float>("missing"), Error);
  EXPECT_THROW(file.read<double>("weights"), Error);
  EXPECT_THROW(file.read("weights", std::span<float>(three)), Error);
  EXPECT_THROW(file.metadata("missing"), Error);
  EXPECT_THROW(file.shape("missing"), Error);
}

TEST_F(SafetensorsTest, TheWriterRefusesWhatTheFormatCannotHold) {
  SafetensorsWriter writer;
  writer.add<float>("a", weights_);
  EXPECT_THROW(writer.add<float>("a", weights_), Error) << "twice";
  EXPECT_THROW(writer.add<float>("b", weights_, {5}), Error) << "shape";
  EXPECT_THROW(writer.add<float>("b", weights_, {-2, -2}), Error) << "negative shape";
  EXPECT_THROW(writer.add<float>("__metadata__", weights_), Error) << "reserved";
  EXPECT_THROW(writer.set_metadata("crc32", "0"), Error) << "reserved";
  writer.set_metadata("path", "\xff");
  EXPECT_THROW(writer.write(path_), Error) << "not UTF-8";
}

}  // namespace
}  // namespace ohmic
