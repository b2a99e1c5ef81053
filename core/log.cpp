// log.cpp - one sink for the process, swapped as a whole.
#include <fovea/core/log.h>

#include <memory>
#include <mutex>
#include <utility>

namespace fovea {
namespace {

struct Sink {
  std::mutex mutex;
  std::shared_ptr<const LogSink> current;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

}  // namespace

void set_log_sink(LogSink new_sink) {
  auto next = new_sink ? std::make_shared<const LogSink>(std::move(new_sink)) : nullptr;
  const std::lock_guard lock(sink().mutex);
  sink().current.swap(next);
}

void log(LogLevel level, std::string_view message) noexcept {
  try {
    std::shared_ptr<const LogSink> current;
    {
      const std::lock_guard lock(sink().mutex);
      current = sink().current;
    }
    if (current != nullptr) (*current)(level, message);  // unlocked: a sink may log or set a sink
  } catch (...) {  // a sink that throws loses its message, never the program
  }
}

}  // namespace fovea
