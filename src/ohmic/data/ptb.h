#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ohmic/data/dataset.h"
#include "ohmic/data/file_set.h"

namespace ohmic {

/// The Penn Treebank text as prepared by Mikolov (lower case, numbers as N, rare words as <unk>): ptb.train.txt,
/// ptb.valid.txt and ptb.test.txt with one sentence per line, in `ptb` or the folder itself.
const FileSet& ptb_files();

/// Reads the three files as a text of characters. The text is that of the word files, spelled: one token per byte, the
/// space between words included, the end of line as the end of a sentence; the space that begins each line is dropped,
/// the one that ends it kept. This is the text of Mikolov's ptb.char files, which write a space as "_" (Mikolov et al.,
/// Subword Language Modeling with Neural Networks, 2012): 5,059,550 + 396,412 + 446,184 tokens, sentence ends included.
/// Error: damaged or empty files, a byte in the validation or test text that the training text does not have (it names
/// file, line and byte).
Dataset load_ptb_char(const FoundFiles& found);

/// The distinct bytes of a text, ascending.
std::vector<std::uint8_t> vocabulary_of(std::string_view text);

/// Each byte's position in the vocabulary. Error, which names `place`, line and column: a byte that is not in it.
std::vector<std::uint8_t> tokens_of(std::string_view text, const std::vector<std::uint8_t>& vocabulary,
                                    std::string_view place);

}  // namespace ohmic
