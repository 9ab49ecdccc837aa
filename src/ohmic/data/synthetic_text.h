#pragma once

#include <cstdint>

#include "ohmic/data/dataset.h"

namespace ohmic {

/// A stand-in for the Penn Treebank text where that cannot be had: sentences of made-up words by a small grammar. What
/// can be learnt: spelling (a lexicon of common and rare words), the order of word kinds, verbs that agree with the
/// number of their subject, also across a clause between, and topics that last for a sentence. Numbers obtained with it
/// say nothing about the Penn Treebank.
struct SyntheticTextOptions {
  int train_count = 1000000;  ///< characters
  int validation_count = 100000;
  int test_count = 100000;
  std::uint64_t seed = 1;  ///< also of the lexicon, which all splits share
};

/// One sentence per line. Sentence i of a split depends on the seed and i only, so that a longer text begins with the
/// shorter one. The vocabulary is that of the grammar, whether or not a short text has all of it.
Dataset make_synthetic_text(const SyntheticTextOptions& options);

}  // namespace ohmic
