// Models whose tensors lie in other files, as exporters write large ones.

#include <gtest/gtest.h>
#include <onnx.pb.h>

#include <filesystem>
#include <fstream>

#include "ohmic/core/error.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/onnx/model.h"

namespace ohmic::onnx {
namespace {

namespace fs = std::filesystem;

class ExternalData : public testing::Test {
 protected:
  ExternalData() : folder_(fs::path(testing::TempDir()) / "ohmic_external_data") {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "parts");
    const SafetensorsFile fixtures(std::string(OHMIC_SOURCE_DIR) + "/tests/onnx/operators.safetensors");
    const auto bytes = fixtures.read<std::uint8_t>("net_nchw.13/model");
    whole_ = {bytes.begin(), bytes.end()};
    EXPECT_TRUE(proto_.ParseFromString(whole_));
    move_out();
  }
  ~ExternalData() override { fs::remove_all(folder_); }

  // All initialisers to one file, each from a multiple of 64 on.
  void move_out() {
    std::string outside;
    for (auto& tensor : *proto_.mutable_graph()->mutable_initializer()) {
      outside.resize((outside.size() + 63) / 64 * 64, 'x');
      set(tensor, "location", "parts/weights.bin");
      set(tensor, "offset", std::to_string(outside.size()));
      set(tensor, "length", std::to_string(tensor.raw_data().size()));
      outside += tensor.raw_data();
      tensor.clear_raw_data();
      tensor.set_data_location(1);
    }
    write("parts/weights.bin", outside);
  }

  static void set(onnx_format::TensorProto& tensor, const std::string& key, const std::string& value) {
    for (auto& entry : *tensor.mutable_external_data()) {
      if (entry.key() == key) return entry.set_value(value);
    }
    auto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx_format::TensorProto& last() {
    auto* all = proto_.mutable_graph()->mutable_initializer();
    return *all->Mutable(all->size() - 1);
  }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  Model read() {
    write("model.onnx", proto_.SerializeAsString());
    return read_model(folder_ / "model.onnx");
  }
  void expect_error(const std::string& part) {
    try {
      read();
      ADD_FAILURE() << "no error with " << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  fs::path folder_;
  std::string whole_;
  onnx_format::ModelProto proto_;
};

TEST_F(ExternalData, GivesTheTensorsOfTheSameModelInOneFile) {
  const Model whole = parse_model(whole_, "whole"), parts = read();
  ASSERT_FALSE(whole.stored.empty());
  for (const auto& [name, tensor] : whole.stored) {
    const Tensor& other = parts.stored.at(name);
    EXPECT_EQ(other.dims, tensor.dims);
    EXPECT_EQ(other.real, tensor.real);
    EXPECT_EQ(other.whole, tensor.whole);
  }
}

TEST_F(ExternalData, WithoutALengthGoesToTheEnd) {
  auto* entries = last().mutable_external_data();
  entries->RemoveLast();  // the length
  EXPECT_NO_THROW(read());
}

TEST_F(ExternalData, StaysInTheFolderOfTheModel) {
  std::ofstream(folder_.parent_path() / "ohmic_outside.bin") << std::string(1000000, 'x');
  fs::create_symlink(folder_.parent_path() / "ohmic_outside.bin", folder_ / "link.bin");
  for (const char* location :
       {"../ohmic_outside.bin", "parts/../../ohmic_outside.bin", "/etc/hostname", "link.bin", ""}) {
    set(last(), "location", location);
    expect_error("not in the folder of the model");
  }
  fs::remove(folder_.parent_path() / "ohmic_outside.bin");
}

TEST_F(ExternalData, MistakesAreNamed) {
  const std::string offset = last().external_data(1).value();
  set(last(), "offset", "9999999");
  expect_error("weights.bin from byte 9999999 on");
  set(last(), "offset", "18446744073709551615");
  expect_error("cut off");
  set(last(), "offset", "-1");
  expect_error("no whole number");
  set(last(), "offset", offset);
  set(last(), "length", "1");
  expect_error("has 1 bytes of data");
  set(last(), "location", "parts/none.bin");
  expect_error("none.bin, which is not there");
  try {
    parse_model(proto_.SerializeAsString(), "only one");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("only one"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ohmic::onnx
