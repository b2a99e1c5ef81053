// choose.h - the choice of an algorithm and a variant for one op, by a policy.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/candidates.h>
#include <fovea/kernels/ops/policy.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

/// A choice among candidates.
struct ChosenCandidate {
  std::optional<std::size_t> algorithm = {};  // nothing: none can run it; why says all reasons
  Variant variant = {};
  std::string why = {};
  std::unique_ptr<Launch> launch = nullptr;  // ready, unbound
  std::optional<std::size_t> checker = {};   // runs beside it, to compare
  std::unique_ptr<Launch> checker_launch = nullptr;
  double us = 0;  // where the tuner measured it
  explicit operator bool() const { return algorithm.has_value(); }
};

/// The algorithm of the first entry in the layer's list that can run the problem; before all lists
/// what the policy has recorded. `operands`: shapes and types of what the op is given, for
/// `fastest`.
FOVEA_API ChosenCandidate try_choose_among(const Candidates& candidates, const Policy& policy,
                                           std::string_view layer,
                                           std::span<const TensorView> operands);
/// As try_choose_among(); throws Unsupported where nothing can run the problem, naming op, problem,
/// and each engine with its reason.
FOVEA_API ChosenCandidate choose_among(const Candidates& candidates, const Policy& policy,
                                       std::string_view layer,
                                       std::span<const TensorView> operands);
/// See may_join().
FOVEA_API bool may_become(const Candidates& joined, const Candidates& first, const Policy& policy,
                          std::string_view layer);

/// The same with the op's type.
template <class Op>
struct Chosen {
  const Algorithm<Op>* algorithm = nullptr;
  Variant variant = {};
  std::string why = {};
  std::unique_ptr<Launch> launch = nullptr;
  const Algorithm<Op>* checker = nullptr;
  std::unique_ptr<Launch> checker_launch = nullptr;
  double us = 0;
  explicit operator bool() const { return algorithm != nullptr; }
};

template <class Op>
Chosen<Op> chosen_of(const Registry& registry, ChosenCandidate c) {
  const auto at = [&](std::optional<std::size_t> i) {
    return i ? &registry.list<Op>()[*i] : nullptr;
  };
  return {at(c.algorithm),
          std::move(c.variant),
          std::move(c.why),
          std::move(c.launch),
          at(c.checker),
          std::move(c.checker_launch),
          c.us};
}

template <class Op>
Chosen<Op> try_choose(const Registry& registry, const typename Op::Problem& problem,
                      const DeviceInfo& device, Math math, const Policy& policy,
                      std::string_view layer, std::span<const TensorView> operands) {
  const CandidatesOf<Op> all(registry, problem, device, math);
  return chosen_of<Op>(registry, try_choose_among(all, policy, layer, operands));
}

template <class Op>
Chosen<Op> choose(const Registry& registry, const typename Op::Problem& problem,
                  const DeviceInfo& device, Math math, const Policy& policy, std::string_view layer,
                  std::span<const TensorView> operands = {}) {
  const CandidatesOf<Op> all(registry, problem, device, math);
  return chosen_of<Op>(registry, choose_among(all, policy, layer, operands));
}

/// Whether op First may become Joined, which does a neighbour's work too: no later entry of the
/// layer's list may have to run it, for to be joined must not cost the engine that was asked for
/// first. Nothing is timed. Where a run must be repeated: whether it computed the op so, or with
/// more joined to it.
template <class Joined, class First>
bool may_join(const Registry& registry, const typename Joined::Problem& joined,
              const typename First::Problem& first, const DeviceInfo& device, Math math,
              const Policy& policy, std::string_view layer) {
  return may_become(CandidatesOf<Joined>(registry, joined, device, math),
                    CandidatesOf<First>(registry, first, device, math), policy, layer);
}

}  // namespace fovea
