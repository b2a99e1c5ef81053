#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/core/thread_pool.h>
#include <fovea/train/step_timing.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace fovea {
namespace {

constexpr int kWarmUp = 3;

/// Seeded noise in the shape of a batch.
struct NoiseBatch {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;

  NoiseBatch(const Recipe& r, int outputs, int batch, std::uint64_t seed) {
    const Philox bits{seed, stream_key(Purpose::test, 0, 0)};
    const auto n = static_cast<std::size_t>(batch);
    images.resize(n * static_cast<std::size_t>(r.stored_height()) *
                  static_cast<std::size_t>(r.stored_width()) *
                  static_cast<std::size_t>(r.input.channels));
    ThreadPool::shared().parallel_for(
        static_cast<std::int64_t>(images.size()), 1 << 14,
        [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            images[i] = static_cast<std::uint8_t>(bits(i / 4).v[i % 4]);
          }
        });
    if (r.train.loss == "mse") {
      targets.assign(n * static_cast<std::size_t>(outputs), 0.5F);
    } else {
      for (int i = 0; i < batch; ++i) labels.push_back(i % outputs);
    }
  }
  StepInput input() const { return {images, labels, targets}; }
};

StepState state_of(std::uint64_t step, int batch, float rate, std::uint64_t seed) {
  StepState s;
  s.seed = seed;
  s.step = step;
  s.valid = batch;
  s.learning_rate = rate;
  return s;
}

std::vector<Event> timed_events(const Device& device, std::size_t count) {
  std::vector<Event> events;
  events.reserve(count);
  for (std::size_t i = 0; i < count; ++i) events.emplace_back(device, true);
  return events;
}

/// Nanoseconds from the first mark to each: rounded once, so that differences add up.
std::vector<std::int64_t> since_first(const std::vector<Event>& marks) {
  std::vector<std::int64_t> ns;
  for (const Event& m : marks) {
    ns.push_back(std::llround(1e3 * static_cast<double>(Event::elapsed_us(marks.front(), m))));
  }
  return ns;
}

std::int64_t quantile(std::vector<std::int64_t> v, double q) {
  std::ranges::sort(v);
  return v[static_cast<std::size_t>(std::lround(q * static_cast<double>(v.size() - 1)))];
}

std::vector<StepPart> parts_of(const Plan& plan, const std::vector<std::int64_t>& at) {
  std::vector<StepPart> parts;
  parts.push_back(
      {.layer = "input", .op = "input copy", .engine = {}, .algorithm = {}, .ns = at[1]});
  const std::vector<PlanRow>& rows = plan.rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PlanRow& r = rows[i];
    parts.push_back({r.layer, r.kind, r.pass, r.choice.engine, r.choice.algorithm, r.flops, r.bytes,
                     at[i + 2] - at[i + 1]});
  }
  return parts;
}

/// Of each step in a row of them, of which none waits for the one before: the host hands over the
/// next while the device computes, as training does.
std::vector<std::int64_t> in_a_row(const StreamView& stream, int steps,
                                   const std::function<void()>& step) {
  std::vector<Event> ends =
      timed_events(stream.device(), static_cast<std::size_t>(kWarmUp + steps));
  for (Event& end : ends) {
    step();
    end.record(stream);
  }
  stream.synchronize();
  std::vector<std::int64_t> ns;
  for (std::size_t i = kWarmUp; i < ends.size(); ++i) {
    ns.push_back(std::llround(1e3 * static_cast<double>(Event::elapsed_us(ends[i - 1], ends[i]))));
  }
  return ns;
}

}  // namespace

StepTiming time_step(Executor& e, Executor::PlanId training, int batch, int steps,
                     std::uint64_t seed) {
  if (steps < 1)
    throw InvalidArgument("time: " + std::to_string(steps) + " steps; give at least 1");
  const Device device = e.device().device;
  if (device.kind() == DeviceKind::emulated) {
    throw InvalidArgument(
        "time: the emulator's time says nothing about a GPU; use cpu or cuda:N, or count work with "
        "fovea compare --device emulated");
  }
  e.initialise(seed);
  const NoiseBatch noise(e.recipe(), e.outputs(), batch, seed);
  const float rate = 0.01F * e.recipe().train.learning_rate;  // hundreds of steps stay finite
  const Plan& plan = e.plan(training);
  std::vector<Event> marks = timed_events(device, plan.rows().size() + 2);
  std::uint64_t step = 0;
  const auto next = [&] { return state_of(step++, batch, rate, seed); };

  std::vector<std::vector<std::int64_t>> launched;
  for (int i = 0; i < kWarmUp + steps; ++i) {
    e.enqueue_marked(training, noise.input(), next(), marks);
    e.stream().synchronize();
    if (i >= kWarmUp) launched.push_back(since_first(marks));
  }
  const std::vector<std::int64_t> replayed =
      in_a_row(e.stream(), steps, [&] { e.enqueue(training, noise.input(), next()); });

  std::ranges::sort(launched, {}, [](const auto& at) { return at.back(); });
  const std::vector<std::int64_t>& median = launched[launched.size() / 2];
  return {.parts = parts_of(plan, median),
          .launched_ns = median.back(),
          .replayed_ns = quantile(replayed, 0.5),
          .replayed_p10_ns = quantile(replayed, 0.1),
          .replayed_p90_ns = quantile(replayed, 0.9),
          .batch = batch};
}

}  // namespace fovea
