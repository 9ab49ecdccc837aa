#include "ohmic/data/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { check(EVP_DigestInit_ex(get(), EVP_sha256(), nullptr)); }

  void add(std::span<const std::uint8_t> bytes) { check(EVP_DigestUpdate(get(), bytes.data(), bytes.size())); }

  std::string finish() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    check(EVP_DigestFinal_ex(get(), digest.data(), &size));
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  EVP_MD_CTX* get() { return context_.get(); }

  static void check(int status) {
    if (status != 1) throw std::runtime_error("OpenSSL refuses to compute SHA-256");
  }

  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

}  // namespace

std::string sha256_of(std::span<const std::uint8_t> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  Sha256 hash;
  std::vector<std::uint8_t> buffer(1 << 16);
  while (file) {
    file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
    hash.add(std::span(buffer).first(static_cast<std::size_t>(file.gcount())));
  }
  if (!file.eof()) fail("{}: cannot be read ({}); check the path and its permissions", path.string(), strerror(errno));
  return hash.finish();
}

}  // namespace ohmic
