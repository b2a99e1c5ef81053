// layout.h - how tensors lie in memory. Everything that fovea holds is NHWC with KRSC filters; an
// algorithm may want another layout, which then costs a conversion that is never hidden.
#pragma once

#include <fovea/core/memory_resource.h>
#include <fovea/core/stream.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fovea {

/// nhwc: x[n,h,w,c], w[k,r,s,c]. nchw: x[n,c,h,w], w[k,c,r,s]. s2d2, s2d4: nhwc after blocks of 2 x
/// 2 or 4 x 4 pixels became one, with the channels of all, padding included; filters likewise.
enum class Layout : std::uint8_t { nhwc, nchw, s2d2, s2d4 };

constexpr std::string_view name_of(Layout l) {
  constexpr std::string_view kNames[] = {"nhwc", "nchw", "s2d2", "s2d4"};
  return kNames[static_cast<std::size_t>(l)];
}

/// Bytes of a workspace that lie behind a converted tensor and that nobody may write.
struct WorkspaceGap {
  std::size_t offset = 0, bytes = 0;
  std::string_view behind;  // "y"
};

/// Where the next tensor may begin behind one that ends at `end`: aligned, with at least one
/// alignment that belongs to nobody, where a stray write shows.
constexpr std::size_t behind_gap(std::size_t end) {
  return allocation_bytes(end + kAllocationAlignment);
}

/// What a Prepared is besides where its algorithm works in another layout: its run() is these three
/// in a row, on copies of the tensors that lie in its workspace. Who measures calls them apart.
template <class Args>
class Converts {
 public:
  virtual ~Converts() = default;
  virtual Layout layout() const = 0;
  virtual void convert_inputs(const Args& args, StreamView stream) = 0;
  virtual void compute(StreamView stream) = 0;
  virtual void convert_outputs(const Args& args, StreamView stream) = 0;
  virtual std::vector<WorkspaceGap> gaps() const = 0;
};

}  // namespace fovea
