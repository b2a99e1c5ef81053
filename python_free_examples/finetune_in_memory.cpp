// finetune_in_memory.cpp - a trained model learns two new classes from 200 pictures in memory.
//
//   finetune_in_memory MODEL.safetensors [FOLDER of Fashion-MNIST]
//
// The last layer is new, the convolutions stay frozen. Training is cancelled half-way, as a user
// may, and saved; the file then predicts.
//
// Ends with:
//   cancelled after # of # steps
//   200 pictures of "trouser" and "bag", then 500 others: error # %
//   learned: yes
#include <fovea/fovea.h>

#include <cstdio>

namespace {

// Pictures of two of the classes, as labels 0 and 1.
fovea::MemoryDataset two_classes(const fovea::Dataset& from, int first, int second,
                                 std::int64_t count) {
  fovea::MemoryDataset data;
  for (std::int64_t i = 0; i < from.size() && data.size() < count; ++i) {
    const int label = from.label(i);
    if (label == first || label == second) data.add(from.get(i).image, label == second ? 1 : 0);
  }
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "finetune_in_memory: name a model, such as the file that the example lenet "
                 "or `fovea train` writes\n");
    return 2;
  }
  try {
    constexpr int kTrouser = 1, kBag = 8;
    const fovea::DataSets all =
        fovea::open_data(argc > 2 ? argv[2] : "/usr/share/datasets/fashion-mnist");
    const fovea::MemoryDataset data = two_classes(*all.training, kTrouser, kBag, 200);
    const fovea::MemoryDataset others = two_classes(*all.test, kTrouser, kBag, 500);

    fovea::Model model = fovea::Model::load(argv[1]).with_classes({"trouser", "bag"});
    fovea::Trainer trainer(model, data,
                           {.epochs = 6,
                            .batch = 20,
                            .learning_rate = 1e-3F,
                            .freeze = {"conv*"},
                            .seed = 1,
                            .device = fovea::Device::cpu()});
    std::int64_t done = 0, steps = 0;
    trainer.on_step([&](const fovea::Progress& p) {
      done = p.step;
      steps = p.steps;
      return p.fraction < 0.5;  // false: stop after this step
    });
    trainer.run();
    std::printf("cancelled after %lld of %lld steps\n", static_cast<long long>(done),
                static_cast<long long>(steps));
    const std::string file = "two-garments.safetensors";
    model.save(file);

    const fovea::Model loaded = fovea::Model::load(file);
    fovea::Predictor predict(loaded, {.device = fovea::Device::cpu()});
    int wrong = 0;
    for (std::int64_t i = 0; i < others.size(); ++i) {
      wrong += predict(others.get(i).image).best() != others.label(i);
    }
    const double error = 100.0 * wrong / static_cast<double>(others.size());
    std::printf("200 pictures of \"trouser\" and \"bag\", then 500 others: error %.1f %%\n", error);
    std::printf("learned: %s\n", error < 10 ? "yes" : "no");
    return error < 10 ? 0 : 1;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "finetune_in_memory: %s\n", e.what());
    return 2;
  }
}
