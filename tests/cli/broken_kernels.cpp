// broken_kernels.cpp - the command with a right kernel and five broken ones, as a user adds them:
// engines right, broken1 .. broken5; and `picky`, the first of them as a second variant that does
// not promise its bits, behind a best guess that can never be made ready.
#include <fovea/cli/command_main.h>
#include <fovea/core/error.h>
#include <fovea/tests/support/broken_convolutions.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace {

using fovea::Algorithm;
using fovea::ConvForward;

class Loose final : public fovea::Prepared<ConvForward::Args> {
 public:
  explicit Loose(std::unique_ptr<Prepared> inner) : inner_{std::move(inner)} {}
  std::size_t workspace_bytes() const override { return inner_->workspace_bytes(); }
  bool deterministic() const override { return false; }
  void bind(const ConvForward::Args& args) override { inner_->bind(args); }
  void run(const ConvForward::Args& args, fovea::StreamView stream) override {
    inner_->run(args, stream);
  }

 private:
  std::unique_ptr<Prepared> inner_;
};

void add_picky(fovea::Registry& registry) {
  const auto& all = registry.list<ConvForward>();
  Algorithm<ConvForward> picky =
      *std::ranges::find(all, "broken1", &Algorithm<ConvForward>::engine);
  picky.engine = picky.name = "picky";
  picky.variants = [](const auto&, const auto&, const auto&) {
    return std::vector<fovea::Variant>{"best guess", "second"};
  };
  picky.prepare = [inner = picky.prepare](const fovea::ConvProblem& p, const fovea::Variant& v,
                                          const fovea::DeviceInfo& d) {
    if (v != "second") throw fovea::Unsupported("there is no plan");
    return std::make_unique<Loose>(inner(p, "", d));
  };
  registry.add(picky);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fovea::ConvAlgorithm> added = {fovea::test::right_convolution()};
  added.back().name = "right";
  for (const fovea::test::Broken& b : fovea::test::broken_convolutions()) {
    added.push_back(b.algorithm);
    added.back().name = "broken" + std::to_string(added.size() - 1);
  }
  return fovea::command_main(argc, argv, {.convolutions = added, .add_algorithms = add_picky});
}
