#pragma once

namespace ohmic {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace ohmic
