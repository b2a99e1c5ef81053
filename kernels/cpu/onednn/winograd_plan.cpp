#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/cpu/onednn/loops.h>
#include <fovea/kernels/cpu/onednn/winograd_plan.h>

#include <algorithm>

namespace fovea::onednn {
namespace {

constexpr std::int64_t kLine = 16;             // floats of a cache line
constexpr std::int64_t kChunkBytes = 1 << 20;  // of v and m: half of a second-level cache
constexpr std::int64_t kFewestTiles = 64, kMostTiles = 256;  // fewer rows would starve the product

std::int64_t lines(std::int64_t floats) { return (floats + kLine - 1) / kLine * kLine; }

int tiles_over(int extent) { return (extent + kOutputs - 1) / kOutputs; }

TiledPlanes planes(int h, int w, int channels, int tiled_h, int tiled_w, int pad_h, int pad_w) {
  return {h, w, channels, tiles_over(tiled_h), tiles_over(tiled_w), -pad_h, -pad_w};
}

}  // namespace

std::int64_t WinogradPlan::tiles(Pass pass, const ConvProblem& p) {
  const bool down = pass == Pass::dgrad;
  return std::int64_t{p.n} * tiles_over(down ? p.h : p.p()) * tiles_over(down ? p.w : p.q());
}

WinogradPlan::WinogradPlan(Pass pass, const ConvProblem& p)
    : pass_{pass},
      p_{p},
      loops_{winograd_loops(best_isa())},
      taps_{p.r},
      tile_{kOutputs + p.r - 1},
      in_channels_{pass == Pass::dgrad ? p.k_per_group() : p.c_per_group()},
      out_channels_{pass == Pass::dgrad ? p.c_per_group() : p.k_per_group()},
      split_{tiles(pass, p)} {
  if (pass == Pass::dgrad) {
    in_ = planes(p.p(), p.q(), p.k, p.h, p.w, taps_ - 1 - p.ph.begin, taps_ - 1 - p.pw.begin);
    out_ = planes(p.h, p.w, p.c, p.h, p.w, 0, 0);
  } else {
    in_ = planes(p.h, p.w, p.c, p.p(), p.q(), p.ph.begin, p.pw.begin);
    out_ = planes(p.p(), p.q(), p.k, p.p(), p.q(), 0, 0);
  }
  const std::int64_t places = std::int64_t{tile_} * tile_;
  const std::int64_t bytes_of_tile = places * (in_channels_ + out_channels_) * 4;
  chunk_ = std::clamp(kChunkBytes / bytes_of_tile, kFewestTiles, kMostTiles);
  chunk_ = std::min(chunk_, split_.longest());
  // A line more than needed: powers of two would put all places into the same cache sets.
  in_place_ = lines(chunk_ * in_channels_) + kLine;
  out_place_ = lines(chunk_ * out_channels_) + kLine;
  u_place_ = lines(std::int64_t{in_channels_} * out_channels_) + kLine;
  parts_.resize(static_cast<std::size_t>(split_.parts()));
  for (Part& part : parts_) {
    for (int g = 0; g < p.groups; ++g) {
      part.products.push_back(product(false));
      if (pass == Pass::wgrad) part.sums.push_back(product(true));
    }
  }
}

// Externals 0, 1, 2 are its factors and its result.
Program WinogradPlan::product(bool accumulate) const {
  const auto batch = [&](std::int64_t rows, std::int64_t columns, std::int64_t place,
                         std::int64_t row, std::int64_t column) {
    return memory::desc({memory::dim{tile_} * tile_, rows, columns}, memory::data_type::f32,
                        memory::dims{place, row, column});
  };
  const memory::desc v = batch(chunk_, in_channels_, in_place_, in_channels_, 1);
  const bool gradient = pass_ == Pass::wgrad;
  const memory::desc a = gradient ? batch(out_channels_, chunk_, out_place_, 1, out_channels_) : v;
  const memory::desc b =
      gradient ? v : batch(in_channels_, out_channels_, u_place_, out_channels_, 1);
  const memory::desc c = gradient ? batch(out_channels_, in_channels_, u_place_, in_channels_, 1)
                                  : batch(chunk_, out_channels_, out_place_, out_channels_, 1);
  dnnl::post_ops ops;
  if (accumulate) ops.append_sum(1.0F);
  Program program("winograd " + std::string(name_of(pass_)) + " " + to_string(p_));
  const auto pd = describe<dnnl::matmul>(program.maker().engine, Maker::attributes(ops), a, b, c);
  const auto first = program.external(0, a), second = program.external(1, b);
  const auto result = program.external(2, c);
  program.add<dnnl::matmul>(
      pd, {{DNNL_ARG_SRC, first}, {DNNL_ARG_WEIGHTS, second}, {DNNL_ARG_DST, result}});
  return program;
}

// v, m, du and db of a part; scratch memory comes after them.
std::size_t WinogradPlan::part_floats() const {
  const std::int64_t places = std::int64_t{tile_} * tile_;
  std::int64_t floats = places * (in_place_ + out_place_);
  if (pass_ == Pass::wgrad) floats += p_.groups * places * u_place_ + lines(p_.k);
  return static_cast<std::size_t>(floats);
}

std::size_t WinogradPlan::workspace_bytes() const {
  const std::int64_t u = pass_ == Pass::wgrad ? 0 : p_.groups * tile_ * tile_ * u_place_;
  std::size_t bytes = static_cast<std::size_t>(u) * sizeof(float);
  for (const Part& part : parts_) {
    bytes += part_floats() * sizeof(float);
    std::size_t scratch = part.products.front().workspace_bytes();
    if (!part.sums.empty()) scratch = std::max(scratch, part.sums.front().workspace_bytes());
    bytes += scratch;
  }
  return bytes;
}

void WinogradPlan::bind(std::span<void* const> externals, void* workspace) {
  const auto floats = [&](std::size_t i) { return static_cast<float*>(externals[i]); };
  const std::int64_t places = std::int64_t{tile_} * tile_;
  x_ = floats(0);
  w_ = floats(1);
  y_ = floats(pass_ == Pass::wgrad ? 2 : 3);
  db_ = pass_ == Pass::wgrad && p_.epilogue.db ? floats(3) : nullptr;
  epilogue_ = {.bias = p_.epilogue.bias ? floats(2) : nullptr,
               .mask = p_.epilogue.mask ? floats(2) : nullptr,
               .relu = p_.epilogue.relu,
               .accumulate = p_.epilogue.acc};
  u_ = static_cast<float*>(workspace);
  float* next = u_ + (pass_ == Pass::wgrad ? 0 : p_.groups * places * u_place_);
  for (Part& part : parts_) {
    part.v = next;
    part.m = part.v + places * in_place_;
    part.du = part.m + places * out_place_;
    part.db = part.du + (pass_ == Pass::wgrad ? p_.groups * places * u_place_ : 0);
    float* const scratch = next + part_floats();
    std::size_t scratch_bytes = 0;
    for (int g = 0; g < p_.groups; ++g) {
      float* const du = part.du + g * places * u_place_;
      const std::array<void*, 3> forward{part.v, u_ + g * places * u_place_, part.m};
      const std::array<void*, 3> gradient{part.m, part.v, du};
      for (std::vector<Program>* programs : {&part.products, &part.sums}) {
        if (programs->empty()) continue;
        Program& program = (*programs)[static_cast<std::size_t>(g)];
        program.bind(pass_ == Pass::wgrad ? gradient : forward, scratch);
        scratch_bytes = std::max(scratch_bytes, program.workspace_bytes());
      }
    }
    next = scratch + scratch_bytes / sizeof(float);
  }
}

TileRange WinogradPlan::range(std::int64_t first, std::int64_t count, int group,
                              int channels) const {
  return {first, count, std::int64_t{group} * channels, channels};
}

void WinogradPlan::run() const {
  if (pass_ != Pass::wgrad) transform_filters();
  parallel(split_.parts(), 1, [this](std::int64_t begin, std::int64_t end) {
    const ThreadScope scope(1);
    for (std::int64_t i = begin; i < end; ++i) {
      const Part& part = parts_[static_cast<std::size_t>(i)];
      pass_ == Pass::wgrad ? run_gradient(part, static_cast<int>(i))
                           : run_tiles(part, static_cast<int>(i));
    }
  });
  if (pass_ == Pass::wgrad) finish_gradient();
}

void WinogradPlan::transform_filters() const {
  const std::int64_t places = std::int64_t{tile_} * tile_;
  const int k = p_.k_per_group();
  parallel(p_.k, kLine, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end;) {
      const int group = static_cast<int>(at / k), first = static_cast<int>(at % k);
      const int count = static_cast<int>(std::min<std::int64_t>(k - first, end - at));
      const FilterRange r{tile_, taps_, p_.c_per_group(), k, first, count};
      const float* const w = w_ + std::int64_t{group} * k * taps_ * taps_ * p_.c_per_group();
      float* const u = u_ + group * places * u_place_;
      pass_ == Pass::forward ? loops_.filters_forward(r, w, u_place_, u)
                             : loops_.filters_turned(r, w, u_place_, u);
      at += count;
    }
  });
}

void WinogradPlan::run_tiles(const Part& part, int index) const {
  const std::int64_t end = split_.first(index) + split_.size(index);
  for (int g = 0; g < p_.groups; ++g) {
    TileEpilogue epilogue = epilogue_;
    if (epilogue.bias != nullptr) epilogue.bias += std::int64_t{g} * out_channels_;
    for (std::int64_t first = split_.first(index); first < end; first += chunk_) {
      const std::int64_t count = std::min(chunk_, end - first);
      loops_.tiles_in(tile_, false, in_, range(first, count, g, in_channels_), x_, in_place_,
                      part.v);
      // Rows beyond `count` are computed from what lies there, and not looked at.
      part.products[static_cast<std::size_t>(g)].run();
      loops_.tiles_out(tile_, out_, range(first, count, g, out_channels_), part.m, out_place_,
                       epilogue, y_);
    }
  }
}

void WinogradPlan::run_gradient(const Part& part, int index) const {
  const std::int64_t begin = split_.first(index), end = begin + split_.size(index);
  const auto clear = [&](float* rows, std::int64_t count, std::int64_t place, int channels) {
    for (int t = 0; t < tile_ * tile_; ++t) {
      std::fill(rows + t * place + count * channels, rows + t * place + chunk_ * channels, 0.0F);
    }
  };
  for (int g = 0; g < p_.groups; ++g) {
    for (std::int64_t first = begin; first < end; first += chunk_) {
      const std::int64_t count = std::min(chunk_, end - first);
      loops_.tiles_in(tile_, false, in_, range(first, count, g, in_channels_), x_, in_place_,
                      part.v);
      loops_.tiles_in(tile_, true, out_, range(first, count, g, out_channels_), w_, out_place_,
                      part.m);
      if (count < chunk_) {  // the sum runs over all rows
        clear(part.v, count, in_place_, in_channels_);
        clear(part.m, count, out_place_, out_channels_);
      }
      (first == begin ? part.products : part.sums)[static_cast<std::size_t>(g)].run();
    }
  }
  if (db_ == nullptr) return;
  const std::int64_t rows = std::int64_t{p_.n} * p_.p() * p_.q();
  const std::int64_t row = rows * index / split_.parts();
  const std::int64_t row_end = rows * (index + 1) / split_.parts();
  column_sums({row_end - row, p_.k, 0, p_.k}, w_ + row * p_.k, false, part.db);
}

void WinogradPlan::finish_gradient() const {
  const std::int64_t places = std::int64_t{tile_} * tile_;
  const int k = p_.k_per_group(), c = p_.c_per_group();
  const std::int64_t stride = parts_.size() > 1 ? parts_[1].du - parts_[0].du : 0;
  parallel(p_.k, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end;) {
      const int group = static_cast<int>(at / k), first = static_cast<int>(at % k);
      const int count = static_cast<int>(std::min<std::int64_t>(k - first, end - at));
      const FilterRange r{tile_, taps_, c, k, first, count};
      loops_.filters_out(r, parts_[0].du + group * places * u_place_, u_place_,
                         static_cast<int>(parts_.size()), stride, p_.epilogue.acc,
                         y_ + std::int64_t{group} * k * taps_ * taps_ * c);
      at += count;
    }
  });
  if (db_ == nullptr) return;
  for (int i = 0; i < p_.k; ++i) {
    float sum = p_.epilogue.acc ? db_[i] : 0.0F;
    for (const Part& part : parts_) sum += part.db[i];
    db_[i] = sum;
  }
}

}  // namespace fovea::onednn
