// alexnet_training_driver.cpp - the training of 2012, by fovea's public headers alone.
//
//   alexnet_training_driver [--preset NAME] [--data FOLDER] [--steps N] [--seed N] [--to FILE]
//
// Krizhevsky, Sutskever and Hinton 2012, in the order of their paper: five convolutions in two
// columns, ReLU, local response normalisation, overlapping pools, two hidden layers with dropout,
// SGD with momentum and weight decay, crops and mirrors. By default that pattern at a tenth of its
// width on Fashion-MNIST; `--preset alexnet-2012 --data FOLDER` is the net as printed, for
// photographs. The same seed gives the same bits as `fovea train`.
//
// Ends with, for --steps 20:
//   net   alexnet-fashion: 249354 parameters, # MiB planned
//   step 20 of #: loss #
//   saved the weights after 20 steps
#include <fovea/fovea.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

// --name value pairs over these defaults.
std::map<std::string, std::string> read_options(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"--preset", "alexnet-fashion"},
                                                {"--data", "/usr/share/datasets/fashion-mnist"},
                                                {"--steps", "-1"},
                                                {"--seed", "1"},
                                                {"--to", "alexnet.safetensors"}};
  for (int i = 1; i < argc; i += 2) {
    if (!options.contains(argv[i]) || i + 1 == argc) {
      throw fovea::InvalidArgument(std::string(argv[i]) +
                                   ": the head of this file has the options");
    }
    options[argv[i]] = argv[i + 1];
  }
  return options;
}

void train(std::map<std::string, std::string> options) {
  const std::uint64_t seed = std::stoull(options["--seed"]);

  // 1. The recipe: net, initialisation, treatment of the data, schedule.
  fovea::Recipe recipe = fovea::Recipe::preset(options["--preset"]);

  // 2. The pictures. Statistics are measured on the training part alone.
  const fovea::DataSets data =
      fovea::open_data(options["--data"], {.seed = seed, .shorter_side = recipe.input.resize});
  recipe.input.channels = data.training->channels();
  fovea::Model model(recipe, data.class_names, fovea::measure_preprocessing(recipe, *data.training),
                     seed);

  // 3. Device, plan and memory: everything is chosen, placed and allocated here.
  fovea::TrainerOptions how;
  how.seed = seed;
  how.max_steps = std::stoll(options["--steps"]);
  how.validation = data.validation.get();  // the schedule of 2012 watches it
  fovea::Trainer trainer(model, *data.training, how);
  std::printf("on    %s (%s)\n", to_string(how.device).c_str(), fovea::Device::reason().c_str());
  std::printf("net   %s: %lld parameters, %.0f MiB planned\n", recipe.name.c_str(),
              static_cast<long long>(model.parameter_count()),
              static_cast<double>(trainer.executor().planned_bytes()) / (1 << 20));

  // 4. The loop: forward, loss, backward, update, replayed step after step.
  std::int64_t steps = 0;
  trainer.on_step([&](const fovea::Progress& p) {
    steps = p.step;
    if (p.step % 100 == 0 || p.step == how.max_steps) {
      std::printf("step %lld of %lld: loss %.4f\n", static_cast<long long>(p.step),
                  static_cast<long long>(p.steps), p.loss);
    }
    return true;
  });
  trainer.on_epoch([](const fovea::EpochRecord& e) {
    std::printf("epoch %d of %d: training error %.2f %%, %.0f images/s\n", e.epoch + 1, e.epochs,
                100 * e.training.top1_error, e.images_per_second);
  });
  trainer.run();

  // 5. What a test tells, and the one file that holds it all.
  if (how.max_steps < 0 && data.test != nullptr) {
    std::printf("test error %.2f %%\n", 100 * trainer.evaluate(*data.test).top1_error);
  }
  model.save(options["--to"]);
  std::printf("saved the weights after %lld steps\n", static_cast<long long>(steps));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    train(read_options(argc, argv));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "alexnet_training_driver: %s\n", e.what());
    return 2;
  }
}
