// What fuzzing has found worth keeping, and the models of the operator tests: none may bring the reader down. One pass
// over them, as no network and no fuzzer is needed for that.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ohmic/core/files.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/core/test_support.h"
#include "ohmic/onnx/corpus_case.h"

namespace ohmic {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(OHMIC_SOURCE_DIR) / "tests" / "onnx";

TEST(OnnxCorpus, NothingInItBringsTheReaderDown) {
  int files = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / "corpus")) {
    ++files;
    refused += read_and_compute(read_text_file(entry.path())) ? 0 : 1;
  }
  EXPECT_GT(files, 20);
  EXPECT_GT(refused, 0);  // damaged models are among them
}

// Each model of the operator tests cut short, and with single bytes changed.
TEST(OnnxCorpus, DamagedModelsAreRefusedOrRead) {
  const SafetensorsFile fixtures(kFolder / "operators.safetensors");
  int tried = 0;
  for (const std::string& name : fixtures.names()) {
    if (!name.ends_with("/model") || ++tried % 8 != 0) continue;
    const auto bytes = fixtures.read<std::uint8_t>(name);
    const std::string whole(bytes.begin(), bytes.end());
    for (std::size_t at = 0; at < whole.size(); at += test::tries(7, 13)) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      read_and_compute(damaged);
      read_and_compute(whole.substr(0, at));
    }
  }
  EXPECT_GT(tried, 100);
}

}  // namespace
}  // namespace ohmic
