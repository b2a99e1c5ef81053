// elapsed.h - how long work on a stream takes.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/stream.h>

#include <functional>

namespace fovea {

/// Microseconds that `work`, which only enqueues on `stream`, takes there: between two events on
/// cuda, by the wall clock until the stream has run it elsewhere. Waits for it.
FOVEA_API double elapsed_us(const std::function<void()>& work, StreamView stream);

}  // namespace fovea
