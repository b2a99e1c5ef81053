// classify_command.cpp - `fovea classify`: the most probable labels of pictures.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/data/decode.h>
#include <fovea/train/predictor.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::uint8_t> read_standard_input() {
  std::vector<std::uint8_t> bytes;
  std::uint8_t part[1 << 16];
  for (;;) {
    const ssize_t n = ::read(0, part, sizeof(part));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(std::string("standard input: ") + std::strerror(errno));
    if (n == 0) return bytes;
    bytes.insert(bytes.end(), part, part + n);
  }
}

// Prints each prediction at once, or collects them for --json.
class Output {
 public:
  Output(const CommandContext& c, int top) : context_{c}, top_{top} {}

  void add(const std::string& name, const Prediction& p, const std::string& actual) {
    Json labels = Json::array();
    std::string text = name + (actual.empty() ? "" : "  (is " + actual + ")") + "\n";
    for (const auto& [label, probability] : p.top(top_)) {
      labels.push_back({{"label", label}, {"probability", probability}});
      text += format("  %5.1f %%  %s\n", 100 * static_cast<double>(probability), label.c_str());
    }
    Json one = {{"image", name}, {"labels", labels}};
    if (!actual.empty()) one["actual"] = actual;
    all_.push_back(one);
    if (context_.common.json != "-") std::fputs(text.c_str(), stdout);
  }
  void finish() const { static_cast<void>(write_json(context_, all_.dump(1))); }

 private:
  const CommandContext& context_;
  int top_;
  Json all_ = Json::array();
};

void classify_indexed(const CommandContext& c, const ClassifyCommand& o, const Model& model,
                      Predictor& predict, Output& out) {
  const DataSets data = open_for(c, model, o.run, o.data, "");
  const std::string split = default_split(data);
  const auto part = part_of(data, split, 0, c.common.seed);
  if (o.index < 0 || o.index >= part->size()) {
    throw InvalidArgument("--index " + std::to_string(o.index) + ": the " + split + " part of " +
                          o.data + " has pictures 0 to " + std::to_string(part->size() - 1));
  }
  const Sample sample = part->get(o.index);
  const auto label = static_cast<std::size_t>(sample.label);
  out.add(format("%s %s %lld", o.data.c_str(), split.c_str(), static_cast<long long>(o.index)),
          predict(sample.image), label < data.class_names.size() ? data.class_names[label] : "");
}

// A file that cannot be read is told of and passed over; the status says so at the end.
bool classify_file(const std::string& name, const DecodeOptions& decoding, Predictor& predict,
                   Output& out) {
  try {
    const Image image = name == "-" ? decode(read_standard_input(), decoding, "standard input")
                                    : read_picture(name, decoding);
    out.add(name == "-" ? "standard input" : name, predict(image.view()), "");
    return true;
  } catch (const Error& e) {
    std::fprintf(stderr, "fovea: %s\n", e.what());
    return false;
  }
}

}  // namespace

int run_classify(const CommandContext& c, const ClassifyCommand& o) {
  if (o.images.empty() == o.data.empty()) {
    throw InvalidArgument("say which pictures: files, - (standard input), or --data D --index I");
  }
  if (o.top < 1) throw InvalidArgument("--top " + std::to_string(o.top) + ": give at least 1");
  const Model model = Model::load(o.run);
  const Device device = Device::parse(c.common.device);
  Predictor predict(model, {.device = device,
                            .math = c.common.math_mode(),
                            .policy = c.common.policy(device),
                            .registry = &c.registry});
  Output out(c, o.top);
  bool all_read = true;
  if (!o.data.empty()) classify_indexed(c, o, model, predict, out);
  for (const std::string& name : o.images) {
    all_read &= classify_file(name, {.shorter_side = model.recipe().input.resize}, predict, out);
  }
  out.finish();
  return all_read ? 0 : 1;
}

}  // namespace fovea::cli
