#include <fovea/train/derived_weights.h>

#include <algorithm>

namespace fovea {

std::size_t DerivedWeights::index_of(const PlanDerived& wanted) {
  const auto found = std::ranges::find(derived_, wanted.name, &Derived::name);
  if (found != derived_.end()) return static_cast<std::size_t>(found - derived_.begin());
  derived_.push_back({wanted.name, wanted.shape, wanted.dtype});
  return derived_.size() - 1;
}

void DerivedWeights::add(Plan& plan) {
  User& user = users_.emplace_back(User{&plan, {}});
  for (const PlanDerived& d : plan.derived()) user.reads.push_back(index_of(d));
}

std::size_t DerivedWeights::bytes() const {
  std::size_t bytes = in_bf16_ ? static_cast<std::size_t>(count_) * sizeof(bf16) : 0;
  for (const Derived& d : derived_) {
    bytes += static_cast<std::size_t>(d.shape.elements()) * size_of(d.dtype);
  }
  return bytes;
}

void DerivedWeights::allocate(StreamView stream, MemoryResource& memory) {
  stream_ = stream;
  const auto zeros = [&](const Shape& shape, DType type) {
    Tensor t(shape, type, stream, memory);
    stream.fill(t.data(), 0, t.bytes());
    return t;
  };
  if (in_bf16_) copies_ = zeros({count_}, DType::bf16);
  for (Derived& d : derived_) d.memory = zeros(d.shape, d.dtype);
}

void DerivedWeights::describe(PlanMemory& memory) const {
  memory.copies = copies_.view();
  for (const Derived& d : derived_) memory.derived[d.name] = d.memory.view();
}

void DerivedWeights::derive(std::span<const float> block) {
  if (in_bf16_) {
    std::vector<bf16> rounded(block.size());
    std::ranges::transform(block, rounded.begin(), to_bf16);
    stream_.copy(copies_.data(), rounded.data(), copies_.bytes());
    stream_.synchronize();
  }
  for (Derived& d : derived_) d.stale = true;
  for (std::size_t i = 0; i < users_.size(); ++i) before(i);
}

void DerivedWeights::before(std::size_t i) {
  const User& user = users_[i];
  for (std::size_t k = 0; k < user.reads.size(); ++k) {
    Derived& d = derived_[user.reads[k]];
    if (d.stale) user.plan->derive(k);
    d.stale = false;
  }
}

void DerivedWeights::updated_by(std::size_t i) {
  for (Derived& d : derived_) d.stale = true;
  const std::vector<PlanDerived>& of_plan = users_[i].plan->derived();
  for (std::size_t k = 0; k < of_plan.size(); ++k) {
    derived_[users_[i].reads[k]].stale = !of_plan[k].in_step;
  }
}

std::vector<bf16> DerivedWeights::copies() const {
  std::vector<bf16> all(in_bf16_ ? static_cast<std::size_t>(count_) : 0);
  if (all.empty()) return all;
  stream_.copy(all.data(), copies_.data(), copies_.bytes());
  stream_.synchronize();
  return all;
}

}  // namespace fovea
