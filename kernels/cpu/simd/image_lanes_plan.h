// image_lanes_plan.h - a convolution pass over planes of 16 images at a time (image_lanes.h).
//
//   forward  per band of output rows of a group: x into lanes; per row: sums, epilogue, back to y
//   dgrad    the same with dy for x and w turned, stride 1
//   wgrad    per band: x and dy into lanes, products added to the share's sums; dw: the sums over
//            lanes and shares, in their order
//
// Threads share the bands. A band stays in a core's second-level cache.
#pragma once

#include <fovea/kernels/cpu/simd/image_lanes.h>
#include <fovea/kernels/ops/conv.h>

#include <cstddef>
#include <cstdint>

namespace fovea::simd {

class ImageLanesPlan {
 public:
  /// dgrad: stride 1. wgrad: one group. `isa` has lane_loops().
  ImageLanesPlan(Pass pass, const ConvProblem& p, Isa isa);

  std::size_t workspace_bytes() const;
  /// The tensors of a pass in the order of its Args.
  struct Tensors {
    const float *first = nullptr, *second = nullptr;  // x and w; dy and w; x and dy
    const float* extra = nullptr;                     // the bias; the mask
    float *out = nullptr, *db = nullptr;
  };
  void run(const Tensors& t, void* workspace) const;

 private:
  /// Output rows [begin, end) of the group of images from `image` on, which read rows [first, last)
  /// of its planes.
  struct Band {
    std::int64_t image = 0;
    int begin = 0, end = 0, first = 0, last = 0;
  };
  /// One thread's place in the workspace.
  struct Part {
    float* in = nullptr;       // [row][column][c][lane] of a band
    float* out = nullptr;      // [q][k][lane]: a row; wgrad: dy of the band's rows
    float* nothing = nullptr;  // zeros: what images behind the batch's last have
    float* aside = nullptr;    // where their results go
  };

  std::int64_t in_row() const;   // floats of a row of Part::in
  std::int64_t out_row() const;  // of a row of Part::out
  std::int64_t nothing_floats() const;
  std::int64_t aside_floats() const;
  std::int64_t part_floats() const;
  std::int64_t shared_floats() const;  // before the parts: the packed weights, or the sums
  std::int64_t share_floats() const;   // wgrad: of dw's and db's sums
  Part part(float* workspace, std::int64_t index) const;
  Band band(std::int64_t index) const;
  TapRows taps(const Band& b, int row) const;
  void fill(const Band& b, const float* planes, const Part& part) const;

  void pack(const float* w, float* packed) const;
  void store_row(const Band& b, int row, const Tensors& t, const Part& part) const;
  void run_rows(const Tensors& t, float* workspace) const;

  void add_band(const Band& b, const Tensors& t, const Part& part, float* sums) const;
  void run_sums(const Tensors& t, float* workspace) const;

  Pass pass_;
  ConvProblem p_;
  Isa isa_;
  const LaneLoops* loops_;
  Correlation x_;
  std::int64_t groups_ = 0;  // of images
  int band_rows_ = 0;        // output rows of a band
  int in_rows_ = 0;          // rows of the plane that it reads, at most
  int bands_ = 0;            // of a plane
  int strip_rows_ = 1;       // wgrad: output rows that products are added up over at a time
  std::int64_t parts_ = 0;   // threads' places
  std::int64_t shares_ = 0;  // wgrad: sums that are kept apart
};

}  // namespace fovea::simd
