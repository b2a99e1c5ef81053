// sanitized.h - whether a sanitizer slows this build down: memory is used alike on small numbers,
// few problems and one variant, so that some tests do less.
#pragma once

namespace fovea::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace fovea::test
