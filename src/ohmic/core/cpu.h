#pragma once

#include <string>
#include <string_view>

namespace ohmic {

enum class CpuFeature {
  avx2,
  avx512,
  avx512_vnni,
  amx,  ///< products of bytes in tile registers
};

/// True if the processor has the feature and no limit forbids it.
bool cpu_has(CpuFeature feature);

/// The widest instruction set that the kernels use: "amx", "avx512_vnni", "avx512", "avx2" or "baseline".
std::string instruction_set();

/// Restricts our kernels to at most the named set.
/// For tests and for OHMIC_ISA. Takes effect on kernels used afterwards; call it before the first product. Error if the
/// name is unknown.
void limit_instruction_set(std::string_view name);

/// The processor's name as the system tells it.
std::string cpu_name();

}  // namespace ohmic
