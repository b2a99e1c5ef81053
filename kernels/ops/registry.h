// registry.h - the ordered lists of algorithms, one for each op and pass. A value: a test or a user
// adds to its own copy and hands that to the plan.
#pragma once

#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/input.h>
#include <fovea/kernels/ops/linear.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/update.h>

#include <tuple>
#include <utility>
#include <vector>

namespace fovea {

template <class... Ops>
class RegistryOf {
 public:
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
  void add(Algorithm<Op> a) {
    list<Op>().push_back(std::move(a));
  }
  /// Calls f with every list.
  template <class F>
  void for_each(F&& f) const {
    (f.template operator()<Ops>(list<Ops>()), ...);
  }

 private:
  std::tuple<std::vector<Algorithm<Ops>>...> lists_;
};

using Registry =
    RegistryOf<ConvForward, ConvDgrad, ConvWgrad, LinearForward, LinearDgrad, LinearWgrad,
               MaxPoolForward, MaxPoolBackward, AvgPoolForward, AvgPoolBackward, LrnForward,
               LrnBackward, LrnPoolForward, LrnPoolBackward, ActivationForward, ActivationBackward,
               Scale, Add, AddBias, BiasGradient, Dropout, Softmax, SoftmaxLoss,
               SoftmaxLossBackward, MseLoss, MseLossBackward, RecordMetrics, SgdUpdate, FiniteCheck,
               InputCast>;

}  // namespace fovea
