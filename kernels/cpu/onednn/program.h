// program.h - a fixed sequence of oneDNN primitives over tensors of the caller and temporaries in
// the workspace. Built once, bound once, run again and again.
//
// CONVENTION: all addresses are set by bind(); run() only executes. Scratchpads are the caller's
// workspace (one region, shared by the steps, which run one after the other).
#pragma once

#include <fovea/kernels/cpu/onednn/api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fovea::onednn {

/// What makes primitives: the CPU engine, and the attribute that moves scratchpads to the caller.
struct Maker {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  static dnnl::primitive_attr attributes(const dnnl::post_ops& ops = {});
};

class Program {
 public:
  using Slot = std::size_t;

  /// `problem` is named in errors.
  explicit Program(std::string problem);

  /// What the primitives must be made with: oneDNN refuses those of another engine object.
  const Maker& maker() const { return maker_; }

  /// Tensor `index` of the caller from its element `first` on, seen as `desc`.
  Slot external(std::size_t index, const memory::desc& desc, std::int64_t first = 0);
  /// A tensor in the workspace.
  Slot temporary(const memory::desc& desc);
  /// `slot` itself where it has the layout `wanted`; else a temporary of that layout.
  Slot in_layout(Slot slot, const memory::desc& wanted);

  /// Appends a primitive: its descriptor, and which slot plays which argument (DNNL_ARG_SRC, ...).
  template <class Primitive>
  void add(const typename Primitive::primitive_desc& pd,
           std::initializer_list<std::pair<int, Slot>> arguments) {
    add(Primitive(pd), pd.scratchpad_desc(), arguments);
  }
  /// Appends a change of layout; nothing where `from` is `to`. With `accumulate`: to += from.
  void reorder(Slot from, Slot to, bool accumulate = false);
  /// Appends a loop of our own: called with this program, whose at() it asks.
  void call(std::function<void(const Program&)> loop);

  std::size_t workspace_bytes() const;
  void bind(std::span<void* const> externals, void* workspace);
  /// Throws DeviceError with the problem's text where oneDNN fails.
  void run() const;
  /// Where a tensor lies, and its type. Valid after bind().
  Elements at(Slot slot) const;

 private:
  static constexpr std::size_t kNoExternal = static_cast<std::size_t>(-1);

  struct Tensor {
    memory::desc desc;
    std::size_t external = kNoExternal;
    std::size_t offset = 0;  // in bytes: in the workspace, or in the external
    memory object;           // its address is set by bind()
  };
  struct Step {
    dnnl::primitive primitive;
    std::vector<dnnl_exec_arg_t> arguments;
    std::size_t scratch_bytes = 0;
    memory scratch;
    std::function<void(const Program&)> loop;  // instead of a primitive
  };

  void add(dnnl::primitive primitive, const memory::desc& scratchpad,
           std::initializer_list<std::pair<int, Slot>> arguments);
  std::string problem_;
  Maker maker_;
  dnnl::stream stream_;
  std::vector<Tensor> tensors_;
  std::vector<Step> steps_;
  std::size_t temporary_bytes_ = 0, scratch_bytes_ = 0;
};

}  // namespace fovea::onednn
