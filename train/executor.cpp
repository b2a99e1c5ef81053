#include <fovea/core/error.h>
#include <fovea/kernels/registry/orders.h>
#include <fovea/kernels/registry/timing_tuner.h>
#include <fovea/layers/engine_lists.h>
#include <fovea/layers/fuse.h>
#include <fovea/train/derived_weights.h>
#include <fovea/train/executor.h>
#include <fovea/train/input_copies.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace fovea {
namespace {

enum class Use { train, evaluate, predict };

struct Placed {
  std::unique_ptr<Plan> plan;
  Use use = Use::train;
};

// Floats in the place of the bf16 that fill the first half of it; from the last on, so that none is
// overwritten before it is read.
void widen_in_place(std::span<float> place) {
  for (std::size_t i = place.size(); i-- > 0;) {
    bf16 v;
    std::memcpy(&v, reinterpret_cast<const std::byte*>(place.data()) + i * sizeof(v), sizeof(v));
    place[i] = to_float(v);
  }
}

}  // namespace

Policy complete_policy(Policy policy, const Device& device, Math math) {
  if (policy.engines.empty()) policy.engines = Policy::defaults(device, math).engines;
  policy.require_meaningful(device);
  if (!policy.tuner && policy.names(kFastest)) policy.tuner = std::make_shared<TimingTuner>();
  return policy;
}

struct Executor::Impl {
  Recipe recipe;
  int outputs;
  Preprocessing preprocessing;
  const Registry registry;
  ExecutorOptions options;
  DeviceInfo info;
  std::shared_ptr<const Sequential> net;
  std::vector<ParameterSpec> parameters;
  ParameterLayout layout;
  bool training = false;

  Stream stream;
  std::vector<Placed> plans;
  Tensor weights, velocity, gradients, segments, mean, scale, ring, state;
  DerivedWeights derived;
  Buffer arena;
  InputCopies input_copies;
  std::vector<float> ring_rows;      // the ring as last read
  std::vector<StepMetrics> metrics;  // of the last read_metrics()

  Impl(const Recipe& r, int o, const Preprocessing& p, const Registry& reg,
       const ExecutorOptions& opt);
  MemoryResource& memory() const {
    return options.memory != nullptr ? *options.memory : default_resource(options.device);
  }
  PlanId add(Use use, int batch, View view, bool mirror, std::vector<std::string> keep);
  Value record(Graph& g, Use use, int batch, View view, bool mirror) const;
  std::size_t arena_bytes() const;
  Tensor upload(std::span<const float> elements, const Shape& shape) const;
  std::vector<float> download(const Tensor& block) const;
  void assign(const Tensor& block, std::span<const float> elements, const char* what) const;
  Plan& at(PlanId id) { return *plans[static_cast<std::size_t>(id)].plan; }
  std::size_t input_room() const;
  const Placed& begin_step(PlanId id);
  void end_step(PlanId id);
  void copy_step(const Placed& placed, const StepInput& input, StepState of_step);
};

Executor::Impl::Impl(const Recipe& r, int o, const Preprocessing& p, const Registry& reg,
                     const ExecutorOptions& opt)
    : recipe{r},
      outputs{o},
      preprocessing{p},
      registry{reg},
      options{opt},
      info{device_info(opt.device)},
      net{(r.validate(o), r.net(o))},
      stream{opt.device} {
  options.policy = complete_policy(std::move(options.policy), opt.device, opt.math);
  if (!options.policy.recorded) require_known(options.policy, registry, opt.device, recipe);
  static_cast<void>(preprocessing.mean_shape(recipe.input));
  Graph g(options.math);  // recorded once for its parameters: every plan has the same
  record(g, Use::predict, 1, View::centre, false);
  parameters = g.parameters();
  layout = ParameterLayout(parameters);
  derived = DerivedWeights(options.math, layout.count());
}

Value Executor::Impl::record(Graph& g, Use use, int batch, View view, bool mirror) const {
  const InputRecipe& in = recipe.input;
  g.set_training(use == Use::train);
  const InputProblem p{.n = batch,
                       .h = recipe.stored_height(),
                       .w = recipe.stored_width(),
                       .c = in.channels,
                       .out_h = in.height,
                       .out_w = in.width,
                       .pad = in.pad,
                       .view = view,
                       .mirror = mirror};
  const Value pictures = g.input("pictures", p.x_shape(), DType::u8);
  const Value means = g.constant("mean", preprocessing.mean_shape(in));
  const Value scales = g.constant("scale", {in.channels});
  g.set_layer("input");
  const Value scores = net->record(g, g.input_cast(pictures, means, scales, p));
  const Value flat = g.reshape(scores, {batch, outputs});
  g.set_layer_output("logits", flat);
  const bool mse = recipe.train.loss == "mse";
  if (use == Use::predict) {
    if (mse) return flat;
    g.set_layer("probabilities");
    return g.softmax(flat);
  }
  g.set_layer("loss");
  const Value loss = mse ? g.mse_loss(flat, g.input("targets", {batch, outputs}, DType::f32))
                         : g.softmax_loss(flat, g.input("labels", {batch}, DType::i32));
  g.record_metrics(loss, kRing);
  return loss;
}

Executor::PlanId Executor::Impl::add(Use use, int batch, View view, bool mirror,
                                     std::vector<std::string> keep) {
  if (arena.data() != nullptr) throw InvalidArgument("executor: plans are added before allocate()");
  Graph g(options.math);
  const Value result = record(g, use, batch, view, mirror);
  const Target target{registry, info, options.math, options.policy, other_orders(info.device)};
  if (use == Use::train) {
    g.add_backward(result);
    g.add_update(recipe.train.momentum);
    training = true;
  }
  std::map<std::string, Value> kept;
  for (const std::string& name : keep) {  // a layer's name means its output
    const auto found =
        std::ranges::find(g.layer_outputs(), name, [](const auto& o) { return o.first; });
    kept[name] = found != g.layer_outputs().end() ? found->second : g.find(name);
  }
  if (use == Use::predict) kept["probabilities"] = result;
  std::vector<std::string> values;
  for (const auto& [name, value] : kept) {
    g.name(value, name);
    values.push_back(name);
  }
  fuse(g, target, values);
  const PlanOptions plan_options{.keep = values, .lanes = options.lanes, .replay = options.replay};
  plans.push_back({std::make_unique<Plan>(g, target, plan_options), use});
  derived.add(*plans.back().plan);
  return static_cast<PlanId>(plans.size() - 1);
}

std::size_t Executor::Impl::arena_bytes() const {
  std::size_t bytes = 0;
  for (const Placed& p : plans) bytes = std::max(bytes, p.plan->arena_bytes());
  return bytes;
}

// What the input of a step takes on its way to the device.
std::size_t Executor::Impl::input_room() const {
  if (options.device.kind() == DeviceKind::cpu) return 0;
  std::size_t room = 0;
  for (const Placed& p : plans) {
    std::vector<std::size_t> pieces{sizeof(StepState)};
    for (const PlanValue& v : p.plan->values()) {
      if (v.role == Role::input) pieces.push_back(v.bytes);
    }
    room = std::max(room, InputCopies::room_bytes(pieces));
  }
  return room;
}

Tensor Executor::Impl::upload(std::span<const float> elements, const Shape& shape) const {
  Tensor t(shape, DType::f32, stream, memory());
  stream.view().copy(t.data(), elements.data(), t.bytes());
  stream.view().synchronize();
  return t;
}

std::vector<float> Executor::Impl::download(const Tensor& block) const {
  if (block.data() == nullptr) {
    throw InvalidArgument(
        "executor: this block is not there before allocate(), or only in training");
  }
  return to_host(block, stream);
}

void Executor::Impl::assign(const Tensor& block, std::span<const float> elements,
                            const char* what) const {
  if (block.data() == nullptr || static_cast<std::int64_t>(elements.size()) != block.elements()) {
    throw InvalidArgument("executor: " + std::to_string(elements.size()) + " values do not fill " +
                          what + " of " + std::to_string(layout.count()));
  }
  stream.view().copy(block.data(), elements.data(), block.bytes());
  stream.view().synchronize();
}

Executor::Executor(const Recipe& recipe, int outputs, const Preprocessing& preprocessing,
                   const Registry& registry, const ExecutorOptions& options)
    : impl_{std::make_unique<Impl>(recipe, outputs, preprocessing, registry, options)} {}
Executor::~Executor() = default;

Executor::PlanId Executor::add_training(int batch) {
  return impl_->add(Use::train, batch, View::random, impl_->recipe.input.mirror, {});
}
Executor::PlanId Executor::add_evaluation(int batch, View view, bool mirror,
                                          const std::vector<std::string>& keep) {
  return impl_->add(Use::evaluate, batch, view, mirror, keep);
}
Executor::PlanId Executor::add_prediction(int batch, const std::vector<std::string>& keep,
                                          View view, bool mirror) {
  return impl_->add(Use::predict, batch, view, mirror, keep);
}

std::size_t Executor::planned_bytes() const {
  const Impl& i = *impl_;
  const auto count = static_cast<std::size_t>(i.layout.count());
  std::size_t bytes = i.arena_bytes() + count * sizeof(float) * (i.training ? 3 : 1);
  bytes += i.derived.bytes();
  bytes += (i.preprocessing.mean.size() + i.preprocessing.scale.size()) * sizeof(float);
  bytes += std::size_t{kRing} * RecordMetrics::kFields * sizeof(float);
  bytes += sizeof(StepState) + i.input_room();
  if (i.training) bytes += i.parameters.size() * sizeof(Segment);
  return bytes;
}

void Executor::allocate(const Tensor& shared_weights) {
  Impl& i = *impl_;
  MemoryResource& memory = i.memory();
  const StreamView stream = i.stream;
  const Shape block{i.layout.count()};
  const auto zeros = [&](const Shape& shape, DType type) {
    Tensor t(shape, type, stream, memory);
    stream.fill(t.data(), 0, t.bytes());
    return t;
  };
  i.weights = shared_weights.data() != nullptr ? shared_weights : zeros(block, DType::f32);
  i.derived.allocate(stream, memory);
  if (i.training) {
    i.velocity = zeros(block, DType::f32);
    i.gradients = zeros(block, DType::f32);
    const auto& table = i.layout.segments();
    i.segments = Tensor({static_cast<std::int64_t>(table.size() * sizeof(Segment))}, DType::u8,
                        stream, memory);
    stream.copy(i.segments.data(), table.data(), i.segments.bytes());
  }
  i.mean = i.upload(i.preprocessing.mean, i.preprocessing.mean_shape(i.recipe.input));
  i.scale = i.upload(i.preprocessing.scale, {i.recipe.input.channels});
  i.ring = zeros({kRing, RecordMetrics::kFields}, DType::f32);
  i.ring_rows.resize(static_cast<std::size_t>(i.ring.elements()));
  i.metrics.reserve(kRing);
  i.state = zeros({static_cast<std::int64_t>(sizeof(StepState))}, DType::u8);
  i.arena = Buffer(i.arena_bytes(), stream, memory);
  stream.fill(i.arena.data(), 0, i.arena.bytes());
  stream.synchronize();

  PlanMemory m{
      .arena = i.arena.data(),
      .state = static_cast<StepState*>(i.state.data()),
      .weights = i.weights.view(),
      .velocity = i.velocity.view(),
      .gradients = i.gradients.view(),
      .ring = i.ring.view(),
      .constants = {
          {"mean", i.mean.view()}, {"scale", i.scale.view()}, {"segments", i.segments.view()}}};
  i.derived.describe(m);
  for (Placed& p : i.plans) p.plan->bind(m, stream);
  if (shared_weights.data() != nullptr) i.derived.derive(weights());
  i.input_copies.allocate(i.input_room(), stream, memory);
}

const Plan& Executor::plan(PlanId id) const { return impl_->at(id); }
std::vector<const Plan*> Executor::plans() const {
  std::vector<const Plan*> all;
  for (const Placed& p : impl_->plans) all.push_back(p.plan.get());
  return all;
}
ChoiceRecords Executor::choices() const {
  ChoiceRecords all;
  for (const Plan* plan : plans()) {
    for (const PlanRow& r : plan->rows()) {
      all.add({r.layer, r.kind, r.pass, r.problem, r.choice.engine, r.choice.algorithm,
               r.choice.variant});
    }
  }
  return all;
}
const std::vector<ParameterSpec>& Executor::parameters() const { return impl_->parameters; }
const ParameterLayout& Executor::layout() const { return impl_->layout; }
const DeviceInfo& Executor::device() const { return impl_->info; }
const Recipe& Executor::recipe() const { return impl_->recipe; }
int Executor::outputs() const { return impl_->outputs; }
const Policy& Executor::policy() const { return impl_->options.policy; }
Math Executor::math() const { return impl_->options.math; }
StreamView Executor::stream() const { return impl_->stream; }

void Executor::initialise(std::uint64_t seed) {
  std::vector<float> block(static_cast<std::size_t>(impl_->layout.count()), 0.0F);
  for (std::size_t p = 0; p < impl_->parameters.size(); ++p) {
    const auto offset = static_cast<std::size_t>(impl_->layout.offset(static_cast<int>(p)));
    const auto length = static_cast<std::size_t>(impl_->parameters[p].shape.elements());
    fill(impl_->parameters[p].init, seed, static_cast<std::uint32_t>(p),
         std::span(block).subspan(offset, length));
  }
  set_weights(block);
}

std::vector<float> Executor::weights() const { return impl_->download(impl_->weights); }
std::vector<float> Executor::velocity() const { return impl_->download(impl_->velocity); }
std::vector<float> Executor::gradients() const {
  std::vector<float> all = impl_->download(impl_->gradients);
  for (const Segment& s : impl_->layout.segments()) {
    if (s.bf16_gradient == 0) continue;
    widen_in_place(std::span(all).subspan(static_cast<std::size_t>(s.offset),
                                          static_cast<std::size_t>(s.length)));
  }
  return all;
}
std::vector<bf16> Executor::copies() const { return impl_->derived.copies(); }
void Executor::set_weights(std::span<const float> block) {
  impl_->assign(impl_->weights, block, "the block of weights");
  impl_->derived.derive(block);
}
void Executor::set_velocity(std::span<const float> block) {
  impl_->assign(impl_->velocity, block, "the block of momentum");
}

namespace {

template <class T>
InputCopies::Piece piece_of(const Plan& plan, const char* name, std::span<const T> from) {
  const TensorView to = plan.tensor(name);
  if (from.size_bytes() != to.bytes()) {
    throw InvalidArgument(std::string("a step's ") + name + " hold " +
                          std::to_string(from.size_bytes()) + " bytes, but the plan was made for " +
                          std::to_string(to.bytes()));
  }
  return {to.data, from.data(), from.size_bytes()};
}

}  // namespace

const Placed& Executor::Impl::begin_step(PlanId id) {
  derived.before(static_cast<std::size_t>(id));
  return plans[static_cast<std::size_t>(id)];
}

void Executor::Impl::end_step(PlanId id) {
  const auto i = static_cast<std::size_t>(id);
  if (plans[i].use == Use::train) derived.updated_by(i);
}

void Executor::Impl::copy_step(const Placed& placed, const StepInput& input, StepState of_step) {
  of_step.slot = static_cast<std::int32_t>(of_step.step % kRing);
  const InputCopies::Piece step{state.data(), &of_step, sizeof(of_step)};
  const InputCopies::Piece pictures = piece_of(*placed.plan, "pictures", input.images);
  if (placed.use == Use::predict) {
    input_copies.copy(std::array{step, pictures});
  } else if (recipe.train.loss == "mse") {
    input_copies.copy(std::array{step, pictures, piece_of(*placed.plan, "targets", input.targets)});
  } else {
    input_copies.copy(std::array{step, pictures, piece_of(*placed.plan, "labels", input.labels)});
  }
}

void Executor::enqueue(PlanId id, const StepInput& input, StepState state) {
  const Placed& placed = impl_->begin_step(id);
  impl_->copy_step(placed, input, state);
  placed.plan->run();
  impl_->end_step(id);
}

void Executor::enqueue_marked(PlanId id, const StepInput& input, StepState state,
                              std::span<Event> marks) {
  const Placed& placed = impl_->begin_step(id);
  if (marks.size() != placed.plan->rows().size() + 2) {
    throw InvalidArgument("executor: " + std::to_string(marks.size()) + " marks for a step of " +
                          std::to_string(placed.plan->rows().size()) + " launches and its input");
  }
  marks[0].record(impl_->stream);
  impl_->copy_step(placed, input, state);
  marks[1].record(impl_->stream);
  placed.plan->run_marked(marks.subspan(2));
  impl_->end_step(id);
}

std::span<const StepMetrics> Executor::read_metrics(std::uint64_t first, int count) {
  Impl& i = *impl_;
  i.stream.view().copy(i.ring_rows.data(), i.ring.data(), i.ring_rows.size() * sizeof(float));
  i.stream.view().synchronize();
  i.metrics.clear();
  for (int k = 0; k < count; ++k) {
    const auto slot = static_cast<std::size_t>((first + static_cast<std::uint64_t>(k)) % kRing);
    const float* row = &i.ring_rows[slot * RecordMetrics::kFields];
    i.metrics.push_back({{row[0], row[1], row[2], row[3]}, row[4] != 0.0F});
  }
  return i.metrics;
}

std::vector<float> Executor::read(PlanId id, const std::string& value) const {
  std::vector<float> elements(static_cast<std::size_t>(impl_->at(id).tensor(value).elements()));
  read(id, value, elements);
  return elements;
}

void Executor::read(PlanId id, const std::string& value, std::span<float> to) const {
  const TensorView v = impl_->at(id).tensor(value);
  if (static_cast<std::int64_t>(to.size()) != v.elements()) {
    throw InvalidArgument("executor: " + value + " has " + std::to_string(v.elements()) +
                          " elements, not " + std::to_string(to.size()));
  }
  const bool narrow = v.dtype == DType::bf16;
  stream().copy(to.data(), narrow ? v.data : v.as<float>(), v.bytes());
  stream().synchronize();
  if (narrow) widen_in_place(to);
}

}  // namespace fovea
