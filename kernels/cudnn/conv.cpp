// conv.cpp - convolution's lists: one algorithm `graph`, whose variants are the engine
// configurations that cuDNN's heuristics propose; and the same on NCHW, `graph_nchw`, whose caller
// converts.
#include <fovea/kernels/cudnn/algorithms.h>
#include <fovea/kernels/cudnn/conv_graph.h>
#include <fovea/kernels/cudnn/engine_config.h>
#include <fovea/kernels/ops/accuracy.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace fovea::cudnn {
namespace {

/// A tensor of a graph and where it lies.
using Bound = std::pair<Uid, void*>;
using Bindings = std::array<Bound, 4>;  // nullptr: not part of the graph

Bindings bindings(const ConvForward::Args& a) {
  return {Bound{Uid::x, a.x.data}, Bound{Uid::w, a.w.data}, Bound{Uid::b, a.b.data},
          Bound{Uid::y, a.y.data}};
}
Bindings bindings(const ConvDgrad::Args& a) {
  return {Bound{Uid::dy, a.dy.data}, Bound{Uid::w, a.w.data}, Bound{Uid::mask, a.mask.data},
          Bound{Uid::dx, a.dx.data}};
}
Bindings bindings(const ConvWgrad::Args& a) {
  return {Bound{Uid::x, a.x.data}, Bound{Uid::dy, a.dy.data}, Bound{Uid::dw, a.dw.data}, Bound{}};
}

/// Only what the graph has: a caller may hand in a bias that the problem does not add.
bool takes_part(Uid uid, const Epilogue& e) {
  return (uid != Uid::b || e.bias) && (uid != Uid::mask || e.mask);
}

Descriptor variant_pack(const CudnnApi& api, const Bindings& tensors, const Epilogue& epilogue,
                        void* workspace) {
  std::vector<std::int64_t> uids;
  std::vector<void*> addresses;
  for (const auto& [uid, address] : tensors) {
    if (address == nullptr || !takes_part(uid, epilogue)) continue;
    uids.push_back(static_cast<std::int64_t>(uid));
    addresses.push_back(address);
  }
  Descriptor pack(api, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, addresses)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
      .finalize();
  return pack;
}

/// Engines that transform came to 24 times the bound of a plain sum in fp32; in bf16 some that do
/// not, but keep the parts of a split sum in bf16, to 1.9 times: the worst of AlexNet's
/// convolutions on an H100 80GB, cuDNN 9.14, 2026-11-26, with some room. What is wrong is off by
/// thousands.
constexpr double kTransformed = 32, kSplitInBf16 = 3;

/// Engine 17's wgrad came to 7 times the bound, on integers to 174.197 instead of 174, where its
/// notes know of no transform (cuDNN 9.14, H200, 2026-11-27).
constexpr std::int64_t kTransformsUnsaid = 17;

double error_factor_of(const EngineConfig& config, const NumericalNotes& notes, Math math) {
  if (transforms(notes) || config.engine == kTransformsUnsaid) return kTransformed;
  return math == Math::bf16 ? kSplitInBf16 : 1;
}

template <class Op>
class ConvPlan final : public Prepared<typename Op::Args>, public RoundsItsOwnWay {
 public:
  using Args = typename Op::Args;

  ConvPlan(std::shared_ptr<CudnnSession> session, const ConvSetup& setup,
           const EngineConfig& config)
      : session_{std::move(session)},
        setup_{setup},
        graph_{session_->api(), session_->handle(), setup},
        plan_{execution_plan(session_->api(), session_->handle(), graph_.descriptor(), config)},
        error_factor_{error_factor_of(config, plan_.notes, setup.math)} {
    if (const Verdict v = admits(plan_.notes, setup.math, false); !v) {
      throw InvalidArgument("cudnn:graph '" + to_string(config) + "' " + v.why_not + "; " +
                            describe<Op>(setup.problem, setup.math) + " needs another variant");
    }
  }

  std::size_t workspace_bytes() const override { return plan_.workspace_bytes; }
  bool deterministic() const override {
    return static_cast<bool>(admits(plan_.notes, setup_.math, true));
  }
  double error_factor() const override { return error_factor_; }

  void bind(const Args& args) override {
    bound_ = bindings(args);
    workspace_ = args.context.workspace;
    guarded<Op>(setup_.problem, setup_.math, [&] {
      pack_ = variant_pack(session_->api(), bound_, setup_.problem.epilogue, workspace_);
    });
  }

  void run(const Args& args, StreamView stream) override {
    // Addresses other than those bound are a caller's right in tests; a step never pays for it.
    if (!pack_ || bindings(args) != bound_ || args.context.workspace != workspace_) bind(args);
    guarded<Op>(setup_.problem, setup_.math, [&] {
      session_->on(stream.native(), [&](cudnnHandle_t handle) {
        const CudnnApi& api = session_->api();
        api.check(api.execute(handle, plan_.descriptor.get(), pack_->get()), "cudnnBackendExecute");
      });
    });
  }

 private:
  std::shared_ptr<CudnnSession> session_;
  ConvSetup setup_;
  ConvGraph graph_;
  ExecutionPlan plan_;
  double error_factor_;
  Bindings bound_{};
  void* workspace_ = nullptr;
  std::optional<Descriptor> pack_;
};

/// Engines 1, 7, 18 and 50 of cuDNN 9.14 gave wrong results where padding differs at begin and end,
/// by up to 2e5 times the bound (H100 80GB, 2026-11-26). Others may.
Verdict trusted(const ConvProblem& p) {
  const bool lopsided = p.ph.begin != p.ph.end || p.pw.begin != p.pw.end;
  return lopsided ? Verdict::no("cuDNN computes padding that differs at begin and end wrong")
                  : Verdict{};
}

/// What heuristics proposed, by problem and device: they take up to seconds, and can_run, variants
/// and prepare all ask. Thread-safe.
class Proposals {
 public:
  explicit Proposals(SharedEngine engine) : engine_{std::move(engine)} {}

  /// Those that compute as the math mode asks. Throws as propose().
  std::vector<Candidate> of(const ConvSetup& setup, int device, bool deterministic) {
    std::vector<Candidate> all = all_of(setup, device);
    std::erase_if(all,
                  [&](const Candidate& c) { return !admits(c.notes, setup.math, deterministic); });
    return all;
  }

 private:
  std::vector<Candidate> all_of(const ConvSetup& setup, int device) {
    const std::string key = to_string(setup.problem, true) + " " + std::to_string(device);
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = known_.find(key); known != known_.end()) return known->second;
    }
    const std::shared_ptr<CudnnSession> session = engine_->cudnn(device);
    const CurrentDevice current(device);
    const ConvGraph graph(session->api(), session->handle(), setup);
    std::vector<Candidate> all = propose(session->api(), graph.descriptor());
    const std::lock_guard lock(mutex_);
    return known_[key] = std::move(all);
  }

  SharedEngine engine_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Candidate>> known_;
};

/// Those that fit the workspace, in order; where none does, the one that needs least.
std::vector<Variant> fitting(const std::vector<Candidate>& all, std::size_t workspace) {
  std::vector<Variant> variants;
  for (const Candidate& c : all) {
    if (c.workspace_bytes <= workspace) variants.push_back(to_string(c.config));
  }
  if (variants.empty() && !all.empty()) {
    variants.push_back(
        to_string(std::ranges::min_element(all, {}, &Candidate::workspace_bytes)->config));
  }
  return variants;
}

template <class Op>
Algorithm<Op> graph(const SharedEngine& engine, Math math, Layout layout) {
  Algorithm<Op> a = algorithm<Op>(layout == Layout::nhwc ? "graph" : "graph_nchw", math);
  a.exact_on_integers = false;    // some variants transform: Winograd, FFT
  a.error_factor = kTransformed;  // the largest; a variant says its own
  const auto setup = [math, layout](const ConvProblem& p) {
    return ConvSetup{.pass = Op::kPass, .problem = p, .math = math, .layout = layout};
  };
  const auto proposals = std::make_shared<Proposals>(engine);
  const auto offered = [proposals, setup](const ConvProblem& p, const DeviceInfo& d,
                                          const Limits& limits) {
    return fitting(proposals->of(setup(p), d.device.index(), limits.deterministic),
                   limits.workspace_bytes);
  };
  const auto planned = [engine, setup](const ConvProblem& p, const Variant& v,
                                       const DeviceInfo& d) {
    return std::make_unique<ConvPlan<Op>>(engine->cudnn(d.device.index()), setup(p),
                                          parse_engine_config(v));
  };
  // The first that can be built: some are compiled here, and a few cannot be.
  const auto best_guess = [offered, planned](const ConvProblem& p, const DeviceInfo& d) {
    std::string why_not = "cuDNN has no deterministic engine of this precision";
    for (const Variant& v : offered(p, d, {})) {
      try {
        return planned(p, v, d);
      } catch (const Unsupported& e) {
        why_not = e.what();
      }
    }
    throw Unsupported(why_not);
  };
  a.can_run = [proposals, setup](const ConvProblem& p, const DeviceInfo& d) {
    if (const Verdict v = expressible(Op::kPass, p.epilogue); !v) return v;
    if (const Verdict v = trusted(p); !v) return v;
    return possible([&] {
      // Whether one is deterministic is a matter of limits: variants() knows them.
      const auto found = proposals->of(setup(p), d.device.index(), false);
      return found.empty() ? Verdict::no("cuDNN has no engine of this precision") : Verdict{};
    });
  };
  a.variants = [offered, math](const ConvProblem& p, const DeviceInfo& d, const Limits& limits) {
    return guarded<Op>(p, math, [&] { return offered(p, d, limits); });
  };
  a.prepare = [=](const ConvProblem& p, const Variant& variant, const DeviceInfo& d) {
    return guarded<Op>(p, math, [&]() -> std::unique_ptr<Prepared<typename Op::Args>> {
      const CurrentDevice current(d.device.index());  // where cuDNN loads what it compiles
      return variant.empty() ? best_guess(p, d) : planned(p, variant, d);
    });
  };
  return a;
}

}  // namespace

void add_conv(Registry& registry, const SharedEngine& engine, Layout layout) {
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    registry.add(graph<ConvForward>(engine, math, layout));
    registry.add(graph<ConvDgrad>(engine, math, layout));
    registry.add(graph<ConvWgrad>(engine, math, layout));
  }
}

}  // namespace fovea::cudnn
