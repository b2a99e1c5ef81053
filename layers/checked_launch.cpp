// checked_launch.cpp - two algorithms of one op side by side, for `check:A,B` in an engine list.
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

// Elements on the host, as doubles; bf16 is the high half of a float.
std::vector<double> elements(const TensorView& t, StreamView stream) {
  std::vector<std::byte> bytes(t.bytes());
  stream.copy(bytes.data(), t.data, bytes.size());
  stream.synchronize();
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

class CheckedLaunch final : public Launch {
 public:
  CheckedLaunch(std::unique_ptr<Launch> launch, std::unique_ptr<Launch> checker,
                std::string checker_name, const Target& target)
      : launch_{std::move(launch)},
        checker_{std::move(checker)},
        checker_name_{std::move(checker_name)},
        share_{target.math == Math::fp32 ? 1e-3 : 1.0 / 30},
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
  }

  void run(StreamView stream) override {
    for (const Copy& c : copies_) {
      const TensorView& from = operands_[c.operand];
      stream.copy(c.memory.data(), from.data, from.bytes());
    }
    launch_->run(stream);
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

  void compare(std::size_t operand, StreamView stream) const {
    const std::vector<double> a = elements(operands_[operand], stream);
    const std::vector<double> b = elements(copied_[operand], stream);
    const double share =
        operands_[operand].dtype == DType::f32 || operands_[operand].dtype == DType::bf16 ? share_
                                                                                          : 0;
    const auto at = first_difference(a, b, share);
    if (!at) return;
    char values[96];
    std::snprintf(values, sizeof(values), "is %.9g, by %s %.9g", a[*at], checker_name_.c_str(),
                  b[*at]);
    throw Error("check: element " + std::to_string(*at) + " of operand " + std::to_string(operand) +
                " (" + to_string(operands_[operand].shape) + ") " + values);
  }

  std::unique_ptr<Launch> launch_, checker_;
  std::string checker_name_;
  double share_;
  Stream stream_;  // of the copies' memory
  std::vector<TensorView> operands_, copied_;
  std::vector<Copy> copies_;
};

}  // namespace

std::unique_ptr<Launch> checked_launch(std::unique_ptr<Launch> launch,
                                       std::unique_ptr<Launch> checker, std::string checker_name,
                                       const Target& target) {
  return std::make_unique<CheckedLaunch>(std::move(launch), std::move(checker),
                                         std::move(checker_name), target);
}

}  // namespace fovea
