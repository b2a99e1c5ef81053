// added.cpp - see added.h.
#include <fovea/core/error.h>
#include <fovea/kernels/ops/engines.h>
#include <fovea/kernels/registry/added.h>
#include <fovea/kernels/registry/in_nchw.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace fovea {
namespace {

using Shared = std::shared_ptr<const ConvAlgorithm>;

void require(bool holds, const ConvAlgorithm& a, const std::string& what) {
  if (!holds) throw InvalidArgument("added convolution '" + a.name + "': " + what);
}

const std::string& engine_of(const ConvAlgorithm& a) {
  return a.engine.empty() ? a.name : a.engine;
}

// Lists of engines are split at these.
bool can_be_named(const std::string& name) {
  return !name.empty() && name.find_first_of(",:*= \t\n") == std::string::npos;
}

Epilogue offered_in(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return {.bias = true, .relu = true, .tanh = true};
    case Pass::dgrad:
      return {.mask = true, .acc = true};
    case Pass::wgrad:
      return {.acc = true, .db = true};
  }
  return {};
}

void check(const ConvAlgorithm& a) {
  require(can_be_named(a.name), a, "a name is a word without , : * = or blanks");
  require(can_be_named(engine_of(a)), a, "an engine is a word without , : * = or blanks");
  const auto own = [&a](std::string_view taken) {
    require(engine_of(a) != taken, a, "engine " + std::string(taken) + " is not yours");
  };
  for (const std::string_view engine : kEngines) own(engine);
  for (const std::string_view word : {kFastest, kSmallest, std::string_view("check")}) own(word);
  require(a.devices != Devices::none, a, "say which devices it runs on");
  require(static_cast<bool>(a.run), a, "it has no run");
  require(a.layout == Layout::nhwc || a.layout == Layout::nchw, a, "its layout is nhwc or nchw");
  if (const Verdict v = covers(offered_in(a.pass), a.epilogue); !v) {
    require(false, a, "among what the pass offers to added ones " + v.why_not);
  }
}

void fill(ConvArgs& to, const ConvForward::Args& from) {
  to.x = ConvInput(from.x);
  to.w = ConvInput(from.w);
  to.b = ConvInput(from.b);
  to.y = ConvOutput(from.y);
}
void fill(ConvArgs& to, const ConvDgrad::Args& from) {
  to.dy = ConvInput(from.dy);
  to.w = ConvInput(from.w);
  to.mask = ConvInput(from.mask);
  to.dx = ConvOutput(from.dx);
}
void fill(ConvArgs& to, const ConvWgrad::Args& from) {
  to.x = ConvInput(from.x);
  to.dy = ConvInput(from.dy);
  to.dw = ConvOutput(from.dw);
  to.db = ConvOutput(from.db);
}

// The first tensor of a pass: what tells in which type they come.
const TensorView& first_of(const ConvForward::Args& a) { return a.x; }
const TensorView& first_of(const ConvDgrad::Args& a) { return a.dy; }
const TensorView& first_of(const ConvWgrad::Args& a) { return a.x; }

template <class Op>
class Added final : public Prepared<typename Op::Args> {
 public:
  using Args = typename Op::Args;
  Added(Shared algorithm, const ConvProblem& problem)
      : algorithm_{std::move(algorithm)},
        problem_{problem},
        workspace_{algorithm_->workspace ? algorithm_->workspace(problem) : 0} {}

  std::size_t workspace_bytes() const override { return workspace_; }
  bool deterministic() const override { return algorithm_->deterministic; }
  void bind(const Args& args) override {
    const DType wanted = algorithm_->math == Math::bf16 ? DType::bf16 : DType::f32;
    const DType got = first_of(args).dtype;
    if (got == wanted) return;
    throw Unsupported("added convolution '" + algorithm_->name + "' computes in " +
                      std::string(name_of(algorithm_->math)) + " on tensors of " +
                      std::string(name_of(wanted)) + ", not of " + std::string(name_of(got)));
  }
  void run(const Args& args, StreamView stream) override {
    ConvArgs a{.problem = problem_,
               .workspace = workspace_ > 0 ? args.context.workspace : nullptr,
               .stream = stream};
    fill(a, args);
    if (stream.device().kind() != DeviceKind::cpu) return algorithm_->run(a);
    // On cpu it may compute at once, and the stream says when that is.
    stream.enqueue_in_place([algorithm = algorithm_.get(), a] { algorithm->run(a); });
  }

 private:
  Shared algorithm_;
  ConvProblem problem_;
  std::size_t workspace_;
};

template <class Op>
Algorithm<Op> algorithm_of(const ConvAlgorithm& added) {
  const auto shared = std::make_shared<const ConvAlgorithm>(added);
  Algorithm<Op> a;
  a.engine = engine_of(added);
  a.name = added.name;
  a.devices = added.devices;
  a.math = added.math;
  a.exact_on_integers = added.exact_on_integers;
  a.can_run = [shared](const ConvProblem& p, const DeviceInfo& d) {
    const Verdict v = covers(shared->epilogue, p.epilogue);
    if (!v || !shared->why_not) return v;
    std::string reason = shared->why_not(p, d);
    return reason.empty() ? Verdict{} : Verdict::no(std::move(reason));
  };
  a.prepare = [shared](const ConvProblem& p, const Variant&, const DeviceInfo&) {
    return std::make_unique<Added<Op>>(shared, p);
  };
  return added.layout == Layout::nchw ? in_nchw(std::move(a)) : a;
}

}  // namespace

void add_convolution(Registry& registry, const ConvAlgorithm& algorithm) {
  check(algorithm);
  switch (algorithm.pass) {
    case Pass::forward:
      return registry.add(algorithm_of<ConvForward>(algorithm));
    case Pass::dgrad:
      return registry.add(algorithm_of<ConvDgrad>(algorithm));
    case Pass::wgrad:
      return registry.add(algorithm_of<ConvWgrad>(algorithm));
  }
}

}  // namespace fovea
