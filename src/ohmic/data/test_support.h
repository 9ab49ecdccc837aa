#pragma once

// Helpers of the tests of this folder: temporary folders, small idx files, and a check of error messages.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/error.h"

namespace ohmic::test {

/// A fresh folder, removed with its content at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ohmic_data_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

/// An idx file of unsigned bytes: the header, then `content` whether or not it fits.
inline std::string idx_bytes(const std::vector<std::uint32_t>& shape, std::string_view content) {
  std::string bytes = big_endian(0x0800u | static_cast<std::uint32_t>(shape.size()));
  for (const std::uint32_t extent : shape) bytes += big_endian(extent);
  return bytes.append(content);
}

inline std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string input(bytes);
  std::string packed(deflateBound(&stream, input.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline std::string idx_images(std::uint32_t count, std::uint32_t side = 28) {
  return idx_bytes({count, side, side}, std::string(std::size_t{count} * side * side, '\x11'));
}

inline std::string idx_labels(std::string_view labels) {
  return idx_bytes({static_cast<std::uint32_t>(labels.size())}, labels);
}

/// A folder with a data set in the form of MNIST: three training and two test images.
inline void write_tiny_mnist(const std::filesystem::path& folder) {
  write_bytes(folder / "train-images-idx3-ubyte.gz", gzip(idx_images(3)));
  write_bytes(folder / "train-labels-idx1-ubyte.gz", gzip(idx_labels("\x01\x02\x09")));
  write_bytes(folder / "t10k-images-idx3-ubyte.gz", gzip(idx_images(2)));
  write_bytes(folder / "t10k-labels-idx1-ubyte.gz", gzip(idx_labels("\x03\x04")));
}

/// `images` records of CIFAR-10 with the labels 0, 1, ...; pixel p of plane c of image i is 10 i + 80 c + p % 7.
inline std::string cifar_records(int images, int first_label = 0) {
  std::string bytes;
  for (int i = 0; i < images; ++i) {
    bytes += static_cast<char>(first_label + i);
    for (int c = 0; c < 3; ++c) {
      for (int p = 0; p < 1024; ++p) bytes += static_cast<char>(10 * i + 80 * c + p % 7);
    }
  }
  return bytes;
}

/// Five batches of one image each (labels 0 to 4) and a test batch of two (8, 9).
inline void write_tiny_cifar10(const std::filesystem::path& folder) {
  for (int b = 1; b <= 5; ++b) {
    write_bytes(folder / fmt::format("data_batch_{}.bin.gz", b), gzip(cifar_records(1, b - 1)));
  }
  write_bytes(folder / "test_batch.bin", cifar_records(2, 8));
}

/// One entry of a tar archive, with a good checksum.
inline std::string tar_entry(std::string_view name, std::string_view content, char type = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, 11, fmt::format("{:011o}", content.size()));
  header.replace(148, 8, "        ");
  header[156] = type;
  header.replace(257, 5, "ustar");
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  header.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  return header + std::string(content) + std::string((512 - content.size() % 512) % 512, '\0');
}

inline std::string tar_end() { return std::string(1024, '\0'); }

/// The archive of CIFAR-10 with the same images as write_tiny_cifar10, the batches out of order.
inline std::string tiny_cifar10_archive(int batches = 5) {
  const std::string folder = "cifar-10-batches-bin/";
  std::string tar = tar_entry(folder, "", '5') + tar_entry(folder + "test_batch.bin", cifar_records(2, 8));
  for (int b = batches; b >= 1; --b) {
    tar += tar_entry(folder + fmt::format("data_batch_{}.bin", b), cifar_records(1, b - 1));
  }
  return gzip(tar + tar_entry(folder + "readme.html", "hello") + tar_end());
}

inline void write_tiny_ptb(const std::filesystem::path& folder) {
  write_bytes(folder / "ptb.train.txt", " ab c \n <unk> N \n");
  write_bytes(folder / "ptb.valid.txt", " cab \n");
  write_bytes(folder / "ptb.test.txt", " b \n a \n");
}

/// Expects an ohmic::Error whose message contains each of `parts`.
template <class Action>
void expect_error(Action&& action, std::initializer_list<std::string> parts) {
  try {
    action();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(message.find(part), std::string::npos) << "\"" << part << "\" is not in: " << message;
    }
  }
}

}  // namespace ohmic::test
