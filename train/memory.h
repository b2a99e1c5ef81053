// memory.h - how much memory training takes, before it takes any.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/executor.h>

#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

/// Bytes of one layer. Activations and their gradients of different layers share memory where their
/// lifetimes allow: the sums exceed what is taken.
struct LayerMemory {
  std::string layer;
  // Weights, in training momentum and gradients, in math mode bf16 the weights' copies; derived
  // weights.
  std::size_t parameters = 0;
  std::size_t activations = 0;  // what the layer computes forward
  std::size_t gradients = 0;    // of activations
  std::size_t workspace = 0;    // the largest of its ops
};

FOVEA_API std::vector<LayerMemory> memory_by_layer(const Executor& executor, Executor::PlanId plan);

/// Bytes on the device that a trainer of this recipe takes with so many pictures a step. Throws as
/// Executor does.
FOVEA_API std::size_t training_bytes(const Recipe& recipe, int outputs,
                                     const Preprocessing& preprocessing, const Registry& registry,
                                     const ExecutorOptions& options, int batch);

/// Bytes of host memory that a run takes beside the device's: the model, copies while a checkpoint
/// is written, batches made ahead. Data and the program itself are not counted.
FOVEA_API std::size_t run_host_bytes(const Recipe& recipe, const ParameterLayout& layout);

/// Where largest_batch() stops looking.
inline constexpr int kLargestBatch = 1 << 16;

/// The largest batch whose training_bytes() are at most `budget`; 0 where one picture is too much.
/// Bytes grow nearly linearly with the batch, so that a few plans suffice; the answer is checked.
/// `fastest` stands for the best guess here: nothing is timed.
FOVEA_API int largest_batch(const Recipe& recipe, int outputs, const Preprocessing& preprocessing,
                            const Registry& registry, const ExecutorOptions& options,
                            std::size_t budget);

}  // namespace fovea
