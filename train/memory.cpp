#include <fovea/core/error.h>
#include <fovea/train/memory.h>

#include <algorithm>
#include <limits>

namespace fovea {
namespace {

// "conv1'" -> "conv1": the layer whose backward ops these are.
std::string without_stroke(std::string layer) {
  while (layer.ends_with('\'')) layer.pop_back();
  return layer;
}

LayerMemory& row_of(std::vector<LayerMemory>& rows, const std::string& layer) {
  const auto found = std::ranges::find(rows, layer, &LayerMemory::layer);
  if (found != rows.end()) return *found;
  rows.push_back({.layer = layer});
  return rows.back();
}

}  // namespace

std::vector<LayerMemory> memory_by_layer(const Executor& executor, Executor::PlanId id) {
  const Plan& plan = executor.plan(id);
  std::vector<LayerMemory> rows;
  bool training = false;
  for (const PlanRow& r : plan.rows()) {
    LayerMemory& row = row_of(rows, without_stroke(r.layer));
    row.workspace = std::max(row.workspace, r.workspace_bytes);
    training = training || r.kind == SgdUpdate::kName;
  }
  for (const PlanValue& v : plan.values()) {
    const std::string& layer = plan.rows()[static_cast<std::size_t>(v.first)].layer;
    LayerMemory& row = row_of(rows, v.role == Role::input ? "input" : without_stroke(layer));
    (layer.ends_with('\'') && v.role != Role::input ? row.gradients : row.activations) += v.bytes;
  }
  for (const ParameterSpec& p : executor.parameters()) {
    const auto count = static_cast<std::size_t>(p.shape.elements());
    std::size_t bytes = count * sizeof(float) * (training ? 3 : 1);
    if (activation_type(executor.math()) == DType::bf16) bytes += count * sizeof(bf16);
    row_of(rows, p.name.substr(0, p.name.rfind('.'))).parameters += bytes;
  }
  for (const PlanDerived& d : plan.derived()) row_of(rows, d.row.layer).parameters += d.bytes();
  return rows;
}

std::size_t training_bytes(const Recipe& recipe, int outputs, const Preprocessing& preprocessing,
                           const Registry& registry, const ExecutorOptions& options, int batch) {
  Executor e(recipe, outputs, preprocessing, registry, options);
  e.add_training(batch);
  e.add_evaluation(batch);
  return e.planned_bytes();
}

std::size_t run_host_bytes(const Recipe& recipe, const ParameterLayout& layout) {
  // The model, and while a checkpoint is written: state and file, each weights and momentum, and
  // one block on the way from one to the other.
  constexpr std::size_t kBlocks = 6;
  // Two loaders (training and evaluation), each with 2 batches held and 3 made ahead.
  constexpr std::size_t kBatches = 10;
  const std::size_t batch = static_cast<std::size_t>(recipe.train.batch) *
                            static_cast<std::size_t>(recipe.stored_height()) *
                            static_cast<std::size_t>(recipe.stored_width()) *
                            static_cast<std::size_t>(recipe.input.channels);
  return kBlocks * static_cast<std::size_t>(layout.count()) * sizeof(float) + kBatches * batch;
}

int largest_batch(const Recipe& recipe, int outputs, const Preprocessing& preprocessing,
                  const Registry& registry, const ExecutorOptions& o, std::size_t budget) {
  ExecutorOptions options = o;
  options.policy.tuner = std::make_shared<FirstGuess>();  // each batch would be timed anew
  constexpr auto kNever = std::numeric_limits<std::size_t>::max();
  const auto bytes = [&](int batch) {
    try {
      return training_bytes(recipe, outputs, preprocessing, registry, options, batch);
    } catch (const InvalidArgument&) {  // a tensor of 2^31 elements or more
      return kNever;
    }
  };
  const std::size_t fixed = bytes(1);
  if (fixed > budget) return 0;
  int fits = 1, too_large = kLargestBatch + 1;
  int batch = std::clamp(recipe.train.batch, 1, kLargestBatch);
  // Secant steps between what fits and what does not.
  for (int tries = 0; tries < 24 && too_large - fits > 1; ++tries) {
    batch = std::clamp(batch, fits + 1, too_large - 1);
    const std::size_t b = bytes(batch);
    (b <= budget ? fits : too_large) = batch;
    if (b == kNever) {
      batch = fits + (too_large - fits) / 2;
      continue;
    }
    const double slope = std::max(
        1.0, (static_cast<double>(b) - static_cast<double>(fixed)) / std::max(1, batch - 1));
    const double guess = 1 + static_cast<double>(budget - fixed) / slope;
    batch = static_cast<int>(std::min(guess, static_cast<double>(kLargestBatch)));
  }
  return fits;
}

}  // namespace fovea
