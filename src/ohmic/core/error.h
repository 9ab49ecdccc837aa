#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace ohmic {

/// A mistake that the user can mend: bad input, a bad setting, a full disk. The message names the place, the value, the
/// bound and the way out. Libraries throw it; only `main` prints it and returns exit code 2.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws an Error with a fmt-formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

namespace detail {
[[noreturn]] void contract_failure(const char* kind, const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace ohmic

/// Checks of our own reasoning (not of user input): on in debug builds only.
#ifdef NDEBUG
#define OHMIC_EXPECT(condition) ((void)0)
#else
#define OHMIC_EXPECT(condition) \
  ((condition) ? (void)0 : ::ohmic::detail::contract_failure("expectation", #condition, __FILE__, __LINE__))
#endif
