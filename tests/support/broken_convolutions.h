// broken_convolutions.h - a convolution as a user adds one, and five broken ones: what `compare`
// and `check:` must find.
#pragma once

#include <fovea/kernels/ops/conv_algorithm.h>

#include <functional>
#include <string>
#include <vector>

namespace fovea::test {

/// Indices of an element of y.
struct Place {
  int n, i, j, k;
};
/// Reads x[n,i,j,c], which may lie in the padding.
using ReadInput = std::function<float(const ConvArgs&, int n, int i, int j, int c)>;

/// 0 in the padding, as it should be.
float read_input(const ConvArgs& a, int n, int i, int j, int c);
/// What y should be there.
float element(const ConvArgs& a, const Place& at, const ReadInput& x = read_input);

/// A convolution called "mine" on cpu, forward, NHWC, one thread, that puts f(args, place) into
/// each element of y.
ConvAlgorithm convolution(std::function<float(const ConvArgs&, const Place&)> f);
ConvAlgorithm right_convolution();

struct Broken {
  std::string what;
  ConvAlgorithm algorithm;
  std::string hidden_on;  // a problem on which nothing is wrong; "" where there is none
  std::string problem;    // one that shows it
  std::string found_as;   // among what `compare` says of it
};
/// Wrong only in the last row where the height is odd; in the second group only; padding read as
/// the edge; all zeros; a race that the default order of threads hides (emulated).
std::vector<Broken> broken_convolutions();

}  // namespace fovea::test
