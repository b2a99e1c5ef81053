// registry.h - the ordered lists of algorithms, one for each op and pass. A value: a test or a user
// adds to its own copy and hands that to the plan.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/fold_weights.h>
#include <fovea/kernels/ops/input.h>
#include <fovea/kernels/ops/linear.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/update.h>

#include <tuple>
#include <vector>

namespace fovea {

template <class... Ops>
struct OpList {
  using Algorithms = std::tuple<std::vector<Algorithm<Ops>>...>;
};

/// Every op and pass.
using AllOps =
    OpList<ConvForward, ConvDgrad, ConvWgrad, LinearForward, LinearDgrad, LinearWgrad,
           MaxPoolForward, MaxPoolBackward, AvgPoolForward, AvgPoolBackward, LrnForward,
           LrnBackward, LrnPoolForward, LrnPoolBackward, ActivationForward, ActivationBackward,
           Scale, Add, AddBias, BiasGradient, Dropout, Softmax, SoftmaxLoss, SoftmaxLossBackward,
           MseLoss, MseLossBackward, RecordMetrics, SgdUpdate, FiniteCheck, InputCast, FoldWeights>;

/// What copies, grows and destroys all lists is compiled in registry.cpp, once.
class FOVEA_API Registry {
 public:
  Registry();
  Registry(const Registry&);
  Registry(Registry&&) noexcept;
  Registry& operator=(const Registry&);
  Registry& operator=(Registry&&) noexcept;
  ~Registry();

  template <class Op>
  std::vector<Algorithm<Op>>& list() {
    return std::get<std::vector<Algorithm<Op>>>(lists_);
  }
  template <class Op>
  const std::vector<Algorithm<Op>>& list() const {
    return std::get<std::vector<Algorithm<Op>>>(lists_);
  }
  /// Appends: the first in the list is tried first within its engine.
  template <class Op>
  FOVEA_API void add(Algorithm<Op> a);
  /// Calls f with every list.
  template <class F>
  void for_each(F&& f) const {
    each(AllOps{}, f);
  }

 private:
  template <class... Ops, class F>
  void each(OpList<Ops...>, F& f) const {
    (f.template operator()<Ops>(list<Ops>()), ...);
  }
  AllOps::Algorithms lists_;
};

}  // namespace fovea
