#pragma once

#include "ohmic/data/dataset.h"
#include "ohmic/data/file_set.h"

namespace ohmic {

/// MNIST as published by LeCun, Cortes and Burges: four idx files, looked for in `mnist` and in the folder itself.
const FileSet& mnist_files();

/// Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747): files of the same names and form, therefore looked for
/// in `fashion_mnist` and `fashion-mnist` only.
const FileSet& fashion_mnist_files();

/// Reads the four files. Other data in the same form (28x28, ten classes) are accepted; the provenance says whether the
/// files are the published ones. Error: damaged files, other image sizes.
Dataset load_mnist(const FoundFiles& found);
Dataset load_fashion_mnist(const FoundFiles& found);

}  // namespace ohmic
