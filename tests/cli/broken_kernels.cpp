// broken_kernels.cpp - the command with a right kernel and five broken ones, as a user adds them:
// engines right, broken1 .. broken5.
#include <fovea/cli/command_main.h>
#include <fovea/tests/support/broken_convolutions.h>

#include <string>

int main(int argc, char** argv) {
  std::vector<fovea::ConvAlgorithm> added = {fovea::test::right_convolution()};
  added.back().name = "right";
  for (const fovea::test::Broken& b : fovea::test::broken_convolutions()) {
    added.push_back(b.algorithm);
    added.back().name = "broken" + std::to_string(added.size() - 1);
  }
  return fovea::command_main(argc, argv, {.convolutions = added});
}
