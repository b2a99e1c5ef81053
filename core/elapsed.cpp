#include <fovea/core/elapsed.h>

#include <chrono>

namespace fovea {

double elapsed_us(const std::function<void()>& work, StreamView stream) {
  if (stream.device().kind() == DeviceKind::cuda) {
    Event begin(stream.device(), true), end(stream.device(), true);
    begin.record(stream);
    work();
    end.record(stream);
    end.wait();
    return static_cast<double>(Event::elapsed_us(begin, end));
  }
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  work();
  stream.synchronize();
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

}  // namespace fovea
