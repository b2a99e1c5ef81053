// pass_epilogue.h - which parts of an epilogue belong to which pass. Internal.
#pragma once

#include <fovea/kernels/ops/algorithm.h>
#include <fovea/kernels/ops/conv.h>

namespace fovea::compare {

/// An epilogue's parts that belong to the pass; of +acc both gradients'.
inline Epilogue of_pass(const Epilogue& e, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return {.bias = e.bias, .relu = e.relu, .tanh = e.tanh, .drop = e.drop};
    case Pass::dgrad:
      return {.mask = e.mask, .acc = e.acc};
    case Pass::wgrad:
      return {.acc = e.acc, .db = e.db, .sgd = e.sgd};
  }
  return {};
}

}  // namespace fovea::compare
