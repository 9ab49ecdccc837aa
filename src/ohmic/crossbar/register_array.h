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
#include "ohmic/crossbar/bit_cell_spec.h"
#include "ohmic/crossbar/bit_errors.h"
#include "ohmic/crossbar/counters.h"

namespace ohmic {

/// What one update of registers needs to know.
struct RegisterUpdate {
  std::uint64_t when = 0;  ///< keys the random numbers: differs by 2 from update to update of a register
  double now_s = 0;        ///< simulated time
  float step = 1;          ///< the change that one register step stands for
};

/// Many registers of a few bits, each bit a binary memory cell: the accumulators of a hybrid synapse (Joshi et al.,
/// arXiv 2102.05271, 2021), two's complement, all 0 (every cell RESET) at the beginning.
///
/// An update of a register that has at least one whole step to add reads its cells, adds (RegisterRule) and writes the
/// cells whose bit is now another than was read: one SET for each new 1, one RESET for each new 0. Two's complement,
/// because an adder needs no case for the sign, and every value has one pattern, so that a write is never ambiguous;
/// its price is that all bits change where the sign does, which the wear shows.
///
/// Cells are noisy exactly in law at the cost of their state: BitErrors says how likely a write is to leave a cell that
/// reads may get wrong; how many cells pass until the next one that becomes weak if it is written is drawn from the
/// geometric law; and the weak cells alone are remembered, with conductance and time of write. A read that errs hands
/// the adder a wrong value, and only what the adder then changes is written.
///
/// Wear is counted per cell: writes exactly, the lowest bits of their number beside the register (RegisterLayout), the
/// others in planes (CountPlanes). SETs and RESETs of a cell take turns, so
/// their numbers follow from that of writes and the state, but for writes after a misread, which are counted apart.
class RegisterArray {
 public:
  /// `rule.inverse_step` is ignored. Error if the cells are not of two states.
  RegisterArray(const RegisterRule& rule, const BitCellSpec& cells, std::size_t count, std::uint64_t seed,
                std::uint32_t unit);

  static constexpr std::size_t kPart = CountPlanes::kPart;

  const RegisterRule& rule() const { return rule_; }
  std::size_t size() const { return size_; }
  int value(std::size_t element) const { return layout_.value(words_[element]); }
  const BitErrors& errors() const { return *errors_; }
  /// Cells that reads may get wrong, now.
  std::size_t weak_cells() const;

  /// Adds factor changes[i] to register first + i; carries are appended. Calls at the same time must not touch the same
  /// kPart registers.
  void add(std::size_t first, std::span<const float> changes, float factor, const RegisterUpdate& update,
           std::vector<RegisterCarry>& carries);
  /// Adds x[k] d to row rows[k] of a matrix of registers with d.size() columns.
  void add_rows(std::span<const int> rows, std::span<const float> x, std::span<const float> d,
                const RegisterUpdate& update, std::vector<RegisterCarry>& carries);
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
    std::uint64_t until_weak = 0;  ///< cells to pass before the next candidate for a weak one
    std::uint64_t candidates = 0;  ///< so far: keys their random numbers
    std::map<std::uint32_t, WeakCell> weak;
    std::map<std::uint32_t, Redundant> redundant;
  };
  // A cell that is looked at while its register is updated: a weak one, or a candidate (its number).
  struct Watched {
    std::uint32_t cell;
    std::uint64_t candidate = 0;
    bool is_misread = false;
    bool was_read = false;  ///< as what
    bool is_written = false;
  };

  void add_in_part(const RegisterRule& rule, std::size_t first, std::span<const float> changes, float factor,
                   const RegisterUpdate& update, std::vector<RegisterCarry>& carries);
  void erase_all(std::size_t number);
  bool pass_quietly(std::size_t first, std::size_t count);
  void flush(std::span<RegisterFlush> flushes);
  RegisterStreams streams(const RegisterUpdate& update) const;
  void watch_candidates(std::size_t number, std::size_t first_cell, std::uint64_t cells, std::vector<Watched>& watched);
  void watch(std::size_t number, std::size_t first, std::size_t count, const RegisterUpdate& update,
             std::vector<Watched>& watched);
  void look_after(std::size_t number, std::vector<Watched>& watched, double now_s);
  void draw_weak(std::size_t number, const Watched& candidate, double now_s);
  void next_candidate(std::size_t number);
  double uniform(std::size_t number, std::uint64_t candidate, std::uint32_t use) const;
  bool bit(std::uint32_t cell) const;
  void flip(std::uint32_t cell);

  RegisterRule rule_;
  RegisterLayout layout_;
  std::size_t size_;
  std::shared_ptr<const CellModel> cell_;
  std::unique_ptr<const BitErrors> errors_;
  double most_weak_;  ///< probability of the state that is weak more often
  std::uint64_t seed_;
  std::uint32_t unit_;
  std::vector<std::uint32_t> words_;  ///< registers and small counts of their writes, whole blocks (RegisterLayout)
  CountPlanes writes_;                ///< of each bit: flushed carries of the small counts
  std::vector<Part> parts_;
};

}  // namespace ohmic
