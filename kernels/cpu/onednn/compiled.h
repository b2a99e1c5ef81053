// compiled.h - a PartedProgram as the Prepared of an op, and how dnnl::error becomes fovea's.
#pragma once

#include <fovea/core/error.h>
#include <fovea/core/stream.h>
#include <fovea/kernels/cpu/onednn/parts.h>
#include <fovea/kernels/ops/algorithm.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace fovea::onednn {

/// Runs a PartedProgram, or another `Work` with its workspace_bytes(), bind() and run().
/// `Addresses`: a function from Args to the array of the caller's tensors.
template <class Op, class Work, class Addresses>
class Compiled final : public Prepared<typename Op::Args> {
 public:
  using Args = typename Op::Args;

  Compiled(Work work, Addresses addresses) : work_{std::move(work)}, addresses_{addresses} {}

  std::size_t workspace_bytes() const override { return work_.workspace_bytes(); }

  void bind(const Args& args) override {
    bound_ = addresses_(args);
    workspace_ = args.context.workspace;
    work_.bind(bound_, workspace_);
  }

  void run(const Args& args, StreamView stream) override {
    // Addresses other than those bound are a caller's right in tests; a step never pays for it.
    if (addresses_(args) != bound_ || args.context.workspace != workspace_) bind(args);
    stream.enqueue([this] { work_.run(); });
  }

 private:
  using Bound = decltype(std::declval<Addresses>()(std::declval<const Args&>()));

  Work work_;
  Addresses addresses_;
  Bound bound_{};
  void* workspace_ = nullptr;
};

template <class Op, class Work, class Addresses>
std::unique_ptr<Prepared<typename Op::Args>> compiled(Work work, Addresses addresses) {
  return std::make_unique<Compiled<Op, Work, Addresses>>(std::move(work), addresses);
}

/// "conv forward n128c96...", for messages.
template <class Op>
std::string describe_problem(const typename Op::Problem& problem) {
  return std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(problem);
}

/// make() with OpenMP set to `threads`; its dnnl::error becomes Unsupported.
template <class Op, class Make>
auto guarded(const typename Op::Problem& problem, int threads, const Make& make) {
  try {
    const ThreadScope scope(threads);
    return make();
  } catch (const dnnl::error& e) {
    throw Unsupported("oneDNN " + describe_problem<Op>(problem) + ": " + e.what() +
                      "; choose another engine for this layer");
  }
}

/// The verdict that covers() gives with OpenMP set to `threads`; no, with oneDNN's words, where it
/// finds no primitive.
template <class Covers>
Verdict possible(int threads, const Covers& covers) {
  try {
    const ThreadScope scope(threads);
    return covers();
  } catch (const dnnl::error& e) {
    return Verdict::no(std::string("oneDNN: ") + e.what());
  } catch (const Error& e) {
    return Verdict::no(e.what());
  }
}

}  // namespace fovea::onednn
