#pragma once

namespace ohmic::test {

/// How often something is to be tried: less often under the address sanitizer, which makes everything several times as
/// slow and of which one asks for bad memory, not for rare cases.
constexpr int tries([[maybe_unused]] int usually, [[maybe_unused]] int sanitized) {
#ifdef __SANITIZE_ADDRESS__
  return sanitized;
#else
  return usually;
#endif
}

}  // namespace ohmic::test
