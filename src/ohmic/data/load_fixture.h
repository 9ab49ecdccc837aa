#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "ohmic/data/dataset.h"
#include "ohmic/data/test_support.h"

namespace ohmic::test {

/// Runs in the folder work/ of a temporary folder, without $OHMIC_DATA.
class LoadFixture : public testing::Test {
 protected:
  LoadFixture() {
    std::filesystem::create_directories(root_ / "work");
    std::filesystem::current_path(root_ / "work");
    if (const char* value = std::getenv("OHMIC_DATA")) environment_ = value;
    unsetenv("OHMIC_DATA");
    request_.when_missing = MissingData::fail;
    request_.mirrors = {fmt::format("file://{}/", (root_ / "mirror").string())};
  }
  ~LoadFixture() override {
    std::filesystem::current_path(home_);
    if (environment_) setenv("OHMIC_DATA", environment_->c_str(), 1);
  }

  void set_environment(const std::filesystem::path& folder) const { setenv("OHMIC_DATA", folder.c_str(), 1); }

  Dataset load_from(const std::filesystem::path& folder) {
    request_.folder = folder;
    return load_dataset(request_);
  }

  void expect_read_from(const std::filesystem::path& folder) const {
    const Dataset dataset = load_dataset(request_);
    EXPECT_NE(dataset.provenance.find(fmt::format("read from {} (", folder.string())), std::string::npos)
        << dataset.provenance;
  }

  std::filesystem::path home_ = std::filesystem::current_path();
  TemporaryFolder root_;
  std::optional<std::string> environment_;
  DatasetRequest request_;
};

}  // namespace ohmic::test
