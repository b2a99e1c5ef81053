// lenet.cpp - a LeNet written in C++: layers, a recipe, a training loop in twelve lines.
//
//   lenet [FOLDER of MNIST or Fashion-MNIST] [OUT.safetensors]
//
// Trains 20-50-500 on 6,000 pictures for 2 epochs and saves the model.
//
// Ends with:
//   epoch 1: training error # %
//   epoch 2: training error # %
//   learned: yes (test error # %, below 30 %)
//   saved # parameters
#include <fovea/fovea.h>

#include <cstdio>

namespace {

std::shared_ptr<const fovea::Sequential> lenet(int classes) {
  using namespace fovea;
  PoolProblem halves;
  halves.r = halves.s = halves.u = halves.v = 2;
  auto net = std::make_shared<Sequential>("lenet");
  net->add<Conv2d>("conv1", Conv2d::Options{.filters = 20, .r = 5, .weight = Initializer::he(25)})
      .add<Pool2d>("pool1", Pool2d::Kind::max, halves)
      .add<Conv2d>("conv2", Conv2d::Options{.filters = 50, .r = 5, .weight = Initializer::he(500)})
      .add<Pool2d>("pool2", Pool2d::Kind::max, halves)
      .add<Linear>("fc3", Linear::Options{.outputs = 500, .weight = Initializer::he(800)})
      .add<ActivationLayer>("relu3", Activation::relu)
      .add<Linear>("fc4", Linear::Options{.outputs = classes});
  return net;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const fovea::DataSets data =
        fovea::open_data(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist", {.limit = 6000});

    fovea::Recipe recipe;  // 28x28 grey pictures, normalised; SGD with momentum 0.9
    recipe.name = "lenet in C++";
    recipe.train.epochs = 2;
    recipe.train.batch = 64;
    recipe.own_net = lenet;

    fovea::Model model(recipe, data.class_names,
                       fovea::measure_preprocessing(recipe, *data.training), /*seed=*/1);
    fovea::Trainer trainer(model, *data.training, {.device = fovea::Device::cpu()});
    trainer.on_epoch([](const fovea::EpochRecord& e) {
      std::printf("epoch %d: training error %.1f %%\n", e.epoch + 1, 100 * e.training.top1_error);
    });
    trainer.run();

    const double error = 100 * trainer.evaluate(*data.test).top1_error;
    std::printf("learned: %s (test error %.1f %%, below 30 %%)\n", error < 30 ? "yes" : "no",
                error);
    if (argc > 2) model.save(argv[2]);
    std::printf("saved %lld parameters\n", static_cast<long long>(model.parameter_count()));
    return error < 30 ? 0 : 1;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "lenet: %s\n", e.what());
    return 2;
  }
}
