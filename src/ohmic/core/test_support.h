#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define OHMIC_TESTS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OHMIC_TESTS_SANITIZED
#endif
#endif

namespace ohmic::test {

/// How often something is to be tried: less often under the address sanitizer, which makes everything several times as
/// slow and of which one asks for bad memory, not for rare cases.
constexpr int tries([[maybe_unused]] int usually, [[maybe_unused]] int sanitized) {
#ifdef OHMIC_TESTS_SANITIZED
  return sanitized;
#else
  return usually;
#endif
}

}  // namespace ohmic::test
