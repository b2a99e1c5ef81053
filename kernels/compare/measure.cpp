// measure.cpp - see measure.h.
#include <fovea/core/buffer.h>
#include <fovea/core/elapsed.h>
#include <fovea/kernels/compare/measure.h>
#include <fovea/kernels/compare/steady_clock.h>

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace fovea::compare {
namespace {

constexpr double kShort = 20;      // us: below it events measure the gaps between launches
constexpr double kBudget = 0.5e6;  // us of timed runs where their number is free
constexpr int kFewest = 10, kMost = 100;

std::size_t cache_bytes(const DeviceInfo& device) {
  constexpr std::size_t kLargest = std::size_t{128} << 20;
  if (device.l2_bytes != 0) return std::min(device.l2_bytes, kLargest);
  const long level3 = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  return level3 > 0 ? std::min(static_cast<std::size_t>(level3), kLargest) : std::size_t{32} << 20;
}

// The value below which `share` of the sorted ones lie.
double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

struct Flush {
  Flush(StreamView s, const DeviceInfo& device)
      : stream{s}, buffer(2 * cache_bytes(device), s, default_resource(s.device())) {}
  // What a kernel reads is then in no cache; what the flush wrote may still be on its way out.
  void operator()() const { stream.fill(buffer.data(), 0, buffer.bytes()); }
  StreamView stream;
  Buffer buffer;
};

Times measure_once(const std::function<void()>& launch, StreamView stream, const Flush& flush,
                   int reps) {
  std::vector<double> cold, warm;
  const bool by_events = stream.device().kind() == DeviceKind::cuda;
  for (int i = 0; i < reps; ++i) {
    flush();
    if (!by_events) stream.synchronize();
    cold.push_back(elapsed_us(launch, stream));
    warm.push_back(elapsed_us(launch, stream));
  }
  std::ranges::sort(cold);
  std::ranges::sort(warm);
  Times t{.median = quantile(cold, 0.5),
          .p10 = quantile(cold, 0.1),
          .p90 = quantile(cold, 0.9),
          .warm = quantile(warm, 0.5)};
  if (t.warm < kShort) {
    constexpr int kRow = 100;
    const auto row = [&] {
      for (int i = 0; i < kRow; ++i) launch();
    };
    t.back_to_back = elapsed_us(row, stream) / kRow;
  }
  return t;
}

}  // namespace

Times measure(const std::function<void()>& launch, StreamView stream, const DeviceInfo& device,
              const Options& options) {
  const Flush flush(stream, device);
  launch();  // first use: code is loaded, scratch memory taken
  stream.synchronize();
  const double once = elapsed_us(launch, stream);
  const double flushing = elapsed_us([&] { flush(); }, stream);
  const double each = std::max(1.0, 2 * once + flushing);
  const int reps =
      options.reps > 0
          ? options.reps
          : static_cast<int>(std::clamp(kBudget / each, double{kFewest}, double{kMost}));
  return measure_at_steady_clock([&] { return clock_mhz(stream.device()); },
                                 [&] { return measure_once(launch, stream, flush, reps); });
}

}  // namespace fovea::compare
