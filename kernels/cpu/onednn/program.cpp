#include <fovea/core/error.h>
#include <fovea/kernels/cpu/onednn/program.h>

#include <algorithm>

namespace fovea::onednn {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, a vector of AVX-512

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

dnnl::primitive_attr Maker::attributes(const dnnl::post_ops& ops) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (ops.len() > 0) attr.set_post_ops(ops);
  return attr;
}

Program::Program(std::string problem) : problem_{std::move(problem)}, stream_{maker_.engine} {}

Program::Slot Program::external(std::size_t index, const memory::desc& desc, std::int64_t first) {
  tensors_.push_back({desc, index, static_cast<std::size_t>(first) * element_bytes(desc),
                      memory(desc, maker_.engine, nullptr)});
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

void Program::call(std::function<void(const Program&)> loop) {
  Step step;
  step.loop = std::move(loop);
  steps_.push_back(std::move(step));
}

std::size_t Program::workspace_bytes() const { return temporary_bytes_ + aligned(scratch_bytes_); }

void Program::bind(std::span<void* const> externals, void* workspace) {
  auto* const base = static_cast<std::byte*>(workspace);
  for (Tensor& t : tensors_) {
    auto* const start =
        t.external == kNoExternal ? base : static_cast<std::byte*>(externals[t.external]);
    t.object.set_data_handle(start == nullptr ? nullptr : start + t.offset);
  }
  for (Step& s : steps_) {
    if (s.scratch_bytes > 0) s.scratch.set_data_handle(base + temporary_bytes_);
  }
}

void Program::run() const {
  for (const Step& step : steps_) {
    if (step.loop) {
      step.loop(*this);
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

Elements Program::at(Slot slot) const {
  const Tensor& t = tensors_[slot];
  return {t.object.get_data_handle(), type_of(t.desc)};
}

}  // namespace fovea::onednn
