// libFuzzer's entry to the ONNX reader: whatever the bytes are, they give a network or an Error. Small networks are
// also computed for one sample. Built with -DOHMIC_FUZZ=ON by clang++; tests/onnx/corpus holds what is worth starting
// from, and tests/onnx/corpus.test.cc gives it to the reader in every test run.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ohmic/onnx/corpus_case.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ohmic::read_and_compute({reinterpret_cast<const char*>(data), size});
  return 0;
}
