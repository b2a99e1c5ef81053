#include <fovea/core/error.h>
#include <fovea/kernels/registry/orders.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/engine_lists.h>
#include <fovea/layers/fuse.h>
#include <fovea/layers/plan.h>
#include <fovea/train/check_gradients.h>
#include <fovea/train/executor.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

constexpr const char* kProbe = "probe.";
constexpr double kSteps[] = {0.1, 0.03162, 0.01, 0.003162, 0.001, 0.0003162, 0.0001, 0.00003162};
constexpr int kDirections = 2;

double norm(std::span<const float> v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

// A net with loss and gradients on a device. With probes, a parameter is added to each layer's
// input: its gradient is that of the input. It starts at small random values, since where ReLU
// left zeros a maximum of equals has no derivative.
class CheckedNet {
 public:
  CheckedNet(const Recipe& recipe, int outputs, const GradientCheckOptions& o, bool probes)
      : mse_{recipe.train.loss == "mse"},
        batch_{o.batch},
        outputs_{outputs},
        seed_{o.seed},
        stream_(o.device),
        registry_{o.registry != nullptr ? *o.registry : default_registry()},
        target_{registry_, device_info(o.device), Math::fp32, complete_policy(o.policy, o.device),
                other_orders(o.device)} {
    if (o.batch < 1) throw InvalidArgument("check_gradients: give a batch of at least 1");
    Graph g;
    record(g, recipe, probes);
    parameters_ = g.parameters();
    plan_ = std::make_unique<Plan>(g, target_, PlanOptions{.keep = {"scores"}});
    fill_parameters();
    bind();
    write_inputs();
  }

  const Plan& plan() const { return *plan_; }
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  std::span<float> values(std::size_t p) {
    return std::span(host_).subspan(
        static_cast<std::size_t>(plan_->layout().offset(static_cast<int>(p))),
        static_cast<std::size_t>(parameters_[p].shape.elements()));
  }
  /// Gradients of all parameters at the present values.
  std::vector<float> gradients() {
    static_cast<void>(loss());
    return to_host(gradients_, stream_);
  }
  std::span<const float> part(const std::vector<float>& block, std::size_t p) const {
    return std::span(block).subspan(
        static_cast<std::size_t>(plan_->layout().offset(static_cast<int>(p))),
        static_cast<std::size_t>(parameters_[p].shape.elements()));
  }

  double loss() {
    const StreamView stream = stream_;
    stream.copy(weights_.data(), host_.data(), weights_.bytes());
    stream.copy(state_.data(), &step_, sizeof(step_));
    plan_->run();
    const TensorView scores = plan_->tensor("scores");
    std::vector<float> y(static_cast<std::size_t>(scores.elements()));
    stream.copy(y.data(), scores.data, scores.bytes());
    stream.synchronize();
    largest_ = 0;
    for (const float s : y) largest_ = std::max(largest_, std::abs(static_cast<double>(s)));
    return mse_ ? squared_error(y) : cross_entropy(y);
  }

  /// What the rounding of the last scores can do to the loss: a few units in their last place.
  double noise() const { return 4e-7 * largest_ * (mse_ ? 1 + largest_ : 1); }

 private:
  void record(Graph& g, const Recipe& recipe, bool probes) {
    const InputRecipe& in = recipe.input;
    const auto net = recipe.net(outputs_);
    Value x = g.input("x", {batch_, in.height, in.width, in.channels}, DType::f32);
    for (const auto& layer : net->layers()) {
      if (probes) {
        g.set_layer(kProbe + layer->name());
        x = g.add(x, g.param({.name = kProbe + layer->name() + ".input",
                              .shape = x.shape(),
                              .init = Initializer::gaussian(0.1F)}));
      }
      x = record_layer(g, *layer, x);
    }
    const Value flat = g.reshape(x, {batch_, outputs_});
    g.set_layer("loss");
    const Value loss = mse_ ? g.mse_loss(flat, g.input("truth", {batch_, outputs_}, DType::f32))
                            : g.softmax_loss(flat, g.input("truth", {batch_}, DType::i32));
    g.add_backward(loss);
    g.name(flat, "scores");
    fuse(g, target_, {"scores"});
  }

  void fill_parameters() {
    host_.assign(static_cast<std::size_t>(plan_->layout().count()), 0.0F);
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      fill(parameters_[p].init, seed_, static_cast<std::uint32_t>(p), values(p));
    }
  }

  void bind() {
    const Shape block{plan_->layout().count()};
    weights_ = Tensor(block, DType::f32, stream_);
    gradients_ = Tensor(block, DType::f32, stream_);
    arena_ = Tensor({static_cast<std::int64_t>(plan_->arena_bytes())}, DType::u8, stream_);
    state_ = Tensor({static_cast<std::int64_t>(sizeof(StepState))}, DType::u8, stream_);
    for (const Tensor* t : {&gradients_, &arena_}) stream_.view().fill(t->data(), 0, t->bytes());
    plan_->bind({.arena = arena_.data(),
                 .state = static_cast<StepState*>(state_.data()),
                 .weights = weights_.view(),
                 .velocity = {},
                 .gradients = gradients_.view(),
                 .ring = {},
                 .constants = {}},
                stream_);
    step_.seed = seed_;
    step_.valid = batch_;
  }

  // Pictures as they look after normalisation; labels one after the other.
  void write_inputs() {
    const TensorView x = plan_->tensor("x");
    pictures_.resize(static_cast<std::size_t>(x.elements()));
    // Small enough that the softmax does not saturate: gradients of 0 would say nothing.
    fill(Initializer::gaussian(0.5F), seed_, 1U << 20, pictures_);
    stream_.view().copy(x.data, pictures_.data(), x.bytes());
    const TensorView truth = plan_->tensor("truth");
    if (mse_) {
      targets_.resize(static_cast<std::size_t>(truth.elements()));
      fill(Initializer::gaussian(1.0F), seed_, 1U << 21, targets_);
      stream_.view().copy(truth.data, targets_.data(), truth.bytes());
    } else {
      for (int i = 0; i < batch_; ++i) labels_.push_back(i % outputs_);
      stream_.view().copy(truth.data, labels_.data(), truth.bytes());
    }
    stream_.view().synchronize();
  }

  double cross_entropy(const std::vector<float>& y) const {
    double sum = 0;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto row = std::span(y).subspan(i * static_cast<std::size_t>(outputs_),
                                            static_cast<std::size_t>(outputs_));
      const double top = *std::ranges::max_element(row);
      double all = 0;
      for (const float s : row) all += std::exp(s - top);
      sum += std::log(all) - (row[static_cast<std::size_t>(labels_[i])] - top);
    }
    return sum / batch_;
  }

  double squared_error(const std::vector<float>& y) const {
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double d = static_cast<double>(y[i]) - targets_[i];
      sum += 0.5 * d * d;
    }
    return sum / batch_;
  }

  bool mse_;
  int batch_, outputs_;
  std::uint64_t seed_;
  Stream stream_;
  Registry registry_;
  Target target_;
  std::vector<ParameterSpec> parameters_;
  std::unique_ptr<Plan> plan_;
  std::vector<float> host_;  // the block of weights
  Tensor weights_, gradients_, arena_, state_;
  StepState step_;
  double largest_ = 0;  // of the last scores
  std::vector<float> pictures_, targets_;
  std::vector<std::int32_t> labels_;
};

// Adds three unit vectors along the gradient, towards the side the direction is on: otherwise it
// may be nearly orthogonal to the gradient, and then a wrong length would not show.
void lean(std::span<float> direction, std::span<const float> gradient) {
  const double length = norm(gradient);
  if (length == 0) return;
  double along = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) along += direction[i] * gradient[i];
  const double share = (along < 0 ? -3.0 : 3.0) / length;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    direction[i] += static_cast<float>(share * gradient[i]);
  }
}

struct Difference {
  double error = 0, step = 0;
};

// The error along one direction at the best step.
Difference along(CheckedNet& net, std::size_t p, std::span<const float> gradient,
                 std::span<const float> direction, double scale) {
  const std::span<float> t = net.values(p);
  const std::vector<float> centre(t.begin(), t.end());
  const double noise = net.noise();
  Difference best{.error = std::numeric_limits<double>::infinity(), .step = 0};
  for (const double relative : kSteps) {
    const double h = relative * scale;
    double expected = 0;
    const auto move = [&](double sign) {
      for (std::size_t i = 0; i < t.size(); ++i) {
        t[i] = static_cast<float>(centre[i] + sign * h * direction[i]);
        expected += sign * gradient[i] * t[i];  // what fp32 kept of the step, exactly
      }
      return net.loss();
    };
    const double up = move(1.0), down = move(-1.0);
    std::ranges::copy(centre, t.begin());
    const double found = up - down;
    const double size = std::max({std::abs(found), std::abs(expected), 2 * h * norm(gradient)});
    // Below the noise nothing is said, except where nothing is to be said at all.
    const bool audible = size > 100 * noise;
    const double error = audible ? std::abs(found - expected) / size : best.error;
    if (audible && error < best.error) best = {error, h};
    if (best.error < kGradientBound / 10) break;
  }
  if (best.step == 0) best = {0, kSteps[0] * scale};  // the loss does not depend on it
  return best;
}

void check_all(CheckedNet& net, std::uint64_t seed, bool probes, std::vector<GradientCheck>& rows) {
  const std::vector<float> gradients = net.gradients();
  for (std::size_t p = net.parameters().size(); p-- > 0;) {
    std::string name = net.parameters()[p].name;
    if (name.starts_with(kProbe) != probes) continue;
    if (probes) name.erase(0, std::string(kProbe).size());
    const std::size_t dot = name.rfind('.');
    GradientCheck row{.layer = name.substr(0, dot), .what = name.substr(dot + 1)};
    const std::span<const float> gradient = net.part(gradients, p);
    const double rms = norm(net.values(p)) / std::sqrt(static_cast<double>(gradient.size()));
    const double scale = probes || rms == 0 ? 0.25 : rms;
    std::vector<float> direction(gradient.size());
    for (int d = 0; d < kDirections; ++d) {
      fill(Initializer::gaussian(1.0F), seed + 1,
           static_cast<std::uint32_t>(2 * p) + static_cast<std::uint32_t>(d), direction);
      lean(direction, gradient);
      const Difference found = along(net, p, gradient, direction, scale);
      if (d == 0 || found.error > row.error) {
        row.error = found.error;
        row.step = found.step;
      }
    }
    row.right = row.error <= kGradientBound;
    rows.push_back(row);
  }
}

}  // namespace

std::vector<GradientCheck> check_gradients(const Recipe& recipe, int outputs,
                                           const GradientCheckOptions& options) {
  recipe.validate(outputs);
  const Registry registry = options.registry != nullptr ? *options.registry : default_registry();
  require_known(options.policy, registry, options.device, recipe);
  std::vector<GradientCheck> rows;
  for (const bool probes : {false, true}) {
    CheckedNet net(recipe, outputs, options, probes);
    if (!probes && options.on_plan) options.on_plan(net.plan());
    check_all(net, options.seed, probes, rows);
  }
  return rows;
}

}  // namespace fovea
