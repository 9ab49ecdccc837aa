// small_training FOLDER: a short training on phase-change memory into that folder. Builds that compute the same leave
// the same bytes there.

#include <cstdio>
#include <exception>

#include "ohmic/training/experiment.h"
#include "ohmic/training/run.h"

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: small_training FOLDER\n");
    return 2;
  }
  try {
    ohmic::RunOptions options;
    options.folder = words[1];
    const std::vector<std::string> settings = {"data.name=synthetic_digits", "data.train_limit=400",
                                               "data.test_limit=200", "training.epochs=2"};
    ohmic::train_in_folder(ohmic::read_experiment("mnist_mixed_precision", settings), options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "small_training: %s\n", error.what());
    return 1;
  }
}
