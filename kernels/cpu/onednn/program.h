// program.h - a fixed sequence of oneDNN primitives over tensors of the caller and temporaries in
// the workspace. Built once, bound once, run again and again.
//
// CONVENTION: all addresses are set by bind(); run() only executes. Scratchpads are the caller's
// workspace (one region, shared by the steps, which run one after the other). oneDNN fixes how many
// threads share a primitive's work when it is made; run() gives OpenMP the same number for the
// duration of the call, on the calling thread alone.
#pragma once

#include <fovea/kernels/cpu/onednn/api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fovea::onednn {

/// Gives this thread's OpenMP regions `threads` threads, until the end of the scope.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// Threads that the library's CPU work shares: ThreadPool::shared().
int work_threads();

/// What makes primitives: the CPU engine, and the attribute that moves scratchpads to the caller.
struct Maker {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  static dnnl::primitive_attr attributes(const dnnl::post_ops& ops = {});
};

class Program {
 public:
  using Slot = std::size_t;

  /// `externals`: how many tensors of the caller bind() will be given.
  Program(std::string problem, std::size_t externals);

  /// What the primitives must be made with: oneDNN refuses those of another engine object.
  const Maker& maker() const { return maker_; }

  /// Tensor `index` of the caller, seen as `desc`.
  Slot external(std::size_t index, const memory::desc& desc);
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
  /// Appends into = (accumulate ? into : 0) + (mask given and not above 0 ? 0 : values), element by
  /// element over dense tensors of one layout. `values` may be `into` without `accumulate`.
  void merge(Slot values, Slot into, const Slot* mask, bool accumulate);

  std::size_t workspace_bytes() const;
  void bind(std::span<void* const> externals, void* workspace);
  /// Throws DeviceError with the problem's text where oneDNN fails.
  void run();

 private:
  static constexpr std::size_t kNoExternal = static_cast<std::size_t>(-1);

  struct Tensor {
    memory::desc desc;
    std::size_t external = kNoExternal;
    std::size_t offset = 0;  // in the workspace
    memory object;           // its address is set by bind()
  };
  struct Merge {
    Slot values = 0, into = 0, mask = 0;
    bool masked = false, accumulate = false;
    std::int64_t count = 0;
  };
  struct Step {
    dnnl::primitive primitive;  // empty: `merge`
    std::vector<dnnl_exec_arg_t> arguments;
    std::size_t scratch_bytes = 0;
    memory scratch;
    Merge merge;
  };

  void add(dnnl::primitive primitive, const memory::desc& scratchpad,
           std::initializer_list<std::pair<int, Slot>> arguments);
  float* address(Slot slot) const;
  void run(const Merge& merge) const;

  std::string problem_;
  std::size_t externals_;
  Maker maker_;
  dnnl::stream stream_;
  int threads_;
  std::vector<Tensor> tensors_;
  std::vector<Step> steps_;
  std::size_t temporary_bytes_ = 0, scratch_bytes_ = 0;
};

}  // namespace fovea::onednn
