// custom_layer.cpp - a layer of one's own: a residual block, recorded from fovea's ops.
//
//   custom_layer [FOLDER of Fashion-MNIST]
//
// A layer names its parameters and records its forward ops. Gradients, fusion, memory and every
// device come by themselves: the same net trains on the CPU and on the hand-written CUDA kernels.
//
// Ends with:
//   cpu:      loss # -> #
//   emulated: loss # -> #
//   the devices agree: yes
//   the block learned: yes
#include <fovea/fovea.h>

#include <cmath>
#include <cstdio>

namespace {

// x + conv3x3(relu(conv3x3(x))), the channels kept.
class ResidualBlock final : public fovea::Layer {
 public:
  using Layer::Layer;
  std::string describe() const override { return "x + conv(relu(conv(x)))"; }
  fovea::Shape output_shape(const fovea::Shape& in) const override { return in; }
  fovea::Value record(fovea::Graph& g, fovea::Value x) const override {
    return g.add(x, conv(g, g.relu(conv(g, x, "a")), "b"));
  }

 private:
  fovea::Value conv(fovea::Graph& g, fovea::Value x, const std::string& which) const {
    const int c = static_cast<int>(x.shape()[3]);
    const fovea::ConvProblem p{.n = static_cast<int>(x.shape()[0]),
                               .c = c,
                               .h = static_cast<int>(x.shape()[1]),
                               .w = static_cast<int>(x.shape()[2]),
                               .k = c,
                               .r = 3,
                               .s = 3,
                               .ph = {1, 1},
                               .pw = {1, 1}};
    const fovea::Value w = g.param({.name = name() + "." + which + ".weight",
                                    .shape = p.w_shape(),
                                    .init = fovea::Initializer::he(9 * c)});
    const fovea::Value b =
        g.param({.name = name() + "." + which + ".bias", .shape = {c}, .init = {}});
    return g.add_bias(g.conv(x, w, p), b);
  }
};

std::shared_ptr<const fovea::Sequential> net_with_blocks(int classes) {
  using namespace fovea;
  auto net = std::make_shared<Sequential>("residual");
  net->add<Conv2d>("conv1",
                   Conv2d::Options{.filters = 8, .r = 5, .u = 3, .weight = Initializer::he(25)})
      .add<ResidualBlock>("block1")
      .add<ResidualBlock>("block2")
      .add<Linear>("fc", Linear::Options{.outputs = classes});
  return net;
}

struct Losses {
  double first = 0, last = 0;
};

Losses train_on(const fovea::Device& device, const fovea::DataSets& data) {
  fovea::Recipe recipe;
  recipe.name = "residual";
  recipe.train.batch = 32;
  recipe.train.epochs = 1;
  recipe.own_net = net_with_blocks;
  fovea::Model model(recipe, data.class_names, fovea::measure_preprocessing(recipe, *data.training),
                     1);
  const auto before = model.parameter("block2.b.weight")[0];
  fovea::Trainer trainer(model, *data.training, {.device = device});
  Losses losses;
  trainer.on_record([&](const fovea::StepRecord& r) {
    if (r.step == 0) losses.first = r.score.loss;
    losses.last = r.score.loss;
  });
  trainer.run();
  if (model.parameter("block2.b.weight")[0] == before)
    throw fovea::Error("the block learned nothing");
  return losses;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const fovea::DataSets data =
        fovea::open_data(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist", {.limit = 640});
    const Losses cpu = train_on(fovea::Device::cpu(), data);
    std::printf("cpu:      loss %.3f -> %.3f\n", cpu.first, cpu.last);
    const Losses emulated = train_on(fovea::Device::emulated(), data);
    std::printf("emulated: loss %.3f -> %.3f\n", emulated.first, emulated.last);
    const bool agree = std::abs(cpu.last - emulated.last) < 1e-3 * cpu.last;
    const bool learned = cpu.last < 0.7 * cpu.first;
    std::printf("the devices agree: %s\n", agree ? "yes" : "no");
    std::printf("the block learned: %s\n", learned ? "yes" : "no");
    return agree && learned ? 0 : 1;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "custom_layer: %s\n", e.what());
    return 2;
  }
}
