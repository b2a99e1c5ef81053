#include <fovea/kernels/ops/registry.h>

#include <utility>

namespace fovea {

Registry::Registry() = default;
Registry::Registry(const Registry&) = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(const Registry&) = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

template <class Op>
void Registry::add(Algorithm<Op> a) {
  list<Op>().push_back(std::move(a));
}

namespace {

// Takes the address of add() for every op, so that all of them are compiled here.
template <class... Ops>
constexpr auto adders(OpList<Ops...>) {
  return std::tuple{&Registry::add<Ops>...};
}
[[gnu::used]] constexpr auto kAdders = adders(AllOps{});

}  // namespace

}  // namespace fovea
