// log.h - the library prints nothing: messages go to a sink that the program sets.
#pragma once

#include <fovea/core/api.h>

#include <functional>
#include <string>
#include <string_view>

namespace fovea {

enum class LogLevel { debug, info, warning, error };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// Sets where messages go; an empty sink (the default) drops them. Thread-safe.
FOVEA_API void set_log_sink(LogSink sink);
/// Hands one message to the sink. Never throws.
FOVEA_API void log(LogLevel level, std::string_view message) noexcept;

}  // namespace fovea
