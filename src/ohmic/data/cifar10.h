#pragma once

#include "ohmic/data/dataset.h"
#include "ohmic/data/file_set.h"

namespace ohmic {

/// CIFAR-10 in its binary layout (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009): five
/// training batches and one test batch, or the archive that holds them; in `cifar10`, `cifar-10-batches-bin` or the
/// folder itself.
const FileSet& cifar10_files();

/// Reads the batches: records of 3073 bytes, a label (0 to 9), then 32x32 red, green and blue bytes. Batches of other
/// lengths are accepted; the provenance says whether the content is what was published. Error: damaged files, a file
/// that is no whole number of records, labels above 9, an archive that lacks a batch.
Dataset load_cifar10(const FoundFiles& found);

}  // namespace ohmic
