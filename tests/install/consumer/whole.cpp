// whole.cpp - a program of somebody else with fovea in it, that does what docs/embedding.md says
// one can do:
//
//   whole MODEL COMMAND.safetensors ERROR FASHION_MNIST FINDINGS
//
// MODEL is what `fovea train` wrote, COMMAND what `fovea features --layer probabilities` says of
// the test pictures, ERROR the top-1 error that `fovea evaluate` finds on them. The program prints
// nothing; what it finds goes to the file FINDINGS.
#include <fovea/fovea.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "findings.h"
#include "pictures.h"
#include "process.h"

namespace {

constexpr int kTrouser = 1, kBag = 8;

std::vector<Frame> first_frames(const fovea::Dataset& from, std::int64_t count) {
  std::vector<Frame> frames;
  for (std::int64_t i = 0; i < count; ++i) frames.emplace_back(from.get(i).image, from.label(i));
  return frames;
}

// The first pictures of two of the classes, as labels 0 and 1.
std::vector<Frame> two_classes(const fovea::Dataset& from, std::size_t count) {
  std::vector<Frame> frames;
  for (std::int64_t i = 0; i < from.size() && frames.size() < count; ++i) {
    const int label = from.label(i);
    if (label == kTrouser || label == kBag) {
      frames.emplace_back(from.get(i).image, label == kBag ? 1 : 0);
    }
  }
  return frames;
}

// The most probable class of each test picture by the command.
std::vector<int> labels_of_command(const fovea::TensorFile& file) {
  const fovea::NamedTensor& p = file.at("probabilities");
  const auto classes = static_cast<std::ptrdiff_t>(p.shape[1]);
  std::vector<int> labels;
  for (auto row = p.elements.begin(); row != p.elements.end(); row += classes) {
    labels.push_back(static_cast<int>(std::max_element(row, row + classes) - row));
  }
  return labels;
}

double error_of(const std::vector<int>& labels, const fovea::Dataset& data) {
  std::int64_t wrong = 0, i = 0;
  for (const int label : labels) wrong += label != data.label(i++);
  return static_cast<double>(wrong) / static_cast<double>(i);
}

// One picture a call, and all in one call that has to be taken in several goes.
std::vector<int> labels_of(const fovea::Model& model, const std::vector<Frame>& frames,
                           std::size_t first, std::size_t step) {
  fovea::Predictor predict(model, {.device = fovea::Device::cpu(), .max_batch = 4});
  std::vector<int> labels;
  std::vector<fovea::ImageView> views;
  for (std::size_t i = first; i < frames.size(); i += step) {
    labels.push_back(predict(frames[i].view()).best());
    views.push_back(frames[i].view());
  }
  const std::vector<fovea::Prediction> together = predict(views);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (together[i].best() != labels[i]) labels[i] = -1;
  }
  return labels;
}

// Labels of all pictures, a quarter from each of four threads, while this thread does `meanwhile`.
template <class F>
std::vector<int> labels_from_four_threads(const fovea::Model& model,
                                          const std::vector<Frame>& frames, const F& meanwhile) {
  std::vector<int> labels(frames.size());
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::vector<int> quarter = labels_of(model, frames, t, 4);
      for (std::size_t i = 0; i < quarter.size(); ++i) labels[4 * i + t] = quarter[i];
    });
  }
  meanwhile();
  threads.clear();  // joins them
  return labels;
}

const fovea::TrainerOptions kFineTuning{.epochs = 6,
                                        .batch = 20,
                                        .learning_rate = 1e-3F,
                                        .freeze = {"conv*"},
                                        .seed = 1,
                                        .device = fovea::Device::cpu(),
                                        .loaders = 2};

bool same_weights(const fovea::Model& a, const fovea::Model& b) {
  const auto count = static_cast<std::size_t>(a.weights().elements());
  return std::equal(a.weights().as<float>(), a.weights().as<float>() + count,
                    b.weights().as<float>());
}

double error_of(const fovea::Model& model, const std::vector<Frame>& frames) {
  fovea::Predictor predict(model, {.device = fovea::Device::cpu()});
  const auto wrong = std::ranges::count_if(
      frames, [&](const Frame& f) { return predict(f.view()).best() != f.label; });
  return static_cast<double>(wrong) / static_cast<double>(frames.size());
}

// Cancelled half-way, saved, loaded; then gone on with to the end.
void fine_tune(const fovea::Model& base, const fovea::DataSets& data, Findings& find) {
  const std::vector<Frame> frames = two_classes(*data.training, 200);
  fovea::MemoryDataset pictures;
  for (const Frame& f : frames) pictures.add(f.view(), f.label);
  const std::vector<Frame> others = two_classes(*data.test, 200);

  fovea::Model model = base.with_classes({"trouser", "bag"});
  fovea::Trainer trainer(model, pictures, kFineTuning);
  fovea::Progress last;
  bool stop_half_way = true;
  trainer.on_step([&](const fovea::Progress& p) {
    last = p;
    return !(stop_half_way && p.fraction >= 0.5);  // false: stop after this step
  });
  trainer.run();
  find.check(last.step == 30 && last.steps == 60, "cancelled after 30 of 60 steps");
  model.save("half.safetensors");
  const fovea::Model half = fovea::Model::load("half.safetensors");
  find.check(same_weights(half, model), "what is loaded is what was saved");
  find.check(half.class_names() == std::vector<std::string>{"trouser", "bag"},
             "the file names the new classes");
  find.check(error_of(half, others) < 0.1, "the loaded model knows 200 other pictures");

  stop_half_way = false;
  trainer.run();
  find.check(last.step == 60, "gone on to step 60");
  fovea::Model straight = base.with_classes({"trouser", "bag"});
  fovea::Trainer(straight, Frames(frames), kFineTuning).run();
  find.check(same_weights(straight, model), "the bits of a run that was not cancelled");
  find.check(trainer.evaluate(Frames(others)).top1_error < 0.1, "learned");

  const auto unchanged = [&](const char* name) {
    return std::ranges::equal(base.parameter(name), model.parameter(name));
  };
  find.check(unchanged("conv1.weight") && unchanged("conv2.weight"), "frozen layers are as before");
}

// Whether `act` throws an E, and nothing that is less than an E.
template <class E, class F>
bool throws(const F& act) {
  try {
    act();
  } catch (const E&) {
    return true;
  } catch (...) {
  }
  return false;
}

// Exceptions cross the library's border with their types, ours in both directions, from its threads
// too; afterwards the process goes on.
void refusals(const fovea::Model& base, const char* file, const fovea::DataSets& data,
              Findings& find) {
  find.check(throws<fovea::InvalidArgument>([] { fovea::Model::load("none.safetensors"); }),
             "a model that is not there: InvalidArgument");
  std::filesystem::copy_file(file, "cut.safetensors");
  std::filesystem::resize_file("cut.safetensors", std::filesystem::file_size(file) / 2);
  find.check(throws<fovea::FormatError>([] { fovea::Model::load("cut.safetensors"); }),
             "a model cut off: FormatError");
  find.check(throws<fovea::Error>([] { fovea::Recipe::parse("[input\n", "net.toml"); }),
             "TOML that is none: Error");

  const Frames frames(two_classes(*data.training, 40));
  fovea::Model model = base.with_classes({"trouser", "bag"});
  const BrokenCamera broken(frames);
  find.check(throws<CameraGone>([&] { fovea::Trainer(model, broken, kFineTuning).run(); }),
             "an exception of the program's data set comes back as it was");
  struct Enough {};
  fovea::Trainer bored(model, frames, kFineTuning);
  bored.on_step([](const fovea::Progress&) -> bool { throw Enough{}; });
  find.check(throws<Enough>([&] { bored.run(); }), "an exception of the callback does too");
  fovea::TrainerOptions wild = kFineTuning;
  wild.learning_rate = 1e30F;
  find.check(throws<fovea::NumericsLost>([&] { fovea::Trainer(model, frames, wild).run(); }),
             "a learning rate beyond reason: NumericsLost");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  Findings find(argv[5]);
  try {
    const ProcessState before;
    const long threads_before = threads_now();
    std::atomic<int> messages = 0;  // what the library has to say, it says here
    fovea::set_log_sink([&](fovea::LogLevel, std::string_view) { ++messages; });
    const fovea::Model model = fovea::Model::load(argv[1]);
    find.check(threads_now() == threads_before, "loading starts no thread");
    const fovea::DataSets data = fovea::open_data(argv[4]);

    const std::vector<Frame> frames = first_frames(*data.test, 100);
    const std::vector<int> labels =
        labels_from_four_threads(model, frames, [&] { fine_tune(model, data, find); });
    std::vector<int> by_command = labels_of_command(fovea::load_tensors(argv[2]));
    find.check(std::abs(error_of(by_command, *data.test) - std::stod(argv[3])) < 1e-9,
               "the labels of `fovea features` have the error of `fovea evaluate`");
    by_command.resize(100);
    find.check(labels == by_command,
               "100 pictures from 4 threads, beside the fine-tuning: the command's labels");
    refusals(model, argv[1], data, find);
    find.check(labels_of(model, frames, 0, 1) == labels, "afterwards: the same labels");
    find.check(ProcessState() == before,
               "folder, locale, rounding, environment and signal handlers are as before");
    fovea::set_log_sink({});
  } catch (const std::exception& e) {
    find.check(false, e.what());
  }
  return find.all_hold() ? 0 : 1;
}
