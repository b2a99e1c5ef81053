// evaluation.h - judges a model on a data set: errors, loss, and which classes it takes for which.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/train/model.h>
#include <fovea/train/trainer.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

struct EvaluationOptions {
  /// 1: the centre of each picture. 10: four corners and centre, each mirrored too, the softmax
  /// averaged (Krizhevsky et al. 2012, section 4.1).
  int views = 1;
  int batch = 0;  // 0: the recipe's
  Device device = Device::best();
  Math math = Math::fp32;
  Policy policy = {};                  // empty: Policy::defaults(device, math)
  int loaders = 0;                     // threads that make batches ahead; 0: available_threads()
  const Registry* registry = nullptr;  // nullptr: default_registry()
  MemoryResource* memory = nullptr;    // nullptr: the device's default resource
};

/// Pictures of class `actual` that were taken for `predicted`.
struct ConfusedPair {
  int actual = 0, predicted = 0;
  std::int64_t count = 0;
  friend bool operator==(const ConfusedPair&, const ConfusedPair&) = default;
};

struct FOVEA_API Evaluation {
  Score score;
  int classes = 0;                      // 0 for a model with loss mse, which confuses nothing
  std::vector<std::int64_t> confusion;  // classes x classes; a row is what the pictures are

  std::int64_t count(int actual, int predicted) const;
  /// The pairs off the diagonal with the most pictures, at most `limit`, none of them 0.
  std::vector<ConfusedPair> worst_pairs(std::size_t limit) const;
};

/// Loss and errors are computed on the host in fp64 from the net's scores; a label's rank counts
/// the classes scored above it, and equal ones before it. Throws InvalidArgument where model and
/// data do not fit or `views` is neither 1 nor 10, Unsupported where the engines cannot.
FOVEA_API Evaluation evaluate(const Model& model, const Dataset& data,
                              const EvaluationOptions& options = {});

}  // namespace fovea
