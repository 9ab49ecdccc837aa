#include "ohmic/core/cpu.h"

#include <cpuid.h>
#include <hwy/targets.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"baseline", "avx2", "avx512", "avx512_vnni", "amx"};

// Linux grants the tile registers, 8 KiB that every switch of threads has to save, to processes that ask.
bool tiles_are_granted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, Linux 5.16
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Leaf 7 of CPUID: AMX tiles are bit 24 of EDX, their products of bytes bit 25; not every compiler has names for them.
bool has_amx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 24 & 1) != 0 && (edx >> 25 & 1) != 0 &&
         tiles_are_granted();
}

int detected_level() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return 0;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl")) {
    return 1;
  }
  if (!__builtin_cpu_supports("avx512vnni")) return 2;
  return has_amx() ? 4 : 3;
}

int& level() {
  static int value = detected_level();
  return value;
}

}  // namespace

bool cpu_has(CpuFeature feature) { return level() > static_cast<int>(feature); }

std::string instruction_set() { return std::string(kNames[static_cast<std::size_t>(level())]); }

void limit_instruction_set(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] != name) continue;
    level() = std::min(static_cast<int>(i), detected_level());
    // In Highway's mask the better instruction set has the lower bit.
    const std::int64_t disabled = level() < 1 ? HWY_SSE4 - 1 : level() < 2 ? HWY_AVX2 - 1 : 0;
    hwy::DisableTargets(disabled);
    return;
  }
  fail("\"{}\" is not an instruction set that ohmic knows; choose one of {}", name, fmt::join(kNames, ", "));
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace ohmic
