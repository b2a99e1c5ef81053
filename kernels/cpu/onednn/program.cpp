#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/cpu/onednn/program.h>
#include <omp.h>

#include <algorithm>

namespace fovea::onednn {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, a vector of AVX-512

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

ThreadScope::ThreadScope(int threads) : before_{omp_get_max_threads()} {
  if (threads != before_) omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  if (omp_get_max_threads() != before_) omp_set_num_threads(before_);
}

int work_threads() { return ThreadPool::shared().threads(); }

dnnl::primitive_attr Maker::attributes(const dnnl::post_ops& ops) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (ops.len() > 0) attr.set_post_ops(ops);
  return attr;
}

Program::Program(std::string problem, std::size_t externals)
    : problem_{std::move(problem)},
      externals_{externals},
      stream_{maker_.engine},
      threads_{work_threads()} {}

Program::Slot Program::external(std::size_t index, const memory::desc& desc) {
  tensors_.push_back({desc, index, 0, memory(desc, maker_.engine, nullptr)});
  return tensors_.size() - 1;
}

Program::Slot Program::temporary(const memory::desc& desc) {
  tensors_.push_back({desc, kNoExternal, temporary_bytes_, memory(desc, maker_.engine, nullptr)});
  temporary_bytes_ += aligned(desc.get_size());
  return tensors_.size() - 1;
}

Program::Slot Program::in_layout(Slot slot, const memory::desc& wanted) {
  return tensors_[slot].desc == wanted ? slot : temporary(wanted);
}

void Program::add(dnnl::primitive primitive, const memory::desc& scratchpad,
                  std::initializer_list<std::pair<int, Slot>> arguments) {
  Step step;
  step.primitive = std::move(primitive);
  for (const auto& [kind, slot] : arguments) {
    step.arguments.push_back({kind, tensors_[slot].object.get()});
  }
  step.scratch_bytes = scratchpad.get_size();
  if (step.scratch_bytes > 0) {
    step.scratch = memory(scratchpad, maker_.engine, nullptr);
    step.arguments.push_back({DNNL_ARG_SCRATCHPAD, step.scratch.get()});
    scratch_bytes_ = std::max(scratch_bytes_, step.scratch_bytes);
  }
  steps_.push_back(std::move(step));
}

void Program::reorder(Slot from, Slot to, bool accumulate) {
  if (from == to) return;
  dnnl::post_ops ops;
  if (accumulate) ops.append_sum(1.0F);
  const dnnl::reorder::primitive_desc pd(maker_.engine, tensors_[from].desc, maker_.engine,
                                         tensors_[to].desc, Maker::attributes(ops));
  add<dnnl::reorder>(pd, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

void Program::merge(Slot values, Slot into, const Slot* mask, bool accumulate) {
  Step step;
  step.merge = {.values = values,
                .into = into,
                .mask = mask != nullptr ? *mask : into,
                .masked = mask != nullptr,
                .accumulate = accumulate,
                .count = static_cast<std::int64_t>(tensors_[into].desc.get_size() / sizeof(float))};
  steps_.push_back(std::move(step));
}

std::size_t Program::workspace_bytes() const { return temporary_bytes_ + scratch_bytes_; }

void Program::bind(std::span<void* const> externals, void* workspace) {
  auto* const base = static_cast<std::byte*>(workspace);
  for (Tensor& t : tensors_) {
    t.object.set_data_handle(t.external == kNoExternal ? base + t.offset : externals[t.external]);
  }
  for (Step& s : steps_) {
    if (s.scratch_bytes > 0) s.scratch.set_data_handle(base + temporary_bytes_);
  }
}

void Program::run() {
  const ThreadScope scope(threads_);
  for (const Step& step : steps_) {
    if (!step.primitive) {
      run(step.merge);
      continue;
    }
    // The C function: the C++ one would build a vector of arguments in every call.
    const dnnl_status_t status =
        dnnl_primitive_execute(step.primitive.get(), stream_.get(),
                               static_cast<int>(step.arguments.size()), step.arguments.data());
    if (status != dnnl_success) {
      throw DeviceError("oneDNN failed with status " + std::to_string(status) + " in " + problem_);
    }
  }
}

float* Program::address(Slot slot) const {
  return static_cast<float*>(tensors_[slot].object.get_data_handle());
}

// On OpenMP's threads, which are awake between two primitives.
void Program::run(const Merge& m) const {
  const float* const values = address(m.values);
  const float* const mask = address(m.mask);
  float* const into = address(m.into);
  // Values are loaded whatever the mask says: a branch on it would be mispredicted half the time.
  if (!m.masked) {
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < m.count; ++i) into[i] += values[i];
  } else if (m.accumulate) {
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < m.count; ++i) {
      const float v = values[i];
      into[i] += mask[i] > 0.0F ? v : 0.0F;
    }
  } else {
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < m.count; ++i) {
      const float v = values[i];
      into[i] = mask[i] > 0.0F ? v : 0.0F;
    }
  }
}

}  // namespace fovea::onednn
