// unique_handle.h - one owner for a C library's handle. Internal.
#pragma once

#include <utility>

namespace fovea {

/// Owns a handle that `Destroy` gives back. Move-only by swap, so that the old handle is freed and
/// moving onto itself is safe. What `Destroy` answers is ignored: a destructor does not throw.
/// T raw{}; FOVEA_TRY(make(&raw)); const UniqueHandle<T, &destroy> handle(raw);
template <class T, auto Destroy>
class UniqueHandle {
 public:
  UniqueHandle() = default;
  explicit UniqueHandle(T raw) noexcept : raw_{raw} {}
  UniqueHandle(UniqueHandle&& o) noexcept : raw_{std::exchange(o.raw_, T{})} {}
  UniqueHandle& operator=(UniqueHandle o) noexcept {
    std::swap(raw_, o.raw_);
    return *this;
  }
  ~UniqueHandle() {
    if (raw_ != T{}) static_cast<void>(Destroy(raw_));
  }

  T get() const noexcept { return raw_; }
  explicit operator bool() const noexcept { return raw_ != T{}; }

 private:
  T raw_{};
};

}  // namespace fovea
