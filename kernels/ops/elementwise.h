// elementwise.h - one value in, one value out: activations, sums, scaling, bias, dropout.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstdint>
#include <string>

namespace fovea {

enum class Activation : std::uint8_t { relu, tanh };

/// relu: max(0, x), NaN stays NaN, derivative y > 0. tanh: derivative 1 - y^2.
struct FOVEA_API ActivationProblem {
  std::int64_t count = 0;
  Activation kind = Activation::relu;
  friend constexpr bool operator==(const ActivationProblem&, const ActivationProblem&) = default;
};
FOVEA_API std::string to_string(const ActivationProblem& p, bool canonical = false);

struct ActivationForward {
  using Problem = ActivationProblem;
  static constexpr std::string_view kName = "activation";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;  // may be x
    Context context;
  };
};

struct ActivationBackward {
  using Problem = ActivationProblem;
  static constexpr std::string_view kName = "activation";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView dy, y;
    TensorView dx;  // may be dy
    Context context;
  };
};

/// y = factor * x.
struct FOVEA_API ScaleProblem {
  std::int64_t count = 0;
  float factor = 1.0F;
  friend constexpr bool operator==(const ScaleProblem&, const ScaleProblem&) = default;
};
FOVEA_API std::string to_string(const ScaleProblem& p, bool canonical = false);

struct Scale {
  using Problem = ScaleProblem;
  static constexpr std::string_view kName = "scale";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;  // may be x
    Context context;
  };
};

/// y = a + b.
struct FOVEA_API AddProblem {
  std::int64_t count = 0;
  friend constexpr bool operator==(const AddProblem&, const AddProblem&) = default;
};
FOVEA_API std::string to_string(const AddProblem& p, bool canonical = false);

struct Add {
  using Problem = AddProblem;
  static constexpr std::string_view kName = "add";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView a, b;
    TensorView y;  // may be a or b
    Context context;
  };
};

/// Rows of `channels`: y[i,c] = x[i,c] + b[c]; its gradient db[c] = sum over i of dy[i,c].
struct FOVEA_API BiasProblem {
  std::int64_t rows = 0;
  int channels = 0;
  friend constexpr bool operator==(const BiasProblem&, const BiasProblem&) = default;
};
FOVEA_API std::string to_string(const BiasProblem& p, bool canonical = false);

struct AddBias {
  using Problem = BiasProblem;
  static constexpr std::string_view kName = "bias";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x, b;
    TensorView y;  // may be x
    Context context;
  };
};

struct BiasGradient {
  using Problem = BiasProblem;
  static constexpr std::string_view kName = "bias";
  static constexpr Pass kPass = Pass::wgrad;
  struct Args {
    TensorView dy;
    TensorView db;
    Context context;
  };
};

/// Element i of image m is kept iff uniform(bits) >= rate, where bits = Philox{state->seed,
/// stream_key(Purpose::dropout, layer, state->step)}(e / 4)[e % 4], e = (first_row + m) * per_image
/// + i. A kept element is multiplied by `scale`: 1 (classic; evaluation multiplies by 1 - rate) or
/// 1 / (1 - rate) (inverted). The same function is its own gradient; no mask is stored.
struct FOVEA_API DropoutProblem {
  std::int64_t images = 0, per_image = 0;
  float rate = 0.5F;
  float scale = 1.0F;
  std::uint32_t layer = 0;
  friend constexpr bool operator==(const DropoutProblem&, const DropoutProblem&) = default;
};
FOVEA_API std::string to_string(const DropoutProblem& p, bool canonical = false);

struct Dropout {
  using Problem = DropoutProblem;
  static constexpr std::string_view kName = "dropout";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;  // may be x
    Context context;
  };
};

}  // namespace fovea
