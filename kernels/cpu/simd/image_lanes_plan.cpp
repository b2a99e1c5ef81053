#include <fovea/core/thread_pool.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/simd/activation_loops.h>
#include <fovea/kernels/cpu/simd/dispatch.h>
#include <fovea/kernels/cpu/simd/image_lanes_plan.h>

#include <algorithm>
#include <array>

namespace fovea::simd {
namespace {

constexpr std::int64_t kBandFloats = 64 << 10;   // half of a small second-level cache
constexpr std::int64_t kStripFloats = 20 << 10;  // most of a first-level cache
constexpr std::int64_t kMostShares = 8;
constexpr int kMostStrip = 32;  // rows

std::int64_t whole_lines(std::int64_t floats) { return (floats + kImages - 1) / kImages * kImages; }

Correlation correlation_of(Pass pass, const ConvProblem& p) {
  Correlation x{.h = p.h,
                .w = p.w,
                .c = p.c,
                .p = p.p(),
                .q = p.q(),
                .k = p.k,
                .r = p.r,
                .s = p.s,
                .u = p.u,
                .v = p.v,
                .dh = p.dh,
                .dw = p.dw,
                .top = p.ph.begin,
                .left = p.pw.begin,
                .groups = p.groups};
  if (pass != Pass::dgrad) return x;
  std::swap(x.h, x.p);
  std::swap(x.w, x.q);
  std::swap(x.c, x.k);
  x.top = (p.r - 1) * p.dh - p.ph.begin;
  x.left = (p.s - 1) * p.dw - p.pw.begin;
  return x;
}

/// Rows of the plane that `rows` output rows read.
int rows_read(const Correlation& x, int rows) {
  return std::min(x.h, (rows - 1) * x.u + (x.r - 1) * x.dh + 1);
}

/// Where each image of a group has its row; `spare` for those behind the batch's last.
template <class T>
std::array<T*, kImages> lane_rows(T* planes, std::int64_t plane, std::int64_t row,
                                  std::int64_t first, std::int64_t images, T* spare) {
  std::array<T*, kImages> rows{};
  for (int lane = 0; lane < kImages; ++lane) {
    const std::int64_t image = first + lane;
    rows[static_cast<std::size_t>(lane)] = image < images ? planes + image * plane + row : spare;
  }
  return rows;
}

}  // namespace

ImageLanesPlan::ImageLanesPlan(Pass pass, const ConvProblem& p, Isa isa)
    : pass_{pass},
      p_{p},
      isa_{isa},
      loops_{lane_loops(isa)},
      x_{correlation_of(pass, p)},
      groups_{(p.n + kImages - 1) / kImages} {
  const bool gradient = pass == Pass::wgrad;
  const auto floats = [&](int rows) {
    return rows_read(x_, rows) * in_row() + (gradient ? rows : 1) * out_row();
  };
  band_rows_ = x_.p;
  while (band_rows_ > 1 && floats(band_rows_) > kBandFloats) --band_rows_;
  // What the bands are must not depend on the threads where they are what sums are made of.
  const std::int64_t threads = ThreadPool::shared().threads();
  if (!gradient) {
    const auto wanted =
        static_cast<int>(std::min<std::int64_t>(x_.p, (threads + groups_ - 1) / groups_));
    band_rows_ = std::min(band_rows_, parts_of(x_.p, wanted));
  }
  bands_ = parts_of(x_.p, band_rows_);
  in_rows_ = rows_read(x_, band_rows_);
  const std::int64_t units = groups_ * bands_;
  shares_ = gradient ? std::min(units, kMostShares) : 0;
  parts_ = std::min(gradient ? shares_ : units, threads);
  // So many rows that all filters and taps find them in the first-level cache.
  const int most = std::min(band_rows_, kMostStrip);
  while (strip_rows_ < most && floats(strip_rows_ + 1) <= kStripFloats) ++strip_rows_;
}

std::int64_t ImageLanesPlan::in_row() const { return std::int64_t{x_.columns()} * x_.c * kImages; }
std::int64_t ImageLanesPlan::out_row() const { return std::int64_t{x_.q} * x_.k * kImages; }

std::int64_t ImageLanesPlan::part_floats() const {
  const std::int64_t out_rows = pass_ == Pass::wgrad ? band_rows_ : 1;
  return in_rows_ * in_row() + out_rows * out_row() + nothing_floats() + aside_floats();
}

// The longest run of a plane that is gathered at once.
std::int64_t ImageLanesPlan::nothing_floats() const {
  const std::int64_t dy = pass_ == Pass::wgrad ? std::int64_t{band_rows_} * x_.q * x_.k : 0;
  return whole_lines(std::max(std::int64_t{x_.w} * x_.c, dy));
}
std::int64_t ImageLanesPlan::aside_floats() const {
  return pass_ == Pass::wgrad ? 0 : whole_lines(std::int64_t{x_.q} * x_.k);
}

std::int64_t ImageLanesPlan::shared_floats() const {
  return pass_ == Pass::wgrad ? shares_ * share_floats() : whole_lines(x_.k * x_.filter());
}
std::int64_t ImageLanesPlan::share_floats() const { return x_.k * (x_.filter() + 1) * kImages; }

std::size_t ImageLanesPlan::workspace_bytes() const {
  return static_cast<std::size_t>(shared_floats() + parts_ * part_floats()) * sizeof(float);
}

ImageLanesPlan::Part ImageLanesPlan::part(float* workspace, std::int64_t index) const {
  Part part;
  part.in = workspace + shared_floats() + index * part_floats();
  part.nothing = part.in + in_rows_ * in_row();
  part.aside = part.nothing + nothing_floats();
  part.out = part.aside + aside_floats();
  std::fill_n(part.nothing, nothing_floats(), 0.0F);
  return part;
}

ImageLanesPlan::Band ImageLanesPlan::band(std::int64_t index) const {
  const auto turn = static_cast<int>(index % bands_);
  Band b{.image = index / bands_ * kImages, .begin = turn * band_rows_};
  b.end = std::min(x_.p, b.begin + band_rows_);
  b.first = std::clamp(b.begin * x_.u - x_.top, 0, x_.h);
  b.last = std::clamp((b.end - 1) * x_.u + (x_.r - 1) * x_.dh + 1 - x_.top, b.first, x_.h);
  return b;
}

TapRows ImageLanesPlan::taps(const Band& b, int row) const {
  const int corner = row * x_.u - x_.top;
  TapRows t{.at = (corner - b.first) * in_row(), .down = x_.dh * in_row()};
  while (t.begin < x_.r && corner + t.begin * x_.dh < 0) ++t.begin;
  t.end = t.begin;
  while (t.end < x_.r && corner + t.end * x_.dh < x_.h) ++t.end;
  return t;
}

// The band's rows of x into lanes, with zeros for what a row of outputs reads beside the plane.
void ImageLanesPlan::fill(const Band& b, const float* planes, const Part& part) const {
  const std::int64_t plane = std::int64_t{x_.h} * x_.w * x_.c;
  const int skipped = std::max(0, -x_.left), before = std::clamp(x_.left, 0, x_.columns());
  const int inside = std::clamp(x_.w - skipped, 0, x_.columns() - before);
  const int after = x_.columns() - before - inside;
  const std::int64_t cell = std::int64_t{x_.c} * kImages;
  for (int row = b.first; row < b.last; ++row) {
    float* const to = part.in + (row - b.first) * in_row();
    std::fill_n(to, before * cell, 0.0F);
    const auto rows = lane_rows(planes, plane, (std::int64_t{row} * x_.w + skipped) * x_.c, b.image,
                                p_.n, static_cast<const float*>(part.nothing));
    loops_->gather(rows.data(), std::int64_t{inside} * x_.c, to + before * cell);
    std::fill_n(to + (before + inside) * cell, after * cell, 0.0F);
  }
}

// --- forward and dgrad --------------------------------------------------------------------------

// Tile by tile [r][s][c][filter of the tile].
void ImageLanesPlan::pack(const float* w, float* packed) const {
  const int c = x_.c_per_group(), k = x_.k_per_group(), taps = x_.r * x_.s;
  const bool turned = pass_ == Pass::dgrad;
  // Of w[f][tap][channel], as the problem has it: from one to the next.
  const std::int64_t filter = turned ? 1 : x_.filter(), tap = turned ? k : c;
  const std::int64_t channel = turned ? std::int64_t{taps} * k : 1;
  for (int g = 0; g < x_.groups; ++g) {
    const float* const group = w + g * std::int64_t{k} * x_.filter();
    for (int part = 0; part < parts_of(k, kFilterTile); ++part) {
      const int begin = part_begin(k, kFilterTile, part);
      const int end = part_begin(k, kFilterTile, part + 1);
      for (int t = 0; t < taps; ++t) {
        const float* const at = group + (turned ? taps - 1 - t : t) * tap;
        for (int i = 0; i < c; ++i) {
          for (int f = begin; f < end; ++f) *packed++ = at[f * filter + i * channel];
        }
      }
    }
  }
}

// An output row from lanes to the images.
void ImageLanesPlan::store_row(const Band& b, int row, const Tensors& t, const Part& part) const {
  const Epilogue& e = p_.epilogue;
  const std::int64_t count = std::int64_t{x_.q} * x_.k, plane = x_.p * count, at = row * count;
  const std::int64_t images = std::min<std::int64_t>(kImages, p_.n - b.image);
  constexpr std::int64_t kFirst = 0;
  if (e.relu) run_as<ReluLoop>(isa_, kFirst, count * kImages, part.out, part.out);
  if (e.tanh) run_as<TanhLoop>(isa_, kFirst, count * kImages, part.out, part.out);
  if (e.mask || e.acc) {
    for (std::int64_t lane = 0; lane < images; ++lane) {
      const std::int64_t to = (b.image + lane) * plane + at;
      loops_->merge(part.out + lane, e.mask ? t.extra + to : nullptr, e.acc, count, t.out + to);
    }
    return;
  }
  const auto rows = lane_rows(t.out, plane, at, b.image, p_.n, part.aside);
  loops_->scatter(part.out, count, rows.data());
}

void ImageLanesPlan::run_rows(const Tensors& t, float* workspace) const {
  float* const packed = workspace;
  pack(t.second, packed);
  const std::int64_t units = groups_ * bands_;
  parallel(parts_, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const Part mine = part(workspace, index);
      for (std::int64_t u = units * index / parts_; u < units * (index + 1) / parts_; ++u) {
        const Band b = band(u);
        fill(b, t.first, mine);
        for (int row = b.begin; row < b.end; ++row) {
          const float* const bias = p_.epilogue.bias ? t.extra : nullptr;
          loops_->row(x_, taps(b, row), mine.in, packed, bias, mine.out);
          store_row(b, row, t, mine);
        }
      }
    }
  });
}

// --- wgrad --------------------------------------------------------------------------------------

void ImageLanesPlan::add_band(const Band& b, const Tensors& t, const Part& part,
                              float* sums) const {
  const std::int64_t count = std::int64_t{x_.q} * x_.k;
  const int rows = b.end - b.begin;
  fill(b, t.first, part);
  const auto dy = lane_rows(t.second, x_.p * count, b.begin * count, b.image, p_.n,
                            static_cast<const float*>(part.nothing));
  loops_->gather(dy.data(), rows * count, part.out);
  for (int first = 0; first < rows; first += strip_rows_) {
    std::array<TapRows, kMostStrip> all{};
    const int here = std::min(strip_rows_, rows - first);
    for (int i = 0; i < here; ++i) all[static_cast<std::size_t>(i)] = taps(b, b.begin + first + i);
    loops_->products(x_, all.data(), here, part.in, part.out + first * out_row(), sums);
  }
  if (p_.epilogue.db) {
    loops_->channel_sums(std::int64_t{rows} * x_.q, x_.k, part.out,
                         sums + x_.k * x_.filter() * kImages);
  }
}

void ImageLanesPlan::run_sums(const Tensors& t, float* workspace) const {
  float* const sums = workspace;
  const std::int64_t units = groups_ * bands_, filters = x_.k * x_.filter();
  const std::int64_t share = share_floats();
  parallel(parts_, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const Part mine = part(workspace, index);
      for (std::int64_t s = shares_ * index / parts_; s < shares_ * (index + 1) / parts_; ++s) {
        std::fill_n(sums + s * share, share, 0.0F);
        for (std::int64_t u = units * s / shares_; u < units * (s + 1) / shares_; ++u) {
          add_band(band(u), t, mine, sums + s * share);
        }
      }
    }
  });
  const auto shares = static_cast<int>(shares_);
  const bool acc = p_.epilogue.acc;
  parallel(filters, kGrain / kImages, [&](std::int64_t begin, std::int64_t end) {
    loops_->totals(sums + begin * kImages, shares, share, end - begin, acc, t.out + begin);
  });
  if (p_.epilogue.db) {
    loops_->totals(sums + filters * kImages, shares, share, x_.k, acc, t.db);
  }
}

void ImageLanesPlan::run(const Tensors& t, void* workspace) const {
  auto* const floats = static_cast<float*>(workspace);
  pass_ == Pass::wgrad ? run_sums(t, floats) : run_rows(t, floats);
}

}  // namespace fovea::simd
