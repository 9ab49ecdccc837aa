#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ohmic/core/count_planes.h"
#include "ohmic/core/register_kernel.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/bit_errors.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/device/preset.h"

namespace ohmic {

/// The binary cells of registers and how they are read.
struct BitCellSpec {
  DeviceSpec device{"binary_pcm"};
  double threshold_us = 0;
};

void describe(FieldVisitor& v, BitCellSpec& s);

/// What one update of registers needs to know.
struct RegisterUpdate {
  std::uint64_t when = 0;  ///< keys the random numbers: differs from update to update of a register
  double now_s = 0;        ///< simulated time
  float step = 1;          ///< the change that one register step stands for
};

/// Many registers of a few bits, each bit a binary memory cell: the accumulators of a hybrid synapse (Joshi et al.,
/// arXiv 2102.05271, 2021), two's complement, all 0 (every cell RESET) at the beginning.
///
/// An update of a register that has at least one whole step to add reads its cells, adds (RegisterRule) and writes the
/// cells whose bit is now another than was read: one SET for each new 1, one RESET for each new 0. Two's complement,
/// because an adder needs no case for the sign, and every value has one pattern, so that a write is never ambiguous; its
/// price is that all bits change where the sign does, which the wear shows.
///
/// Cells are noisy exactly in law at the cost of their state: BitErrors says how likely a write is to leave a cell that
/// reads may get wrong; how many writes pass until the next such cell is drawn from the geometric law; and that cell
/// alone is remembered, with its conductance and the time of its write. A read that errs hands the adder a wrong value,
/// and only what the adder then changes is written.
///
/// Wear is counted per cell: writes exactly, in planes of bits (CountPlanes). SETs and RESETs of a cell take turns, so
/// their numbers follow from that of writes and the state, but for writes after a misread, which are counted apart.
class RegisterArray {
 public:
  /// `rule.inverse_step` is ignored. Error if the cells are not of two states.
  RegisterArray(const RegisterRule& rule, const BitCellSpec& cells, std::size_t count, std::uint64_t seed,
                std::uint32_t unit);

  static constexpr std::size_t kPart = CountPlanes::kPart;

  const RegisterRule& rule() const { return rule_; }
  std::size_t size() const { return registers_.size(); }
  int value(std::size_t element) const { return registers_[element]; }
  std::span<const std::int16_t> values() const { return registers_; }
  const BitErrors& errors() const { return *errors_; }
  /// Cells that reads may get wrong, now.
  std::size_t weak_cells() const;

  /// Adds factor changes[i] to register first + i; carries are appended. Calls at the same time must not touch the same
  /// kPart registers.
  void add(std::size_t first, std::span<const float> changes, float factor, const RegisterUpdate& update,
           std::vector<RegisterCarry>& carries);
  /// Adds to one register, rounded to the nearest; what is beyond its range is lost.
  void add_without_carry(std::size_t element, float change, const RegisterUpdate& update);

  /// Reads, SETs and RESETs of all cells so far.
  Counters counters() const;
  /// Those of bit `bit` of each register.
  CellWear wear(int bit) const;

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  void load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  struct WeakCell {
    float conductance_us;
    double written_s;
  };
  struct Redundant {  // writes of a state that the cell had
    std::uint32_t sets = 0, resets = 0;
  };
  // What kPart registers have of their own, so that parts can be worked on in parallel. Cells are numbered
  // element * bits + bit.
  struct Part {
    std::uint64_t reads = 0;       ///< of registers
    std::uint64_t until_weak = 0;  ///< writes before the next candidate for a weak cell
    std::uint64_t candidates = 0;  ///< so far: keys their random numbers
    std::map<std::uint32_t, WeakCell> weak;
    std::map<std::uint32_t, Redundant> redundant;
  };
  struct Misread {
    std::size_t element;
    int before, mask;
  };

  void add_in_part(const RegisterRule& rule, std::size_t first, std::span<const float> changes, float factor,
                   const RegisterUpdate& update, std::vector<RegisterCarry>& carries);
  void erase_all(std::size_t number);
  void misread(Part& part, std::size_t first, std::size_t count, const RegisterUpdate& update,
               std::vector<Misread>& found);
  void restore(Part& part, std::span<const Misread> found);
  void note_writes(std::size_t number, std::size_t first_block, std::span<const std::uint64_t> marks, double now_s);
  void consider(std::size_t number, std::uint32_t cell, double now_s);
  void next_candidate(std::size_t number);
  double uniform(std::size_t number, std::uint32_t use) const;
  bool bit(std::uint32_t cell) const;
  int sign_extended(int pattern) const;

  RegisterRule rule_;
  std::shared_ptr<const CellModel> cell_;
  std::unique_ptr<const BitErrors> errors_;
  double most_weak_;  ///< probability of the state that is weak more often
  std::uint64_t seed_;
  std::uint32_t unit_;
  std::vector<std::int16_t> registers_;
  std::vector<CountPlanes> writes_;  ///< per bit
  std::vector<Part> parts_;
};

}  // namespace ohmic
