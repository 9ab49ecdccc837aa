#include "ohmic/core/error.h"

namespace ohmic::detail {

void contract_failure(const char* kind, const char* condition, const char* file, int line) {
  throw std::logic_error(fmt::format("{}:{}: {} failed: {}", file, line, kind, condition));
}

}  // namespace ohmic::detail
