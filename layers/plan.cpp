#include <fovea/core/error.h>
#include <fovea/layers/arena.h>
#include <fovea/layers/plan.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace fovea {
namespace {

struct Step {
  std::unique_ptr<Launch> launch;
  std::vector<int> operands;  // value ids, -1: absent
  std::size_t workspace = 0;  // index into the lifetimes
  bool joins = false;         // lane 0: waits for the side lane first
};

// Memory of one value: its place, by the role of the value that owns the bytes.
struct Slot {
  ValueInfo info;     // of the value itself
  int owner = -1;     // id of the value that owns the bytes
  int lifetime = -1;  // index, for values of the arena
};

bool sync_requested() {
  const char* text = std::getenv("FOVEA_SYNC");
  return text != nullptr && std::string_view(text) == "1";
}

std::int64_t bytes_of(const ValueInfo& v) {
  return checked_mul(v.shape.elements(), static_cast<std::int64_t>(size_of(v.dtype)));
}

// "layer conv1, conv forward n1c3h9k4r3 (fovea:naive): "
std::string name_of_step(const PlanRow& row) {
  return "layer " + row.layer + ", " + row.kind + " " + std::string(name_of(row.pass)) + " " +
         row.problem + " (" + row.choice.engine + ":" + row.choice.algorithm + "): ";
}

bool in_arena(Role r) { return r == Role::activation || r == Role::input; }

// The value's elements from the place of element `offset` of the block on: a gradient in bf16 takes
// half of its place.
TensorView part(const TensorView& block, std::int64_t offset, const ValueInfo& value,
                const std::string& name) {
  if (!block || offset + value.shape.elements() > block.elements()) {
    throw InvalidArgument("plan: the block that holds " + name + " is missing or too small");
  }
  const auto place = static_cast<std::size_t>(offset) * size_of(block.dtype);
  return {static_cast<std::byte*>(block.data) + place, value.dtype, value.shape};
}

}  // namespace

struct Plan::Impl {
  std::vector<Step> steps;
  std::vector<PlanRow> rows;
  std::vector<PlanDerived> derived;
  std::vector<Step> derivations;  // of each
  std::vector<Slot> slots;        // by value id
  std::vector<Lifetime> lifetimes;
  ArenaLayout arena;
  ParameterLayout layout;
  Device device;
  PlanOptions options;
  std::vector<std::string> names;  // of values that tensor() may be asked for

  std::vector<TensorView> views;  // by value id, after bind()
  StreamView main;
  std::unique_ptr<Stream> side;  // lane 1
  std::vector<Event> events;     // [i]: lane 0's work before step i; [n]: the side lane's
  CapturedWork captured;
  bool sync = false;

  Impl(const Graph& graph, const Target& target, PlanOptions o);
  Step prepare(const Target& target, const Node& node, PlanRow& row, int first, int last);
  void add_step(const Target& target, const Node& node);
  void add_derivations(const Graph& graph, const Target& target);
  void set_lifetimes(const Graph& graph);
  void assign_lanes(const Graph& graph);
  TensorView locate(const Slot& slot, const PlanMemory& memory) const;
  void bind(Step& step, const PlanMemory& memory) const;
  void enqueue();
  void run_checked(const Step& step, const PlanRow& row);
};

Plan::Impl::Impl(const Graph& graph, const Target& target, PlanOptions o)
    : layout(graph.parameters()), device{target.device.device}, options{std::move(o)} {
  if (device.kind() == DeviceKind::cpu) {
    options.lanes = 1;
    options.replay = false;
  }
  for (int id = 0; id < graph.value_count(); ++id) {
    const Value v = graph.value(id);
    slots.push_back({graph.info(v), graph.storage(v).id(), -1});
  }
  for (const Node& n : graph.nodes()) add_step(target, n);
  add_derivations(graph, target);
  assign_lanes(graph);
  set_lifetimes(graph);
  arena = place(lifetimes);
  sync = sync || sync_requested();
}

// The node made ready, with a workspace from step `first` to step `last`.
Step Plan::Impl::prepare(const Target& target, const Node& node, PlanRow& row, int first,
                         int last) {
  Step step;
  std::int64_t moved = 0;
  std::vector<TensorView> operands;  // where they lie is not known yet
  for (const auto& list : {node.inputs, node.outputs}) {
    for (const Value& v : list) {
      step.operands.push_back(v ? v.id() : -1);
      operands.emplace_back();
      if (!v) continue;
      const ValueInfo& info = slots[static_cast<std::size_t>(v.id())].info;
      operands.back() = {nullptr, info.dtype, info.shape};
      moved += bytes_of(info);
    }
  }
  PreparedOp prepared = node.op->prepare(target, node.layer, operands);
  step.launch = std::move(prepared.launch);
  const std::size_t workspace = step.launch->workspace_bytes();
  const bool deterministic = step.launch->deterministic();
  sync = sync || !prepared.choice.checker.empty();  // the launch waits, so nothing is captured
  step.workspace = lifetimes.size();
  lifetimes.push_back({workspace, first, last});
  row = {node.layer,
         std::string(node.op->kind()),
         node.op->problem(),
         node.op->pass(),
         std::move(prepared.choice),
         node.op->flops(),
         moved,
         workspace,
         0,
         deterministic};
  return step;
}

void Plan::Impl::add_step(const Target& target, const Node& node) {
  const int index = static_cast<int>(steps.size());
  steps.push_back(prepare(target, node, rows.emplace_back(), index, index));
}

// Behind an update as steps, and in any case apart. A run may have been recorded without them: who
// moves elements changes no bit.
void Plan::Impl::add_derivations(const Graph& graph, const Target& target) {
  Target any = target;
  any.policy.must_repeat = false;
  const bool in_step = graph.updates();
  if (in_step) {
    for (const Node& n : graph.derivations()) add_step(any, n);
  }
  for (const Node& n : graph.derivations()) {
    const ValueInfo& v = graph.info(n.outputs[0]);
    derived.push_back({v.name, v.shape, v.dtype, {}, in_step});
    derivations.push_back(
        prepare(any, n, derived.back().row, 0, static_cast<int>(steps.size()) - 1));
  }
}

// Weight gradients may run beside the gradients of inputs. A side step waits for all work of lane 0
// that stands before it; lane 0 waits for the side lane where it first reads what that wrote.
void Plan::Impl::assign_lanes(const Graph& graph) {
  if (options.lanes < 2) return;
  bool open = false;  // side work that lane 0 has not waited for
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {  // what stands behind derives
    const Node& node = graph.nodes()[i];
    const bool gradients_only = std::ranges::all_of(node.outputs, [&](const Value& v) {
      return !v || slots[static_cast<std::size_t>(slots[static_cast<std::size_t>(v.id())].owner)]
                           .info.role == Role::gradient;
    });
    if (node.op->pass() == Pass::wgrad && gradients_only) {
      rows[i].lane = 1;
      open = true;
    } else if (open &&
               (node.op->kind() == FiniteCheck::kName || node.op->kind() == SgdUpdate::kName)) {
      steps[i].joins = true;
      open = false;
    }
  }
}

void Plan::Impl::set_lifetimes(const Graph& graph) {
  const int end = static_cast<int>(steps.size()) - 1;
  const auto touch = [&](int id, int from, int to) {
    Slot& slot = slots[static_cast<std::size_t>(slots[static_cast<std::size_t>(id)].owner)];
    if (!in_arena(slot.info.role)) return;
    if (slot.lifetime < 0) {
      slot.lifetime = static_cast<int>(lifetimes.size());
      lifetimes.push_back({static_cast<std::size_t>(bytes_of(slot.info)), from, to});
    }
    Lifetime& life = lifetimes[static_cast<std::size_t>(slot.lifetime)];
    life.first = std::min(life.first, from);
    life.last = std::max(life.last, to);
  };
  for (int i = 0; i <= end; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool beside = rows[at].lane == 1;
    const int last = beside ? end : i;  // the side lane may still read it while lane 0 goes on
    if (beside) lifetimes[steps[at].workspace].last = end;
    for (const int id : steps[at].operands) {
      if (id >= 0) touch(id, i, last);
    }
  }
  for (int id = 0; id < graph.value_count(); ++id) {
    const ValueInfo& info = slots[static_cast<std::size_t>(id)].info;
    const bool kept = std::ranges::find(options.keep, info.name) != options.keep.end();
    if (info.role == Role::input) touch(id, 0, end);
    if (kept) touch(id, end, end);
    if (kept || info.role == Role::input) names.push_back(info.name);
  }
}

TensorView Plan::Impl::locate(const Slot& slot, const PlanMemory& m) const {
  const Slot& owner = slots[static_cast<std::size_t>(slot.owner)];
  const ValueInfo& own = owner.info;
  switch (own.role) {
    case Role::activation:
    case Role::input:
      if (owner.lifetime < 0) return {};  // fused away
      return {static_cast<std::byte*>(m.arena) +
                  arena.offsets[static_cast<std::size_t>(owner.lifetime)],
              slot.info.dtype, slot.info.shape};
    case Role::parameter:
      return part(m.weights, layout.offset(own.parameter), slot.info, own.name);
    case Role::copy:
      return part(m.copies, layout.offset(own.parameter), slot.info, own.name);
    case Role::gradient:
      return part(m.gradients, layout.offset(own.parameter), slot.info, own.name);
    case Role::weights:
      return part(m.weights, 0, slot.info, own.name);
    case Role::copies:
      return part(m.copies, 0, slot.info, own.name);
    case Role::gradients:
      return part(m.gradients, 0, slot.info, own.name);
    case Role::velocity:
      return part(m.velocity, 0, slot.info, own.name);
    case Role::ring:
      return part(m.ring, 0, slot.info, own.name);
    case Role::derived:
    case Role::constant:
      break;
  }
  const bool constant = own.role == Role::constant;
  const auto& named = constant ? m.constants : m.derived;
  const auto found = named.find(own.name);
  if (found == named.end() || found->second.shape != own.shape ||
      found->second.dtype != own.dtype) {
    throw InvalidArgument("plan: " + std::string(constant ? "constant " : "derived ") + own.name +
                          " (" + to_string(own.shape) + " of " + std::string(name_of(own.dtype)) +
                          ") is not bound, or has another shape");
  }
  return found->second;
}

void Plan::Impl::bind(Step& step, const PlanMemory& memory) const {
  std::vector<TensorView> operands;
  for (const int id : step.operands) {
    operands.push_back(id >= 0 ? views[static_cast<std::size_t>(id)] : TensorView{});
  }
  void* workspace = static_cast<std::byte*>(memory.arena) + arena.offsets[step.workspace];
  step.launch->bind(operands, {workspace, memory.state});
}

void Plan::Impl::enqueue() {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (rows[i].lane == 1) {
      events[i].record(main);
      side->view().wait(events[i]);
      steps[i].launch->run(side->view());
      continue;
    }
    if (steps[i].joins) {
      events.back().record(side->view());
      main.wait(events.back());
    }
    steps[i].launch->run(main);
  }
  if (side) {  // whatever was not joined above
    events.back().record(side->view());
    main.wait(events.back());
  }
}

void Plan::Impl::run_checked(const Step& step, const PlanRow& row) {
  try {
    step.launch->run(main);
    main.synchronize();
  } catch (const CheckFailed& e) {
    throw CheckFailed(name_of_step(row) + e.found(), e.again());
  } catch (const Error& e) {
    throw DeviceError(name_of_step(row) + e.what());
  }
}

Plan::Plan(const Graph& graph, const Target& target, const PlanOptions& options)
    : impl_{std::make_unique<Impl>(graph, target, options)} {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

std::size_t Plan::arena_bytes() const { return impl_->arena.bytes; }
const std::vector<PlanRow>& Plan::rows() const { return impl_->rows; }
std::vector<PlanValue> Plan::values() const {
  std::vector<PlanValue> values;
  for (std::size_t id = 0; id < impl_->slots.size(); ++id) {
    const Slot& slot = impl_->slots[id];
    if (slot.lifetime < 0) continue;  // no bytes of its own
    const Lifetime& life = impl_->lifetimes[static_cast<std::size_t>(slot.lifetime)];
    values.push_back({slot.info.name, slot.info.role, life.bytes, life.first, life.last});
  }
  return values;
}

const ParameterLayout& Plan::layout() const { return impl_->layout; }
const std::vector<PlanDerived>& Plan::derived() const { return impl_->derived; }

void Plan::bind(const PlanMemory& memory, StreamView stream) {
  Impl& p = *impl_;
  p.main = stream;
  p.captured = {};
  p.views.clear();
  // A value that no step touches has no bytes; blocks and constants are looked up only if used.
  std::vector<bool> used(p.slots.size(), false);
  for (const auto* list : {&p.steps, &p.derivations}) {
    for (const Step& s : *list) {
      for (const int id : s.operands) {
        if (id >= 0) used[static_cast<std::size_t>(id)] = true;
      }
    }
  }
  for (std::size_t id = 0; id < p.slots.size(); ++id) {
    const bool wanted = used[id] || in_arena(p.slots[id].info.role);
    p.views.push_back(wanted ? p.locate(p.slots[id], memory) : TensorView{});
  }
  for (auto* list : {&p.steps, &p.derivations}) {
    for (Step& s : *list) p.bind(s, memory);
  }
  const bool two_lanes = std::ranges::any_of(p.rows, [](const PlanRow& r) { return r.lane == 1; });
  p.side = two_lanes ? std::make_unique<Stream>(p.device) : nullptr;
  p.events.clear();
  if (two_lanes) {
    for (std::size_t i = 0; i <= p.steps.size(); ++i) p.events.emplace_back(p.device);
  }
}

void Plan::run() {
  Impl& p = *impl_;
  if (p.sync) {
    for (std::size_t i = 0; i < p.steps.size(); ++i) p.run_checked(p.steps[i], p.rows[i]);
  } else if (!p.options.replay) {
    p.enqueue();
  } else {
    if (!p.captured) p.captured = CapturedWork(p.main, [&] { p.enqueue(); });
    p.captured.launch(p.main);
  }
}

void Plan::derive(std::size_t i) {
  Impl& p = *impl_;
  if (p.sync) {
    p.run_checked(p.derivations[i], p.derived[i].row);
  } else {
    p.derivations[i].launch->run(p.main);
  }
}

void Plan::run_marked(std::span<Event> marks) {
  Impl& p = *impl_;
  if (marks.size() != p.steps.size()) {
    throw InvalidArgument("plan: " + std::to_string(marks.size()) + " marks for " +
                          std::to_string(p.steps.size()) + " launches");
  }
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    p.steps[i].launch->run(p.main);
    marks[i].record(p.main);
  }
}

TensorView Plan::tensor(const std::string& name) const {
  const Impl& p = *impl_;
  if (std::ranges::find(p.names, name) != p.names.end()) {
    for (std::size_t id = 0; id < p.slots.size(); ++id) {
      if (p.slots[id].info.name == name && p.views.size() > id) return p.views[id];
    }
  }
  throw InvalidArgument("the plan keeps no value called '" + name +
                        "'; name it in PlanOptions::keep");
}

}  // namespace fovea
