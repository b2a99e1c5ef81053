#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/reference/floats.h>

#include <algorithm>

namespace fovea::reference {

namespace {
constexpr std::int64_t kAtATime = 1 << 14;  // elements
}

void Floats::reserve(std::span<const TensorView> operands) {
  copies_.reserve(operands.size());
  for (const TensorView& t : operands) {
    if (t && t.dtype == DType::bf16) copy_of(t);
  }
}

const float* Floats::in(const TensorView& t) {
  return t.dtype == DType::bf16 ? loaded(t).values.data() : t.as<float>();
}

float* Floats::out(const TensorView& t) {
  if (t.dtype != DType::bf16) return t.as<float>();
  Copy& c = loaded(t);
  c.changed = true;
  return c.values.data();
}

void Floats::begin() {
  for (Copy& c : copies_) c.loaded = c.changed = false;
}

void Floats::store() {
  for (Copy& c : copies_) {
    if (!c.changed) continue;
    bf16* to = c.of.as<bf16>();
    const float* from = c.values.data();
    parallel(c.of.elements(), kAtATime, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = to_bf16(from[i]);
    });
  }
}

Floats::Copy& Floats::copy_of(const TensorView& t) {
  auto found = std::ranges::find(copies_, t.data, [](const Copy& c) { return c.of.data; });
  if (found == copies_.end()) found = copies_.insert(copies_.end(), Copy{t, {}});
  found->of = t;
  found->values.resize(static_cast<std::size_t>(t.elements()));
  return *found;
}

Floats::Copy& Floats::loaded(const TensorView& t) {
  Copy& c = copy_of(t);
  if (c.loaded) return c;
  const bf16* from = t.as<bf16>();
  float* to = c.values.data();
  parallel(t.elements(), kAtATime, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_float(from[i]);
  });
  c.loaded = true;
  return c;
}

}  // namespace fovea::reference
