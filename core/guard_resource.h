// guard_resource.h - finds writes outside an allocation, and reads of what nobody wrote.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/memory_resource.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace fovea {

/// Puts guard bytes before and directly behind each allocation and fills it with kPoison (NaN in
/// fp32 and bf16) when it comes and when it goes. The guards are looked at when memory is given
/// back, in stream order: on emulated when the stream runs, so that streams stay lazy; on cuda
/// after waiting for the stream. Damage is reported, with the allocation's number and size and the
/// first wrong byte; nothing is thrown. For finding faults: slow. Thread-safe.
class FOVEA_API GuardResource final : public MemoryResource {
 public:
  static constexpr unsigned char kPoison = 0xff;
  static constexpr unsigned char kGuard = 0xa5;
  static constexpr std::size_t kGuardBytes = kAllocationAlignment;

  using Report = std::function<void(const std::string& what)>;

  /// Without `report`, damage goes to the log as an error.
  explicit GuardResource(MemoryResource& upstream, Report report = {});
  ~GuardResource() override;

  void* allocate(std::size_t bytes, StreamView stream) override;
  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept override;
  Device device() const override { return upstream_.device(); }

 private:
  struct State;
  void poison(std::byte* front, std::size_t bytes, StreamView stream);
  void check_and_poison(std::byte* front, std::uint64_t number, std::size_t bytes,
                        StreamView stream);

  MemoryResource& upstream_;
  std::shared_ptr<State> state_;  // shared with checks that a lazy stream has yet to run
};

}  // namespace fovea
