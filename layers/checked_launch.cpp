// checked_launch.cpp - an op prepared by the policy; two algorithms of it side by side for
// `check:A,B` in an engine list.
#include <fovea/core/error.h>
#include <fovea/layers/op.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

namespace fovea {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const TensorView& t, StreamView stream) {
  Bytes bytes(t.bytes());
  stream.copy(bytes.data(), t.data, bytes.size());
  stream.synchronize();
  return bytes;
}

// Elements as doubles; bf16 is the high half of a float.
std::vector<double> elements(const TensorView& t, const Bytes& bytes) {
  std::vector<double> values(static_cast<std::size_t>(t.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::byte* from = bytes.data() + i * size_of(t.dtype);
    if (t.dtype == DType::u8) {
      values[i] = static_cast<double>(std::to_integer<int>(*from));
    } else if (t.dtype == DType::i32) {
      std::int32_t v = 0;
      std::memcpy(&v, from, sizeof(v));
      values[i] = v;
    } else {
      const bool half = t.dtype == DType::bf16;
      float v = 0;
      std::memcpy(reinterpret_cast<std::byte*>(&v) + (half ? 2 : 0), from, size_of(t.dtype));
      values[i] = static_cast<double>(v);
    }
  }
  return values;
}

// The first element that differs by more than `share` of the largest magnitude; NaN equals NaN.
std::optional<std::size_t> first_difference(const std::vector<double>& a,
                                            const std::vector<double>& b, double share) {
  double largest = 0;
  for (const double v : b) {
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (!(std::abs(a[i] - b[i]) <= share * largest)) return i;
  }
  return std::nullopt;
}

// What a person calls operand i, "y"; its place where the op has no letters.
std::string operand_name(const CheckedOp& op, std::size_t i) {
  constexpr const char* kNames[][4] = {
      {"x", "w", "b", "y"}, {"dy", "w", "mask", "dx"}, {"x", "dy", "dw", "db"}};
  const bool product = op.kind == "conv" || op.kind == "gemm";
  return product && i < 4 ? kNames[static_cast<int>(op.pass)][i] : "operand " + std::to_string(i);
}

// "[0,8,0,2]"
std::string index_text(const Shape& shape, std::size_t element) {
  auto rest = static_cast<std::int64_t>(element);
  std::string text = "]";
  for (int d = shape.rank() - 1; d >= 0; --d) {
    text = (d > 0 ? "," : "[") + std::to_string(rest % shape[d]) + text;
    rest /= shape[d];
  }
  return shape.rank() == 0 ? "" : text;
}

// The command that shows the same variant of the same algorithm; what the limits admitted here must
// be admitted there, too.
std::string again(const CheckedOp& op, const Target& target) {
  std::string algorithm = op.name;
  if (!op.variant.empty()) algorithm += ":" + op.variant;
  std::string command = "compare --device " + to_string(target.device.device) + " --problem '" +
                        op.kind + ":" + op.problem + "' --pass " + std::string(name_of(op.pass)) +
                        " --math " + std::string(name_of(target.math)) + " --algo '" + algorithm +
                        "'";
  if (!target.policy.limits.deterministic) command += " --nondeterministic";
  return command;
}

class CheckedLaunch final : public Launch {
 public:
  CheckedLaunch(std::unique_ptr<Launch> launch, std::unique_ptr<Launch> checker, CheckedOp op,
                const Target& target)
      : launch_{std::move(launch)},
        checker_{std::move(checker)},
        op_{std::move(op)},
        again_{again(op_, target)},
        share_{target.math == Math::fp32 ? 1e-3 : 1.0 / 30},
        other_orders_{target.other_orders},
        stream_{target.device.device} {}

  std::size_t workspace_bytes() const override {
    return std::max(launch_->workspace_bytes(), checker_->workspace_bytes());
  }
  bool deterministic() const override { return launch_->deterministic(); }

  void bind(std::span<const TensorView> operands, const Context& context) override {
    launch_->bind(operands, context);
    operands_.assign(operands.begin(), operands.end());
    copies_.clear();
    std::vector<TensorView> copied(operands.begin(), operands.end());
    for (std::size_t i = 0; i < copied.size(); ++i) {
      if (!copied[i] || copied[i].elements() == 0) continue;
      copied[i].data = copy_of(i).data();
    }
    checker_->bind(copied, context);
    copied_ = std::move(copied);
    first_ = true;
  }

  void run(StreamView stream) override {
    for (const Copy& c : copies_) {
      const TensorView& from = operands_[c.operand];
      stream.copy(c.memory.data(), from.data, from.bytes());
    }
    const bool orders = first_ && other_orders_ && launch_->deterministic();
    const std::vector<Bytes> before = orders ? bytes_of_operands(stream) : std::vector<Bytes>();
    launch_->run(stream);
    if (orders) run_in_other_orders(before, stream);
    first_ = false;
    checker_->run(stream);
    for (const Copy& c : copies_) compare(c.operand, stream);
  }

 private:
  struct Copy {
    std::size_t operand;
    Tensor memory;
  };

  // Operands at one address, as of an op in place, share a copy, of the largest of them.
  const Tensor& copy_of(std::size_t operand) {
    const TensorView& view = operands_[operand];
    for (Copy& c : copies_) {
      if (operands_[c.operand].data != view.data) continue;
      if (view.bytes() > operands_[c.operand].bytes()) {
        throw Unsupported("check: operands of different sizes at one address");
      }
      return c.memory;
    }
    copies_.push_back({operand, Tensor(view.shape, view.dtype, stream_)});
    return copies_.back().memory;
  }

  // One for each copy.
  std::vector<Bytes> bytes_of_operands(StreamView stream) const {
    std::vector<Bytes> all;
    for (const Copy& c : copies_) all.push_back(bytes_of(operands_[c.operand], stream));
    return all;
  }

  // From what the operands were before the first run, to the bits that it left.
  void run_in_other_orders(const std::vector<Bytes>& before, StreamView stream) {
    const std::vector<Bytes> after = bytes_of_operands(stream);
    other_orders_([&](const std::string& order) {
      for (std::size_t i = 0; i < copies_.size(); ++i) {
        stream.copy(operands_[copies_[i].operand].data, before[i].data(), before[i].size());
      }
      launch_->run(stream);
      for (std::size_t i = 0; i < copies_.size(); ++i) {
        const std::size_t operand = copies_[i].operand;
        compare(operand, after[i], bytes_of(operands_[operand], stream), 0, "under " + order);
      }
    });
  }

  void compare(std::size_t operand, StreamView stream) const {
    const DType dtype = operands_[operand].dtype;
    const double share = dtype == DType::f32 || dtype == DType::bf16 ? share_ : 0;
    compare(operand, bytes_of(operands_[operand], stream), bytes_of(copied_[operand], stream),
            share, "by " + op_.checker);
  }

  void compare(std::size_t operand, const Bytes& got, const Bytes& other, double share,
               const std::string& what) const {
    if (got == other) return;
    const TensorView& view = operands_[operand];
    const std::vector<double> a = elements(view, got), b = elements(view, other);
    const auto at = first_difference(a, b, share);
    if (!at) return;
    char values[96];
    std::snprintf(values, sizeof(values), " is %.9g, %s %.9g", a[*at], what.c_str(), b[*at]);
    throw CheckFailed("check: " + operand_name(op_, operand) + index_text(view.shape, *at) + values,
                      again_);
  }

  std::unique_ptr<Launch> launch_, checker_;
  CheckedOp op_;
  std::string again_;
  double share_;
  OtherOrders other_orders_;
  bool first_ = true;  // since bind()
  Stream stream_;      // of the copies' memory
  std::vector<TensorView> operands_, copied_;
  std::vector<Copy> copies_;
};

}  // namespace

std::unique_ptr<Launch> checked_launch(std::unique_ptr<Launch> launch,
                                       std::unique_ptr<Launch> checker, CheckedOp op,
                                       const Target& target) {
  return std::make_unique<CheckedLaunch>(std::move(launch), std::move(checker), std::move(op),
                                         target);
}

PreparedOp prepare_one(const Candidates& candidates, const Target& target, std::string_view layer,
                       std::span<const TensorView> operands) {
  ChosenCandidate c = choose_among(candidates, target.policy, layer, operands);
  const AlgorithmFacts algorithm = candidates.facts(*c.algorithm);
  Choice choice{algorithm.engine, algorithm.name, c.variant, c.why, {}, c.us};
  if (!c.checker) return {std::move(c.launch), std::move(choice)};
  const AlgorithmFacts checker = candidates.facts(*c.checker);
  choice.checker = checker.engine + ":" + checker.name;
  CheckedOp op{std::string(candidates.op()),           candidates.problem(), candidates.pass(),
               choice.engine + ":" + choice.algorithm, choice.checker,       choice.variant};
  return {checked_launch(std::move(c.launch), std::move(c.checker_launch), std::move(op), target),
          std::move(choice)};
}

}  // namespace fovea
